//! The records of what people and failures hold up: pauses, failing channels, skipped rules, and replays.

use serde::{Deserialize, Serialize};

use super::EventFilter;
use crate::domain::clock::Timestamp;
use crate::domain::names::{EventId, RuleName};

/// What can be paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pausable {
    /// What it delivers is accepted, and waits.
    Source,
    /// It is not asked, and what it misses is kept for later.
    Rule,
    /// Its messages wait.
    Channel,
    /// Its runs wait.
    Command,
}

impl Pausable {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Source, Self::Rule, Self::Channel, Self::Command];

    /// It in one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Rule => "rule",
            Self::Channel => "channel",
            Self::Command => "command",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// Something that a person paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pause {
    /// What.
    pub what: Pausable,
    /// Its name.
    pub name: String,
    /// Since when.
    pub since: Timestamp,
    /// Why, where the person said so.
    pub reason: Option<String>,
}

/// A channel that is known to the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Channel {
    /// Its name, as the rules wrote it.
    pub name: String,
    /// How it fails; none while it works.
    pub failing: Option<Failing>,
}

/// How a channel fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failing {
    /// Since when.
    pub since: Timestamp,
    /// Not tried before this moment.
    pub until: Timestamp,
    /// How many attempts in a row failed.
    pub failures: u32,
    /// What the last one met.
    pub error: String,
}

/// How many events a rule has missed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Skipped {
    /// The rule.
    pub rule: RuleName,
    /// How many.
    pub events: u64,
}

/// Which events are evaluated again, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replay {
    /// This event; none for all that match the filter.
    pub event: Option<EventId>,
    /// Those that match, whatever its `before` and `limit` say.
    pub filter: EventFilter,
    /// By this rule alone; none for all.
    pub rule: Option<RuleName>,
    /// Which of them.
    pub which: Which,
}

/// Which of the events that match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Which {
    /// All.
    #[default]
    All,
    /// Those that a rule has missed: by the rule that is named, or else by each that missed them.
    Skipped,
}

/// What a replay will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Replayed {
    /// How many events are evaluated again, with those that waited for it and are asked of further rules.
    pub events: u64,
    /// How many match and are left alone: they are being evaluated, have begun to be, or wait for their first
    /// run.
    pub busy: u64,
}
