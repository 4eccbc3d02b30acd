//! The dialect of cards in Microsoft Teams: a small part of `CommonMark`.
//!
//! <https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format#format-cards-with-markdown>
//! Bold, italic, lists and links are all there is. The parsers on a telephone and on a desktop differ in what they
//! make of a backslash, so that a mark is broken by a zero-width space where that does it in both:
//! <https://github.com/microsoft/AdaptiveCards/blob/main/source/shared/cpp/ObjectModel/MarkDownBlockParser.cpp>.
//!
//! Invariants:
//! - No text of a stranger holds `<at>`, a link, or a mark.

use crate::actions::notify::dialect::{CommonMark, Dialect, marked};
use crate::actions::notify::text::{encoded, harmless, printable};

/// The longest name of a character is `&CounterClockwiseContourIntegral;`.
const MAX_REFERENCE: usize = 32;

const ZERO_WIDTH_SPACE: char = '\u{200b}';

/// What Teams reads in the texts of a card.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Card {
    /// Lines of a paragraph: only an empty line begins a new one.
    Paragraph,
    /// An item of a list or a fact, which an empty line would end.
    Item,
}

/// A text in which nothing is a mark, a mention or a link.
pub(super) fn plain(text: &str) -> String {
    literal(&harmless(&printable(text)))
}

impl Dialect for Card {
    fn text(&self, text: &str) -> String {
        let text = plain(text);
        match self {
            Self::Paragraph => text.replace('\n', self.soft_break()),
            Self::Item => text.replace('\n', " "),
        }
    }

    fn strong(&self, inner: &str) -> String {
        marked("**", inner)
    }

    fn emphasis(&self, inner: &str) -> String {
        marked("_", inner)
    }

    fn link(&self, inner: &str, to: &str) -> String {
        link(inner, to)
    }

    fn item(&self, number: Option<u64>) -> String {
        CommonMark.item(number)
    }

    fn soft_break(&self) -> &'static str {
        match self {
            Self::Paragraph => "\n\n",
            Self::Item => " ",
        }
    }

    fn line_break(&self) -> &'static str {
        match self {
            Self::Paragraph => "\n\n",
            Self::Item => "\n",
        }
    }
}

/// A link. The parser on a telephone takes no brackets in its label, however they are escaped.
pub(super) fn link(inner: &str, to: &str) -> String {
    let label = inner.replace('[', "(").replace(']', ")");
    let to = encoded(to, "()[]<>\\\"*_`");
    format!("[{label}]({to})")
}

/// Lines of code, which nothing shows as they are: blanks at the beginning of each that stay, and no marks.
pub(super) fn code_lines(code: &str) -> impl Iterator<Item = String> + '_ {
    code.lines().map(|line| {
        let text = line.trim_start();
        let columns = |c: char| if c == '\t' { 4 } else { 1 };
        let indent = line[..line.len() - text.len()].chars().map(columns).sum();
        let shown = "\u{a0}".repeat(indent) + &plain(text);
        match shown.is_empty() {
            true => "\u{a0}".to_owned(),
            false => shown,
        }
    })
}

/// Breaks what could be a mark.
fn literal(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut previous = None;
    let mut begins_line = true;
    let mut after_number = false;
    for (at, c) in text.char_indices() {
        let rest = &text[at + c.len_utf8()..];
        let next = rest.chars().next();
        let is_between = |test: fn(&char) -> bool| {
            previous.as_ref().is_some_and(test) && next.as_ref().is_some_and(test)
        };
        match c {
            '\\' if next.is_some_and(|next| next.is_ascii_punctuation()) => shown.push('\\'),
            '`' => shown.push('\\'),
            '*' if !is_between(|c| c.is_whitespace()) => shown.push('\\'),
            '_' if !is_between(|c| c.is_alphanumeric()) => shown.push('\\'),
            // Lists, headings, quotations, lines.
            '-' | '+' | '#' | '>' | '=' | '~' if begins_line => shown.push(ZERO_WIDTH_SPACE),
            '.' | ')' if after_number => shown.push(ZERO_WIDTH_SPACE),
            // The address of a link, and what a name of one stands for.
            '(' | '[' | ':' if previous == Some(']') => shown.push(ZERO_WIDTH_SPACE),
            _ => {}
        }
        shown.push(c);
        // A link that follows would be a picture.
        if c == '!' && next.is_none_or(|next| next == '[') {
            shown.push(ZERO_WIDTH_SPACE);
        }
        // An address in angle brackets, and the name or number of a character.
        let is_reference = c == '&' && next.is_some_and(|c| c == '#' || c.is_ascii_alphabetic());
        let is_reference = is_reference && rest.chars().take(MAX_REFERENCE).any(|c| c == ';');
        if is_reference || c == '<' && next != Some(ZERO_WIDTH_SPACE) {
            shown.push(ZERO_WIDTH_SPACE);
        }
        after_number = c.is_ascii_digit() && (begins_line || after_number);
        begins_line = c == '\n' || (begins_line && c == ' ');
        previous = Some(c);
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, proptest};

    use super::*;
    use crate::actions::notify::dialect::render;
    use crate::actions::notify::markdown::Document;

    fn shown(text: &str) -> String {
        render(&Document::parse(text), &Card::Paragraph).replace(ZERO_WIDTH_SPACE, "·")
    }

    #[test]
    fn marks_are_those_of_cards() {
        for (text, expected) in [
            ("**a** *b* ~~c~~ `d`", "**a** _b_ c d"),
            ("a\nb", "a\n\nb"),
            (
                "[[a] b](https://x.org/(b_c))",
                "[(a) b](https://x.org/%28b%5Fc%29)",
            ),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
        let items = render(&Document::parse("1. a\n   b\n2. c"), &Card::Item);
        assert_eq!(items, "1. a b\n2. c");
    }

    #[test]
    fn what_is_text_is_no_mark() {
        for (text, expected) in [
            (r"\*a\* \_b\_ \`c\`", r"\*a\* \_b\_ \`c\`"),
            ("5 * 3, snake_case_word", "5 * 3, snake_case_word"),
            (r"\- a", "·- a"),
            (r"1\. a", "1·. a"),
            (r"\# a", "·# a"),
            (r"\[a](https://x.org)", "[a]·(https://x.org)"),
            (r"\[a]: https://x.org", "[a]·: https://x.org"),
            ("a < b <b>", "a <· b <·b>"),
            ("a\\![b](https://x.org)", "a!·[b](https://x.org)"),
            ("&amp;lt; a & b", "&·lt; a & b"),
            (r"C:\dir\\_x", r"C:\dir\\\_x"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn no_text_forges_a_mention() {
        for text in [
            "<at>ada</at>",
            "`<at>ada</at>`",
            "<AT >",
            "[<at>ada</at>](https://x.org)",
        ] {
            let shown = render(&Document::parse(text), &Card::Item).to_lowercase();
            assert!(!shown.contains("<at"), "{text}: {shown}");
        }
    }

    #[test]
    fn code_keeps_its_lines_and_its_indent() {
        let lines: Vec<String> = code_lines("a\n\n  b*c\n\td").collect();
        assert_eq!(
            lines,
            [
                "a",
                "\u{a0}",
                "\u{a0}\u{a0}b\\*c",
                "\u{a0}\u{a0}\u{a0}\u{a0}d"
            ]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn plain_text_holds_no_tag_and_no_link(text in "([a*_`~#>|\\[\\]()<!@&;:\n -]|<at>|</at>|\\]\\(https://b\\)|&lt;){0,40}") {
            let shown = plain(&text);
            assert!(!shown.contains("](") && !shown.contains("]:") && !shown.contains("]["), "{shown}");
            assert!(!shown.contains("<a") && !shown.contains("</") && !shown.contains("&lt;"), "{shown}");
        }
    }
}
