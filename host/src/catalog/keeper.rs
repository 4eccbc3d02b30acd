//! The task that keeps the rules: looks at the folder, loads what changed, and publishes snapshots.
//!
//! What one look finds is a batch. A batch enters the snapshot as a whole, when the last of its files
//! has been loaded or refused; a later look does not wait for an earlier batch, and what it found
//! newer of the same file wins.
//!
//! What people and faults say of a rule is in [`judge`]; what readers see is made in [`publish`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::archive::Archive;
use super::life::Life;
use super::memory::RuleMemory;
use super::scan::{FolderIdentity, Found, Ignored, Scan, scan};
use super::slot::{Rest, Seen, Slot, is_complete};
use super::take::{AT_ONCE, Loader, Outcome, Serves, Taken};
use super::watcher::{Change, Watcher};
use super::{CatalogConfig, Parts, Request, Shared, Wished};
use crate::domain::clock::Clock;
use crate::domain::names::RuleName;

mod judge;
mod publish;

/// How long a removal waits for a new rule that is not complete yet: a rule that is renamed with its
/// settings is two renames, and its new name rests for half a second in between.
const RENAMED: Duration = Duration::from_secs(1);

/// How often the folder is looked at without a word from the system.
const POLL: Duration = Duration::from_secs(2);

/// One look's changes.
struct Batch {
    outstanding: usize,
    outcomes: Vec<(RuleName, u64, Taken)>,
    removals: Vec<RuleName>,
    done: Vec<oneshot::Sender<()>>,
}

/// Why the folder is looked at.
enum Asked {
    /// Something may have changed.
    Nothing,
    /// Somebody wants what is there taken up at once.
    Reload {
        allow_empty: bool,
        done: oneshot::Sender<()>,
    },
    /// Something was said of a rule, whose files are taken up at once.
    Rule {
        rule: RuleName,
        done: Option<oneshot::Sender<()>>,
    },
}

impl Asked {
    /// Whether the files of a rule are taken up at once.
    fn is_about(&self, name: &RuleName) -> bool {
        match self {
            Self::Nothing => false,
            Self::Reload { .. } => true,
            Self::Rule { rule, .. } => rule == name,
        }
    }

    /// Who is told when it is done.
    fn done(self) -> Option<oneshot::Sender<()>> {
        match self {
            Self::Nothing => None,
            Self::Reload { done, .. } => Some(done),
            Self::Rule { done, .. } => done,
        }
    }
}

type Loading = (u64, RuleName, u64, Taken);

pub(super) struct Keeper {
    loader: Loader,
    memory: Arc<dyn RuleMemory>,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
    slots: BTreeMap<RuleName, Slot>,
    /// What is known of the rules beyond their files, also of those that are gone for now.
    lives: BTreeMap<RuleName, Life>,
    /// The rules of which something is known that is not kept yet.
    unkept: BTreeSet<RuleName>,
    batches: BTreeMap<u64, Batch>,
    next_batch: u64,
    snapshots: u64,
    loads: JoinSet<Loading>,
    renamed: BTreeSet<PathBuf>,
    /// The rules whose files the last look saw.
    present: BTreeSet<RuleName>,
    /// The rules whose files are gone, and since when.
    missing: BTreeMap<RuleName, Instant>,
    /// Which folder the last look saw under the path: it may be replaced as a whole.
    folder: Option<FolderIdentity>,
    problem: Option<String>,
    ignored: Vec<Ignored>,
    first: bool,
    /// Whether the first look is over, so that no rule serves for the first time.
    started: bool,
    /// Counts what was taken up, of all rules: one that comes back must not be taken for what it was.
    generations: u64,
    /// What somebody wants of rules, and was not done yet.
    wished: Vec<Wished>,
}

impl Keeper {
    pub(super) fn new(parts: Parts, shared: Arc<Shared>) -> Self {
        Self {
            loader: Loader {
                engine: parts.engine,
                archive: Archive::new(parts.versions),
                config: parts.config,
                turns: Arc::new(Semaphore::new(AT_ONCE)),
            },
            memory: parts.memory,
            clock: parts.clock,
            shared,
            slots: BTreeMap::new(),
            lives: BTreeMap::new(),
            unkept: BTreeSet::new(),
            batches: BTreeMap::new(),
            next_batch: 0,
            snapshots: 0,
            loads: JoinSet::new(),
            renamed: BTreeSet::new(),
            present: BTreeSet::new(),
            missing: BTreeMap::new(),
            folder: None,
            problem: None,
            ignored: Vec::new(),
            first: true,
            started: false,
            generations: 0,
            wished: Vec::new(),
        }
    }

    /// Runs until the catalog is dropped.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Request>) {
        let (changed, mut changes) = mpsc::channel(1024);
        let mut watcher = None;
        let mut watched = None;
        self.recall().await;
        let mut again = self.look(Asked::Nothing).await;
        loop {
            self.keep().await;
            again = earlier(again, self.ask_again().await);
            again = earlier(again, self.wishes().await);
            self.end_quarantines();
            if self.folder != watched {
                watcher = Watcher::start(&self.loader.config.rules, changed.clone());
                watched = self.folder;
                // What changed before the watcher was there.
                again = Some(Duration::ZERO);
            }
            tokio::select! {
                request = inbox.recv() => match request {
                    None => return,
                    Some(Request::Reload { allow_empty, done }) => {
                        again = self.look(Asked::Reload { allow_empty, done }).await;
                    }
                    Some(Request::Wish(wished)) => self.wished.push(wished),
                    Some(Request::Configure(config)) => {
                        self.configure(config);
                        again = self.look(Asked::Nothing).await;
                    }
                },
                Some(change) = changes.recv() => {
                    self.note(change);
                    while let Ok(change) = changes.try_recv() {
                        self.note(change);
                    }
                    again = self.look(Asked::Nothing).await;
                }
                () = tokio::time::sleep(again.unwrap_or(POLL)) => {
                    if watcher.is_none() {
                        watcher = Watcher::start(&self.loader.config.rules, changed.clone());
                    }
                    again = self.look(Asked::Nothing).await;
                }
                Some(loaded) = self.loads.join_next() => self.settle(loaded),
                () = self.shared.healths.found() => {
                    again = earlier(again, self.judge().await);
                }
            }
        }
    }

    /// Goes on with another configuration. What serves is held to it at once: its files are loaded anew after that.
    fn configure(&mut self, config: Arc<CatalogConfig>) {
        self.loader.config = config;
        for slot in self.slots.values_mut() {
            let serving = slot.rule.take();
            slot.rule = serving.and_then(|rule| rule.under(&self.loader.config).map(Arc::new));
            slot.taken = None;
            // What is being loaded was begun under the former one.
            self.generations += 1;
            slot.generation = self.generations;
            slot.is_loading = false;
        }
        self.first = true;
        self.publish();
    }

    fn note(&mut self, change: Change) {
        if let Change::Renamed(path) = change {
            self.renamed.insert(path);
        }
    }

    /// Looks at the folder and takes up what is complete. Returns when to look again for what is not.
    async fn look(&mut self, asked: Asked) -> Option<Duration> {
        let allow_empty = matches!(
            asked,
            Asked::Reload {
                allow_empty: true,
                ..
            }
        );
        let (folder, limit) = (
            self.loader.config.rules.clone(),
            self.loader.config.limits.module,
        );
        let looked = tokio::task::spawn_blocking(move || scan(&folder, limit)).await;
        self.folder = match &looked {
            Ok(Ok(scan)) => scan.folder,
            _ => None,
        };
        let problem = match looked {
            Ok(Ok(scan)) if scan.rules.is_empty() && self.serves() && !allow_empty => Some(
                "the rules folder is suddenly empty: the last rules stay; \
                 `hookbox rules reload --allow-empty` accepts it"
                    .to_owned(),
            ),
            Ok(Ok(scan)) => {
                self.problem = None;
                return self.take_up(scan, asked);
            }
            Ok(Err(error)) => Some(format!("the rules folder cannot be read: {error}")),
            Err(error) => Some(error.to_string()),
        };
        if problem != self.problem {
            if let Some(problem) = &problem {
                tracing::error!(folder = %self.loader.config.rules.display(), "{problem}");
            }
            self.problem = problem;
        }
        self.publish_listing();
        if self.first {
            // There is nothing to wait for: the server serves without rules until there is a folder.
            self.first = false;
            self.shared.ready.send_replace(true);
        }
        None
    }

    fn serves(&self) -> bool {
        self.slots.values().any(|slot| slot.rule.is_some())
    }

    fn take_up(&mut self, scan: Scan, asked: Asked) -> Option<Duration> {
        let is_asked_for = !matches!(asked, Asked::Nothing);
        let now = Instant::now();
        let mut again: Option<Duration> = None;
        let mut ready = Vec::new();
        // Removals wait for a new rule that is not complete, but enter with one that is.
        let (mut resting, mut added) = (false, false);
        self.missing
            .retain(|name, _| self.slots.contains_key(name) && !scan.rules.contains_key(name));
        for name in self.slots.keys() {
            if !scan.rules.contains_key(name) {
                self.missing.entry(name.clone()).or_insert(now);
            }
        }
        self.present = scan.rules.keys().cloned().collect();
        self.ignored = scan.ignored;
        for (name, found) in scan.rules {
            let seen = Seen::of(&found);
            let rest = self.rests(&name, &seen, &found, now);
            let is_new = self.slots.get(&name).is_none_or(|slot| slot.rule.is_none());
            match rest {
                Rest::Known => {}
                Rest::For(wait) if !self.first && !asked.is_about(&name) && !wait.is_zero() => {
                    resting |= is_new;
                    again = Some(again.map_or(wait, |earlier| earlier.min(wait)));
                }
                Rest::For(_) => {
                    added |= is_new;
                    ready.push((name, seen, found));
                }
            }
        }
        self.renamed.clear();
        let wait = if resting && !added {
            RENAMED
        } else {
            Duration::ZERO
        };
        let removals = self.removals(now, wait);
        if ready.is_empty() && removals.is_empty() && !is_asked_for && !self.first {
            self.publish_listing();
            return again;
        }
        self.open_batch(ready, removals, asked.done());
        self.first = false;
        self.started = true;
        again
    }

    /// The rules whose files have been gone for long enough: a new one that is not complete may be one of
    /// them under another name.
    fn removals(&self, now: Instant, wait: Duration) -> Vec<RuleName> {
        self.missing
            .iter()
            .filter(|(name, _)| !self.is_leaving(name))
            .filter(|(_, since)| now.duration_since(**since) >= wait)
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Whether an open batch takes the rule away already.
    fn is_leaving(&self, name: &RuleName) -> bool {
        self.batches
            .values()
            .any(|batch| batch.removals.contains(name))
    }

    fn open_batch(
        &mut self,
        ready: Vec<(RuleName, Seen, Found)>,
        removals: Vec<RuleName>,
        done: Option<oneshot::Sender<()>>,
    ) {
        let batch = self.next_batch;
        self.next_batch += 1;
        self.batches.insert(
            batch,
            Batch {
                outstanding: ready.len(),
                outcomes: Vec::new(),
                removals,
                done: done.into_iter().collect(),
            },
        );
        for (name, seen, found) in ready {
            let now = self.clock.now();
            let slot = self
                .slots
                .entry(name.clone())
                .or_insert_with(|| Slot::new(now));
            slot.taken = Some(seen);
            slot.resting = None;
            slot.is_loading = true;
            self.generations += 1;
            slot.generation = self.generations;
            let generation = slot.generation;
            let life = self.lives.get(&name).cloned().unwrap_or_default();
            let serves = match &slot.rule {
                Some(rule) => Serves::Yes(Box::new(rule.permits.asks().clone())),
                None if !self.started && life.file.is_some() => Serves::NotYet,
                None => Serves::No,
            };
            let loader = self.loader.clone();
            self.loads.spawn(async move {
                let taken = loader.take(&name, found, &life, &serves).await;
                (batch, name, generation, taken)
            });
        }
        self.publish_listing();
        self.close_finished();
    }

    /// Whether a rule's files are known, and for how long they must rest if not.
    fn rests(&mut self, name: &RuleName, seen: &Seen, found: &Found, now: Instant) -> Rest {
        let complete = is_complete(&self.renamed, &found.module);
        // A new rule is remembered so that the time it rests can be counted.
        self.slots
            .entry(name.clone())
            .or_insert_with(|| Slot::new(self.clock.now()))
            .rests(seen, complete, now)
    }

    fn settle(&mut self, loaded: Result<Loading, tokio::task::JoinError>) {
        let (batch, name, generation, taken) = match loaded {
            Ok(loaded) => loaded,
            Err(error) => {
                // A panic in loading is a defect; its batch must not wait for ever.
                tracing::error!("loading a rule ended unexpectedly: {error}");
                for batch in self.batches.values_mut() {
                    batch.outstanding = batch.outstanding.saturating_sub(1);
                }
                // It is not known which one it was, and nobody is to wait for it.
                for slot in self.slots.values_mut() {
                    slot.is_loading = false;
                }
                self.close_finished();
                return;
            }
        };
        if let Some(batch) = self.batches.get_mut(&batch) {
            batch.outstanding = batch.outstanding.saturating_sub(1);
            batch.outcomes.push((name, generation, taken));
        }
        self.close_finished();
    }

    /// Lets every batch whose files are all loaded or refused enter the snapshot.
    fn close_finished(&mut self) {
        let finished: Vec<u64> = self
            .batches
            .iter()
            .filter(|(_, batch)| batch.outstanding == 0)
            .map(|(number, _)| *number)
            .collect();
        for number in finished {
            if let Some(batch) = self.batches.remove(&number) {
                self.close(batch);
            }
        }
    }

    fn close(&mut self, batch: Batch) {
        for name in batch.removals {
            if self.present.contains(&name) {
                // It came back while the additions of that look were compiled.
                continue;
            }
            tracing::info!(rule.name = %name, "the rule's file is gone, and so is the rule");
            self.slots.remove(&name);
            self.leaves(&name);
        }
        for (name, generation, taken) in batch.outcomes {
            self.enter(&name, generation, taken);
        }
        self.publish();
        self.shared.ready.send_replace(true);
        for done in batch.done {
            // Whoever asked may have gone.
            let _gone = done.send(());
        }
    }

    /// Lets what was loaded of a rule take effect, unless newer files of it were taken up since.
    fn enter(&mut self, name: &RuleName, generation: u64, taken: Taken) {
        let now = self.clock.now();
        let Some(slot) = self.slots.get_mut(name) else {
            return;
        };
        if slot.generation != generation {
            return;
        }
        slot.is_loading = false;
        slot.file = taken.file.as_ref().map(|file| file.module.clone());
        let life = self.lives.entry(name.clone()).or_default();
        let before = life.clone();
        // What was said ends when other files are at work, and not by files that are not taken.
        let is_rejected = matches!(taken.outcome, Outcome::Rejected { .. });
        if let Some(file) = &taken.file
            && (life.file.is_none() || !is_rejected)
        {
            life.lies(file);
        }
        slot.enter(name, taken.outcome, &self.loader.config, now);
        if let Some(rule) = &slot.rule {
            let version = rule.version();
            if taken.file.as_ref() == Some(&version) {
                life.is_at_work(&version, &rule.manifest.version, now);
            }
            let past = judge::past(life);
            self.shared.healths.serves(name, &version, (past, now));
        }
        if *life != before {
            self.unkept.insert(name.clone());
        }
    }
}

/// The earlier of two pauses, where there are any.
fn earlier(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    one.into_iter().chain(other).min()
}
