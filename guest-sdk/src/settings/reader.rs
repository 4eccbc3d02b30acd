//! Taking settings one by one from the JSON object that holds them.
//!
//! Invariant: what is wrong is gathered, so that an operator mends a settings file in one go.

use super::{Json, SettingType};
use crate::markdown::shorten;

/// A wrong value is quoted in an error of one line, which this much of it leaves readable.
const LONGEST_FOUND: usize = 80;

/// The settings that are still to be taken.
#[derive(Debug)]
pub struct Reader<'a> {
    left: Vec<(String, Json<'a>)>,
    known: Vec<&'static str>,
    problems: Vec<String>,
}

impl<'a> Reader<'a> {
    /// Reads a JSON object.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn new(json: &'a str) -> Result<Self, String> {
        match Json::new(json).to_entries() {
            Some(left) => Ok(Self {
                left,
                known: Vec::new(),
                problems: Vec::new(),
            }),
            None => Err("the settings are no JSON object".to_owned()),
        }
    }

    /// Takes one setting; none is a problem that [`finish`](Self::finish) tells.
    pub fn take<T: SettingType>(&mut self, name: &'static str) -> Option<T> {
        let name = key(name);
        self.known.push(name);
        let Some(at) = self.left.iter().position(|(key, _)| key == name) else {
            return T::absent().or_else(|| {
                // A null is what nearly any type refuses, with the words for what it expects.
                let expected = T::parse(Json::NULL)
                    .err()
                    .unwrap_or_else(|| "a value".to_owned());
                self.problems
                    .push(format!("`{name}` is missing, expected {expected}"));
                None
            });
        };
        let (_, value) = self.left.swap_remove(at);
        match T::parse(value) {
            Ok(setting) => Some(setting),
            Err(expected) => {
                let found = shorten(value.as_text(), LONGEST_FOUND);
                self.problems
                    .push(format!("`{name}` is `{found}`, expected {expected}"));
                None
            }
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// All problems, and the keys that nobody took.
    pub fn finish(mut self) -> Result<(), String> {
        for (unknown, _) in &self.left {
            let hint = match nearest(unknown, &self.known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the keys are `{}`", self.known.join("`, `")),
            };
            self.problems
                .push(format!("unknown key `{unknown}`: {hint}"));
        }
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(self.problems.join("; "))
        }
    }
}

/// A field's name as a key: a raw identifier is written without its mark.
pub(super) fn key(name: &str) -> &str {
    name.strip_prefix("r#").unwrap_or(name)
}

/// The known key that is at most three edits away, and nearer than a wholly different word.
fn nearest<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|key| (distance(unknown, key), *key))
        .filter(|(edits, key)| *edits <= 3 && *edits < key.len())
        .min()
        .map(|(_, key)| key)
}

/// The number of edits between two texts (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}
