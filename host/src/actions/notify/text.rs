//! Texts from strangers, made fit to be shown.
//!
//! Titles, texts and fields hold what anybody may have written into a commit or a comment, and answers
//! hold what a server chose to say. Every kind of channel passes them through here.
//!
//! Invariants:
//! - What [`printable`] gives has no control character but line breaks and tabs, and nothing that
//!   reverses the direction of what follows.
//! - What [`harmless`] gives mentions nobody, and reads the same.
//! - Nothing here cuts a character in two.

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// Escapes control characters, as in `\u{1b}`, and keeps line breaks and tabs. `\r\n` becomes `\n`.
pub(super) fn printable(text: &str) -> String {
    escape(&text.replace("\r\n", "\n"), |c| c != '\n' && c != '\t')
}

/// Escapes control characters, line breaks and tabs among them.
pub(super) fn one_line(text: &str) -> String {
    escape(text, |_| true)
}

fn escape(text: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_control(c) && is_escaped(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Control characters, line and paragraph separators, and the marks that set or override the direction
/// of writing, with which a text can be made to look like another.
fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether nothing is seen of a text: services refuse one of blanks, and of characters without a shape.
/// <https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt>, `Default_Ignorable_Code_Point`
pub(super) fn is_blank(text: &str) -> bool {
    let is_unseen = |c: char| {
        matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2060}'..='\u{2065}'
                | '\u{206a}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
        )
    };
    text.chars().all(|c| c.is_whitespace() || is_unseen(c))
}

/// An address in which some ASCII characters are percent-encoded, and each `@` that would mention somebody.
pub(super) fn encoded(address: &str, characters: &str) -> String {
    let mut previous = ' ';
    let encode = |c: char| {
        let mentions = c == '@' && !previous.is_ascii_alphanumeric();
        previous = c;
        match c.is_ascii() && (mentions || characters.contains(c)) {
            true => format!("%{:02X}", u32::from(c)),
            false => c.to_string(),
        }
    };
    address.chars().map(encode).collect()
}

/// Separates what would mention somebody from what makes it a mention, by a zero-width space.
///
/// This is so for every `@` but one that follows an ASCII letter or digit, so that e-mail addresses
/// stay whole (a letter of another script is no such thing: `好@all` does mention); for `<!` before a
/// letter, which Slack and Mattermost read as `@`; for `<at …>` of Feishu and Teams; and for character references of `@`, which Markdown
/// resolves. Code is no exception: whether a text is code is for the service to say.
pub(super) fn harmless(text: &str) -> String {
    const ZERO_WIDTH_SPACE: char = '\u{200b}';
    let mut shown = String::with_capacity(text.len());
    let mut previous = ' ';
    for (at, c) in text.char_indices() {
        let rest = text.get(at + c.len_utf8()..).unwrap_or_default();
        shown.push(c);
        let is_mark = match c {
            '@' => !previous.is_ascii_alphanumeric(),
            '<' => {
                let name = rest.strip_prefix('!');
                let is_special =
                    name.is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()));
                is_special || is_tag_of_at(rest)
            }
            '&' => is_reference_of_at(rest),
            _ => false,
        };
        if is_mark {
            shown.push(ZERO_WIDTH_SPACE);
        }
        previous = c;
    }
    shown
}

/// Whether what follows a `<` makes it the tag with which Feishu and Teams mention: `at` and a blank, or its end.
fn is_tag_of_at(rest: &str) -> bool {
    let name = rest.get(..2);
    name.is_some_and(|name| name.eq_ignore_ascii_case("at"))
        && rest[2..].starts_with(|c: char| c.is_whitespace() || matches!(c, '>' | '/'))
}

/// Whether what follows a `&` makes it `@`: `commat;`, `#64;`, `#x40;`.
fn is_reference_of_at(rest: &str) -> bool {
    let Some(number) = rest.strip_prefix('#') else {
        return rest.starts_with("commat");
    };
    let (digits, radix) = match number.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    let end = digits
        .find(|c: char| !c.is_digit(radix))
        .unwrap_or(digits.len());
    let digits = digits.get(..end).unwrap_or_default();
    u32::from_str_radix(digits, radix) == Ok(u32::from('@'))
}

/// Cuts a text to so many characters (Unicode scalar values), the last of which is then `…`. Does not
/// leave a part of what people see as one character behind.
pub(super) fn cut(text: &str, limit: usize) -> String {
    if text.chars().nth(limit).is_none() {
        return text.to_owned();
    }
    let mut room = limit.saturating_sub(1);
    let mut shown = String::new();
    for character in text.graphemes(true) {
        let length = character.chars().count();
        if length > room {
            break;
        }
        room -= length;
        shown.push_str(character);
    }
    shown.push('…');
    shown
}

/// The columns a text takes in a terminal: two for the wide characters of East Asia and for emoji.
pub(super) fn columns(text: &str) -> usize {
    text.width()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(
            printable("a\u{1b}[31mb\r\n\tc\u{7}"),
            "a\\u{1b}[31mb\n\tc\\u{7}"
        );
        assert_eq!(printable("safe\u{202e}txt.exe"), "safe\\u{202e}txt.exe");
        assert_eq!(one_line("a\nb\tc"), "a\\nb\\tc");
        assert_eq!(printable("é好👍\u{200d}"), "é好👍\u{200d}");
    }

    #[test]
    fn nobody_is_mentioned_by_a_text() {
        for (text, shown) in [
            ("@all", "@\u{200b}all"),
            ("(@here), @someone", "(@\u{200b}here), @\u{200b}someone"),
            ("好@channel", "好@\u{200b}channel"),
            (
                "x.@channel _@all \\@all",
                "x.@\u{200b}channel _@\u{200b}all \\@\u{200b}all",
            ),
            (
                "<at user_id=\"all\"></at> <AT>",
                "<\u{200b}at user_id=\"all\"></at> <\u{200b}AT>",
            ),
            ("<!channel> <@U1>", "<\u{200b}!channel> <@\u{200b}U1>"),
            (
                "&#64;all &#x40;all &#0064;all",
                "&\u{200b}#64;all &\u{200b}#x40;all &\u{200b}#0064;all",
            ),
            ("&commat;all", "&\u{200b}commat;all"),
            ("a@@all", "a@@\u{200b}all"),
        ] {
            assert_eq!(harmless(text), shown);
        }
    }

    #[test]
    fn texts_that_mention_nobody_stay_as_they_are() {
        for text in [
            "ada@example.org",
            "a < b && c",
            "<!-- x -->",
            "&#65;&amp;&#;",
            "&",
            "<attribute> <a t>",
        ] {
            assert_eq!(harmless(text), text);
        }
    }

    #[test]
    fn an_address_is_encoded_where_it_would_be_a_mark_or_a_mention() {
        assert_eq!(
            encoded("https://a.org/@all?b=(c)|d&e=f@g.org", "()|"),
            "https://a.org/%40all?b=%28c%29%7Cd&e=f@g.org"
        );
    }

    #[test]
    fn a_text_of_which_nothing_is_seen_is_blank() {
        for text in ["", " \n\t", "\u{200b}\u{2060}", "\u{3164}\u{ad}\u{feff}"] {
            assert!(is_blank(text), "{text:?}");
        }
        for text in ["a", "\u{200b}·", "\u{0}", "👍"] {
            assert!(!is_blank(text), "{text:?}");
        }
    }

    #[test]
    fn a_text_is_cut_between_characters_only() {
        assert_eq!(cut("abcd", 4), "abcd");
        assert_eq!(cut("abcde", 4), "abc…");
        assert_eq!(cut("好好好", 2), "好…");
        assert_eq!(cut("a👩\u{200d}💻b", 4), "a…");
        assert_eq!(cut("ae\u{301}bc", 3), "a…");
        assert_eq!(cut("👍🏽👍🏽", 2), "…");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(columns("ab"), 2);
        assert_eq!(columns("分支"), 4);
    }
}
