//! The HTML that Telegram reads.
//!
//! <https://core.telegram.org/bots/api#html-style>
//!
//! Invariants:
//! - No text opens a tag, is a command of a bot, or mentions anybody: Telegram looks for both in the text that is
//!   left when the tags are gone, so marks between the characters hide nothing.
//! - No quotation stands in another, and nothing but text in a link: Telegram would drop one of the two.

use super::super::dialect::{Dialect, prefixed};
use super::super::text::{harmless, printable};

/// What keeps characters apart, and is not seen.
const ZERO_WIDTH_SPACE: char = '\u{200b}';

/// An address that is longer leads nowhere that a person would want to go.
const MAX_ADDRESS: usize = 2_048;

/// The HTML of Telegram, with as many marks as a message can have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Html {
    /// With all of them.
    Marked,
    /// Without the addresses of links, whose labels stay.
    Unlinked,
    /// Text alone.
    Bare,
}

impl Dialect for Html {
    fn text(&self, text: &str) -> String {
        escaped(&harmless(&without_commands(&printable(text))))
    }

    fn strong(&self, inner: &str) -> String {
        self.tagged("b", inner)
    }

    fn emphasis(&self, inner: &str) -> String {
        self.tagged("i", inner)
    }

    fn strikethrough(&self, inner: &str) -> String {
        self.tagged("s", inner)
    }

    fn code(&self, code: &str) -> String {
        self.tagged("code", &escaped(&harmless(&printable(code))))
    }

    fn link(&self, inner: &str, to: &str) -> String {
        let inner = without_tags(inner, &["a", "code"]);
        // Telegram follows `http:` and `https:` alone, and finds addresses of mail by itself.
        let mail = to
            .get(..7)
            .filter(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
        if let Some(scheme) = mail {
            let address = self.text(&to[scheme.len()..]);
            return match inner == address {
                true => inner,
                false => format!("{inner} ({address})"),
            };
        }
        if to.len() > MAX_ADDRESS || *self != Self::Marked {
            return inner;
        }
        format!("<a href=\"{}\">{inner}</a>", escaped(to))
    }

    fn code_block(&self, language: Option<&str>, code: &str) -> String {
        let code = escaped(&harmless(&printable(code)));
        let is_word = |language: &&str| {
            language
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-#.".contains(c))
        };
        match language.filter(is_word) {
            _ if *self == Self::Bare => code,
            Some(language) => {
                format!("<pre><code class=\"language-{language}\">{code}</code></pre>")
            }
            None => format!("<pre>{code}</pre>"),
        }
    }

    fn quote(&self, inner: &str) -> String {
        if *self == Self::Bare {
            return prefixed("&gt; ", "&gt; ", inner);
        }
        let inner = without_tags(inner, &["blockquote"]);
        format!("<blockquote>{inner}</blockquote>")
    }

    fn table(&self, rows: &[Vec<String>]) -> String {
        let mut lines: Vec<String> = rows.iter().map(|row| row.join(" | ")).collect();
        if let Some(head) = lines.first_mut() {
            *head = self.strong(head);
        }
        lines.join(self.line_break())
    }
}

impl Html {
    /// What is within a tag, which stands close to it.
    fn tagged(self, tag: &str, inner: &str) -> String {
        let text = inner.trim();
        if text.is_empty() || self == Self::Bare {
            return inner.to_owned();
        }
        let start = &inner[..inner.len() - inner.trim_start().len()];
        let end = &inner[inner.trim_end().len()..];
        format!("{start}<{tag}>{text}</{tag}>{end}")
    }
}

/// A text with references for what has a meaning in HTML. Telegram knows these four names.
pub(super) fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('"', "&quot;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}

/// A text in which no command of a bot stands, such as `/start@bot`, which a touch would send. Addresses and paths
/// of several parts are none and stay whole.
/// <https://github.com/tdlib/td/blob/master/td/telegram/MessageEntity.cpp>, `match_bot_commands`
fn without_commands(text: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut shown = String::with_capacity(text.len());
    let mut is_address = false;
    let mut previous = ' ';
    for (at, c) in text.char_indices() {
        shown.push(c);
        if c.is_whitespace() {
            is_address = false;
        }
        if c == '/' {
            let rest = &text[at + 1..];
            is_address |= rest.starts_with('/') && previous == ':';
            let command = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
            let is_part =
                command.starts_with(['/', '<', '>']) || rest.starts_with(char::is_whitespace);
            let follows = is_word(previous) || matches!(previous, '/' | '<' | '>');
            // What follows the text may go on with the command, and is not known here.
            if !is_address
                && !is_part
                && !follows
                && (command.len() < rest.len() || command.is_empty())
            {
                shown.push(ZERO_WIDTH_SPACE);
            }
        }
        previous = c;
    }
    shown
}

/// A piece of HTML written here, without some of its tags.
fn without_tags(html: &str, tags: &[&str]) -> String {
    let mut shown = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        shown.push_str(before);
        let (tag, after) = tag.split_once('>').unwrap_or((tag, ""));
        let name = tag.trim_start_matches('/').split(' ').next();
        if !name.is_some_and(|name| tags.contains(&name)) {
            shown.push('<');
            shown.push_str(tag);
            shown.push('>');
        }
        rest = after;
    }
    shown + rest
}

/// The length of a piece of HTML written here when its tags and references have been read, in UTF-16 units.
pub(super) fn units(html: &str) -> usize {
    let mut units = 0;
    let mut skipped_to = None;
    for c in html.chars() {
        match (skipped_to, c) {
            (Some(end), _) => {
                if c == end {
                    skipped_to = None;
                }
            }
            (None, '<') => skipped_to = Some('>'),
            (None, '&') => {
                units += 1;
                skipped_to = Some(';');
            }
            (None, _) => units += c.len_utf16(),
        }
    }
    units
}

/// The bytes that the marks of a piece of HTML written here take on their way to Telegram: for each its kind, where
/// it begins and how long it is, and what its tag holds, such as an address.
/// <https://core.telegram.org/type/MessageEntity>
pub(super) fn size_of_marks(html: &str) -> usize {
    const MARK: usize = 12;
    let tags = html.split('<').skip(1);
    let tags = tags.filter(|tag| !tag.starts_with('/'));
    let tags = tags.map(|tag| tag.split('>').next().unwrap_or_default());
    let sizes = tags.map(|tag| MARK + tag.split_once(' ').map_or(0, |(_, held)| held.len()));
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use super::super::super::dialect::render;
    use super::super::super::markdown::Document;
    use super::*;

    fn shown(text: &str) -> String {
        render(&Document::parse(text), &Html::Marked)
    }

    #[test]
    fn every_mark_is_one_that_telegram_reads() {
        assert_eq!(
            shown(
                "# Title\n\nA **bold *word*** and `a<b`, ~~old~~ [a `b`](https://x.org/?a=\"b\"&c).\nNext"
            ),
            "<b>Title</b>\n\nA <b>bold <i>word</i></b> and <code>a&lt;b</code>, <s>old</s> \
             <a href=\"https://x.org/?a=&quot;b&quot;&amp;c\">a b</a>.\nNext"
        );
        assert_eq!(
            shown(
                "> a\n> > b\n\n```rust\nx < 1\n```\n\n```a\"b\nc\n```\n\n|a|b|\n|-|-|\n|c|d|\n\n1. x"
            ),
            "<blockquote>a\n\nb</blockquote>\n\n<pre><code class=\"language-rust\">x &lt; 1</code></pre>\n\n\
             <pre>c</pre>\n\n<b>a | b</b>\nc | d\n\n1. x"
        );
    }

    #[test]
    fn an_address_of_mail_is_text() {
        assert_eq!(
            shown("[Ada](mailto:ada@example.org)"),
            "Ada (ada@example.org)"
        );
        assert_eq!(shown("<ada@example.org>"), "ada@example.org");
    }

    #[test]
    fn nothing_but_text_stands_in_a_link() {
        let image = "[![alt](https://x.org/i.png)](https://x.org)";
        assert_eq!(shown(image), "<a href=\"https://x.org\">alt</a>");
        let long = format!("[a](https://x.org/{})", "b".repeat(3_000));
        assert_eq!(shown(&long), "a");
    }

    #[test]
    fn no_text_is_a_mention_or_a_command_though_marks_stand_in_it() {
        let text = |html: &str| without_tags(html, &["b", "i", "a", "code"]);
        assert_eq!(
            text(&shown("@**all** x@**all** 好@all")),
            "@\u{200b}all x@all 好@\u{200b}all"
        );
        assert_eq!(
            text(&shown("/start@bot (/ban) x./go /**stop**")),
            "/\u{200b}start@bot (/\u{200b}ban) x./\u{200b}go /\u{200b}stop"
        );
        for whole in [
            "https://gitlab.example.org/a/b/-/issues/7",
            "/usr/local/bin",
            "a/b",
            "1 / 2",
            "and/or",
        ] {
            assert_eq!(shown(whole), whole);
        }
    }

    #[test]
    fn the_length_is_that_of_what_is_seen() {
        assert_eq!(
            units("<b>a&lt;b</b> <a href=\"https://x.org/?a&amp;b\">👍好</a>"),
            7
        );
        assert_eq!(units(""), 0);
    }

    #[test]
    fn marks_are_counted_with_what_they_hold() {
        assert_eq!(size_of_marks("a &lt; b"), 0);
        assert_eq!(size_of_marks("<b>a<i>b</i></b>"), 24);
        assert_eq!(size_of_marks("<a href=\"https://x.org\">x</a>"), 12 + 20);
    }

    #[test]
    fn a_text_without_marks_says_the_same() {
        let document = Document::parse(
            "**a** `b` [c](https://x.org)\n\n> d < e\n\n```rust\nf\n```\n\n|g|\n|-|\n|h|",
        );
        assert_eq!(
            render(&document, &Html::Unlinked),
            "<b>a</b> <code>b</code> c\n\n<blockquote>d &lt; e</blockquote>\n\n\
             <pre><code class=\"language-rust\">f</code></pre>\n\n<b>g</b>\nh"
        );
        assert_eq!(
            render(&document, &Html::Bare),
            "a b c\n\n&gt; d &lt; e\n\nf\n\ng\nh"
        );
    }

    #[test]
    fn tags_stand_close_to_what_they_mark() {
        assert_eq!(Html::Marked.tagged("b", " a "), " <b>a</b> ");
        assert_eq!(Html::Marked.tagged("b", "  "), "  ");
    }
}
