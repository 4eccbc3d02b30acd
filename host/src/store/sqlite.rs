//! The store in one SQLite file, `hookbox.db` in the data folder.
//!
//! One thread writes and commits what waits together ([`writer`]); a few connections read beside it
//! ([`readers`]). The other modules hold the statements, one module for each kind of record; they know
//! neither of threads nor of commits.
//!
//! Invariants:
//! - Only this module and those below it name the database's crate.
//! - A commit is synced to the disk before anybody hears of it.
//! - Only the user the server runs as can read the file.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{
    Accepted, ActionFilter, ActionId, ActionRecord, AttemptEnd, Backlog, Cancellation, Channel,
    ClaimedAction, ClaimedDelivery, ClaimedEvent, ClaimedMessage, Consequences, Delivery,
    DeliverySummary, Evaluated, EventFilter, EventRecord, EventSummary, Failing, FolderChange,
    FolderRecord, InterruptDecision, Interrupted, Lane, Look, Looked, NewAction, Past, PastEvent,
    PastPage, Pausable, Pause, Refusal, RefusalRecord, Replay, Replayed, Resumed, Skipped,
    SnapshotId, Store, StoreError, Survivors, UnitCommit,
};
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::event::Event;
use crate::domain::names::{DeliveryId, EventId, RuleName, SourceName};
use crate::domain::state::State;

mod actions;
mod attempts;
mod bodies;
mod by_hand;
mod commands;
mod deliveries;
mod earlier;
mod error;
mod events;
mod file;
mod groups;
mod messages;
mod ownership;
mod past;
mod pauses;
mod readers;
mod refusals;
mod replays;
mod rows;
mod rules;
mod schema;
mod settlement;
mod snapshots;
mod sources;
mod states;
#[cfg(test)]
mod tests;
mod turns;
mod units;
mod writer;

use deliveries::Packed;
use readers::Readers;
use writer::Writer;

/// The store in one SQLite file.
pub struct Sqlite {
    // Dropped in this order: the writer closes the file last, and so tidies its log away.
    readers: Readers,
    writer: Writer,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Store for Sqlite {
    async fn accept(&self, delivery: Delivery) -> Result<Accepted, StoreError> {
        let now = self.clock.now();
        let packed = Packed::new(delivery)?;
        self.writer
            .run_plain(move |db| deliveries::accept(db, &packed, now))
            .await
    }

    async fn refuse(&self, refusal: Refusal) -> Result<(), StoreError> {
        self.writer.run(move |db| refusals::add(db, &refusal)).await
    }

    async fn refusals(
        &self,
        source: Option<&SourceName>,
    ) -> Result<Vec<RefusalRecord>, StoreError> {
        let source = source.cloned();
        self.readers
            .run(move |db| refusals::list(db, source.as_ref()))
            .await
    }

    async fn claim_deliveries(
        &self,
        owner: &str,
        limit: usize,
    ) -> Result<Vec<ClaimedDelivery>, StoreError> {
        let owner = owner.to_owned();
        self.writer
            .run(move |db| deliveries::claim(db, &owner, limit))
            .await
    }

    async fn split(
        &self,
        owner: &str,
        delivery: &DeliveryId,
        events: Vec<Event>,
    ) -> Result<Vec<ClaimedEvent>, StoreError> {
        let (owner, delivery) = (owner.to_owned(), delivery.clone());
        let events = events
            .into_iter()
            .map(|event| rows::to_json(&event).map(|text| (event, text)))
            .collect::<Result<Vec<_>, _>>()?;
        self.writer
            .run(move |db| deliveries::split(db, &owner, &delivery, events))
            .await
    }

    async fn delivery(&self, id: &DeliveryId) -> Result<Delivery, StoreError> {
        let id = id.clone();
        self.readers.run(move |db| deliveries::get(db, &id)).await
    }

    async fn last_delivery(
        &self,
        source: &SourceName,
    ) -> Result<Option<DeliverySummary>, StoreError> {
        let source = source.clone();
        self.readers
            .run(move |db| deliveries::last(db, &source))
            .await
    }

    async fn folder(&self, source: &SourceName) -> Result<Option<FolderRecord>, StoreError> {
        let source = source.clone();
        self.readers
            .run(move |db| sources::folder(db, &source))
            .await
    }

    async fn keep_folder(
        &self,
        source: &SourceName,
        change: FolderChange,
        deliveries: Vec<Delivery>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let source = source.clone();
        let deliveries = deliveries
            .into_iter()
            .map(Packed::new)
            .collect::<Result<Vec<_>, _>>()?;
        self.writer
            .run(move |db| sources::keep_folder(db, &source, &change, &deliveries, now))
            .await
    }

    async fn last_due(&self, source: &SourceName) -> Result<Option<Timestamp>, StoreError> {
        let source = source.clone();
        self.readers
            .run(move |db| sources::last_due(db, &source))
            .await
    }

    async fn keep_due(&self, source: &SourceName, due_at: Timestamp) -> Result<(), StoreError> {
        let source = source.clone();
        self.writer
            .run(move |db| sources::keep_due(db, &source, due_at))
            .await
    }

    async fn claim_events(
        &self,
        owner: &str,
        limit: usize,
    ) -> Result<Vec<ClaimedEvent>, StoreError> {
        let owner = owner.to_owned();
        self.writer
            .run(move |db| events::claim(db, &owner, limit))
            .await
    }

    async fn commit_unit(
        &self,
        owner: &str,
        unit: UnitCommit,
    ) -> Result<Vec<ActionId>, StoreError> {
        let owner = owner.to_owned();
        self.writer
            .run(move |db| units::commit(db, &owner, &unit))
            .await
    }

    async fn finish_event(
        &self,
        owner: &str,
        event: &EventId,
        run: u32,
        snapshot: SnapshotId,
    ) -> Result<(), StoreError> {
        let (owner, event) = (owner.to_owned(), event.clone());
        self.writer
            .run(move |db| events::finish(db, &owner, &event, run, snapshot))
            .await
    }

    async fn release_event(&self, owner: &str, event: &EventId) -> Result<(), StoreError> {
        let (owner, event) = (owner.to_owned(), event.clone());
        self.writer
            .run(move |db| events::release(db, &owner, &event))
            .await
    }

    async fn events(&self, filter: EventFilter) -> Result<Vec<EventSummary>, StoreError> {
        self.readers.run(move |db| events::list(db, &filter)).await
    }

    async fn look_for_events(&self, filter: EventFilter, look: Look) -> Result<Looked, StoreError> {
        self.readers
            .run(move |db| events::look_for(db, &filter, &look))
            .await
    }

    async fn event(&self, id: Option<&EventId>) -> Result<EventRecord, StoreError> {
        let id = id.cloned();
        self.readers
            .run(move |db| events::get(db, id.as_ref()))
            .await
    }

    async fn replay(&self, replay: Replay) -> Result<Replayed, StoreError> {
        self.writer
            .run(move |db| replays::replay(db, &replay))
            .await
    }

    async fn skipped(&self) -> Result<Vec<Skipped>, StoreError> {
        self.readers.run(replays::skipped).await
    }

    async fn past(&self, filter: EventFilter) -> Result<Past, StoreError> {
        self.readers.run(move |db| past::extent(db, &filter)).await
    }

    async fn past_events(&self, page: PastPage) -> Result<Vec<PastEvent>, StoreError> {
        self.readers.run(move |db| past::page(db, &page)).await
    }

    async fn latest(&self, limit: usize) -> Result<Vec<Evaluated>, StoreError> {
        self.readers.run(move |db| past::latest(db, limit)).await
    }

    async fn lanes(&self, now: Timestamp) -> Result<Vec<Lane>, StoreError> {
        self.readers.run(move |db| messages::lanes(db, now)).await
    }

    async fn claim_message(
        &self,
        owner: &str,
        channel: &str,
        now: Timestamp,
        passed_by: Option<ActionId>,
        others: usize,
    ) -> Result<Option<ClaimedMessage>, StoreError> {
        let (owner, channel) = (owner.to_owned(), channel.to_owned());
        self.writer
            .run(move |db| messages::claim(db, &owner, &channel, now, (passed_by, others)))
            .await
    }

    async fn sent_since(
        &self,
        channel: &str,
        since: Timestamp,
    ) -> Result<Vec<Timestamp>, StoreError> {
        let channel = channel.to_owned();
        self.readers
            .run(move |db| messages::sent_since(db, &channel, since))
            .await
    }

    async fn give_up(
        &self,
        channel: &str,
        created_before: Timestamp,
        reason: String,
    ) -> Result<u64, StoreError> {
        let (channel, now) = (channel.to_owned(), self.clock.now());
        self.writer
            .run(move |db| messages::give_up(db, &channel, created_before, &reason, now))
            .await
    }

    async fn keep_channel(
        &self,
        channel: &str,
        failing: Option<Failing>,
    ) -> Result<(), StoreError> {
        let channel = channel.to_owned();
        self.writer
            .run(move |db| messages::keep_channel(db, &channel, failing.as_ref()))
            .await
    }

    async fn failing(&self) -> Result<Vec<Channel>, StoreError> {
        self.readers.run(messages::failing).await
    }

    async fn claim_commands(
        &self,
        owner: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<ClaimedAction>, StoreError> {
        let owner = owner.to_owned();
        self.writer
            .run(move |db| commands::claim(db, &owner, now, limit))
            .await
    }

    async fn next_command(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        self.readers
            .run(move |db| commands::next_due(db, now))
            .await
    }

    async fn cancellations(&self, owner: &str) -> Result<Vec<Cancellation>, StoreError> {
        let owner = owner.to_owned();
        self.readers
            .run(move |db| commands::cancellations(db, &owner))
            .await
    }

    async fn ask(
        &self,
        delivery: Delivery,
        event: Event,
        actions: Vec<NewAction>,
    ) -> Result<Vec<ActionId>, StoreError> {
        let now = self.clock.now();
        let packed = Packed::new(delivery)?;
        let text = rows::to_json(&event)?;
        self.writer
            .run(move |db| deliveries::ask(db, &packed, (&event, &text), &actions, now))
            .await
    }

    async fn settle_action(
        &self,
        owner: &str,
        action: ActionId,
        end: AttemptEnd,
        consequences: Consequences,
    ) -> Result<(), StoreError> {
        let owner = owner.to_owned();
        self.writer
            .run(move |db| settlement::settle(db, &owner, action, &end, &consequences))
            .await
    }

    async fn retry_actions(&self, filter: ActionFilter, now: Timestamp) -> Result<u64, StoreError> {
        self.writer
            .run(move |db| by_hand::retry(db, &filter, now))
            .await
    }

    async fn cancel_actions(
        &self,
        filter: ActionFilter,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.writer
            .run(move |db| by_hand::cancel(db, &filter, now))
            .await
    }

    async fn actions(&self, filter: ActionFilter) -> Result<Vec<ActionRecord>, StoreError> {
        self.readers.run(move |db| actions::list(db, &filter)).await
    }

    async fn action(&self, id: ActionId) -> Result<ActionRecord, StoreError> {
        self.readers.run(move |db| actions::get(db, id)).await
    }

    async fn interrupted(&self) -> Result<Vec<Interrupted>, StoreError> {
        self.readers.run(settlement::interrupted).await
    }

    async fn decide_interrupted(
        &self,
        action: ActionId,
        decision: InterruptDecision,
        output: Option<String>,
        follow_ups: Vec<NewAction>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.writer
            .run(move |db| {
                let found = (output.as_deref(), follow_ups.as_slice());
                settlement::decide(db, action, decision, found, now)
            })
            .await
    }

    async fn pause(&self, pause: Pause) -> Result<(), StoreError> {
        self.writer.run(move |db| pauses::pause(db, &pause)).await
    }

    async fn resume(&self, what: Pausable, name: &str) -> Result<Resumed, StoreError> {
        let name = name.to_owned();
        self.writer
            .run(move |db| pauses::resume(db, what, &name))
            .await
    }

    async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        self.readers.run(pauses::list).await
    }

    async fn keep_snapshot(&self, description: String) -> Result<SnapshotId, StoreError> {
        self.writer
            .run(move |db| snapshots::keep(db, &description))
            .await
    }

    async fn snapshot(&self, id: SnapshotId) -> Result<String, StoreError> {
        self.readers.run(move |db| snapshots::get(db, id)).await
    }

    async fn rules(&self) -> Result<Vec<(RuleName, String)>, StoreError> {
        self.readers.run(rules::list).await
    }

    async fn keep_rules(&self, rules: Vec<(RuleName, Option<String>)>) -> Result<(), StoreError> {
        self.writer.run(move |db| rules::keep(db, &rules)).await
    }

    async fn state(&self, rule: &RuleName) -> Result<State, StoreError> {
        let rule = rule.clone();
        self.readers.run(move |db| states::get(db, &rule)).await
    }

    async fn clear_state(
        &self,
        rule: &RuleName,
        key: Option<&str>,
    ) -> Result<Vec<String>, StoreError> {
        let (rule, key) = (rule.clone(), key.map(str::to_owned));
        self.writer
            .run(move |db| states::clear(db, &rule, key.as_deref()))
            .await
    }

    async fn heartbeat(&self, owner: &str, lease: Duration) -> Result<(), StoreError> {
        let owner = owner.to_owned();
        let now = self.clock.now();
        self.writer
            .run(move |db| ownership::heartbeat(db, &owner, now.after(lease), now))
            .await
    }

    async fn recover(&self, owner: &str, survivors: Survivors) -> Result<(), StoreError> {
        let owner = owner.to_owned();
        let now = self.clock.now();
        self.writer
            .run(move |db| ownership::recover(db, &owner, survivors, now))
            .await
    }

    async fn release_all(&self, owner: &str) -> Result<(), StoreError> {
        let owner = owner.to_owned();
        let now = self.clock.now();
        self.writer
            .run(move |db| ownership::release_all(db, &owner, now))
            .await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.readers.run(ownership::backlog).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.writer.run(move |db| ownership::probe(db, now)).await
    }
}
