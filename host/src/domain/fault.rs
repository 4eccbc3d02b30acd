//! A rule's misbehaviour, as data.
//!
//! A fault is stored beside the event and shown with its code; it never stops the server, never
//! touches another rule, and is not retried: the same event would give the same fault.

use serde::{Deserialize, Serialize};

use super::quantity::{Bytes, Span};

/// Why an evaluation gave no decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Fault {
    /// It used more fuel than it may.
    #[error("it used all of its {limit} units of fuel")]
    OutOfFuel {
        /// What it may use.
        limit: u64,
    },
    /// It used more CPU time than it may.
    #[error("it used more than its {limit} of CPU time")]
    OutOfTime {
        /// What it may use.
        limit: Span,
    },
    /// It took too long on the wall; the machine may have been busy, so this does not count towards
    /// quarantine.
    #[error("it took longer than {limit}")]
    TimedOut {
        /// How long it may take.
        limit: Span,
    },
    /// It asked for more memory than it may have.
    #[error("it asked for more than its {limit} of memory")]
    OutOfMemory {
        /// What it may have.
        limit: Bytes,
    },
    /// It called itself too deeply.
    #[error("its calls went deeper than the stack of {limit} holds")]
    StackOverflow {
        /// How large the stack is.
        limit: Bytes,
    },
    /// It handed over more than one call may copy.
    #[error("it handed over more than {limit} in one call")]
    CopiedTooMuch {
        /// What one call may copy.
        limit: Bytes,
    },
    /// It executed a trap: a panic, an index out of bounds, a division by zero.
    #[error("it trapped: {message}")]
    Trapped {
        /// What the engine says of it.
        message: String,
    },
    /// It waits for a later moment, which does not come: the clock stands still while a rule runs.
    #[error(
        "it would wait, and a rule has nothing to wait for: its clock stands still, and nothing happens while it runs"
    )]
    WouldWait,
    /// Its answer breaks a limit or a rule of the interface.
    #[error("its answer is not acceptable: {reason}")]
    BadOutput {
        /// What is wrong with it.
        reason: String,
    },
    /// It returned a failure.
    #[error("it says: {message}")]
    Failed {
        /// Which of the interface's failures: `settings`, `event` or `other`.
        failure: FailureKind,
        /// Its own words.
        message: String,
    },
    /// The engine itself failed, which is not the rule's doing.
    #[error("the engine failed: {message}")]
    Engine {
        /// What it says.
        message: String,
    },
}

/// The cases of the interface's `failure`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The settings are wrong.
    Settings,
    /// The event lacks something.
    Event,
    /// Anything else.
    Other,
}

impl Fault {
    /// Every code a fault may have.
    pub const CODES: [&'static str; 11] = [
        "rule/out-of-fuel",
        "rule/out-of-time",
        "rule/timed-out",
        "rule/out-of-memory",
        "rule/stack-overflow",
        "rule/copied-too-much",
        "rule/trapped",
        "rule/would-wait",
        "rule/bad-output",
        "rule/failed",
        "rule/engine",
    ];

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::OutOfFuel { .. } => "rule/out-of-fuel",
            Self::OutOfTime { .. } => "rule/out-of-time",
            Self::TimedOut { .. } => "rule/timed-out",
            Self::OutOfMemory { .. } => "rule/out-of-memory",
            Self::StackOverflow { .. } => "rule/stack-overflow",
            Self::CopiedTooMuch { .. } => "rule/copied-too-much",
            Self::Trapped { .. } => "rule/trapped",
            Self::WouldWait => "rule/would-wait",
            Self::BadOutput { .. } => "rule/bad-output",
            Self::Failed { .. } => "rule/failed",
            Self::Engine { .. } => "rule/engine",
        }
    }

    /// Whether it counts towards putting the rule in quarantine: a returned failure, a busy machine
    /// and the engine's own trouble do not.
    #[must_use]
    pub fn counts(&self) -> bool {
        !matches!(
            self,
            Self::TimedOut { .. } | Self::Failed { .. } | Self::Engine { .. }
        )
    }
}
