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

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OpenFlags};

use super::{
    Accepted, ActionFilter, ActionId, ActionKind, ActionRecord, AttemptEnd, Backlog, ClaimedAction,
    ClaimedDelivery, ClaimedEvent, Delivery, DeliverySummary, EventFilter, EventRecord,
    EventSummary, FolderChange, FolderRecord, InterruptDecision, Interrupted, NewAction, Refusal,
    RefusalRecord, SnapshotId, Store, StoreError, Survivors, UnitCommit,
};
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::event::Event;
use crate::domain::names::{DeliveryId, EventId, SourceName};

mod actions;
mod bodies;
mod claims;
mod deliveries;
mod error;
mod events;
mod ownership;
mod readers;
mod refusals;
mod rows;
mod schema;
mod settlement;
mod snapshots;
mod sources;
#[cfg(test)]
mod tests;
mod units;
mod writer;

use deliveries::Packed;
use readers::Readers;
use writer::Writer;

/// The name of the file in the data folder.
const FILE: &str = "hookbox.db";

/// How long to wait for another process that has the file locked, such as a backup.
const PATIENCE: Duration = Duration::from_secs(5);

/// The store in one SQLite file.
pub struct Sqlite {
    // Dropped in this order: the writer closes the file last, and so tidies its log away.
    readers: Readers,
    writer: Writer,
    clock: Arc<dyn Clock>,
}

impl Sqlite {
    /// Opens the store in a data folder, and makes both where they are missing. Blocks.
    ///
    /// # Errors
    /// When the folder or the file cannot be used, or is of a newer version.
    pub fn open(dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let unusable = |error| error::unusable(dir, &error);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(unusable)?;
        let path = dir.join(FILE);
        // The files that SQLite puts beside this one get its mode.
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .and_then(|file| file.set_permissions(Permissions::from_mode(0o600)))
            .map_err(|error| error::unusable(&path, &error))?;

        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        connection.set_prepared_statement_cache_capacity(128);
        // The journal of a savepoint goes to memory: it is needed only until the commit.
        connection.execute_batch(
            // Bodies have some kilobytes: with larger pages they need fewer of them, and a commit
            // fewer writes.
            "PRAGMA page_size = 8192;
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;
             PRAGMA temp_store = MEMORY;
             PRAGMA cache_size = -16384;
             PRAGMA wal_autocheckpoint = 4096;
             PRAGMA journal_size_limit = 67108864;",
        )?;
        schema::migrate(&mut connection)?;
        Ok(Self {
            readers: Readers::open(&path, PATIENCE)?,
            writer: Writer::start(connection)?,
            clock,
        })
    }
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

    async fn event(&self, id: Option<&EventId>) -> Result<EventRecord, StoreError> {
        let id = id.cloned();
        self.readers
            .run(move |db| events::get(db, id.as_ref()))
            .await
    }

    async fn claim_actions(
        &self,
        owner: &str,
        kind: ActionKind,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<ClaimedAction>, StoreError> {
        let owner = owner.to_owned();
        self.writer
            .run(move |db| claims::claim(db, &owner, kind, now, limit))
            .await
    }

    async fn settle_action(
        &self,
        owner: &str,
        action: ActionId,
        end: AttemptEnd,
        follow_ups: Vec<NewAction>,
    ) -> Result<(), StoreError> {
        let owner = owner.to_owned();
        self.writer
            .run(move |db| settlement::settle(db, &owner, action, &end, &follow_ups))
            .await
    }

    async fn next_due(
        &self,
        kind: ActionKind,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.readers
            .run(move |db| claims::next_due(db, kind, now))
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
        follow_ups: Vec<NewAction>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.writer
            .run(move |db| settlement::decide(db, action, decision, &follow_ups, now))
            .await
    }

    async fn keep_snapshot(&self, description: String) -> Result<SnapshotId, StoreError> {
        self.writer
            .run(move |db| snapshots::keep(db, &description))
            .await
    }

    async fn snapshot(&self, id: SnapshotId) -> Result<String, StoreError> {
        self.readers.run(move |db| snapshots::get(db, id)).await
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
