//! The records of the store, as its callers see them.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Unit;
use crate::domain::clock::Timestamp;
use crate::domain::decision::Action;
use crate::domain::evaluation::Evaluation;
use crate::domain::event::Event;
use crate::domain::names::{DeliveryId, EventId, RuleName, SourceName};

/// A text that makes two deliveries of a source the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryKey {
    /// The provider's delivery identifier, or a digest; prefixed with which, such as `id:` or `body:`.
    pub key: String,
    /// Until when it counts.
    pub expires_at: Timestamp,
}

/// One accepted request, as it is kept. Nothing secret is left in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its identifier.
    pub id: DeliveryId,
    /// The source.
    pub source: SourceName,
    /// The provider's name.
    pub provider: String,
    /// When it was accepted.
    pub received_at: Timestamp,
    /// The same instant as text in the operator's time zone.
    pub received_local: String,
    /// The sender's address, as seen behind trusted proxies.
    pub remote_address: Option<String>,
    /// The headers, names in lower case, without those that carry credentials.
    pub headers: Vec<(String, String)>,
    /// The request's query, as it came.
    pub query: Option<String>,
    /// The body.
    pub body: Bytes,
    /// The name of the secret that matched.
    pub secret: Option<String>,
    /// What makes it the same as another; used by `accept` only, and empty when read back.
    pub keys: Vec<DeliveryKey>,
}

/// A request that was not accepted, or a verified one that its source does not expect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The source it was for.
    pub source: SourceName,
    /// The stable code, such as `hook/bad-signature`.
    pub code: String,
    /// The sentence the sender got.
    pub message: String,
    /// The sender's address.
    pub remote_address: Option<String>,
    /// The provider's own name for the event, where a header says it.
    pub provider_event: Option<String>,
    /// The provider's delivery identifier, where a header says it.
    pub delivery_key: Option<String>,
    /// The project, where it could be read.
    pub project: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// A refusal as it is kept: equal ones are counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the fields of `Refusal`, with counts")]
pub struct RefusalRecord {
    pub source: SourceName,
    pub code: String,
    pub message: String,
    pub remote_address: Option<String>,
    pub provider_event: Option<String>,
    pub delivery_key: Option<String>,
    pub project: Option<String>,
    pub count: u64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}

/// A delivery handed to a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedDelivery {
    /// The delivery.
    pub delivery: Delivery,
}

/// An event handed to a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedEvent {
    /// The event.
    pub event: Event,
    /// The delivery it came with.
    pub delivery: DeliveryId,
    /// Its number in the order of commits.
    pub sequence: i64,
    /// 0, and one more for each replay.
    pub run: u32,
    /// The units that are committed already.
    pub units: Vec<Unit>,
    /// Whether the shared rules, already committed, dropped it.
    pub dropped: Option<DropRecord>,
}

/// The identifier of a kept description of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SnapshotId(pub i64);

/// The identifier of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActionId(pub i64);

/// A rule dropped an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DropRecord {
    /// The rule.
    pub rule: RuleName,
    /// Its reason.
    pub reason: String,
}

/// One unit of an event, to be committed as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitCommit {
    /// The event.
    pub event: EventId,
    /// The run.
    pub run: u32,
    /// The unit.
    pub unit: Unit,
    /// The snapshot its rules belong to.
    pub snapshot: SnapshotId,
    /// When it was evaluated.
    pub at: Timestamp,
    /// The evaluations, in the order of the rules, each with its actions.
    pub evaluations: Vec<UnitEvaluation>,
    /// The rule of this unit that dropped the event.
    pub dropped: Option<DropRecord>,
}

/// One evaluation and the actions it gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitEvaluation {
    /// The evaluation.
    pub evaluation: Evaluation,
    /// Its actions, drops left out, in the order of the decision.
    pub actions: Vec<NewAction>,
}

/// Which kind of action, as the store tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionKind {
    /// A message.
    Notify,
    /// A command.
    Deploy,
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

/// How an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the words of the documentation")]
pub enum EventState {
    Waiting,
    Running,
    Done,
    Stuck,
}

/// Which events to list. What is `None` does not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// Of this source.
    pub source: Option<SourceName>,
    /// About this subject.
    pub subject: Option<String>,
    /// In this project.
    pub project: Option<String>,
    /// In this state.
    pub state: Option<EventState>,
    /// With sequence numbers below this one: the cursor of the page before.
    pub before: Option<i64>,
    /// At most so many; 0 for the store's own bound, 1,000.
    pub limit: usize,
}

/// An event in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the fields of the records it is made from")]
pub struct EventSummary {
    pub sequence: i64,
    pub id: EventId,
    pub source: SourceName,
    pub provider_event: String,
    pub subject: String,
    pub project: Option<String>,
    pub received_at: Timestamp,
    pub received_local: String,
    pub state: EventState,
    /// How many rules were asked.
    pub evaluations: u64,
    /// How many of them faulted.
    pub faults: u64,
    /// How many actions they gave, in each state that occurs.
    pub actions: Vec<(ActionState, u64)>,
}

/// An event with all that is known of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the fields of the records it is made from")]
pub struct EventRecord {
    pub sequence: i64,
    pub delivery: DeliveryId,
    pub event: Event,
    pub state: EventState,
    pub run: u32,
    /// The snapshot it was evaluated with, once it is done.
    pub snapshot: Option<SnapshotId>,
    /// How often its delivery came again.
    pub duplicates: u64,
    /// The name of the secret that matched.
    pub secret: Option<String>,
    pub remote_address: Option<String>,
    pub evaluations: Vec<EvaluationRecord>,
    pub drops: Vec<DropRecord>,
    pub actions: Vec<ActionRecord>,
}

/// An evaluation with its run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct EvaluationRecord {
    /// 0, and one more for each replay.
    pub run: u32,
    /// When it was committed.
    pub at: Timestamp,
    /// The evaluation.
    pub evaluation: Evaluation,
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
#[expect(missing_docs, reason = "the fields of `NewAction`, with what became of it")]
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

/// How much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "one count for each queue")]
pub struct Backlog {
    pub deliveries: u64,
    pub events: u64,
    pub actions: u64,
    pub stuck: u64,
    pub dead: u64,
}
