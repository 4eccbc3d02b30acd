//! A command's table as it is written, before its kind says which keys it may have.
//!
//! The keys of all kinds stand side by side here, so that the reader of the file can say in which line and
//! column one of them is wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

use super::{
    CommandConfig, ConcurrencyConfig, EnvironmentValue, GitUpdateConfig, OnInterrupt,
    ParameterConfig, ProgramConfig, ResourceLimits, StandardInput, WorkConfig,
};
use crate::domain::quantity::{Bytes, Span};

/// The keys that every kind has.
const COMMON: [&str; 15] = [
    "concurrency",
    "environment",
    "grace",
    "group",
    "kind",
    "limits",
    "nice",
    "on_interrupt",
    "output_limit",
    "parameters",
    "report_channel",
    "retries",
    "stdin",
    "timeout",
    "user",
];

/// A kind of command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    #[default]
    Program,
    GitUpdate,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::GitUpdate => "git-update",
        }
    }

    /// The keys that it has and the other kinds do not.
    fn own_keys(self) -> &'static [&'static str] {
        match self {
            Self::Program => &["argv", "cwd"],
            Self::GitUpdate => &["branch", "path", "remote", "then"],
        }
    }
}

/// A table whose keys do not fit its kind.
#[derive(Debug)]
pub(super) enum KindError {
    /// A key belongs to another kind.
    Unknown { found: &'static str, kind: Kind },
    /// A key that the kind needs is not there.
    Missing { key: &'static str, kind: Kind },
}

/// In the words of the reader of the file, so that both are explained in the same way.
impl fmt::Display for KindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { found, kind } => {
                let name = kind.as_str();
                let mut known: Vec<&str> = kind.own_keys().iter().chain(&COMMON).copied().collect();
                known.sort_unstable();
                let known = known.join("`, `");
                write!(
                    f,
                    "unknown field `{found}` in a command of kind \"{name}\", expected one of `{known}`"
                )
            }
            Self::Missing { key, kind } => write!(
                f,
                "missing field `{key}`, which a command of kind \"{}\" needs",
                kind.as_str()
            ),
        }
    }
}

/// A command's table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    #[serde(default)]
    kind: Kind,
    argv: Option<Vec<String>>,
    cwd: Option<PathBuf>,
    path: Option<PathBuf>,
    remote: Option<String>,
    branch: Option<String>,
    then: Option<Vec<String>>,
    #[serde(default)]
    parameters: BTreeMap<String, ParameterConfig>,
    user: Option<String>,
    group: Option<String>,
    #[serde(default = "default_timeout")]
    timeout: Span,
    #[serde(default = "default_grace")]
    grace: Span,
    #[serde(default)]
    environment: BTreeMap<String, EnvironmentValue>,
    #[serde(default)]
    stdin: StandardInput,
    #[serde(default)]
    limits: ResourceLimits,
    nice: Option<u8>,
    #[serde(default)]
    concurrency: ConcurrencyConfig,
    #[serde(default)]
    on_interrupt: OnInterrupt,
    report_channel: Option<String>,
    #[serde(default)]
    retries: u32,
    #[serde(default = "default_output_limit")]
    output_limit: Bytes,
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

impl Written {
    /// Whether a key that only some kinds have is there.
    fn has(&self, key: &str) -> bool {
        match key {
            "argv" => self.argv.is_some(),
            "cwd" => self.cwd.is_some(),
            "branch" => self.branch.is_some(),
            "path" => self.path.is_some(),
            "remote" => self.remote.is_some(),
            "then" => self.then.is_some(),
            _ => false,
        }
    }

    /// Takes what belongs to its kind.
    fn work(&mut self) -> Result<WorkConfig, KindError> {
        let kind = self.kind;
        for other in [Kind::Program, Kind::GitUpdate] {
            if other != kind
                && let Some(found) = other.own_keys().iter().find(|key| self.has(key))
            {
                return Err(KindError::Unknown { found, kind });
            }
        }
        let missing = |key| KindError::Missing { key, kind };
        Ok(match kind {
            Kind::Program => WorkConfig::Program(ProgramConfig {
                argv: self.argv.take().ok_or(missing("argv"))?,
                cwd: self.cwd.take(),
            }),
            Kind::GitUpdate => WorkConfig::GitUpdate(GitUpdateConfig {
                path: self.path.take().ok_or(missing("path"))?,
                remote: self.remote.take().unwrap_or_else(|| "origin".to_owned()),
                branch: self.branch.take().ok_or(missing("branch"))?,
                then: self.then.take(),
            }),
        })
    }
}

impl TryFrom<Written> for CommandConfig {
    type Error = KindError;

    fn try_from(mut written: Written) -> Result<Self, KindError> {
        Ok(Self {
            work: written.work()?,
            parameters: written.parameters,
            user: written.user,
            group: written.group,
            timeout: written.timeout,
            grace: written.grace,
            environment: written.environment,
            stdin: written.stdin,
            limits: written.limits,
            nice: written.nice,
            concurrency: written.concurrency,
            on_interrupt: written.on_interrupt,
            report_channel: written.report_channel,
            retries: written.retries,
            output_limit: written.output_limit,
        })
    }
}
