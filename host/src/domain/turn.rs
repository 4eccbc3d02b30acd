//! Which commands wait for each other, and what one does that finds another at work.
//!
//! The configuration says it, the worker puts it into the action, and the store keeps the order by it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A command's place among those it must not run beside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Turn {
    /// Of the actions with the same key, one runs at a time, in the order of their events.
    pub key: String,
    /// What it does that finds another of its key.
    pub when_busy: WhenBusy,
}

/// What a command does that finds another of its key waiting or at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenBusy {
    /// It waits for its turn.
    #[default]
    Queue,
    /// It waits, and takes the place of those of earlier events that wait.
    Latest,
    /// It ends those of earlier events that run, and takes the place of those that wait.
    Cancel,
    /// It is not run.
    Reject,
}

impl WhenBusy {
    /// Every value.
    pub const ALL: [Self; 4] = [Self::Queue, Self::Latest, Self::Cancel, Self::Reject];

    /// The value in one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Latest => "latest",
            Self::Cancel => "cancel",
            Self::Reject => "reject",
        }
    }

    /// The value of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|value| value.as_str() == name)
    }
}

impl fmt::Display for WhenBusy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
