//! Writing a [`Document`] in the dialect of a service.
//!
//! A [`Dialect`] says how a service marks what it can mark; [`render`] walks through the document and
//! joins what the dialect gives. What a service cannot show is left to the defaults, which need no mark at
//! all.
//!
//! Invariants:
//! - Every text of a stranger goes through [`Dialect::text`], [`Dialect::code`] or [`Dialect::code_block`], and
//!   every address through [`Dialect::link`].

use super::markdown::{Block, Document, Inline};
use super::text::{encoded, harmless, printable};

/// How a service marks what is in a text. What is given to a method as `inner` is written already.
pub(super) trait Dialect {
    /// A text: marks of the service in it mean nothing, and it mentions nobody.
    fn text(&self, text: &str) -> String;

    fn strong(&self, inner: &str) -> String {
        inner.to_owned()
    }

    fn emphasis(&self, inner: &str) -> String {
        inner.to_owned()
    }

    fn strikethrough(&self, inner: &str) -> String {
        inner.to_owned()
    }

    /// A piece of code within a line.
    fn code(&self, code: &str) -> String {
        self.text(code)
    }

    /// A link. The address is one of `https:`, `http:` or `mailto:`, without blanks and control characters.
    fn link(&self, inner: &str, to: &str) -> String {
        match inner == to || self.text(to) == inner {
            true => self.text(to),
            false => format!("{inner} ({})", self.text(to)),
        }
    }

    /// A paragraph.
    fn paragraph(&self, inner: &str) -> String {
        inner.to_owned()
    }

    /// A heading of a level from 1 to 6.
    fn heading(&self, _level: u8, inner: &str) -> String {
        self.strong(inner)
    }

    /// Lines of code.
    fn code_block(&self, _language: Option<&str>, code: &str) -> String {
        self.text(code)
    }

    /// A quotation, which may have several lines.
    fn quote(&self, inner: &str) -> String {
        prefixed("> ", "> ", inner)
    }

    /// The mark of an item, by its number or without one.
    fn item(&self, number: Option<u64>) -> String {
        number.map_or_else(|| "• ".to_owned(), |number| format!("{number}. "))
    }

    /// A list, by the blocks of its items, with the number of the first where they have numbers.
    fn list(&self, start: Option<u64>, items: &[Vec<String>]) -> String {
        let mut number = start;
        let written: Vec<String> = items
            .iter()
            .map(|blocks| {
                let mark = self.item(number);
                number = number.map(|number| number.saturating_add(1));
                // The blocks of an item follow each other closely, as in the lists people write.
                let indent = " ".repeat(mark.chars().count());
                prefixed(&mark, &indent, &blocks.join(self.line_break()))
            })
            .collect();
        written.join(self.line_break())
    }

    /// A table, by its rows.
    fn table(&self, rows: &[Vec<String>]) -> String {
        let lines: Vec<String> = rows.iter().map(|row| row.join(" | ")).collect();
        lines.join(self.line_break())
    }

    /// A line across.
    fn rule(&self) -> &'static str {
        "———"
    }

    /// The end of a line that was asked for.
    fn line_break(&self) -> &'static str {
        "\n"
    }

    /// The end of a line of the text as it was written. Chats show it as one.
    fn soft_break(&self) -> &'static str {
        "\n"
    }

    /// What stands between two blocks.
    fn between_blocks(&self) -> &'static str {
        "\n\n"
    }
}

/// A document in a dialect.
pub(super) fn render(document: &Document, dialect: &impl Dialect) -> String {
    blocks(&document.0, dialect)
}

/// Pieces of a line in a dialect.
pub(super) fn render_line(inlines: &[Inline], dialect: &impl Dialect) -> String {
    inlines
        .iter()
        .map(|inline| match inline {
            Inline::Text(text) => dialect.text(text),
            Inline::Code(code) => dialect.code(code),
            Inline::Strong(inner) => dialect.strong(&render_line(inner, dialect)),
            Inline::Emphasis(inner) => dialect.emphasis(&render_line(inner, dialect)),
            Inline::Strikethrough(inner) => dialect.strikethrough(&render_line(inner, dialect)),
            Inline::Link { to, text } => dialect.link(&render_line(text, dialect), to),
            Inline::SoftBreak => dialect.soft_break().to_owned(),
            Inline::HardBreak => dialect.line_break().to_owned(),
        })
        .collect()
}

fn blocks(blocks: &[Block], dialect: &impl Dialect) -> String {
    let written: Vec<String> = blocks
        .iter()
        .map(|block| self::block(block, dialect))
        .collect();
    written.join(dialect.between_blocks())
}

fn block(block: &Block, dialect: &impl Dialect) -> String {
    match block {
        Block::Paragraph(inlines) => dialect.paragraph(&render_line(inlines, dialect)),
        Block::Heading(level, inlines) => dialect.heading(*level, &render_line(inlines, dialect)),
        Block::Quote(inner) => dialect.quote(&blocks(inner, dialect)),
        Block::List { start, items } => {
            let items: Vec<Vec<String>> = items
                .iter()
                .map(|item| item.iter().map(|one| self::block(one, dialect)).collect())
                .collect();
            dialect.list(*start, &items)
        }
        Block::Code { language, code } => dialect.code_block(language.as_deref(), code),
        Block::Table(rows) => {
            let rows: Vec<Vec<String>> = rows
                .iter()
                .map(|row| row.iter().map(|cell| render_line(cell, dialect)).collect())
                .collect();
            dialect.table(&rows)
        }
        Block::Rule => dialect.rule().to_owned(),
    }
}

/// The lines of a text behind a mark: the first behind one, the others behind another.
pub(super) fn prefixed(first: &str, others: &str, text: &str) -> String {
    let mut shown = String::with_capacity(text.len() + first.len());
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            shown.push('\n');
        }
        shown.push_str(if number == 0 { first } else { others });
        shown.push_str(line);
    }
    shown
}

/// A table as lines, for services that have none: the cells of its head are marked one by one, so that no mark goes
/// beyond its cell.
pub(super) fn table_of_lines(rows: &[Vec<String>], mark: impl Fn(&str) -> String) -> String {
    let lines = rows.iter().enumerate().map(|(number, row)| match number {
        0 => {
            let head: Vec<String> = row.iter().map(|cell| mark(cell)).collect();
            head.join(" | ")
        }
        _ => row.join(" | "),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A fence of so many backticks at least that a code does not hold.
fn fence(code: &str, least: usize) -> String {
    let longest = code.split(|c| c != '`').map(str::len).max();
    "`".repeat(least.max(longest.unwrap_or_default() + 1))
}

/// Lines of code as a block of `CommonMark`, whose fence they cannot close.
pub(super) fn fenced(language: &str, code: &str) -> String {
    let fence = fence(code, 3);
    format!("{fence}{language}\n{code}\n{fence}")
}

/// A piece of code within a line of `CommonMark`.
pub(super) fn quoted(code: &str) -> String {
    let fence = fence(code, 1);
    // A blank on both sides where the code begins or ends with a backtick; it is not shown.
    let blank = match code.starts_with('`') || code.ends_with('`') {
        true => " ",
        false => "",
    };
    format!("{fence}{blank}{code}{blank}{fence}")
}

/// Text without any mark, for what shows none. Mentions in it are not looked at.
pub(super) struct Plain;

impl Dialect for Plain {
    fn text(&self, text: &str) -> String {
        printable(text)
    }
}

/// `CommonMark` itself, for services that read it, with the marks that this has.
pub(super) struct CommonMark;

impl Dialect for CommonMark {
    fn text(&self, text: &str) -> String {
        harmless(&escaped(&printable(text)))
    }

    fn strong(&self, inner: &str) -> String {
        marked("**", inner)
    }

    fn emphasis(&self, inner: &str) -> String {
        marked("_", inner)
    }

    fn strikethrough(&self, inner: &str) -> String {
        marked("~~", inner)
    }

    fn code(&self, code: &str) -> String {
        quoted(&harmless(&printable(code)))
    }

    fn link(&self, inner: &str, to: &str) -> String {
        // An escape at its end would escape the end of the link, and what follows would be no address any more.
        format!("[{inner}]({})", encoded(to, "()<>\\"))
    }

    fn heading(&self, level: u8, inner: &str) -> String {
        format!("{} {inner}", "#".repeat(usize::from(level)))
    }

    fn code_block(&self, language: Option<&str>, code: &str) -> String {
        let is_word = |language: &&str| {
            language
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-#.".contains(c))
        };
        let language = language.filter(is_word).unwrap_or_default();
        fenced(language, &harmless(&printable(code)))
    }

    fn item(&self, number: Option<u64>) -> String {
        number.map_or_else(|| "- ".to_owned(), |number| format!("{number}. "))
    }

    fn table(&self, rows: &[Vec<String>]) -> String {
        let line = |row: &Vec<String>| format!("| {} |", row.join(" | "));
        let mut lines: Vec<String> = rows.iter().map(line).collect();
        if let Some(head) = rows.first() {
            lines.insert(1, format!("|{}", " --- |".repeat(head.len())));
        }
        lines.join("\n")
    }

    fn rule(&self) -> &'static str {
        "---"
    }
}

/// A text within marks, which stand close to it: a mark beside a blank is none.
pub(super) fn marked(mark: &str, inner: &str) -> String {
    let text = inner.trim();
    if text.is_empty() {
        return inner.to_owned();
    }
    let start = inner.len() - inner.trim_start().len();
    let end = inner.trim_end().len();
    format!("{}{mark}{text}{mark}{}", &inner[..start], &inner[end..])
}

/// A text in which no mark of `CommonMark` means anything.
pub(super) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut begins_line = true;
    let mut after_number = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let is_mark = match c {
            // A link that follows would be a picture, which clients load.
            '!' => chars.peek().is_none(),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '~' | '|' => true,
            '#' | '+' | '-' | '=' => begins_line,
            '.' | ')' => after_number,
            // `:emoji:` stays: several services show it, and none is harmed by it.
            _ => false,
        };
        if is_mark {
            shown.push('\\');
        }
        shown.push(c);
        after_number = c.is_ascii_digit() && (begins_line || after_number);
        begins_line = c == '\n' || (begins_line && c == ' ');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Title\n\nA **bold *word*** and `code`, [a link](https://example.org/a(b)).\nNext line\n\n\
        > quoted\n> more\n\n1. one\n2. two\n   - deep\n\n```sh\nmake\n```\n\n|a|b|\n|-|-|\n|c|d|\n\n---\n\n~~old~~ 1\\. no";

    #[test]
    fn plain_text_keeps_what_is_said_and_drops_the_marks() {
        let shown = render(&Document::parse(TEXT), &Plain);
        assert_eq!(
            shown,
            "Title\n\nA bold word and code, a link (https://example.org/a(b)).\nNext line\n\n> quoted\n> more\n\n\
             1. one\n2. two\n   • deep\n\nmake\n\na | b\nc | d\n\n———\n\nold 1. no"
        );
    }

    #[test]
    fn common_mark_is_written_so_that_it_reads_the_same() {
        let document = Document::parse(TEXT);
        let shown = render(&document, &CommonMark);
        assert_eq!(
            shown,
            "# Title\n\nA **bold _word_** and `code`, [a link](https://example.org/a%28b%29).\nNext line\n\n\
             > quoted\n> more\n\n1. one\n2. two\n   - deep\n\n```sh\nmake\n```\n\n| a | b |\n| --- | --- |\n| c | d |\n\n\
             ---\n\n~~old~~ 1\\. no"
        );
    }

    #[test]
    fn what_is_text_stays_text_in_common_mark() {
        for text in [
            "*not bold* _nor this_ `code` [x](https://example.org) <b> ~~y~~ a|b \\",
            "# no heading",
            "- no item",
            "1. no item",
            "> no quotation",
            "---",
            "a\n===",
            "no picture!",
        ] {
            let document = Document(vec![Block::Paragraph(vec![Inline::Text(text.to_owned())])]);
            let again = Document::parse(&render(&document, &CommonMark));
            assert_eq!(render(&again, &Plain), text);
        }
    }

    #[test]
    fn a_link_behind_an_exclamation_mark_is_no_picture() {
        let document = Document::parse(
            "look\\![here](https://example.org/a.png) ![there](https://example.org)!",
        );
        let shown = render(&document, &CommonMark);
        assert_eq!(
            shown,
            "look\\![here](https://example.org/a.png) [there](https://example.org)\\!"
        );
    }

    #[test]
    fn a_text_mentions_nobody_in_any_place() {
        let text = "@all **@all** `@all` [@all](https://example.org/@all)\n\n```\n@all\n```\n\n|@all|\n|-|\n|@all|";
        let shown = render(&Document::parse(text), &CommonMark);
        let mentions = shown
            .replace("https://example.org/@all", "")
            .matches("@all")
            .count();
        assert_eq!(mentions, 0, "{shown}");
    }

    #[test]
    fn an_address_neither_ends_its_link_nor_mentions_anybody() {
        for (text, expected) in [
            ("[x](<mailto:@all\\\\>)", "[x](mailto:%40all%5C)"),
            (
                r"[x](<https://a.org/\<@all\>)>)",
                "[x](https://a.org/%3C%40all%3E%29)",
            ),
            ("[x](mailto:ada@example.org)", "[x](mailto:ada@example.org)"),
        ] {
            assert_eq!(render(&Document::parse(text), &CommonMark), expected);
        }
    }

    #[test]
    fn a_link_that_leads_nowhere_leaves_no_seam_in_the_text() {
        for text in ["&[commat;all](x)", "&![commat;all](x)", "&[](x)commat;all"] {
            let shown = render(&Document::parse(text), &CommonMark);
            assert_eq!(shown, "&\u{200b}commat;all", "{text}");
        }
    }

    #[test]
    fn a_fence_is_longer_than_every_run_in_the_code() {
        assert_eq!(quoted("a"), "`a`");
        assert_eq!(quoted("`a``b"), "``` `a``b ```");
        assert_eq!(fenced("", "a``b"), "```\na``b\n```");
        assert_eq!(fenced("sh", "a````b"), "`````sh\na````b\n`````");
    }

    #[test]
    fn a_mark_stands_close_to_what_it_marks() {
        assert_eq!(marked("*", " a "), " *a* ");
        assert_eq!(marked("*", "  "), "  ");
    }
}
