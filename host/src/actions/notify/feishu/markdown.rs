//! The texts of Feishu: the Markdown of its cards, and the lines of its posts.
//!
//! <https://open.feishu.cn/document/feishu-cards/card-json-v2-components/content-components/rich-text>
//!
//! Invariants:
//! - A card's text has no address but those that [`address`] gives: Feishu refuses a whole card for a single one
//!   that it does not take, and sees addresses in text, too.

use reqwest::Url;
use serde_json::{Value, json};

use super::super::dialect::{CommonMark, Dialect, marked};
use super::super::markdown::{Block, Document, Inline};
use super::super::robot::Words;
use super::super::text::{harmless, printable};

/// One Markdown element shows four tables at most, and a card five.
const MAX_TABLES: usize = 4;

/// The Markdown of cards of the structure 2.0.
pub(super) struct Markdown {
    tables: Tables,
}

/// How tables are shown.
#[derive(Clone, Copy)]
enum Tables {
    Shown,
    AsLines,
}

impl Markdown {
    /// Where a table would be one too many.
    pub(super) const PLAIN: Self = Self {
        tables: Tables::AsLines,
    };

    /// For the text of a card.
    pub(super) fn for_document(document: &Document) -> Self {
        match tables(&document.0) <= MAX_TABLES {
            true => Self {
                tables: Tables::Shown,
            },
            false => Self::PLAIN,
        }
    }
}

impl Dialect for Markdown {
    fn text(&self, text: &str) -> String {
        escaped(&harmless(&printable(text)))
    }

    fn strong(&self, inner: &str) -> String {
        CommonMark.strong(inner)
    }

    fn emphasis(&self, inner: &str) -> String {
        marked("*", inner)
    }

    fn strikethrough(&self, inner: &str) -> String {
        CommonMark.strikethrough(inner)
    }

    fn code(&self, code: &str) -> String {
        CommonMark.code(code)
    }

    fn link(&self, inner: &str, to: &str) -> String {
        match address(to) {
            Some(to) => format!("[{inner}]({to})"),
            None => format!("{inner} ({})", self.text(to)),
        }
    }

    /// Headings of the first levels are larger than the card's title.
    fn heading(&self, level: u8, inner: &str) -> String {
        CommonMark.heading(level.saturating_add(3).min(6), inner)
    }

    fn code_block(&self, language: Option<&str>, code: &str) -> String {
        CommonMark.code_block(language, code)
    }

    fn item(&self, number: Option<u64>) -> String {
        CommonMark.item(number)
    }

    fn table(&self, rows: &[Vec<String>]) -> String {
        // What is text has no bar any more: those that are left stand in code.
        let bars = |cell: &String| cell.replace('|', "\\|");
        match self.tables {
            Tables::Shown => {
                let rows = rows.iter().map(|row| row.iter().map(bars).collect());
                CommonMark.table(&rows.collect::<Vec<_>>())
            }
            Tables::AsLines => {
                let lines = rows.iter().map(|row| row.join(" &#124; "));
                lines.collect::<Vec<_>>().join("\n")
            }
        }
    }

    fn rule(&self) -> &'static str {
        CommonMark.rule()
    }
}

fn tables(blocks: &[Block]) -> usize {
    let each = blocks.iter().map(|block| match block {
        Block::Table(_) => 1,
        Block::Quote(inner) => tables(inner),
        Block::List { items, .. } => items.iter().map(|item| tables(item)).sum(),
        _ => 0,
    });
    each.sum()
}

/// A text in which no mark means anything. Feishu asks for character references.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut begins_line = true;
    let mut after_number = false;
    for (at, c) in text.char_indices() {
        let rest = &text[at + c.len_utf8()..];
        let is_mark = match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '~' | '|' => true,
            '#' | '+' | '-' | '=' => begins_line,
            '.' | ')' => after_number,
            '&' => rest.starts_with(|c: char| c == '#' || c.is_ascii_alphabetic()),
            // An address with letters of other scripts behind it is one that Feishu does not take.
            ':' => rest.starts_with("//"),
            _ => false,
        };
        if is_mark {
            shown.push_str("&#");
            shown.push_str(&u32::from(c).to_string());
            shown.push(';');
        } else {
            shown.push(c);
        }
        after_number = c.is_ascii_digit() && (begins_line || after_number);
        begins_line = c == '\n' || (begins_line && c == ' ');
    }
    shown
}

/// An address that Feishu takes, with what it does not take encoded; none where it takes none such.
pub(super) fn address(to: &str) -> Option<String> {
    let url = Url::parse(to).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    let shown = url.as_str().bytes().map(|byte| {
        let stays = byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&*+,;=%".contains(&byte);
        match stays {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        }
    });
    is_web.then(|| shown.collect())
}

/// Whether there is anything to follow.
pub(super) fn has_links(blocks: &[Block]) -> bool {
    let in_line = |inlines: &Vec<Inline>| inlines.iter().any(is_link);
    blocks.iter().any(|block| match block {
        Block::Paragraph(inlines) | Block::Heading(_, inlines) => in_line(inlines),
        Block::Quote(inner) => has_links(inner),
        Block::List { items, .. } => items.iter().any(|item| has_links(item)),
        Block::Table(rows) => rows.iter().flatten().any(in_line),
        Block::Code { .. } | Block::Rule => false,
    })
}

fn is_link(inline: &Inline) -> bool {
    match inline {
        Inline::Link { to, .. } => address(to).is_some(),
        Inline::Strong(inner) | Inline::Emphasis(inner) | Inline::Strikethrough(inner) => {
            inner.iter().any(is_link)
        }
        Inline::Text(_) | Inline::Code(_) | Inline::SoftBreak | Inline::HardBreak => false,
    }
}

/// Text with its links between control characters, which no text has of its own: they are escaped in it.
pub(super) struct Linked;

const LINK: char = '\u{1}';
const TO: char = '\u{2}';
const END: char = '\u{3}';

impl Dialect for Linked {
    fn text(&self, text: &str) -> String {
        Words.text(text)
    }

    fn link(&self, inner: &str, to: &str) -> String {
        match address(to) {
            Some(to) => format!("{LINK}{}{TO}{to}{END}", inner.replace('\n', " ")),
            None => Words.link(inner, to),
        }
    }
}

/// A text of [`Linked`] as the lines of a post.
pub(super) fn lines(linked: &str) -> Vec<Vec<Value>> {
    linked.split('\n').map(parts).collect()
}

fn parts(line: &str) -> Vec<Value> {
    let mut parts = Vec::new();
    let mut rest = line;
    while let Some((before, link)) = rest.split_once(LINK) {
        let Some((link, after)) = link.split_once(END) else {
            break;
        };
        let (inner, to) = link.split_once(TO).unwrap_or((link, link));
        if !before.is_empty() {
            parts.push(text(before));
        }
        parts.push(json!({ "tag": "a", "text": inner, "href": to }));
        rest = after;
    }
    if !rest.is_empty() || parts.is_empty() {
        parts.push(text(rest));
    }
    parts
}

/// A text as a part of a post.
pub(super) fn text(text: &str) -> Value {
    json!({ "tag": "text", "text": text })
}
