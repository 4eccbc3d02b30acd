//! How a run ended.
//!
//! The worker records it with the attempt, and reports show its summary.
//!
//! Invariants:
//! - A run succeeded only if its program ended by itself with exit code 0.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::output::Output;
use crate::domain::quantity::Span;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum CommandOutcome {
    /// Its program ended with exit code 0.
    Succeeded,
    /// Its program ended with another exit code.
    Failed {
        /// The exit code.
        exit_code: i32,
    },
    /// Its program was ended by a signal that did not come from here.
    Signaled {
        /// The signal's number.
        signal: i32,
    },
    /// It was ended at its time limit.
    TimedOut,
    /// Its program was never started.
    CouldNotStart {
        /// Why, and what to do.
        reason: String,
    },
    /// Its program was started, and how it ended is not known.
    Interrupted {
        /// Why.
        reason: String,
    },
    /// It was ended because the worker gave it up.
    Canceled,
    /// It is a git-update, and what is checked out is newer already; nothing was changed.
    Superseded {
        /// What is checked out.
        reason: String,
    },
    /// It is a git-update that failed before its program was run.
    NotUpdated {
        /// Why, and what to do.
        reason: String,
    },
}

/// The end of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandEnd {
    /// How it ended.
    pub outcome: CommandOutcome,
    /// How long its program ran.
    pub duration: Duration,
    /// Its time limit.
    pub limit: Span,
    /// How many of its processes could not be ended, such as those of another user; zero as a rule.
    pub left_running: usize,
    /// What is kept of its output.
    pub output: Output,
}

impl CommandEnd {
    /// The exit code of its program, where that ended by itself.
    #[must_use]
    pub fn exit_code(&self) -> Option<i32> {
        match self.outcome {
            CommandOutcome::Succeeded => Some(0),
            CommandOutcome::Failed { exit_code } => Some(exit_code),
            _ => None,
        }
    }

    /// Whether its program ended with exit code 0.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.outcome == CommandOutcome::Succeeded
    }

    /// How it ended in one line, such as `exit 1 after 2.3 s`.
    #[must_use]
    pub fn summary(&self) -> String {
        let after = format!("after {}", in_seconds(self.duration));
        let mut text = match &self.outcome {
            CommandOutcome::Succeeded => format!("exit 0 {after}"),
            CommandOutcome::Failed { exit_code } => format!("exit {exit_code} {after}"),
            CommandOutcome::Signaled { signal } => {
                format!("ended by signal {} {after}", signal_name(*signal))
            }
            CommandOutcome::TimedOut => format!("stopped after its time limit of {}", self.limit),
            CommandOutcome::CouldNotStart { reason } => format!("could not start: {reason}"),
            CommandOutcome::Interrupted { reason } => format!("interrupted {after}: {reason}"),
            CommandOutcome::Canceled => format!("canceled {after}"),
            CommandOutcome::Superseded { reason } => format!("superseded: {reason}"),
            CommandOutcome::NotUpdated { reason } => format!("not updated: {reason}"),
        };
        if self.left_running > 0 {
            let number = self.left_running;
            text = format!("{text}; {number} of its processes could not be ended");
        }
        text
    }
}

fn in_seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// A signal's number with its name, for those that are met.
fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        4 => "ILL",
        6 => "ABRT",
        7 => "BUS",
        8 => "FPE",
        9 => "KILL",
        11 => "SEGV",
        13 => "PIPE",
        14 => "ALRM",
        15 => "TERM",
        24 => "XCPU",
        25 => "XFSZ",
        31 => "SYS",
        _ => return signal.to_string(),
    };
    format!("{signal} ({name})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_one_line_for_people() {
        let end = |outcome| CommandEnd {
            outcome,
            duration: Duration::from_millis(2_345),
            limit: Span::seconds(300),
            left_running: 0,
            output: Output::default(),
        };
        let summary = |outcome| end(outcome).summary();

        assert_eq!(summary(CommandOutcome::Succeeded), "exit 0 after 2.3 s");
        assert_eq!(
            summary(CommandOutcome::Failed { exit_code: 1 }),
            "exit 1 after 2.3 s"
        );
        assert_eq!(
            summary(CommandOutcome::Signaled { signal: 11 }),
            "ended by signal 11 (SEGV) after 2.3 s"
        );
        assert_eq!(
            summary(CommandOutcome::TimedOut),
            "stopped after its time limit of 5m"
        );
        assert_eq!(summary(CommandOutcome::Canceled), "canceled after 2.3 s");
        let left = CommandEnd {
            left_running: 2,
            ..end(CommandOutcome::TimedOut)
        };
        assert!(
            left.summary()
                .ends_with("; 2 of its processes could not be ended")
        );
    }
}
