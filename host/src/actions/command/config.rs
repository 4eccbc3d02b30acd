//! What stands under `[commands.<name>]`.
//!
//! The types mirror the keys of the configuration and hold no more than its words;
//! [`Commands::build`](super::Commands::build) checks them and reads the secrets.
//!
//! Invariants:
//! - An unknown key is an error.
//! - A value that is left out means what the documentation of its field says.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::domain::quantity::{Bytes, Span};
use crate::domain::secret::SecretRef;

/// A program that rules may ask to run, and how.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandConfig {
    /// The program and its arguments, each passed on as it is, without a shell. `{name}` stands for the
    /// value of a parameter, `{{` and `}}` for a brace. A program without a `/` is looked up in `PATH`;
    /// a relative path counts from the configuration file's folder.
    pub argv: Vec<String>,
    /// What a rule may say, by name. Every parameter is used in `argv` or in the concurrency key.
    #[serde(default)]
    pub parameters: BTreeMap<String, ParameterConfig>,
    /// The folder it runs in; `/` by default. A relative path counts from the configuration file's folder.
    #[serde(default)]
    pub cwd: Option<PathBuf>,
    /// The user it runs as, with that user's main group alone; the server's own by default. Another user
    /// needs a server that runs as root.
    #[serde(default)]
    pub user: Option<String>,
    /// How long it may run; 10 minutes by default.
    #[serde(default = "default_timeout")]
    pub timeout: Span,
    /// How long after TERM it is ended with KILL; 10 seconds by default.
    #[serde(default = "default_grace")]
    pub grace: Span,
    /// Variables of its environment besides those that every command gets.
    #[serde(default)]
    pub environment: BTreeMap<String, EnvironmentValue>,
    /// Which runs of it wait for each other; all of them by default.
    #[serde(default)]
    pub concurrency: ConcurrencyConfig,
    /// What becomes of a run that a crash of the server cut off.
    #[serde(default)]
    pub on_interrupt: OnInterrupt,
    /// The channel that is told of such a run.
    #[serde(default)]
    pub report_channel: Option<String>,
    /// How many times it is tried again when it fails; 0 by default.
    #[serde(default)]
    pub retries: u32,
    /// How much of its output is kept, half from its beginning and half from its end; 64 KiB by default.
    #[serde(default = "default_output_limit")]
    pub output_limit: Bytes,
}

fn default_timeout() -> Span {
    Span::seconds(600)
}

fn default_grace() -> Span {
    Span::seconds(10)
}

fn default_output_limit() -> Bytes {
    Bytes::kib(64)
}

/// What a parameter accepts: exactly one of a pattern, a list of values, and a range.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterConfig {
    /// A regular expression that matches the whole value.
    #[serde(default)]
    pub pattern: Option<String>,
    /// The values it may have.
    #[serde(default)]
    pub values: Option<Vec<String>>,
    /// The least whole number it may be; given together with `max`.
    #[serde(default)]
    pub min: Option<i64>,
    /// The greatest whole number it may be; given together with `min`.
    #[serde(default)]
    pub max: Option<i64>,
    /// Whether a value may begin with `-`, which many programs take for an option.
    #[serde(default)]
    pub leading_dash: bool,
    /// Its value where a rule gives none; without it a rule must give one.
    #[serde(default)]
    pub default: Option<String>,
}

/// A variable's value: a text, or a reference to a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvironmentValue {
    /// Shown as it is.
    Plain(String),
    /// Read when the configuration is, and masked in the output.
    Secret(SecretRef),
}

impl<'de> Deserialize<'de> for EnvironmentValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = EnvironmentValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or a secret such as { env = \"NAME\" } or { file = \"path\" }")
            }

            fn visit_str<E>(self, value: &str) -> Result<EnvironmentValue, E> {
                Ok(EnvironmentValue::Plain(value.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<EnvironmentValue, A::Error> {
                SecretRef::deserialize(MapAccessDeserializer::new(map))
                    .map(EnvironmentValue::Secret)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// Which runs of a command wait for each other.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConcurrencyConfig {
    /// Runs with the same key go one after the other; a text with `{name}` for parameters, the command's
    /// name by default.
    #[serde(default)]
    pub key: Option<String>,
    /// What a run does that finds another of its key under way.
    #[serde(default)]
    pub when_busy: WhenBusy,
}

/// What a run does that finds another of its key under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenBusy {
    /// It waits for its turn.
    #[default]
    Queue,
    /// It waits, and takes the place of what waited before it.
    Latest,
    /// It ends what is under way.
    Cancel,
    /// It is not run.
    Reject,
}

impl fmt::Display for WhenBusy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Queue => "queue",
            Self::Latest => "latest",
            Self::Cancel => "cancel",
            Self::Reject => "reject",
        })
    }
}

/// What becomes of a run that a crash of the server cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnInterrupt {
    /// It is reported, and a person decides.
    #[default]
    Report,
    /// It is run again.
    Rerun,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<CommandConfig, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn what_is_left_out_has_the_documented_default() {
        let config = read("argv = ['true']").expect("the shortest command");

        assert_eq!(config.timeout.to_string(), "10m");
        assert_eq!(config.grace.to_string(), "10s");
        assert_eq!(config.output_limit.to_string(), "64KiB");
        assert_eq!(config.on_interrupt, OnInterrupt::Report);
        assert_eq!(config.concurrency.when_busy, WhenBusy::Queue);
        assert_eq!(config.retries, 0);
    }

    #[test]
    fn a_variable_is_a_text_or_a_secret() {
        let config = read(
            "argv = ['true']\nenvironment = { STAGE = 'live', TOKEN = { env = 'DEPLOY_TOKEN' } }",
        )
        .expect("both kinds of values");

        assert_eq!(
            config.environment["STAGE"],
            EnvironmentValue::Plain("live".to_owned())
        );
        let EnvironmentValue::Secret(reference) = &config.environment["TOKEN"] else {
            panic!("a table is a reference to a secret");
        };
        assert_eq!(reference.env.as_deref(), Some("DEPLOY_TOKEN"));
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        for text in [
            "argv = ['true']\nshell = true",
            "argv = ['true']\nparameters.a = { regex = 'x' }",
            "argv = ['true']\nconcurrency = { keys = 'x' }",
            "argv = ['true']\nenvironment.A = { vault = 'x' }",
        ] {
            let message = read(text).expect_err("an unknown key").to_string();
            assert!(message.contains("unknown field"), "{message}");
        }
    }
}
