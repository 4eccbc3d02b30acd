//! The sources that the server itself looks after: watched folders and schedules, each in a task of its own.
//!
//! Invariants:
//! - What they find is a delivery like any other, stored before anybody acts on it. That it is one is seen to by the
//!   key of a schedule's moment, and by the commit that a folder's deliveries share with what was seen of it.
//! - A source whose table changed ends before what follows it begins.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::tz::TimeZone;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::{Config, InsideConfig};
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::names::{DeliveryId, SourceName};
use crate::sources::folder::{
    self, Folder, FolderBatch, FolderRoot, FolderSink, FolderSinkError, SeenFile, SeenFolder,
};
use crate::sources::schedule::{self, Schedule, ScheduleSink, SinkError};
use crate::sources::{Inside, SourceConfigError};
use crate::store::{
    Accepted, Delivery, DeliveryKey, FileRecord, FolderChange, RootRecord, Store, StoreError,
};
use crate::worker::Waker;

/// Builds a source of this kind, to find what is wrong with its table and to show it.
pub(super) fn build(
    config: &Config,
    name: &SourceName,
    table: &InsideConfig,
) -> Result<Built, SourceConfigError> {
    Ok(match table {
        InsideConfig::Folder(table) => {
            Built::Folder(Folder::build(name.clone(), table, &config.folder)?)
        }
        InsideConfig::Schedule(table) => {
            Built::Schedule(Schedule::build(name, table, &config.timezone)?)
        }
    })
}

/// A source that can be looked after.
pub(super) enum Built {
    Folder(Folder),
    Schedule(Schedule),
}

/// The sources that are looked after.
pub(super) struct Lookers {
    sink: Arc<Sink>,
    running: BTreeMap<SourceName, Running>,
    /// What they say of themselves, for people.
    shown: Arc<Inside>,
}

struct Running {
    table: InsideConfig,
    folder: PathBuf,
    end: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Lookers {
    pub(super) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        timezone: TimeZone,
        waker: Waker,
        shown: Arc<Inside>,
    ) -> Self {
        Self {
            sink: Arc::new(Sink {
                store,
                clock,
                timezone,
                waker,
            }),
            running: BTreeMap::new(),
            shown,
        }
    }

    /// Ends what is no longer configured so, and begins what is new. The configuration has been found to be right.
    pub(super) async fn follow(&mut self, config: &Config) {
        let is_same = |name: &SourceName, running: &Running| {
            config.inside.get(name) == Some(&running.table) && config.folder == running.folder
        };
        let over: Vec<SourceName> = self
            .running
            .iter()
            .filter(|(name, running)| !is_same(name, running))
            .map(|(name, _)| name.clone())
            .collect();
        let ended: Vec<Running> = over
            .iter()
            .filter_map(|name| self.running.remove(name))
            .collect();
        for name in &over {
            self.shown.forget(name);
        }
        end(ended).await;
        for (name, table) in &config.inside {
            if self.running.contains_key(name) {
                continue;
            }
            match build(config, name, table) {
                Ok(built) => self.begin(config, name, table, built),
                Err(error) => {
                    tracing::error!(source = %name, "a source cannot be looked after: {error}");
                }
            }
        }
    }

    fn begin(&mut self, config: &Config, name: &SourceName, table: &InsideConfig, built: Built) {
        let (end, ending) = watch::channel(false);
        let clock = Arc::clone(&self.sink.clock);
        let task = match built {
            Built::Folder(folder) => {
                self.shown
                    .watch(name.clone(), folder.path(), folder.status());
                let sink: Arc<dyn FolderSink> = Arc::clone(&self.sink) as Arc<dyn FolderSink>;
                tokio::spawn(folder.watch(sink, clock, ending))
            }
            Built::Schedule(schedule) => {
                self.shown.schedule(name.clone(), schedule.clone());
                let sink: Arc<dyn ScheduleSink> = Arc::clone(&self.sink) as Arc<dyn ScheduleSink>;
                tokio::spawn(schedule.run(sink, clock, ending))
            }
        };
        let running = Running {
            table: table.clone(),
            folder: config.folder.clone(),
            end,
            task,
        };
        self.running.insert(name.clone(), running);
    }

    /// Ends all of them, each between two commits.
    pub(super) async fn end(self) {
        end(self.running.into_values().collect()).await;
    }
}

async fn end(over: Vec<Running>) {
    for running in &over {
        running.end.send_replace(true);
    }
    for running in over {
        // A task that panicked has nothing left to end; its log says so.
        let _panicked = running.task.await;
    }
}

/// Takes what they find to the store.
struct Sink {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    timezone: TimeZone,
    waker: Waker,
}

impl Sink {
    /// A delivery of what was found now.
    fn delivery(
        &self,
        source: &SourceName,
        provider: &str,
        body: Vec<u8>,
        keys: Vec<DeliveryKey>,
    ) -> Delivery {
        let now = self.clock.now();
        Delivery {
            id: DeliveryId::generate(),
            source: source.clone(),
            provider: provider.to_owned(),
            received_at: now,
            received_local: now.rfc3339(&self.timezone),
            remote_address: None,
            headers: Vec::new(),
            query: None,
            body: body.into(),
            secret: None,
            keys,
        }
    }
}

/// Says in the log that a delivery is stored.
fn accepted(id: &DeliveryId, source: &SourceName) {
    tracing::info!(delivery.id = %id, source = %source, "a delivery was accepted");
}

fn told(error: &StoreError) -> FolderSinkError {
    FolderSinkError {
        message: error.to_string(),
    }
}

#[async_trait]
impl FolderSink for Sink {
    async fn seen(&self, source: &SourceName) -> Result<Option<SeenFolder>, FolderSinkError> {
        let folder = self
            .store
            .folder(source)
            .await
            .map_err(|error| told(&error))?;
        Ok(folder.map(|folder| SeenFolder {
            batch: folder.batch,
            root: folder.root.map(|root| FolderRoot {
                path: root.path,
                inode: root.inode,
            }),
            files: folder.files.into_iter().map(seen).collect(),
        }))
    }

    async fn commit(
        &self,
        source: &SourceName,
        batch: &FolderBatch,
    ) -> Result<(), FolderSinkError> {
        let deliveries: Vec<Delivery> = batch
            .reports
            .iter()
            .map(|report| self.delivery(source, folder::PROVIDER, report.body(), Vec::new()))
            .collect();
        let ids: Vec<DeliveryId> = deliveries
            .iter()
            .map(|delivery| delivery.id.clone())
            .collect();
        let change = FolderChange {
            batch: batch.number,
            anew: batch.anew,
            root: batch.root.as_ref().map(|root| RootRecord {
                path: root.path.clone(),
                inode: root.inode,
            }),
            gone: batch.gone.clone(),
            changed: batch.seen.iter().map(record).collect(),
        };
        let kept = self.store.keep_folder(source, change, deliveries).await;
        kept.map_err(|error| told(&error))?;
        for id in &ids {
            accepted(id, source);
        }
        // Also when the batch was committed before, because then nobody was woken.
        if !ids.is_empty() {
            self.waker.wake();
        }
        Ok(())
    }
}

fn seen(file: FileRecord) -> SeenFile {
    SeenFile {
        path: file.path,
        size: file.size,
        modified_at: file.modified_at,
        inode: file.inode,
        changed_at: file.changed_at,
    }
}

fn record(file: &SeenFile) -> FileRecord {
    FileRecord {
        path: file.path.clone(),
        size: file.size,
        modified_at: file.modified_at,
        inode: file.inode,
        changed_at: file.changed_at,
    }
}

#[async_trait]
impl ScheduleSink for Sink {
    async fn last(&self, source: &SourceName) -> Result<Option<Timestamp>, SinkError> {
        Ok(self.store.last_due(source).await?)
    }

    async fn fire(&self, source: &SourceName, due_at: Timestamp) -> Result<(), SinkError> {
        let (key, counts_for) = schedule::delivery_key(due_at);
        let key = DeliveryKey {
            key,
            expires_at: self.clock.now().after(counts_for),
        };
        let body = schedule::body(due_at);
        let delivery = self.delivery(source, schedule::PROVIDER, body, vec![key]);
        let id = delivery.id.clone();
        if self.store.accept(delivery).await? == Accepted::New {
            accepted(&id, source);
            self.waker.wake();
        }
        Ok(self.store.keep_due(source, due_at).await?)
    }

    async fn keep(&self, source: &SourceName, until: Timestamp) -> Result<(), SinkError> {
        Ok(self.store.keep_due(source, until).await?)
    }
}
