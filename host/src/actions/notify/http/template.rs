//! Bodies of an operator's own form: a text with placeholders for the parts of a message.
//!
//! A placeholder is `${name}`, and `$$` is a `$`. The notation is not `{name}`, because a body is JSON as a rule,
//! and every brace of that would have to be doubled.
//!
//! Invariants:
//! - What is wrong with a template is found when the channel is opened, for every message there can be.
//! - A value has no influence on the structure of the body, whatever it holds.

use serde_json::Value;

use super::encoding::{Cursor, Encoding, Place};
use super::part::{Part, Parts, Sample};
use crate::domain::secret::Secret;

/// A body with placeholders.
#[derive(Debug)]
pub(super) struct Template {
    encoding: Encoding,
    pieces: Vec<Piece>,
}

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Part(Part, Place),
}

impl Template {
    /// Reads a template. The error shows of it no more than the name of a placeholder, because a body may hold a
    /// key.
    pub(super) fn parse(text: &str, encoding: Encoding) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut cursor = Cursor::new(encoding);
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, left) = next(rest)?;
            match piece {
                Found::Literal(literal) => {
                    cursor.pass(literal);
                    pieces.push(Piece::Literal(literal.to_owned()));
                }
                Found::Placeholder(name) => {
                    let part = Part::parse(name)?;
                    let place = cursor.place();
                    let place =
                        place.map_err(|reason| format!("`${{{}}}` {reason}", part.name()))?;
                    pieces.push(Piece::Part(part, place));
                }
            }
            rest = left;
        }
        let template = Self { encoding, pieces };
        template.check()?;
        Ok(template)
    }

    /// The body for a message.
    pub(super) fn write(&self, parts: &impl Parts) -> String {
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Literal(literal) => literal.clone(),
            Piece::Part(part, place) => self.encoding.write(*place, *part, parts),
        });
        pieces.collect()
    }

    /// What stands in the template itself, word by word, but for the names of values in JSON and in forms: a server
    /// explains itself with those.
    pub(super) fn words(&self) -> Vec<Secret> {
        let literals = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(literal) => Some(literal.as_str()),
            Piece::Part(..) => None,
        });
        let words = literals.flat_map(|literal| words(literal, self.encoding));
        words.map(Secret::new).collect()
    }

    /// Tries the template with a message that has everything, and with one that has nothing. What each placeholder
    /// gives is a text or a whole value in both, so what is JSON with these is JSON with every message.
    fn check(&self) -> Result<(), String> {
        if self.encoding != Encoding::Json {
            return Ok(());
        }
        for (sample, of) in [
            (Sample::Everything, "with values for its placeholders"),
            (
                Sample::Nothing,
                "for a message that has no more than a text",
            ),
        ] {
            let body = self.write(&sample);
            serde_json::from_str::<Value>(&body).map_err(|error| {
                let text = error.to_string();
                let reason = text.split(" at line ").next().unwrap_or_default();
                format!("{of} it is no JSON: line {}: {reason}", error.line())
            })?;
        }
        Ok(())
    }
}

/// The words of a piece of a template that are no names.
fn words(literal: &str, encoding: Encoding) -> Vec<&str> {
    let is_form = encoding == Encoding::Form;
    let is_seam =
        |c: char| c.is_whitespace() || "\"'<>&,;{}[]()".contains(c) || is_form && c == '=';
    let is_name = |after: &str| match encoding {
        Encoding::Json => after
            .strip_prefix('"')
            .is_some_and(|after| after.trim_start().starts_with(':')),
        Encoding::Form => after.starts_with('='),
        Encoding::Xml | Encoding::Html | Encoding::Text => false,
    };
    let mut words = Vec::new();
    let mut rest = literal;
    while let Some(start) = rest.find(|c| !is_seam(c)) {
        let from = &rest[start..];
        let (word, after) = from.split_at(from.find(is_seam).unwrap_or(from.len()));
        if !is_name(after) {
            words.push(word.trim_matches(':'));
        }
        rest = after;
    }
    words
}

enum Found<'a> {
    Literal(&'a str),
    Placeholder(&'a str),
}

/// The first piece of a template that is not empty, and what follows it.
fn next(text: &str) -> Result<(Found<'_>, &str), String> {
    if let Some(rest) = text.strip_prefix("$$") {
        return Ok((Found::Literal("$"), rest));
    }
    if let Some(rest) = text.strip_prefix("${") {
        let (name, rest) = rest
            .split_once('}')
            .ok_or_else(|| "there is a `${` without its `}` (`$$` is a `$`)".to_owned())?;
        return Ok((Found::Placeholder(name), rest));
    }
    let starts = text.char_indices().skip(1);
    let mut starts = starts.filter(|(_, c)| *c == '$').map(|(at, _)| at);
    let end = starts.next().unwrap_or(text.len());
    Ok((Found::Literal(&text[..end]), &text[end..]))
}

#[cfg(test)]
mod tests;
