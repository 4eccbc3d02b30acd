//! Texts of strangers as people see them.
//!
//! Values that a rule gave stand in error messages, and what a program wrote is shown to operators and
//! sent to channels. Both could move a terminal's cursor or turn the direction of writing.
//!
//! Invariants:
//! - What comes out holds no control characters but those that were asked to stay.

/// How many characters of a value a message shows: enough to recognize a branch or a commit.
const SHOWN_CHARACTERS: usize = 80;

/// A text with its control characters escaped, all but those in `kept`.
pub(super) fn escape(text: &str, kept: &[char]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if misleads(character) && !kept.contains(&character) {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// A value for a message: escaped, and cut.
pub(super) fn shown(value: &str) -> String {
    match value.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}…", escape(&value[..end], &[])),
        None => escape(value, &[]),
    }
}

/// Whether a character changes how others are shown: the control characters, and those that separate lines
/// or turn the direction of writing.
pub(super) fn misleads(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_misleads_is_escaped_and_the_rest_stays() {
        assert_eq!(
            escape("a\"b\\ \u{1b}[2J\t部\n\u{202e}", &['\n']),
            "a\"b\\ \\u{1b}[2J\\t部\n\\u{202e}"
        );
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let cut = shown(&"é".repeat(500));

        assert_eq!(cut, format!("{}…", "é".repeat(SHOWN_CHARACTERS)));
        assert_eq!(shown("short"), "short");
    }
}
