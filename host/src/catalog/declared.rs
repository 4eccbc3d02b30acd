//! Whether a module answers what its manifest's section says.
//!
//! People read the section before they run the module; the server runs it, and is the one that can tell.
//!
//! Invariant: a rule at work whose module has the section answered the same as it says.

use crate::domain::manifest::Manifest;
use crate::engine::{SectionError, Sections};

/// Why what a module says of itself cannot be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeclaredError {
    /// A section cannot be read.
    #[error(transparent)]
    Section(#[from] SectionError),
    /// The section and the answer differ.
    #[error(
        "its section `hookbox:manifest` says {said} for `{key}`, and asked who it is, it answers {answered}: \
         whoever read the section was told something else; build the rule anew with `hookbox build`"
    )]
    Differs {
        /// The part of the manifest.
        key: String,
        /// What the section says, as JSON.
        said: String,
        /// What the module answers, as JSON.
        answered: String,
    },
}

/// The most that is shown of a value, which is a stranger's.
const SHOWN: usize = 200;

/// Compares what a module says in its section with what it answers. A module without one says nothing.
///
/// # Errors
/// The first section that cannot be read, or the first part of the manifest that differs.
pub fn check(module: &[u8], answered: &Manifest) -> Result<(), DeclaredError> {
    let Some(said) = Sections::read(module)?.manifest else {
        return Ok(());
    };
    if said == *answered {
        return Ok(());
    }
    let parts = |manifest: &Manifest| match serde_json::json!(manifest) {
        serde_json::Value::Object(parts) => parts,
        _ => serde_json::Map::new(),
    };
    let (said, answered) = (parts(&said), parts(answered));
    let key = said
        .keys()
        .chain(answered.keys())
        .find(|key| said.get(*key) != answered.get(*key));
    let key = key.map_or("manifest", String::as_str);
    Err(DeclaredError::Differs {
        key: key.to_owned(),
        said: shown(said.get(key)),
        answered: shown(answered.get(key)),
    })
}

/// A value as JSON, cut where it is long.
fn shown(value: Option<&serde_json::Value>) -> String {
    let Some(value) = value else {
        return "nothing".to_owned();
    };
    let mut text = value.to_string();
    if text.len() > SHOWN {
        text.truncate(text.floor_char_boundary(SHOWN));
        text.push('…');
    }
    format!("`{text}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORE: &[u8] = b"\0asm\x01\0\0\0";

    fn manifest(change: &serde_json::Value) -> Manifest {
        let mut value = serde_json::json!({
            "name": "route", "version": "1.0.0", "summary": "Routes.", "license": "MIT",
            "channels": ["dev"], "settings": [],
        });
        for (key, new) in change.as_object().expect("it is an object") {
            value[key] = new.clone();
        }
        serde_json::from_value(value).expect("it is a manifest")
    }

    fn module(manifest: Manifest) -> Vec<u8> {
        let sections = Sections {
            manifest: Some(manifest),
            ..Sections::default()
        };
        sections.write(CORE).expect("it can be written")
    }

    #[test]
    fn a_module_that_answers_what_it_says_or_says_nothing_is_believed() {
        let same = manifest(&serde_json::json!({}));

        assert_eq!(check(&module(same.clone()), &same), Ok(()));
        assert_eq!(check(CORE, &same), Ok(()));
    }

    #[test]
    fn a_part_that_differs_is_named_with_both_values() {
        let answered = manifest(&serde_json::json!({}));
        for (change, expected) in [
            (
                serde_json::json!({ "channels": [] }),
                "says `[]` for `channels`, and asked who it is, it answers `[\"dev\"]`",
            ),
            (
                serde_json::json!({ "license": null }),
                "says nothing for `license`, and asked who it is, it answers `\"MIT\"`",
            ),
            (
                serde_json::json!({ "version": "2.0.0" }),
                "says `\"2.0.0\"` for `version`, and asked who it is, it answers `\"1.0.0\"`",
            ),
        ] {
            let error = check(&module(manifest(&change)), &answered).expect_err("it lies");
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn a_long_value_is_cut() {
        let answered = manifest(&serde_json::json!({}));
        let long = manifest(&serde_json::json!({ "summary": "ä".repeat(1_000) }));

        let error = check(&module(long), &answered).expect_err("it lies");

        assert!(error.to_string().len() < 600, "{error}");
    }
}
