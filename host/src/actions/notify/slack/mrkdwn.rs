//! The dialect of Slack: `mrkdwn`.
//!
//! <https://docs.slack.dev/messaging/formatting-message-text/>
//!
//! Slack has escapes for `&`, `<` and `>` alone. A `*`, `_`, `~` or backtick that could be a mark is shown by a
//! character that looks like it, as there is no other way to keep it from being one; in code nothing is replaced
//! but backticks. <https://github.com/yhatt/jsx-slack/blob/main/docs/about-escape-and-exact-mode.md>
//!
//! Invariants:
//! - `<` stands in what is written here only where a link begins, so that no text of a stranger mentions anybody.

use crate::actions::notify::dialect::{Dialect, marked, table_of_lines};
use crate::actions::notify::room::with_addresses;
use crate::actions::notify::text::{encoded, harmless, printable};

/// What Slack reads in texts of the type `mrkdwn`.
pub(super) struct Mrkdwn;

/// A text in which nothing is a mark, a mention or a link.
pub(super) fn plain(text: &str) -> String {
    entities(&harmless(&literal(&printable(text))))
}

impl Dialect for Mrkdwn {
    fn text(&self, text: &str) -> String {
        // Addresses are links by themselves nowhere else: `verbatim` is set.
        with_addresses(&printable(text), plain, |address| {
            format!("<{}>", target(address))
        })
    }

    fn strong(&self, inner: &str) -> String {
        match inner.contains('*') {
            // A mark within the same mark would end it.
            true => inner.to_owned(),
            false => each_line("*", inner),
        }
    }

    fn emphasis(&self, inner: &str) -> String {
        each_line("_", inner)
    }

    fn strikethrough(&self, inner: &str) -> String {
        each_line("~", inner)
    }

    fn code(&self, code: &str) -> String {
        let code = printable(code).replace('`', "ˋ").replace('\n', " ");
        match code.trim().is_empty() {
            true => code,
            false => format!("`{}`", entities(&harmless(&code))),
        }
    }

    fn link(&self, inner: &str, to: &str) -> String {
        let target = target(to);
        let label = without_links(inner).replace('\n', " ");
        match label.trim().is_empty() || label == target {
            true => format!("<{target}>"),
            false => format!("<{target}|{label}>"),
        }
    }

    fn code_block(&self, _language: Option<&str>, code: &str) -> String {
        let code = printable(code).replace("```", "ˋˋˋ");
        format!("```\n{}\n```", entities(&harmless(&code)))
    }

    fn table(&self, rows: &[Vec<String>]) -> String {
        table_of_lines(rows, |cell| self.strong(cell))
    }
}

/// A title, which may be a link.
pub(super) fn title(title: &str, to: Option<&str>) -> String {
    match to {
        Some(to) => format!("*<{}|{title}>*", target(to)),
        None => marked("*", title),
    }
}

/// The three characters that Slack has escapes for.
fn entities(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// An address within `<` and `>`, where `|` ends it.
fn target(address: &str) -> String {
    encoded(address, "<>|").replace('&', "&amp;")
}

/// A mark on each line: none goes beyond its line.
fn each_line(mark: &str, inner: &str) -> String {
    let lines: Vec<String> = inner.split('\n').map(|line| marked(mark, line)).collect();
    lines.join("\n")
}

/// The labels of links instead of the links: a link has none within its own label.
fn without_links(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('<') {
        let (link, after) = link.split_once('>').unwrap_or((link, ""));
        let label = link.split_once('|').map_or(link, |(_, label)| label);
        shown.push_str(before);
        shown.push_str(label);
        rest = after;
    }
    shown + rest
}

/// Replaces what could be a mark: a character with something to mark on one side, and no letter or digit on the
/// other. Marks within words and between blanks are none. The wide forms of East Asia are marks as well.
fn literal(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut previous = None;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let next = characters.peek().copied();
        let may_open = is_filled(next) && !is_word(previous);
        let may_close = is_filled(previous) && !is_word(next);
        let begins_line = previous.is_none_or(|previous| previous == '\n');
        match c {
            '*' if may_open || may_close => shown.push('∗'),
            '_' if may_open || may_close => shown.push('ˍ'),
            '~' if may_open || may_close => shown.push('∼'),
            '＊' => shown.push('﹡'),
            '＿' => shown.push('⸏'),
            '`' | '｀' => shown.push('ˋ'),
            // A quotation; the soft hyphen is not seen.
            '>' | '＞' if begins_line => {
                shown.push('\u{ad}');
                shown.push(c);
            }
            _ => shown.push(c),
        }
        previous = Some(c);
    }
    shown
}

/// Whether something to mark stands there; it may where another piece of the line does.
fn is_filled(c: Option<char>) -> bool {
    c.is_none_or(|c| !c.is_whitespace())
}

fn is_word(c: Option<char>) -> bool {
    c.is_some_and(|c| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, proptest};

    use super::*;
    use crate::actions::notify::dialect::render;
    use crate::actions::notify::markdown::Document;

    fn shown(text: &str) -> String {
        render(&Document::parse(text), &Mrkdwn)
    }

    #[test]
    fn marks_are_those_of_slack() {
        for (text, expected) in [
            ("**a** *b* ~~c~~ `d`", "*a* _b_ ~c~ `d`"),
            ("# Title", "*Title*"),
            ("# The **big** title", "The *big* title"),
            ("**two\nlines**", "*two*\n*lines*"),
            (
                "[a & b](https://x.org/?c&d|e)",
                "<https://x.org/?c&amp;d%7Ce|a &amp; b>",
            ),
            ("<https://x.org>", "<https://x.org>"),
            ("[](mailto:ada@example.org)", "<mailto:ada@example.org>"),
            ("see https://x.org/a_b_.", "see <https://x.org/a_b>ˍ."),
            (
                "[see https://y.org](https://x.org)",
                "<https://x.org|see https://y.org>",
            ),
            (
                "[![img](https://y.org)](https://x.org)",
                "<https://x.org|img>",
            ),
            ("> a\n> b", "> a\n> b"),
            ("- a\n  1. b", "• a\n  1. b"),
            ("```rs\na < b\n```", "```\na &lt; b\n```"),
            ("|a|b|\n|-|-|\n|c|d|", "*a* | *b*\nc | d"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_text_is_no_mark() {
        for (text, expected) in [
            (r"\*a\* \_b\_ \~c\~ \`d\`", "∗a∗ ˍbˍ ∼c∼ ˋdˋ"),
            ("5 * 3, snake_case_word, a~b", "5 * 3, snake_case_word, a~b"),
            (r"~/a and ~$5", "∼/a and ∼$5"),
            (r"\> no", "\u{ad}&gt; no"),
            ("＊a＊ ＿b＿ ｀c｀", "﹡a﹡ ⸏b⸏ ˋcˋ"),
            ("``a`b``", "`aˋb`"),
            ("```\na\n````\n", "```\na\n```"),
            ("~~~\n```\n~~~", "```\nˋˋˋ\n```"),
            ("<b> &amp;lt; a | b", "&lt;b&gt; &amp;lt; a | b"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn no_text_forges_a_link_or_a_mention() {
        for text in [
            "<https://evil.org|https://good.org>x",
            "`<!channel>` <!channel> <#C1|general> <!date^1^{date}^https://evil.org|x> <!subteam^S1>",
            "[<!here>](https://x.org)",
            "[a](<https://x.org/>|b>)",
            "```\n<@U1>\n```",
        ] {
            let shown = shown(text);
            for (before, link) in shown.match_indices('<').map(|(at, _)| shown.split_at(at)) {
                assert!(link.starts_with("<https://"), "{before}…{link}");
                assert!(!link.starts_with("<https://evil.org|"), "{text}: {shown}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn angle_brackets_are_those_of_links_alone(source in "([a*_`~#>|\\[\\]()<!@&;\n -]|https://a|mailto:a|<!channel>|<@U1>|\\]\\(https://b\\)){0,40}") {
            let shown = shown(&source);
            for (at, _) in shown.match_indices('<') {
                let link = shown[at + 1..].split('>').next().unwrap_or_default();
                assert!(link.starts_with("https://") || link.starts_with("mailto:"), "{shown}");
                assert!(!link.contains('<') && !link.contains('\n'), "{shown}");
            }
        }
    }
}
