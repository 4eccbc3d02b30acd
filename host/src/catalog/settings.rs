//! A rule's settings file: the conditions under which it is asked, narrower limits, and its own
//! settings, which are checked against what its manifest declares.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::conditions::Conditions;
use crate::capability::nearest;
use crate::domain::event::Subject;
use crate::domain::limits::Narrowing;
use crate::domain::manifest::{Manifest, Setting, SettingKind};
use crate::domain::pattern::Pattern;

/// What stands in `<rule>.toml`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SettingsFile {
    /// `false` takes the rule out of work and keeps its file.
    pub enabled: Option<bool>,
    /// `true` has it evaluate and record, and perform nothing.
    pub shadow: bool,
    /// Its place among the rules of its folder: lower first, 0 by default, then by name.
    pub order: i64,
    /// The module's file name, where it is not the settings file's own with `.wasm`.
    pub module: Option<String>,
    /// For a shared rule: `"stop"` lets its fault end the event, instead of letting it pass.
    pub on_fault: OnFault,
    /// Only for events of these sources.
    pub sources: Option<Vec<Pattern>>,
    /// Only for events of these projects.
    pub projects: Option<Vec<Pattern>>,
    /// Only for events about these subjects.
    pub subjects: Option<Vec<String>>,
    /// Only for events of these branches.
    pub branches: Option<Vec<Pattern>>,
    /// Lower limits than the team's.
    pub limits: Narrowing,
    /// The rule's own settings.
    pub settings: toml::Table,
}

/// What a fault of a shared rule means for the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFault {
    /// The rules after it go on.
    #[default]
    Continue,
    /// The event ends.
    Stop,
}

/// A settings file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// It is not UTF-8.
    #[error("the settings file is not UTF-8 text")]
    NotText,
    /// It is not TOML, or has a key that is not known.
    #[error("the settings file is wrong: {reason}")]
    Syntax {
        /// Where and why.
        reason: String,
    },
    /// It names a module, and one of its own name is there as well.
    #[error(
        "the settings file says `module = \"{named}\"`, and `{own}` beside it would be used: remove the line, or the file"
    )]
    TwoModules {
        /// The module that it names.
        named: String,
        /// The module that has its own name.
        own: String,
    },
    /// A condition names a subject that there is not.
    #[error("there is no subject `{found}`{}", hint(nearest.as_deref()))]
    Subject {
        /// What it names.
        found: String,
        /// One of a similar name.
        nearest: Option<String>,
    },
    /// `[settings]` has a key that the rule does not declare.
    #[error("the rule has no setting `{found}`{}; it has {declared}", hint(nearest.as_deref()))]
    Unknown {
        /// The key.
        found: String,
        /// One of a similar name.
        nearest: Option<String>,
        /// Those it has, in words.
        declared: String,
    },
    /// A setting that must be given is not.
    #[error("the setting `{name}` is missing: write `{name} = …` ({}) under `[settings]` in {file}", kind.in_words())]
    Missing {
        /// Its name.
        name: String,
        /// What it holds.
        kind: SettingKind,
        /// The settings file.
        file: String,
    },
    /// A setting holds something else than it should.
    #[error("the setting `{name}` is {found}, and must be {}", kind.in_words())]
    Kind {
        /// Its name.
        name: String,
        /// What it is.
        found: String,
        /// What it should be.
        kind: SettingKind,
    },
    /// The manifest's default is not JSON.
    #[error("the module's default for the setting `{name}` is not JSON: {reason}")]
    Default {
        /// The setting's name.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!(" (is it `{nearest}`?)"))
}

impl SettingsFile {
    /// Reads a settings file.
    ///
    /// # Errors
    /// When it is not UTF-8, not TOML, or has a key or a subject that is not known.
    pub fn parse(bytes: &[u8]) -> Result<Self, SettingsError> {
        let text = std::str::from_utf8(bytes).map_err(|_| SettingsError::NotText)?;
        let file: Self = toml::from_str(text).map_err(|error| SettingsError::Syntax {
            reason: error.to_string().trim_end().to_owned(),
        })?;
        for subject in file.subjects.iter().flatten() {
            check_subject(subject)?;
        }
        Ok(file)
    }

    /// The conditions it sets.
    #[must_use]
    pub fn conditions(&self) -> Conditions {
        Conditions {
            sources: self.sources.clone(),
            projects: self.projects.clone(),
            subjects: self.subjects.clone(),
            branches: self.branches.clone(),
        }
    }

    /// The rule's settings: what is written, completed with the manifest's defaults.
    ///
    /// # Errors
    /// A key that the manifest does not declare, a setting that is missing, and one of the wrong kind.
    pub fn complete(
        &self,
        manifest: &Manifest,
        file: &str,
    ) -> Result<Map<String, Value>, SettingsError> {
        if let Some(found) = self.settings.keys().find(|key| {
            !manifest
                .settings
                .iter()
                .any(|setting| setting.name == **key)
        }) {
            let names = || {
                manifest
                    .settings
                    .iter()
                    .map(|setting| setting.name.as_str())
            };
            return Err(SettingsError::Unknown {
                found: found.clone(),
                nearest: nearest(found, names()).map(str::to_owned),
                declared: in_words(names()),
            });
        }
        let mut settings = Map::new();
        for setting in &manifest.settings {
            if let Some(value) = self.value(setting, file)? {
                settings.insert(setting.name.clone(), value);
            }
        }
        Ok(settings)
    }

    fn value(&self, setting: &Setting, file: &str) -> Result<Option<Value>, SettingsError> {
        let Some(written) = self.settings.get(&setting.name) else {
            let default = setting
                .default
                .as_deref()
                .map(serde_json::from_str)
                .transpose();
            let default = default.map_err(|error| SettingsError::Default {
                name: setting.name.clone(),
                reason: error.to_string(),
            })?;
            return match default {
                None if setting.required => Err(SettingsError::Missing {
                    name: setting.name.clone(),
                    kind: setting.kind,
                    file: file.to_owned(),
                }),
                default => Ok(default),
            };
        };
        let value = json(written);
        if fits(setting.kind, &value) {
            Ok(Some(value))
        } else {
            Err(SettingsError::Kind {
                name: setting.name.clone(),
                found: format!("`{value}`"),
                kind: setting.kind,
            })
        }
    }
}

/// Checks that there is a subject of this name.
pub(super) fn check_subject(name: &str) -> Result<(), SettingsError> {
    if Subject::NAMES.contains(&name) {
        return Ok(());
    }
    Err(SettingsError::Subject {
        found: name.to_owned(),
        nearest: nearest(name, Subject::NAMES.into_iter()).map(str::to_owned),
    })
}

fn in_words<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

fn fits(kind: SettingKind, value: &Value) -> bool {
    let texts = || {
        value
            .as_array()
            .is_some_and(|list| list.iter().all(Value::is_string))
    };
    match kind {
        SettingKind::Text | SettingKind::Channel | SettingKind::Command => value.is_string(),
        SettingKind::Texts | SettingKind::Channels | SettingKind::Commands => texts(),
        SettingKind::Integer => value.is_i64(),
        SettingKind::Boolean => value.is_boolean(),
        SettingKind::Json => true,
    }
}

/// TOML as JSON; a date becomes its text.
fn json(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text.clone()),
        toml::Value::Integer(number) => Value::from(*number),
        toml::Value::Float(number) => Value::from(*number),
        toml::Value::Boolean(truth) => Value::Bool(*truth),
        toml::Value::Datetime(date) => Value::String(date.to_string()),
        toml::Value::Array(list) => Value::Array(list.iter().map(json).collect()),
        toml::Value::Table(table) => Value::Object(
            table
                .iter()
                .map(|(key, value)| (key.clone(), json(value)))
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let setting = |name: &str, kind, required, default: Option<&str>| Setting {
            name: name.to_owned(),
            summary: String::new(),
            kind,
            required,
            default: default.map(str::to_owned),
        };
        Manifest {
            name: "route".to_owned(),
            version: "1.0.0".to_owned(),
            summary: String::new(),
            authors: Vec::new(),
            license: None,
            homepage: None,
            subjects: Vec::new(),
            channels: Vec::new(),
            commands: Vec::new(),
            settings: vec![
                setting("channel", SettingKind::Channel, true, None),
                setting("language", SettingKind::Text, false, Some("\"en\"")),
            ],
        }
    }

    fn complete(text: &str) -> Result<String, String> {
        let file = SettingsFile::parse(text.as_bytes()).map_err(|error| error.to_string())?;
        file.complete(&manifest(), "10-route.toml")
            .map(|settings| Value::Object(settings).to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_written_has_the_modules_default() {
        let settings = complete("[settings]\nchannel = 'dev'").expect("the settings are right");
        assert_eq!(settings, r#"{"channel":"dev","language":"en"}"#);
    }

    #[test]
    fn each_wrong_setting_is_named_with_what_was_expected() {
        for (text, expected) in [
            (
                "",
                "the setting `channel` is missing: write `channel = …` (the name of a channel) under `[settings]` in 10-route.toml",
            ),
            (
                "[settings]\nchanel = 'dev'",
                "the rule has no setting `chanel` (is it `channel`?); it has `channel`, `language`",
            ),
            (
                "[settings]\nchannel = 5",
                "the setting `channel` is `5`, and must be the name of a channel",
            ),
            (
                "subjects = ['pushes']",
                "there is no subject `pushes` (is it `push`?)",
            ),
        ] {
            assert_eq!(complete(text).expect_err("it is wrong"), expected);
        }
    }

    #[test]
    fn a_key_that_is_not_known_is_an_error() {
        let error = complete("subject = ['push']").expect_err("the key is misspelt");
        assert!(error.contains("unknown field `subject`"), "{error}");
    }
}
