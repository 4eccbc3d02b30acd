//! What must not be lost: deliveries, events, evaluations, actions, attempts, refusals, and what was
//! seen of folders and schedules.
//!
//! The server speaks to the [`Store`] trait alone; [`sqlite`] is its implementation. The contract is
//! one of claims with leases, so that a database shared by several hosts can keep it as well.
//!
//! Invariants:
//! - What a call returned `Ok` for is on disk.
//! - Of a unit's evaluations and actions, either all are there or none.
//! - A delivery, event or action is claimed by one owner at a time; what its owner had in hand when it
//!   crashed is handed out again, and set aside as `stuck` at the third time.
//! - Every attempt is on record before it begins.

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::clock::Timestamp;
use crate::domain::event::Event;
use crate::domain::names::{DeliveryId, EventId, RuleName, SourceName, TeamName};

#[cfg(test)]
mod conformance;
mod records;
pub mod sqlite;

pub use records::{
    ActionFilter, ActionId, ActionKind, ActionRecord, ActionState, AttemptEnd, AttemptRecord,
    AttemptResult, Backlog, ClaimedAction, ClaimedDelivery, ClaimedEvent, Delivery, DeliveryKey,
    DeliverySummary, DropRecord, EvaluationRecord, EventFilter, EventRecord, EventState,
    EventSummary, FileRecord, FolderChange, FolderRecord, Interrupted, NewAction, Refusal,
    RefusalRecord, RootRecord, SnapshotId, UnitCommit, UnitEvaluation,
};

/// The number of crashes after which what was in flight is set aside.
pub const CRASHES_UNTIL_STUCK: u32 = 3;

/// Why the store did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The disk is full. Nothing was written; it works again when there is space.
    #[error("the disk that holds the data folder is full")]
    Full,
    /// The store was closed, or its writer ended.
    #[error("the store is closed")]
    Closed,
    /// The claim is no longer the caller's: its lease ran out and somebody else has it.
    #[error("the claim on {what} is no longer held")]
    ClaimLost {
        /// What was claimed, such as ``event `0192…` ``.
        what: String,
    },
    /// There is no such record.
    #[error("there is no {what}")]
    NotFound {
        /// What was asked for, such as ``event `0192…` ``.
        what: String,
    },
    /// The data folder is of a newer version of Hookbox.
    #[error(
        "the store has schema version {found}, and this hookbox knows versions up to {known}: run a newer hookbox"
    )]
    Newer {
        /// The version found.
        found: i64,
        /// The newest version known.
        known: i64,
    },
    /// Anything else the database says.
    #[error("the database failed: {message}")]
    Database {
        /// In its words.
        message: String,
    },
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// It is on disk.
    New,
    /// An earlier one had one of its keys; that it came again is recorded there.
    Duplicate {
        /// The earlier one.
        first: DeliveryId,
    },
}

/// Keeps what must not be lost.
///
/// A call is carried out even when its caller stops waiting for the answer; a claim that nobody heard of
/// stays with its owner until [`release_all`](Store::release_all) or [`recover`](Store::recover).
#[async_trait]
pub trait Store: Send + Sync + 'static {
    // Deliveries.

    /// Commits a delivery with its keys, unless one of them that has not expired is known for its
    /// source, or its identifier is known.
    async fn accept(&self, delivery: Delivery) -> Result<Accepted, StoreError>;

    /// Records a refusal. 200 of a source are kept, and of the address that has
    /// the most of them the oldest gives way; one equal in source, code, address,
    /// provider event and project to one that is kept is counted there.
    async fn refuse(&self, refusal: Refusal) -> Result<(), StoreError>;

    /// The refusals of a source (of all where none is named), newest first.
    async fn refusals(&self, source: Option<&SourceName>)
    -> Result<Vec<RefusalRecord>, StoreError>;

    /// Claims up to `limit` deliveries that wait to be split into events, oldest first.
    async fn claim_deliveries(
        &self,
        owner: &str,
        limit: usize,
    ) -> Result<Vec<ClaimedDelivery>, StoreError>;

    /// Commits the events of a claimed delivery, which is thereby done. The events get sequence
    /// numbers in the order of their deliveries' acceptance and of their own, whichever delivery is split first,
    /// and are claimed by the same owner.
    async fn split(
        &self,
        owner: &str,
        delivery: &DeliveryId,
        events: Vec<Event>,
    ) -> Result<Vec<ClaimedEvent>, StoreError>;

    /// A delivery, with its body.
    async fn delivery(&self, id: &DeliveryId) -> Result<Delivery, StoreError>;

    /// The newest delivery of a source; none where nothing of it is kept.
    async fn last_delivery(
        &self,
        source: &SourceName,
    ) -> Result<Option<DeliverySummary>, StoreError>;

    // Watched folders and schedules.

    /// What is kept of a watched folder; none where nothing was ever kept of it.
    async fn folder(&self, source: &SourceName) -> Result<Option<FolderRecord>, StoreError>;

    /// Keeps what changed of a watched folder and accepts the deliveries that tell of it, as
    /// [`accept`](Store::accept) does, all in one commit: all or none. A batch whose number is not above the
    /// one that is kept was committed before, and changes nothing.
    async fn keep_folder(
        &self,
        source: &SourceName,
        change: FolderChange,
        deliveries: Vec<Delivery>,
    ) -> Result<(), StoreError>;

    /// Until when what was due of a schedule has been dealt with; none where nothing was ever kept of it.
    async fn last_due(&self, source: &SourceName) -> Result<Option<Timestamp>, StoreError>;

    /// Keeps until when what was due of a schedule has been dealt with. An earlier moment than the one
    /// that is kept changes nothing.
    async fn keep_due(&self, source: &SourceName, due_at: Timestamp) -> Result<(), StoreError>;

    // Events.

    /// Claims up to `limit` events that wait for evaluation, in the order of their sequence numbers.
    async fn claim_events(
        &self,
        owner: &str,
        limit: usize,
    ) -> Result<Vec<ClaimedEvent>, StoreError>;

    /// Commits one unit of an event that the owner has in hand: its evaluations, its actions, and a drop,
    /// all or none. Returns the identifiers of the actions in their order; an action whose key is known
    /// is not kept again. A unit that is committed already is left as it is, and its actions'
    /// identifiers are returned.
    async fn commit_unit(&self, owner: &str, unit: UnitCommit)
    -> Result<Vec<ActionId>, StoreError>;

    /// Marks a claimed event as done: every unit of its snapshot is committed.
    async fn finish_event(
        &self,
        owner: &str,
        event: &EventId,
        run: u32,
        snapshot: SnapshotId,
    ) -> Result<(), StoreError>;

    /// Gives a claimed event back, to be claimed again; it does not count as a crash.
    async fn release_event(&self, owner: &str, event: &EventId) -> Result<(), StoreError>;

    /// The events that match, newest first.
    async fn events(&self, filter: EventFilter) -> Result<Vec<EventSummary>, StoreError>;

    /// An event with all that is known of it; the newest where `id` is none.
    async fn event(&self, id: Option<&EventId>) -> Result<EventRecord, StoreError>;

    // Actions.

    /// Claims up to `limit` actions of a kind that are due at `now`, those that fell due first, and
    /// records that an attempt begins; they come in the order of their sequence numbers. Of the actions
    /// of one concurrency key, one is claimed at a time, that of the lowest sequence number; one whose
    /// key has begun an action of a later event is ended as `superseded`.
    async fn claim_actions(
        &self,
        owner: &str,
        kind: ActionKind,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<ClaimedAction>, StoreError>;

    /// Ends the attempt at a claimed action, and commits actions that follow from it (a report).
    async fn settle_action(
        &self,
        owner: &str,
        action: ActionId,
        end: AttemptEnd,
        follow_ups: Vec<NewAction>,
    ) -> Result<(), StoreError>;

    /// When the next action of a kind falls due that is not due at `now`, if one waits for its time.
    async fn next_due(
        &self,
        kind: ActionKind,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError>;

    /// The actions that match, newest first.
    async fn actions(&self, filter: ActionFilter) -> Result<Vec<ActionRecord>, StoreError>;

    /// One action with its attempts.
    async fn action(&self, id: ActionId) -> Result<ActionRecord, StoreError>;

    /// The commands that were interrupted and about which nothing has been decided yet.
    async fn interrupted(&self) -> Result<Vec<Interrupted>, StoreError>;

    /// Decides about an interrupted command: `rerun` puts it back among those that wait, otherwise it
    /// stays interrupted; the follow-ups (a report) are committed with it.
    async fn decide_interrupted(
        &self,
        action: ActionId,
        decision: InterruptDecision,
        follow_ups: Vec<NewAction>,
    ) -> Result<(), StoreError>;

    // Snapshots.

    /// Keeps the description of a snapshot, as JSON, and returns its identifier; an equal one that is
    /// kept already is found again.
    async fn keep_snapshot(&self, description: String) -> Result<SnapshotId, StoreError>;

    /// The description of a snapshot.
    async fn snapshot(&self, id: SnapshotId) -> Result<String, StoreError>;

    // Ownership.

    /// Says that an owner lives for so long from now. Called at start and then every third of it.
    async fn heartbeat(&self, owner: &str, lease: Duration) -> Result<(), StoreError>;

    /// Takes what owners whose lease has run out had in hand, and, with [`Survivors::None`], what any
    /// owner but this one had: counts a crash for each, and puts it back or sets it aside as `stuck`.
    /// An action's open attempt ends as `interrupted`; a notification waits again, a command becomes
    /// `interrupted`.
    async fn recover(&self, owner: &str, survivors: Survivors) -> Result<(), StoreError>;

    /// Hands back all that an owner has in hand, without counting a crash. Called at an orderly end.
    async fn release_all(&self, owner: &str) -> Result<(), StoreError>;

    /// How much is not finished, and how much was given up.
    async fn backlog(&self) -> Result<Backlog, StoreError>;

    /// Writes something as large as a large delivery, to tell whether the store can be written.
    async fn probe(&self) -> Result<(), StoreError>;
}

/// Which other owners may be alive when claims are recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survivors {
    /// None: the caller alone has the store, as its lock on the data folder shows.
    None,
    /// Those whose lease runs.
    Leased,
}

/// What is decided about an interrupted command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InterruptDecision {
    /// It is run again.
    Rerun,
    /// A person decides.
    Keep,
}

/// The unit of work of an event: the shared rules (none), or one team's.
pub type Unit = Option<TeamName>;

/// The key under which an action is performed: `<event>/<run>/<team>/<rule>/<index>`, without the team
/// for a shared rule.
#[must_use]
pub fn idempotency_key(event: &EventId, run: u32, rule: &RuleName, index: usize) -> String {
    format!("{event}/{run}/{rule}/{index}")
}
