//! The dialect of Discord: `CommonMark` with marks of its own.
//!
//! <https://docs.discord.com/developers/reference#message-formatting>
//! <https://support.discord.com/hc/en-us/articles/210298617>
//!
//! Invariants:
//! - No text of a stranger holds what mentions somebody, or `<` before the name of a channel, a command, a time or
//!   an emoji.

use crate::actions::notify::dialect::{CommonMark, Dialect, escaped, marked, table_of_lines};
use crate::actions::notify::markdown::leads;
use crate::actions::notify::room::with_addresses;
use crate::actions::notify::text::{encoded, harmless, printable};

/// What Discord reads in messages, descriptions and values.
pub(super) struct Discord;

/// A text in which nothing is a mark, a mention or a link.
pub(super) fn plain(text: &str) -> String {
    harmless(&escaped(&printable(text)))
}

impl Dialect for Discord {
    fn text(&self, text: &str) -> String {
        // Discord finds addresses before it looks at escapes: one with `\_` in it would lead elsewhere.
        with_addresses(&printable(text), plain, target)
    }

    fn strong(&self, inner: &str) -> String {
        marked("**", inner)
    }

    fn emphasis(&self, inner: &str) -> String {
        // `_` would end at those of an address.
        marked("*", inner)
    }

    fn strikethrough(&self, inner: &str) -> String {
        marked("~~", inner)
    }

    fn code(&self, code: &str) -> String {
        match code.trim().is_empty() {
            true => code.to_owned(),
            false => CommonMark.code(&code.replace('\n', " ")),
        }
    }

    fn link(&self, inner: &str, to: &str) -> String {
        let target = target(to);
        // What looks like an address as the label of a link is not taken for one.
        match inner == target || !is_web(to) {
            true => inner.to_owned(),
            false => format!("[{inner}]({target})"),
        }
    }

    fn heading(&self, level: u8, inner: &str) -> String {
        // There are three levels.
        match level {
            1..=3 => CommonMark.heading(level, inner),
            _ => self.strong(inner),
        }
    }

    fn code_block(&self, language: Option<&str>, code: &str) -> String {
        // A longer fence is none: three backticks end a block wherever they stand.
        CommonMark.code_block(language, &code.replace("```", "`\u{200b}``"))
    }

    fn item(&self, number: Option<u64>) -> String {
        CommonMark.item(number)
    }

    fn table(&self, rows: &[Vec<String>]) -> String {
        table_of_lines(rows, |cell| self.strong(cell))
    }
}

/// Whether an address is one of the web, which alone Discord takes.
pub(super) fn is_web(address: &str) -> bool {
    let is_http = |start: &str| start.eq_ignore_ascii_case("http");
    leads(address) && address.get(..4).is_some_and(is_http)
}

/// An address in which nothing is a mark.
fn target(address: &str) -> String {
    encoded(address, "()<>\\`*~|\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::notify::dialect::render;
    use crate::actions::notify::markdown::Document;

    fn shown(text: &str) -> String {
        render(&Document::parse(text), &Discord)
    }

    #[test]
    fn marks_are_those_of_discord() {
        for (text, expected) in [
            ("**a** _b_ ~~c~~ `d`", "**a** *b* ~~c~~ `d`"),
            ("# A\n\n#### B", "# A\n\n**B**"),
            (
                "[a](https://x.org/(b)?c_d)",
                "[a](https://x.org/%28b%29?c_d)",
            ),
            ("<https://x.org/a_b>", "https://x.org/a_b"),
            ("[mail](mailto:ada@example.org)", "mail"),
            ("see https://x.org/a_b_c*d.", "see https://x.org/a_b_c%2Ad."),
            ("> a\n> b", "> a\n> b"),
            ("- a\n- b", "- a\n- b"),
            ("```rs\na < b\n```", "```rs\na < b\n```"),
            ("|a|b|\n|-|-|\n|c|d|", "**a** | **b**\nc | d"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_text_is_no_mark() {
        for (text, expected) in [
            (
                r"\*a\* snake_case \~\~c\~\~",
                r"\*a\* snake\_case \~\~c\~\~",
            ),
            (r"||hidden|| \-# small", r"\|\|hidden\|\| -# small"),
            (r"\-# small", r"\-# small"),
            (r"\>>> all", r"\>\>\> all"),
            ("~~~\na ``` b\n~~~", "```\na `\u{200b}`` b\n```"),
            ("`` ` ``", "`` ` ``"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn no_text_forges_what_discord_writes_with_angle_brackets() {
        let forged =
            "<@1> <@!1> <@&1> <#1> </deploy:1> <t:1> <:a:1> <a:b:1> <id:customize> @everyone @here";
        for text in [
            forged,
            &format!("**{forged}**"),
            &format!("[{forged}](https://x.org)"),
        ] {
            let shown = shown(text);
            assert_eq!(shown.matches('<').count(), shown.matches("\\<").count());
            for mention in ["@1", "@!1", "@&1", "@everyone", "@here"] {
                assert!(!shown.contains(mention), "{shown}");
            }
        }
        assert!(!Discord.code_block(None, forged).contains("@everyone"));
    }

    #[test]
    fn an_address_mentions_nobody() {
        assert_eq!(
            shown("https://x.org/@everyone"),
            "https://x.org/%40everyone"
        );
    }
}
