//! What the tests of watched folders share: a folder of its own that is watched with a clock that tests set.

mod comparing;
mod configuring;
mod histories;
mod looking;
mod telling;
mod trouble;
mod watching;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::hints::{Ear, Hints, Listen};
use super::look::State;
use super::{
    FileReport, Folder, FolderBatch, FolderConfig, FolderRoot, FolderSink, FolderSinkError,
    FolderStatus, Pace, SeenFile, SeenFolder,
};
use crate::domain::clock::{Clock as _, ManualClock, SystemClock, Timestamp};
use crate::domain::event::FileChange;
use crate::domain::names::SourceName;

/// How long a test waits for what must come: long enough for a machine with other things to do.
const PATIENCE: Duration = Duration::from_secs(60);

fn source() -> SourceName {
    SourceName::parse("contracts").expect("a name")
}

fn config(table: &str) -> FolderConfig {
    toml::from_str(&format!("provider = 'folder'\n{table}")).expect("the table is well formed")
}

/// A folder built from its table, with what its path counts from.
fn build(table: &str, base: &Path) -> Folder {
    let mut folder = Folder::build(source(), &config(table), base).expect("a folder");
    folder.pace = Pace {
        gather: Duration::from_millis(5),
        wake: Duration::from_millis(5),
        retry: Duration::from_millis(5),
        ..folder.pace
    };
    folder
}

/// What a sink has.
#[derive(Debug, Default)]
struct Kept {
    batch: Option<u64>,
    root: Option<FolderRoot>,
    files: BTreeMap<String, SeenFile>,
    reports: Vec<FileReport>,
    largest: usize,
    commits: usize,
    /// How many of the next commits fail, and whether after they have done their work.
    failures: usize,
    fails_late: bool,
}

/// A sink in memory, which outlives what watches.
#[derive(Debug, Default)]
struct MemorySink(Mutex<Kept>);

#[async_trait]
impl FolderSink for MemorySink {
    async fn seen(&self, source: &SourceName) -> Result<Option<SeenFolder>, FolderSinkError> {
        assert_eq!(source.as_str(), "contracts");
        let kept = self.0.lock().expect("no test panics with it");
        Ok(kept.batch.map(|batch| SeenFolder {
            batch,
            root: kept.root.clone(),
            files: kept.files.values().cloned().collect(),
        }))
    }

    async fn commit(
        &self,
        _source: &SourceName,
        batch: &FolderBatch,
    ) -> Result<(), FolderSinkError> {
        let mut kept = self.0.lock().expect("no test panics with it");
        let fails = kept.failures > 0;
        kept.failures = kept.failures.saturating_sub(1);
        let error = || FolderSinkError {
            message: "the disk is full".to_owned(),
        };
        if fails && !kept.fails_late {
            return Err(error());
        }
        kept.take(batch);
        if fails { Err(error()) } else { Ok(()) }
    }
}

impl Kept {
    fn take(&mut self, batch: &FolderBatch) {
        let sizes = [batch.reports.len(), batch.seen.len(), batch.gone.len()];
        self.largest = sizes.into_iter().fold(self.largest, usize::max);
        if self.batch.is_some_and(|last| batch.number <= last) {
            return;
        }
        self.batch = Some(batch.number);
        self.commits += 1;
        if batch.anew {
            self.files.clear();
            self.root = None;
        }
        self.reports.extend(batch.reports.iter().cloned());
        for path in &batch.gone {
            self.files.remove(path);
        }
        for file in &batch.seen {
            self.files.insert(file.path.clone(), file.clone());
        }
        if let Some(root) = &batch.root {
            self.root = Some(root.clone());
        }
    }
}

/// A watched folder.
struct Rig {
    home: TempDir,
    table: String,
    sink: Arc<MemorySink>,
    clock: ManualClock,
    running: Option<Running>,
    /// What listens in place of the system.
    listen: Option<Listen>,
    /// How long a look may take.
    patience: Option<Duration>,
}

struct Running {
    end: watch::Sender<bool>,
    task: JoinHandle<()>,
    status: watch::Receiver<FolderStatus>,
}

impl Rig {
    /// A folder that is there, with settings, and nothing that watches it.
    fn new(settings: &str) -> Self {
        let rig = Self {
            home: tempfile::tempdir().expect("a folder"),
            table: format!("path = 'watched'\n{settings}"),
            sink: Arc::default(),
            // Files get their times from the machine's clock.
            clock: ManualClock::at(SystemClock.now()),
            running: None,
            listen: None,
            patience: None,
        };
        fs::create_dir(rig.path("")).expect("the folder is made");
        rig
    }

    /// A folder that is there, empty and watched.
    async fn watching(settings: &str) -> Self {
        let mut rig = Self::new(settings);
        rig.start().await;
        rig
    }

    /// A path below the folder.
    fn path(&self, path: &str) -> PathBuf {
        self.home.path().join("watched").join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        let folder = path.parent().expect("it is in a folder");
        fs::create_dir_all(folder).expect("the folders are made");
        fs::write(path, text).expect("the file is written");
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).expect("it is renamed");
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.path(path)).expect("it is removed");
    }

    /// Lets so much time go by that what is there was there before, as far as coarse times can tell.
    fn age(&self) {
        let behind = SystemClock.now().since(self.clock.now());
        self.clock.advance(behind + Duration::from_secs(1));
    }

    /// Watches, without waiting for anything.
    fn begin(&mut self) {
        let mut folder = build(&self.table, self.home.path());
        if let Some(listen) = &self.listen {
            folder.listen = Arc::clone(listen);
        }
        folder.pace.patience = self.patience.unwrap_or(folder.pace.patience);
        let (end, ending) = watch::channel(false);
        let status = folder.status();
        let watching = folder.watch(
            Arc::<MemorySink>::clone(&self.sink),
            Arc::new(self.clock.clone()),
            ending,
        );
        let task = tokio::spawn(watching);
        self.running = Some(Running { end, task, status });
    }

    /// Watches, and waits until the folder has been looked at.
    async fn start(&mut self) {
        self.age();
        self.begin();
        self.until("the first look", |status, kept| {
            status.looked_at.is_some() && kept.root.is_some()
        })
        .await;
    }

    async fn stop(&mut self) {
        let running = self.running.take().expect("it is watched");
        running.end.send_replace(true);
        let ended = tokio::time::timeout(PATIENCE, running.task).await;
        ended.expect("it ends in time").expect("it ends well");
    }

    fn status(&self) -> FolderStatus {
        let running = self.running.as_ref().expect("it is watched");
        running.status.borrow().clone()
    }

    /// Waits for something while the clock stands.
    async fn until(&self, what: &str, is_so: impl Fn(&FolderStatus, &Kept) -> bool) {
        self.wait(what, Duration::ZERO, is_so).await;
    }

    /// Waits for something while time goes by.
    async fn eventually(&self, what: &str, is_so: impl Fn(&FolderStatus, &Kept) -> bool) {
        self.wait(what, Duration::from_millis(100), is_so).await;
    }

    async fn wait(&self, what: &str, step: Duration, is_so: impl Fn(&FolderStatus, &Kept) -> bool) {
        let waiting = async {
            while !is_so(&self.status(), &self.sink.0.lock().expect("it is whole")) {
                self.clock.advance(step);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            let kept = self.sink.0.lock().expect("it is whole");
            panic!("{what}: {:?}, {:?}", self.status(), kept.reports);
        }
    }

    /// Waits until everything is looked at once more; `poll` is `1s`.
    async fn looked_at_again(&self) {
        self.clock.advance(Duration::from_secs(2));
        let now = self.clock.now();
        self.until("another look", |status, _| {
            status.looked_at.is_some_and(|at| at >= now)
        })
        .await;
    }

    /// Waits until nothing waits any more and `count` changes were told.
    async fn told(&self, count: usize) -> Vec<String> {
        self.eventually("enough is told", |status, kept| {
            kept.reports.len() >= count && status.waiting == 0
        })
        .await;
        self.reports()
    }

    /// Waits until a file that is written last is told, and with it all that came before.
    async fn told_before_a_last_one(&self) -> Vec<String> {
        self.write("zz-last", "the last one");
        self.eventually("the last one is told", |_, kept| {
            kept.reports.iter().any(|report| report.path == "zz-last")
        })
        .await;
        let mut reports = self.reports();
        reports.retain(|report| report != "created zz-last");
        reports
    }

    /// What was told, in short and in the order of paths.
    fn reports(&self) -> Vec<String> {
        let kept = self.sink.0.lock().expect("it is whole");
        let mut reports: Vec<String> = kept.reports.iter().map(short).collect();
        reports.sort();
        reports
    }
}

fn short(report: &FileReport) -> String {
    let change = format!("{:?}", report.change).to_lowercase();
    match &report.previous_path {
        Some(previous) => format!("{change} {previous} -> {}", report.path),
        None => format!("{change} {}", report.path),
    }
}

/// A system that tells nothing, as for a network mount.
fn silent() -> Listen {
    Arc::new(|_: &Path, _: Arc<Hints>| Ok(Box::new(()) as Ear))
}
