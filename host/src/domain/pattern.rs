//! Patterns over names: `payments-*`, `release/*`, `payments/**`.
//!
//! `*` stands for any characters but `/`, `**` for any at all, `?` for one character but `/`, and
//! `[…]` and `{a,b}` as in a shell. A pattern matches a whole name.

use std::fmt;

use globset::{GlobBuilder, GlobMatcher};
use serde::{Deserialize, Serialize};

/// What may stand for something else than itself.
const SPECIAL: [char; 8] = ['*', '?', '[', ']', '{', '}', '\\', '!'];

/// How long a pattern may be, in bytes: longer than the names of projects, branches, and channels are. Each
/// byte takes some hundred of memory.
const LONGEST: usize = 512;

/// A text that is not a pattern.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{pattern}` is not a pattern: {reason}")]
pub struct PatternError {
    pattern: String,
    reason: String,
}

/// How much is shown of one that is too long.
const SHOWN: usize = 64;

/// A pattern over names.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern {
    text: String,
    matcher: GlobMatcher,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When a bracket or brace is not closed, or it is longer than any name.
    pub fn parse(text: impl Into<String>) -> Result<Self, PatternError> {
        let mut text = text.into();
        if text.len() > LONGEST {
            let reason = format!("it has {} bytes, and may have {LONGEST}", text.len());
            text.truncate(text.floor_char_boundary(SHOWN));
            text.push('…');
            return Err(PatternError {
                pattern: text,
                reason,
            });
        }
        let glob = GlobBuilder::new(&text)
            .literal_separator(true)
            .backslash_escape(true)
            .build();
        match glob {
            Ok(glob) => Ok(Self {
                matcher: glob.compile_matcher(),
                text,
            }),
            Err(error) => Err(PatternError {
                pattern: text,
                reason: error.kind().to_string(),
            }),
        }
    }

    /// Whether it matches the whole of a name.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        // A lone `*` is the operator's "all of them", also for names with parts.
        self.text == "*" || self.matcher.is_match(name)
    }

    /// The one name it matches; none where it may match several.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        (!self.text.contains(SPECIAL)).then_some(&self.text)
    }

    /// The name, or the folder of names at any depth, beneath which everything lies that it matches; none where that
    /// may lie anywhere.
    #[must_use]
    pub fn folder(&self) -> Option<&str> {
        let Some(special) = self.text.find(SPECIAL) else {
            return Some(&self.text);
        };
        self.text[..special]
            .rsplit_once('/')
            .map(|(folder, _)| folder)
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Pattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        Self::parse(text)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::parse(pattern).expect("a pattern").matches(name)
    }

    #[test]
    fn a_star_stays_within_a_part_and_two_cross_parts() {
        assert!(matches("payments-*", "payments-dev"));
        assert!(!matches("payments-*", "payments"));
        assert!(matches("release/*", "release/1.2"));
        assert!(!matches("release/*", "release/1.2/hotfix"));
        assert!(matches("payments/**", "payments/api/core"));
        assert!(!matches("payments/**", "payments-old/api"));
        assert!(matches("*", "group/name"));
        assert!(!matches("main", "maintenance"));
    }

    #[test]
    fn a_pattern_is_no_longer_than_a_name_may_be() {
        assert!(Pattern::parse("é".repeat(LONGEST / 2)).is_ok());

        let error = Pattern::parse("é".repeat(LONGEST / 2 + 1)).expect_err("it is too long");

        assert_eq!(
            error.to_string(),
            format!(
                "`{}…` is not a pattern: it has 514 bytes, and may have 512",
                "é".repeat(SHOWN / 2)
            )
        );
    }

    #[test]
    fn an_open_bracket_is_refused() {
        assert!(Pattern::parse("release/[0-9").is_err());
    }
}
