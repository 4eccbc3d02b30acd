//! Texts with placeholders: `--branch={branch}`.
//!
//! A command's arguments and its concurrency key are templates. A value is put in as it is, within the
//! one argument that names it, and is never read again for placeholders.
//!
//! Invariants:
//! - Rendering neither splits nor joins arguments.
//! - A brace that is no placeholder is an error, unless it is doubled.

use std::collections::BTreeMap;

use super::shown::shown;

/// A text that is not a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` has a brace that belongs to no placeholder: write {{name}}, or double it: {{{{ or }}}}"
)]
pub struct TemplateError {
    text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Placeholder(String),
}

/// A text with placeholders; an empty one by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Template(Vec<Part>);

/// Whether a text can be the name of a parameter.
pub(super) fn is_parameter_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

impl Template {
    /// Reads a text with `{name}`, `{{` and `}}`.
    pub(super) fn parse(text: &str) -> Result<Self, TemplateError> {
        let error = || TemplateError { text: shown(text) };
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from_brace) = rest.split_at(at);
            literal.push_str(before);
            if let Some(after) = from_brace.strip_prefix("{{") {
                literal.push('{');
                rest = after;
            } else if let Some(after) = from_brace.strip_prefix("}}") {
                literal.push('}');
                rest = after;
            } else {
                let (name, after) = from_brace
                    .strip_prefix('{')
                    .and_then(|inside| inside.split_once('}'))
                    .filter(|(name, _)| is_parameter_name(name))
                    .ok_or_else(error)?;
                if !literal.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut literal)));
                }
                parts.push(Part::Placeholder(name.to_owned()));
                rest = after;
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self(parts))
    }

    /// The names of its placeholders, in their order.
    pub(super) fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Placeholder(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text with the values put in; a placeholder without a value leaves nothing.
    pub(super) fn render(&self, values: &BTreeMap<&str, &str>) -> String {
        self.0
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.as_str(),
                Part::Placeholder(name) => values.get(name.as_str()).copied().unwrap_or_default(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_put_in_as_it_is() {
        let template = Template::parse("{{{a}}}={b}!").expect("a template");
        let values = BTreeMap::from([("a", "{b}"), ("b", "")]);

        assert_eq!(template.render(&values), "{{b}}=!");
        assert_eq!(template.placeholders().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_single_brace_is_an_error_that_says_how_to_write_one() {
        for text in ["{", "}", "{}", "{a b}", "{\"a\":1}", "x}y", "{a"] {
            let error = Template::parse(text).expect_err("not a template");
            assert!(error.to_string().contains("{{ or }}"), "{error}");
        }
        assert!(Template::parse("").is_ok());
    }
}
