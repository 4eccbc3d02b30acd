//! The records of actions and of the attempts at them.

use serde::{Deserialize, Serialize};

use crate::domain::clock::Timestamp;
use crate::domain::decision::Action;
use crate::domain::names::{EventId, RuleName, TeamName};
use crate::domain::turn::Turn;

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
    /// The run of the event: 0, and one more for each replay.
    pub run: u32,
    /// The rule that asked for it.
    pub rule: RuleName,
    /// The action itself; never a drop.
    pub action: Action,
    /// `Waiting`, or ended at once: `Refused`, `Shadowed`. One that is to wait may be kept in another state:
    /// its turn or its `once` may say so.
    pub state: ActionState,
    /// Why it ended at once: for a refusal, the line of configuration that would allow it.
    pub detail: Option<String>,
    /// Which other commands it must not run beside; a message has none. One that ends at once may have one: by it
    /// the command runs that is tried again.
    pub turn: Option<Turn>,
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
    /// The run of the event: 0, and one more for each replay.
    pub run: u32,
    /// The action itself.
    pub action: Action,
    /// The number of this attempt, counted from 1.
    pub attempt: u32,
    /// How many attempts before this one do not count: those that the channel held, and those from before
    /// somebody had it tried again.
    pub forgiven: u32,
    /// When the action was first committed.
    pub created_at: Timestamp,
}

/// A message to send, with those that wait for the same channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedMessage {
    /// The message, whose attempt is on record.
    pub action: ClaimedAction,
    /// Those that were due after it, in their order. They are claimed by nobody.
    pub others: Vec<WaitingMessage>,
}

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingMessage {
    /// Its identifier.
    pub id: ActionId,
    /// Its idempotency key.
    pub key: String,
    /// The rule that asked for it.
    pub rule: RuleName,
    /// The action itself.
    pub action: Action,
}

/// A channel for which messages wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Lane {
    /// The channel, as the rules wrote it.
    pub channel: String,
    /// How many are due; 1,001 where there are more than 1,000.
    pub due: u64,
    /// When the next falls due that is not yet; none where all are.
    pub next_due_at: Option<Timestamp>,
}

/// A running command that is to be ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancellation {
    /// The command's action.
    pub id: ActionId,
    /// The key of the action that takes its place; none where a person asked for it.
    pub by: Option<String>,
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
    /// The channel failed, and not the message: it waits again, as if this attempt had not been.
    Held,
    /// It was ended because a person asked, or because another takes its place.
    Canceled,
    /// What is deployed is newer.
    Superseded,
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
            Self::Held => "held",
            Self::Canceled => "canceled",
            Self::Superseded => "superseded",
        }
    }
}

/// What is committed together with the end of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Consequences {
    /// Actions that follow from it, such as a report.
    pub follow_ups: Vec<NewAction>,
    /// Messages to the same channel that it carried besides its own: those of them that still wait become
    /// `merged` where the attempt ended as [`Done`](AttemptResult::Done).
    pub merged: Vec<ActionId>,
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
    /// The run of the event.
    pub run: u32,
    /// The rule that asked for it.
    pub rule: RuleName,
    /// The action itself.
    pub action: Action,
    /// The number of the attempt that was cut off.
    pub attempt: u32,
}

/// Which actions to list, or to change. What is `None` does not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ActionFilter {
    /// This one.
    pub id: Option<ActionId>,
    /// In this state.
    pub state: Option<ActionState>,
    /// Of this kind.
    pub kind: Option<ActionKind>,
    /// To this channel, or of this command.
    pub target: Option<String>,
    /// Asked for by this rule.
    pub rule: Option<RuleName>,
    /// Asked for by a rule of this team.
    pub team: Option<TeamName>,
    /// Committed at this moment or later.
    pub since: Option<Timestamp>,
    /// Committed before this moment.
    pub until: Option<Timestamp>,
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
    /// 0, and one more for each replay.
    pub run: u32,
    pub rule: RuleName,
    pub action: Action,
    pub state: ActionState,
    /// Why it is in this state; for a refusal, the line of configuration that would allow it.
    pub detail: Option<String>,
    /// The key of the action that caused the state: what superseded, merged, or canceled it, or was there
    /// first.
    pub caused_by: Option<String>,
    pub turn: Option<Turn>,
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
    /// `done`, `retry`, `dead`, `refused`, `interrupted`, `held`, `canceled` or `superseded`; none while it
    /// runs.
    pub result: Option<String>,
    pub detail: Option<String>,
    pub exit_code: Option<i32>,
    pub output: Option<String>,
}
