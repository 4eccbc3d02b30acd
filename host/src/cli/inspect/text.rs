//! A stranger's texts, made harmless for a terminal and for a file to paste.
//!
//! Invariant: what comes out has no control character but line feeds of a page, and nothing that turns
//! or hides what stands around it.

/// The most that is shown of a text in one line.
const LONGEST: usize = 500;

/// The most names that are shown of a list.
const NAMES: usize = 30;

/// Whether a character is shown as its number: it moves the cursor, turns the direction of the text, or cannot
/// be seen.
pub(super) fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// A text as one line, cut where it is long.
pub(super) fn line(text: &str) -> String {
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.len() > LONGEST {
        words.truncate(words.floor_char_boundary(LONGEST));
        words.push('…');
    }
    escaped(&words)
}

/// Names, as one line.
pub(super) fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let shown: Vec<String> = names.iter().take(NAMES).map(|name| line(name)).collect();
    let shown = shown.join(", ");
    match names.len().saturating_sub(NAMES) {
        0 => shown,
        more => format!("{shown}, and {more} more"),
    }
}

/// A text of several lines, each indented, up to so many of them.
pub(super) fn page(text: &str, most: usize) -> String {
    let mut shown = String::new();
    for line in text.lines().take(most) {
        let line = escaped(&line.replace('\t', "    "));
        shown.push_str(format!("  {line}").trim_end());
        shown.push('\n');
    }
    let more = text.lines().count().saturating_sub(most);
    if more > 0 {
        let rest = format!("  … {more} more lines: `--show readme` prints all\n");
        shown.push_str(&rest);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line_that_moves_turns_and_hides_nothing() {
        for (text, expected) in [
            ("a\ndigest     sha256:0", "a digest sha256:0"),
            ("\u{1b}[2J\u{9b}1A\u{7f}", "\\u{1b}[2J\\u{9b}1A\\u{7f}"),
            ("safe\u{202e}cod.exe", "safe\\u{202e}cod.exe"),
            ("zero\u{200b}width\u{feff}", "zero\\u{200b}width\\u{feff}"),
            ("déployé à 你好 👍", "déployé à 你好 👍"),
        ] {
            assert_eq!(line(text), expected);
        }
        assert_eq!(line(&"ä".repeat(1_000)).chars().count(), 251);
    }

    #[test]
    fn a_page_has_so_many_lines_and_says_how_many_more_there_are() {
        let text = "# One\r\n\n\tcode\u{1b}]0;title\u{7}\nfour\n";

        assert_eq!(
            page(text, 3),
            "  # One\n\n      code\\u{1b}]0;title\\u{7}\n  … 1 more lines: `--show readme` prints all\n"
        );
        assert_eq!(page(text, 4).lines().count(), 4);
    }

    #[test]
    fn a_list_that_is_long_is_counted() {
        let names: Vec<String> = (0..32).map(|number| number.to_string()).collect();

        assert_eq!(list(&[]), "none");
        assert!(list(&names).ends_with("28, 29, and 2 more"));
    }
}
