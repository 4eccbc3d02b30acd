//! One rule's answer to one event, as it is kept.

use serde::{Deserialize, Serialize};

use super::decision::Decision;
use super::fault::Fault;
use super::names::{Digest, RuleName};

/// What one run of a module gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Evaluation {
    /// The rule.
    pub rule: RuleName,
    /// The module that ran.
    pub module: Digest,
    /// The settings it ran with.
    pub settings: Digest,
    /// Its decision, or why there is none.
    pub outcome: Outcome,
    /// What it wrote to its log.
    #[serde(default)]
    pub log: Log,
    /// The fuel it used.
    pub fuel: u64,
    /// How long it took, in microseconds.
    pub duration_us: u64,
}

/// A decision or a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It decided.
    Decided(Decision),
    /// It did not.
    Faulted(Fault),
}

/// What a rule wrote to its log during one evaluation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Log {
    /// The lines kept.
    #[serde(default)]
    pub lines: Vec<LogLine>,
    /// How many more there were.
    #[serde(default)]
    pub left_out: u64,
}

/// One line of a rule's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// What it says.
    pub message: String,
}

/// How much a line of a log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the usual four levels")]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}
