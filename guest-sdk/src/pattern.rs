//! Globs over names: `release/*`, `project_*_bot*`, `docs/**`.
//!
//! `*` stands for any characters but `/`, `**` for any at all, `?` for one character but `/`; all else
//! is itself. A pattern matches a whole name. A lone `*` matches every name, as in the operator's files.

/// Whether a pattern matches the whole of a name.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    pattern == "*" || glob(pattern.as_bytes(), name.as_bytes())
}

/// Bytes are enough: `/` and the wildcards are ASCII, and `?` takes a whole character below.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    match pattern {
        [] => name.is_empty(),
        [b'*', b'*', b'/', rest @ ..] => {
            // `**/` is any number of whole parts, none included.
            glob(rest, name)
                || (0..name.len()).any(|at| name[at] == b'/' && glob(rest, &name[at + 1..]))
        }
        [b'*', b'*', rest @ ..] => (0..=name.len()).any(|at| glob(rest, &name[at..])),
        [b'*', rest @ ..] => {
            let part = name
                .iter()
                .position(|&byte| byte == b'/')
                .unwrap_or(name.len());
            (0..=part).any(|at| glob(rest, &name[at..]))
        }
        [b'?', rest @ ..] => match name {
            [] | [b'/', ..] => false,
            [_, after @ ..] => {
                let continued = after
                    .iter()
                    .take_while(|&&byte| byte & 0xC0 == 0x80)
                    .count();
                glob(rest, &after[continued..])
            }
        },
        [byte, rest @ ..] => name.first() == Some(byte) && glob(rest, &name[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_within_a_part_and_two_cross_parts() {
        assert!(matches("payments-*", "payments-dev"));
        assert!(!matches("payments-*", "payments"));
        assert!(matches("release/*", "release/1.2"));
        assert!(!matches("release/*", "release/1.2/hotfix"));
        assert!(matches("payments/**", "payments/api/core"));
        assert!(!matches("payments/**", "payments-old/api"));
        assert!(matches("**/hotfix", "hotfix"));
        assert!(matches("**/hotfix", "release/1.2/hotfix"));
        assert!(matches("*", "group/name"));
        assert!(!matches("main", "maintenance"));
    }

    #[test]
    fn brackets_are_themselves_and_a_question_mark_is_one_character() {
        assert!(matches("*[bot]", "dependabot[bot]"));
        assert!(!matches("*[bot]", "robot"));
        assert!(matches("v?", "vé"));
        assert!(!matches("v?", "v"));
    }
}
