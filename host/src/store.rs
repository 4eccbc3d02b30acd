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
//! - Of the messages of a channel, and of the commands of a turn's key, one is performed at a time.
//! - A command is never performed after the same one of a later event of its key.
//! - A command of a queue is not performed while an earlier event waits for its first evaluation, unless that
//!   event's source is paused.
//! - What a rule keeps is changed by the commit of an evaluation that saw all of it, or by a person.
//! - What is paused is accepted and kept, and handed out by no claim.

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::clock::Timestamp;
use crate::domain::event::Event;
use crate::domain::names::{DeliveryId, EventId, RuleName, SourceName, TeamName};
use crate::domain::state::State;

#[cfg(test)]
mod conformance;
mod records;
pub mod sqlite;

pub use records::{
    ActionFilter, ActionId, ActionKind, ActionRecord, ActionState, AttemptEnd, AttemptRecord,
    AttemptResult, Backlog, Cancellation, Channel, ClaimedAction, ClaimedDelivery, ClaimedEvent,
    ClaimedMessage, Consequences, Delivery, DeliveryKey, DeliverySummary, DropRecord, Evaluated,
    EvaluationRecord, EventFilter, EventRecord, EventState, EventSummary, Failing, FileRecord,
    FolderChange, FolderRecord, Interrupted, Lane, Look, Looked, Meant, NewAction, Past,
    PastAnswer, PastEvent, PastPage, Pausable, Pause, Refusal, RefusalRecord, Replay, Replayed,
    Rest, RootRecord, Skipped, SnapshotId, UnitCommit, UnitEvaluation, WaitingMessage, Which,
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
    /// What a rule keeps was changed by somebody else, so that the evaluation saw what is no longer there.
    #[error("the state of the rule `{rule}` was changed meanwhile: evaluate again")]
    StateChanged {
        /// The rule.
        rule: RuleName,
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

    /// Claims up to `limit` deliveries that wait to be split into events, oldest first. Those of a paused source
    /// wait.
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

    /// Claims up to `limit` events that wait for evaluation, in the order of their sequence numbers. Those of a
    /// paused source wait.
    async fn claim_events(
        &self,
        owner: &str,
        limit: usize,
    ) -> Result<Vec<ClaimedEvent>, StoreError>;

    /// Commits one unit of an event that the owner has in hand: its evaluations, its actions, what they changed of
    /// their rules' states, and a drop, all or none. Returns the identifiers of the actions in their order; an
    /// action whose key is known is not kept again. A unit that is committed already is left as it is, and its
    /// actions' identifiers are returned. The rules that it skips have missed the event from then on. A unit that takes long
    /// is committed in parts, each with other rules; it counts as committed with the last. Where a state that it
    /// changes is no longer at the revision the evaluation saw, nothing is committed.
    ///
    /// A message that is to wait and whose `once` is set is kept as `deduplicated` where another of the same
    /// rule, channel and key was committed less than its seconds before, unless that one has come to nothing:
    /// ended as `dead`, `refused`, `shadowed`, `canceled`, `deduplicated` or `stuck`.
    ///
    /// A command that is to wait does what its turn says about others of its key:
    /// - `reject`: it is kept as `refused` where one is at work, or waits and is not paused, of whichever event.
    /// - `latest`, `cancel`: those of the same command and of earlier events that wait become `superseded` by
    ///   it; where one of a later event waits, is at work or has begun, it is itself kept as `superseded`.
    /// - `cancel`: the same command that is at work for an earlier event is listed by
    ///   [`cancellations`](Store::cancellations) until its attempt ends.
    ///
    /// The same holds for the actions of [`settle_action`](Store::settle_action),
    /// [`decide_interrupted`](Store::decide_interrupted) and [`ask`](Store::ask).
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

    /// Looks through some of the events that match, newest first, for those that are meant.
    async fn look_for_events(&self, filter: EventFilter, look: Look) -> Result<Looked, StoreError>;

    /// An event with all that is known of it; the newest where `id` is none.
    async fn event(&self, id: Option<&EventId>) -> Result<EventRecord, StoreError>;

    /// Has events evaluated again that are done or stuck, each as its next run and in the order of their
    /// sequence numbers. One that waits for a replay already, of which nothing is committed, is asked of the
    /// further rules as well. Those whose first run is not over, and those of [`ask`](Store::ask), are left
    /// alone. What a rule has missed is forgotten once it has been asked.
    ///
    /// A delivery that was set aside before it was read is read then, where the replay is not for one rule and its
    /// filter says nothing that only an event has.
    async fn replay(&self, replay: Replay) -> Result<Replayed, StoreError>;

    /// The rules that have missed events while they were paused, with how many, by name.
    async fn skipped(&self) -> Result<Vec<Skipped>, StoreError>;

    // The past.

    /// Where the events that match begin and end, and how many they are: those whose first run is over, and that no
    /// person made. A limit of the filter means the newest of them, and 0 all.
    async fn past(&self, filter: EventFilter) -> Result<Past, StoreError>;

    /// Some of them in the order of their sequence numbers, each with what one rule answered first, and with what
    /// dropped it before that rule was asked.
    async fn past_events(&self, page: PastPage) -> Result<Vec<PastEvent>, StoreError>;

    /// The newest evaluations of all rules, this many, the oldest first.
    async fn latest(&self, limit: usize) -> Result<Vec<Evaluated>, StoreError>;

    // Messages.

    /// The channels for which messages wait, by name, but for those that are paused.
    async fn lanes(&self, now: Timestamp) -> Result<Vec<Lane>, StoreError>;

    /// Claims the first message of a channel that is due: that of the lowest sequence number, and then of the
    /// first commit, whenever it fell due; and records that an attempt begins. Shows up to `others` of those that
    /// are due after it. `passed_by` is neither claimed nor shown. None where none is due, where one of the
    /// channel is claimed already, or where the channel is paused.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is one word at the one place that calls it"
    )]
    async fn claim_message(
        &self,
        owner: &str,
        channel: &str,
        now: Timestamp,
        passed_by: Option<ActionId>,
        others: usize,
    ) -> Result<Option<ClaimedMessage>, StoreError>;

    /// When attempts at messages of a channel began, from a moment on, in their order, however they ended.
    async fn sent_since(
        &self,
        channel: &str,
        since: Timestamp,
    ) -> Result<Vec<Timestamp>, StoreError>;

    /// Gives up the messages of a channel that wait and were committed before a moment, with a reason; says
    /// how many.
    async fn give_up(
        &self,
        channel: &str,
        created_before: Timestamp,
        reason: String,
    ) -> Result<u64, StoreError>;

    /// Keeps how a channel fails; none where it works again.
    async fn keep_channel(&self, channel: &str, failing: Option<Failing>)
    -> Result<(), StoreError>;

    /// The channels that fail, by name.
    async fn failing(&self) -> Result<Vec<Channel>, StoreError>;

    // Commands.

    /// Claims up to `limit` commands that are due at `now`, those that fell due first, and records that an
    /// attempt at each begins; they come in the order of their sequence numbers. Of the commands of one turn's
    /// key, one is claimed at a time, that of the lowest sequence number, which waits for its time before the
    /// others do. Those of a paused command wait, and hold up no others of their key.
    ///
    /// One that is `queue` also waits until every earlier event has been evaluated once, since it would take the
    /// place of what comes of it: while an event of a lower sequence number is at work on its first run or waits
    /// for it, or a delivery that was accepted earlier has not been split. It waits for none that is stuck, nor
    /// for those of a paused source. The same holds for what [`ask`](Store::ask) keeps.
    ///
    /// What turns say is decided again here, since retries and reruns bring commands back. One is ended as
    /// `superseded` where the same command has begun for a later event, or waits for one and either of the two
    /// is `latest` or `cancel`; as `refused` where it is `reject` and another of its key is at work; and one that
    /// is `cancel` has the same command of an earlier event ended.
    async fn claim_commands(
        &self,
        owner: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<ClaimedAction>, StoreError>;

    /// When the next command falls due that is not due at `now`, if one waits for its time and is not paused.
    async fn next_command(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError>;

    /// The commands that this owner runs and that are to be ended, in the order of their events.
    async fn cancellations(&self, owner: &str) -> Result<Vec<Cancellation>, StoreError>;

    /// Keeps a delivery and its event that a person made, both done, with the actions that the person asks for,
    /// in one commit. No rule is ever asked about it. A delivery whose identifier is known is not kept again.
    async fn ask(
        &self,
        delivery: Delivery,
        event: Event,
        actions: Vec<NewAction>,
    ) -> Result<Vec<ActionId>, StoreError>;

    // Actions.

    /// Ends the attempt at a claimed action, and commits what follows from it. A command whose end was asked for,
    /// and whose attempt leaves it to be run again or interrupted, is `canceled` instead, by what asked for it.
    async fn settle_action(
        &self,
        owner: &str,
        action: ActionId,
        end: AttemptEnd,
        consequences: Consequences,
    ) -> Result<(), StoreError>;

    /// Has actions tried again at once that match and have ended as `dead`, `interrupted`, `stuck`, `refused` or
    /// `canceled`, or wait for their next attempt; says how many. Their attempts and crashes so far no longer
    /// count. All that match are changed in one commit, whatever `before` and `limit` say.
    ///
    /// A command that was refused without a turn is left alone and not counted: what it must not run beside was
    /// never known. A [`replay`](Store::replay) of its event has it decided anew.
    async fn retry_actions(&self, filter: ActionFilter, now: Timestamp) -> Result<u64, StoreError>;

    /// Cancels actions that match and wait, are interrupted or stuck; says how many, with the commands that
    /// run. Those are ended by who runs them; a message that is on its way is left alone. All that match are
    /// changed in one commit, whatever `before` and `limit` say.
    async fn cancel_actions(&self, filter: ActionFilter, now: Timestamp)
    -> Result<u64, StoreError>;

    /// The actions that match, newest first.
    async fn actions(&self, filter: ActionFilter) -> Result<Vec<ActionRecord>, StoreError>;

    /// One action with its attempts.
    async fn action(&self, id: ActionId) -> Result<ActionRecord, StoreError>;

    /// The commands that were interrupted and about which nothing has been decided yet.
    async fn interrupted(&self) -> Result<Vec<Interrupted>, StoreError>;

    /// Decides about an interrupted command: `rerun` puts it back among those that wait, otherwise it
    /// stays interrupted; what was found of its output is put into the record of its last attempt, and the
    /// follow-ups (a report) are committed with it.
    async fn decide_interrupted(
        &self,
        action: ActionId,
        decision: InterruptDecision,
        output: Option<String>,
        follow_ups: Vec<NewAction>,
    ) -> Result<(), StoreError>;

    // Pauses.

    /// Pauses something. Where it is paused already the first moment is kept, and the reason where none is
    /// given anew.
    async fn pause(&self, pause: Pause) -> Result<(), StoreError>;

    /// Ends a pause, and says whether there was one.
    async fn resume(&self, what: Pausable, name: &str) -> Result<Resumed, StoreError>;

    /// What is paused, in the order of its kind and its name.
    async fn pauses(&self) -> Result<Vec<Pause>, StoreError>;

    // Snapshots.

    /// Keeps the description of a snapshot, as JSON, and returns its identifier; an equal one that is
    /// kept already is found again.
    async fn keep_snapshot(&self, description: String) -> Result<SnapshotId, StoreError>;

    /// The description of a snapshot.
    async fn snapshot(&self, id: SnapshotId) -> Result<String, StoreError>;

    // Rules.

    /// What is kept of the rules, as JSON, by name.
    async fn rules(&self) -> Result<Vec<(RuleName, String)>, StoreError>;

    /// Keeps what is known of rules, as JSON, all in one commit; forgets those of which it is none.
    async fn keep_rules(&self, rules: Vec<(RuleName, Option<String>)>) -> Result<(), StoreError>;

    /// What a rule of this name keeps between events; nothing where it never kept anything.
    async fn state(&self, rule: &RuleName) -> Result<State, StoreError>;

    /// Forgets one key that a rule keeps, or all of them, and says which there were. An evaluation that saw them and
    /// has not been committed changes the state no more.
    async fn clear_state(
        &self,
        rule: &RuleName,
        key: Option<&str>,
    ) -> Result<Vec<String>, StoreError>;

    // Ownership.

    /// Says that an owner lives for so long from now. Called at start and then every third of it.
    async fn heartbeat(&self, owner: &str, lease: Duration) -> Result<(), StoreError>;

    /// Takes what owners whose lease has run out had in hand, and, with [`Survivors::None`], what any
    /// owner but this one had: counts a crash for each, and puts it back or sets it aside as `stuck`.
    /// An action's open attempt ends as `interrupted`; a notification waits again, a command becomes
    /// `interrupted`, or `canceled` where its end was asked for.
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

/// Whether something was paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumed {
    /// It was, and goes on.
    Yes,
    /// It was not.
    WasNotPaused,
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
