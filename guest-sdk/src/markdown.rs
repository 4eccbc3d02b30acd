//! Texts from strangers, made safe to stand in a message's Markdown.

use crate::decision::OptionalText;

/// Whether a character can mean something anywhere in a line of Markdown. Parentheses and `!` do only
/// beside brackets; `@` and `<!` are the channel's to make harmless.
fn is_special(character: char) -> bool {
    matches!(
        character,
        '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '~' | '|' | '&'
    )
}

/// Returns a text that reads the same and formats nothing, on one line.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    // A line that begins so would be a heading, a list, or a rule.
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    for (at, character) in text.char_indices() {
        let begins = (at == 0 && "#-+=".contains(character))
            || (at == digits && at > 0 && ".)".contains(character));
        if character.is_control() {
            escaped.push(' ');
        } else {
            if begins || is_special(character) {
                escaped.push('\\');
            }
            escaped.push(character);
        }
    }
    escaped
}

/// Returns a link with an escaped text, or the escaped text alone when there is no address to open.
#[must_use]
pub fn link(text: &str, url: impl OptionalText) -> String {
    let text = escape(text);
    match url.into_optional() {
        Some(url) if is_web_address(&url) => format!("[{text}]({url})"),
        _ => text,
    }
}

/// Only what a browser opens, and nothing that could end the link early.
fn is_web_address(url: &str) -> bool {
    let opens = url.starts_with("https://") || url.starts_with("http://");
    let breaks = |character: char| {
        character.is_whitespace() || character.is_control() || "()<>\\".contains(character)
    };
    opens && !url.contains(breaks)
}

/// Returns a text of at most so many characters, the last an ellipsis where it was cut.
#[must_use]
pub fn shorten(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(characters.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_from_a_stranger_formats_nothing() {
        assert_eq!(
            escape("fix *all* [x](y)\nnow"),
            "fix \\*all\\* \\[x\\](y) now"
        );
        assert_eq!(escape("# big"), "\\# big");
        assert_eq!(escape("1. first"), "1\\. first");
        assert_eq!(escape("feature-x 1.5"), "feature-x 1.5");
    }

    #[test]
    fn only_a_web_address_becomes_a_link() {
        assert_eq!(
            link("a1b2", "https://git.example.org/c/a1b2"),
            "[a1b2](https://git.example.org/c/a1b2)"
        );
        assert_eq!(link("a1b2", "javascript:alert(1)"), "a1b2");
        assert_eq!(link("a1b2", "https://x) [y](https://z"), "a1b2");
        assert_eq!(link("a1b2", None::<String>), "a1b2");
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        assert_eq!(shorten("日本語のタイトル", 4), "日本語…");
        assert_eq!(shorten("short", 5), "short");
    }
}
