//! The records of actions and of the attempts at them.

use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;
use crate::domain::decision::Action;
use crate::domain::names::{EventId, RuleName};

/// The identifier of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActionId(pub i64);

/// Which kind of action, as the store tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionKind {
    /// A message.
    Notify,
    /// A command.
    Deploy,
}

impl ActionKind {
    /// The kind in one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notify => "notify",
            Self::Deploy => "deploy",
        }
    }

    /// The kind of an action; none for a drop, which is never kept as one.
    #[must_use]
    pub fn of(action: &Action) -> Option<Self> {
        match action {
            Action::Notify(_) => Some(Self::Notify),
            Action::Deploy(_) => Some(Self::Deploy),
            Action::Drop(_) => None,
        }
    }
}

/// An action to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAction {
    /// The idempotency key; unique.
    pub key: String,
    /// The event that led to it.
    pub event: EventId,
    /// The rule that asked for it.
    pub rule: RuleName,
    /// The action itself; never a drop.
    pub action: Action,
    /// `Waiting`, or ended at once: `Refused`, `Shadowed`.
    pub state: ActionState,
    /// Why it ended at once: for a refusal, the line of configuration that would allow it.
    pub detail: Option<String>,
    /// Of the actions with the same one, one runs at a time, in the order of the events.
    pub concurrency_key: Option<String>,
    /// Not before this moment.
    pub due_at: Timestamp,
}

/// How an action stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the words of the documentation")]
pub enum ActionState {
    Waiting,
    Running,
    Retrying,
    Done,
    Dead,
    Interrupted,
    Stuck,
    Refused,
    Shadowed,
    Merged,
    Deduplicated,
    Superseded,
    Canceled,
}

impl ActionState {
    /// Every state.
    pub const ALL: [Self; 13] = [
        Self::Waiting,
        Self::Running,
        Self::Retrying,
        Self::Done,
        Self::Dead,
        Self::Interrupted,
        Self::Stuck,
        Self::Refused,
        Self::Shadowed,
        Self::Merged,
        Self::Deduplicated,
        Self::Superseded,
        Self::Canceled,
    ];

    /// The state in one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Interrupted => "interrupted",
            Self::Stuck => "stuck",
            Self::Refused => "refused",
            Self::Shadowed => "shadowed",
            Self::Merged => "merged",
            Self::Deduplicated => "deduplicated",
            Self::Superseded => "superseded",
            Self::Canceled => "canceled",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether nothing more happens by itself.
    #[must_use]
    pub fn is_ended(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running | Self::Retrying)
    }
}

/// An action handed to a worker, whose attempt is on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedAction {
    /// Its identifier.
    pub id: ActionId,
    /// Its idempotency key.
    pub key: String,
    /// The event that led to it.
    pub event: EventId,
    /// The event's sequence number.
    pub sequence: i64,
    /// The rule that asked for it.
    pub rule: RuleName,
    /// The action itself.
    pub action: Action,
    /// The number of this attempt, counted from 1.
    pub attempt: u32,
    /// When the action was first committed.
    pub created_at: Timestamp,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptEnd {
    /// When.
    pub at: Timestamp,
    /// How.
    pub result: AttemptResult,
    /// In words: the answer, the error, the exit code.
    pub detail: Option<String>,
    /// The command's exit code.
    pub exit_code: Option<i32>,
    /// Head and tail of the command's output, secrets masked.
    pub output: Option<String>,
}

/// What an attempt means for its action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptResult {
    /// It is done.
    Done,
    /// It failed, and is tried again at this moment.
    Retry {
        /// The moment.
        due_at: Timestamp,
    },
    /// It failed for good.
    Dead,
    /// It may no longer be done: a grant was taken away since.
    Refused,
    /// It was cut off by the end of the server; a notification waits again, a command is `interrupted`.
    Interrupted,
}

impl AttemptResult {
    /// The result in one word, as [`AttemptRecord::result`] has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retry { .. } => "retry",
            Self::Dead => "dead",
            Self::Refused => "refused",
            Self::Interrupted => "interrupted",
        }
    }
}

/// A command that was cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interrupted {
    /// Its identifier.
    pub id: ActionId,
    /// Its idempotency key.
    pub key: String,
    /// The event that led to it.
    pub event: EventId,
    /// The rule that asked for it.
    pub rule: RuleName,
    /// The action itself.
    pub action: Action,
}

/// Which actions to list. What is `None` does not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ActionFilter {
    /// In this state.
    pub state: Option<ActionState>,
    /// Asked for by this rule.
    pub rule: Option<RuleName>,
    /// For this event.
    pub event: Option<EventId>,
    /// With identifiers below this one: the cursor of the page before.
    pub before: Option<ActionId>,
    /// At most so many; 0 for the store's own bound, 1,000.
    pub limit: usize,
}

/// An action with its attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "the fields of `NewAction`, with what became of it"
)]
pub struct ActionRecord {
    pub id: ActionId,
    pub key: String,
    pub event: EventId,
    pub rule: RuleName,
    pub action: Action,
    pub state: ActionState,
    /// Why it is in this state; for a refusal, the line of configuration that would allow it.
    pub detail: Option<String>,
    /// The key of the action that caused the state: what superseded it.
    pub caused_by: Option<String>,
    pub concurrency_key: Option<String>,
    pub created_at: Timestamp,
    pub due_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub attempts: Vec<AttemptRecord>,
}

/// One attempt at an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the fields of `AttemptEnd`")]
pub struct AttemptRecord {
    pub number: u32,
    pub began_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// `done`, `retry`, `dead`, `refused` or `interrupted`; none while it runs.
    pub result: Option<String>,
    pub detail: Option<String>,
    pub exit_code: Option<i32>,
    pub output: Option<String>,
}
