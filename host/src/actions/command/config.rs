//! What stands under `[commands.<name>]`.
//!
//! The types mirror the keys of the configuration and hold no more than its words;
//! [`Commands::build`](super::Commands::build) checks them and reads the secrets.
//!
//! Invariants:
//! - An unknown key is an error.
//! - A key that belongs to another kind of command is an unknown key.
//! - A value that is left out means what the documentation of its field says.

mod written;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use self::written::Written;
use super::limits::ResourceLimits;
use crate::domain::quantity::{Bytes, Span};
use crate::domain::secret::SecretRef;
use crate::domain::turn::WhenBusy;

/// What rules may ask to run, and how.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct CommandConfig {
    /// What it does: `kind`, and the keys that belong to that kind.
    pub work: WorkConfig,
    /// What a rule may say, by name. Every parameter is used in `argv` or in the concurrency key, for a
    /// git-update in `branch` or in `then`.
    pub parameters: BTreeMap<String, ParameterConfig>,
    /// The user it runs as, with that user's main group alone; the server's own by default. Another user
    /// needs a server that runs as root, or with `CAP_SETUID`, `CAP_SETGID` and `CAP_KILL`.
    pub user: Option<String>,
    /// The one group it runs with, in place of the user's main group or of the server's own groups.
    pub group: Option<String>,
    /// How long it may run; 10 minutes by default.
    pub timeout: Span,
    /// How long after TERM it is ended with KILL; 10 seconds by default, a minute at most.
    pub grace: Span,
    /// Variables of its environment besides those that every command gets.
    pub environment: BTreeMap<String, EnvironmentValue>,
    /// What its standard input holds; nothing by default. For a git-update it is that of `then`.
    pub stdin: StandardInput,
    /// What the system allows each of its processes; what it allows the server by default.
    pub limits: ResourceLimits,
    /// By how much its priority is lower than the server's, 0 to 19; not at all by default.
    pub nice: Option<u8>,
    /// Which runs of it wait for each other; all of them by default.
    pub concurrency: ConcurrencyConfig,
    /// What becomes of a run that a crash of the server cut off.
    pub on_interrupt: OnInterrupt,
    /// The channel that is told of such a run.
    pub report_channel: Option<String>,
    /// How many times it is tried again when it fails; 0 by default.
    pub retries: u32,
    /// How much of its output is kept on disk, half from its beginning and half from its end; 64 KiB by
    /// default, 64 MiB at most. Of that, the record of the attempt holds 64 KiB at most.
    pub output_limit: Bytes,
}

/// What a command does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkConfig {
    /// It runs a program; without `kind`, or with `kind = "program"`.
    Program(ProgramConfig),
    /// It brings a checkout of a Git repository to the commit of the event; with `kind = "git-update"`.
    GitUpdate(GitUpdateConfig),
}

/// A program to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramConfig {
    /// The program and its arguments, each passed on as it is, without a shell. `{name}` stands for the
    /// value of a parameter, `{{` and `}}` for a brace. A program without a `/` is looked up in `PATH`;
    /// a relative path counts from the configuration file's folder.
    pub argv: Vec<String>,
    /// The folder it runs in; `/` by default. A relative path counts from the configuration file's folder.
    pub cwd: Option<PathBuf>,
}

/// A checkout to be brought to the commit of the event.
///
/// The commit is the argument `commit` that the rule gives, 40 or 64 hexadecimal digits, which every
/// git-update takes, else the event's. It must be on the branch. What is checked out is
/// replaced by what comes after it. While the branch has what is checked out, anything else that is on the branch lacks
/// it: nothing is changed then, and the run is superseded. Once a forced push took that off the branch, it is replaced
/// by any commit; by one that comes before it only where the event says that the push was forced. Changes of tracked
/// files are lost; untracked files stay; submodules are not touched.
///
/// Git does what the checkout's own hooks and configuration say, so that it is updated by its owner alone: another
/// `user` than that is refused, but for a checkout that belongs to root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitUpdateConfig {
    /// The folder of the checkout. A relative path counts from the configuration file's folder.
    pub path: PathBuf,
    /// The remote to fetch from; `origin` by default.
    pub remote: String,
    /// The branch that the commit must be on: a name, or a text with `{name}` for parameters.
    pub branch: String,
    /// The program that runs in `path` when the files are there, and its arguments, as in `argv`; `{commit}`
    /// stands for the commit, and a relative path of the program counts from `path`. None by default.
    pub then: Option<Vec<String>>,
}

/// What a program finds on its standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StandardInput {
    /// Nothing.
    #[default]
    None,
    /// The event as JSON, with the names that the rules' interface has.
    Event,
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
#[serde(deny_unknown_fields, default)]
pub struct ConcurrencyConfig {
    /// Runs with the same key go one after the other; a text with `{name}` for parameters, the command's
    /// name by default, and the group's where there is one. Of a git-update the path is the key.
    pub key: Option<String>,
    /// The name of a group: commands of the same group with the same key wait for each other.
    pub group: Option<String>,
    /// What a run does that finds another of its key waiting or under way: `queue` by default, and `latest`
    /// for a git-update.
    pub when_busy: Option<WhenBusy>,
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
mod tests;
