//! The records of the store, as its callers see them.

use std::sync::Arc;

mod action;
mod control;
mod past;
mod source;

pub use action::{
    ActionFilter, ActionId, ActionKind, ActionRecord, ActionState, AttemptEnd, AttemptRecord,
    AttemptResult, Cancellation, ClaimedAction, ClaimedMessage, Consequences, Interrupted, Lane,
    NewAction, WaitingMessage,
};
use bytes::Bytes;
pub use control::{Channel, Failing, Pausable, Pause, Replay, Replayed, Skipped, Which};
pub use past::{Evaluated, Past, PastAnswer, PastEvent, PastPage};
use serde::{Deserialize, Serialize};
pub use source::{DeliverySummary, FileRecord, FolderChange, FolderRecord, RootRecord};

use super::Unit;
use crate::domain::clock::Timestamp;
use crate::domain::evaluation::Evaluation;
use crate::domain::event::Event;
use crate::domain::names::{DeliveryId, EventId, RuleName, SourceName};
use crate::domain::state::Changes;

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
    /// The sequence number that its first event has.
    pub sequence: i64,
    /// At how many crashes it was in hand.
    pub crashes: u32,
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
    /// At how many crashes it was in hand.
    pub crashes: u32,
    /// The units that are committed already.
    pub units: Vec<Unit>,
    /// The rules whose evaluations are committed already, of units that are not committed as a whole.
    pub evaluated: Vec<RuleName>,
    /// Whether the shared rules, already committed, dropped it.
    pub dropped: Option<DropRecord>,
    /// The rules that are to be asked; empty for all. A replay may be for some of them.
    pub only: Vec<RuleName>,
}

/// The identifier of a kept description of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SnapshotId(pub i64);

/// A rule dropped an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DropRecord {
    /// The rule.
    pub rule: RuleName,
    /// Its reason.
    pub reason: String,
}

/// Whether rules of a unit are still to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// None: the unit is committed with this.
    None,
    /// Some: this is a part of it, and the others follow.
    Follows,
}

/// One unit of an event, or a part of it, to be committed as a whole.
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
    /// The rules of this unit that would have been asked, and are paused.
    pub skipped: Vec<RuleName>,
    /// Whether rules of it are still to be asked.
    pub rest: Rest,
}

/// One evaluation and the actions it gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitEvaluation {
    /// The evaluation.
    pub evaluation: Evaluation,
    /// Its actions, drops left out, in the order of the decision.
    pub actions: Vec<NewAction>,
    /// What it changed of the rule's state.
    pub state: Changes,
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

impl EventState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Running, Self::Done, Self::Stuck];

    /// The state in one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Stuck => "stuck",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
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
    /// Received at this moment or later.
    pub since: Option<Timestamp>,
    /// Received before this moment.
    pub until: Option<Timestamp>,
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
    /// 0, and one more for each replay.
    pub run: u32,
    /// How many rules were asked.
    pub evaluations: u64,
    /// How many of them faulted.
    pub faults: u64,
    /// How many actions they gave, in each state that occurs.
    pub actions: Vec<(ActionState, u64)>,
}

/// Whether an event is meant, by its source and its project.
pub type Meant = dyn Fn(&SourceName, Option<&str>) -> bool + Send + Sync;

/// What is looked for among the events that match a filter.
#[derive(Clone)]
pub struct Look {
    /// How many of them are looked at, at most.
    pub rows: usize,
    /// Which of them are meant.
    pub meant: Arc<Meant>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Those that are meant, newest first, at most as many as the filter says.
    pub events: Vec<EventSummary>,
    /// The lowest sequence number that was looked at, where there may be more below it.
    pub rest: Option<i64>,
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

/// How much is not finished: what waits for its turn, its time, or a decision after it was cut off, and what is
/// in hand; and what was given up.
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
