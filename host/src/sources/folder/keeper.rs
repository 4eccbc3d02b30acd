//! The task that watches one folder: it looks, compares, and commits, one after the other.
//!
//! A turn looks at what was heard of and at what is due, or at everything when it is time for that, and then
//! commits what has settled. Nothing is looked at while a commit is tried again: what happens meanwhile
//! is found by the next look.

mod telling;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::hints::{Ear, Hints};
use super::look::{Look, Looks, Root};
use super::watched::{Settled, Watched, seen};
use super::{Folder, FolderBatch, FolderRoot, FolderSink, FolderStatus, Initial, name};
use crate::domain::clock::{Clock, Timestamp};

/// How many changes are committed together: a few hundred records are one short write.
const MAX_BATCH: usize = 256;

/// How many paths that are due are looked at in one turn.
const MAX_DUE: usize = 4_096;

/// How often it is tried whether a folder that was missing is there.
const MISSING_POLL: Duration = Duration::from_secs(2);

/// The least pause between two looks at everything, however often the system asks for one.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

/// How many times as long as a look took is the pause after it, so that a slow share has rest.
const REST: u32 = 4;

/// How often it is tried to listen again where the system does not tell of everything.
const LISTEN_AGAIN: Duration = Duration::from_secs(600);

/// The server ends.
struct Ended;

pub(super) struct Keeper {
    folder: Folder,
    sink: Arc<dyn FolderSink>,
    clock: Arc<dyn Clock>,
    ending: watch::Receiver<bool>,
    hints: Arc<Hints>,
    watched: Watched,
    /// When watching began.
    began: Timestamp,
    /// The folder's path as it is kept.
    path: String,
    /// The number of the last batch.
    batch: u64,
    /// What the store has as the folder that is watched; none until the first look is committed.
    kept: Option<FolderRoot>,
    /// The folder that the last look accepted.
    root: Option<Root>,
    /// Nothing can be told of the folder at the moment.
    is_away: bool,
    /// What listens, at which folder, and when that was tried.
    ear: Option<Ear>,
    ear_at: Option<(Root, Timestamp)>,
    /// Somebody asked for a look at everything, and whether it must not wait.
    everywhere: bool,
    at_once: bool,
    /// When everything was last looked at, and the pauses after that.
    looked_at: Timestamp,
    pause: Duration,
    least_pause: Duration,
    status: FolderStatus,
}

impl Keeper {
    pub(super) fn new(
        folder: Folder,
        sink: Arc<dyn FolderSink>,
        clock: Arc<dyn Clock>,
        ending: watch::Receiver<bool>,
    ) -> Self {
        let capacity = folder.looker.capacity;
        Self {
            watched: Watched::new(folder.settle, folder.events.clone(), capacity),
            began: clock.now(),
            path: name::shown(folder.looker.folder.as_os_str().as_encoded_bytes()),
            folder,
            sink,
            clock,
            ending,
            hints: Arc::new(Hints::default()),
            batch: 0,
            kept: None,
            root: None,
            is_away: true,
            ear: None,
            ear_at: None,
            everywhere: false,
            at_once: true,
            looked_at: Timestamp(i64::MIN),
            pause: Duration::ZERO,
            least_pause: LEAST_PAUSE,
            status: FolderStatus::default(),
        }
    }

    /// Runs until the server ends.
    pub(super) async fn run(mut self) {
        // The end of the server is the only way out.
        let Err(Ended) = self.serve().await;
        tracing::debug!(source.name = %self.folder.name, "the folder is no longer watched");
    }

    async fn serve(&mut self) -> Result<std::convert::Infallible, Ended> {
        self.recall().await?;
        loop {
            self.turn().await?;
            self.publish();
            self.rest().await?;
        }
    }

    /// Reads what was committed in former runs.
    async fn recall(&mut self) -> Result<(), Ended> {
        let mut pause = self.folder.pace.retry;
        let seen = loop {
            match self.sink.seen(&self.folder.name).await {
                Ok(seen) => break seen,
                Err(error) => self.failed(&error, &mut pause).await?,
            }
        };
        self.status.problem = None;
        let Some(seen) = seen else {
            return Ok(());
        };
        self.batch = seen.batch;
        let Some(root) = seen.root.filter(|root| root.path == self.path) else {
            return Ok(());
        };
        self.kept = Some(root);
        let ignore = Arc::clone(&self.folder.looker.ignore);
        let (hidden, files): (Vec<_>, Vec<_>) = seen
            .files
            .into_iter()
            .partition(|file| ignore.hides(&file.path));
        self.watched.know(files);
        // What the operator does not want to hear of any more was not removed.
        for files in hidden.chunks(MAX_BATCH) {
            let gone = files.iter().map(|file| file.path.clone()).collect();
            let batch = FolderBatch {
                gone,
                ..FolderBatch::default()
            };
            self.commit(batch).await?;
        }
        Ok(())
    }

    /// Looks once, and commits what has settled.
    async fn turn(&mut self) -> Result<(), Ended> {
        let heard = self.hints.take();
        if let Some(reason) = heard.deaf {
            self.deaf(reason);
        }
        if heard.lost {
            (self.ear, self.ear_at) = (None, None);
            self.at_once = true;
        }
        self.everywhere |= heard.everywhere;
        let now = self.clock.now();
        if self.is_due(now) {
            self.look_everywhere().await?;
        } else if !self.is_away {
            let mut paths: Vec<String> = heard.paths.into_iter().collect();
            paths.extend(self.watched.due(now, MAX_DUE));
            self.look_at(paths).await?;
        }
        for path in heard.complete {
            self.watched.complete(&path);
        }
        self.tell().await
    }

    /// Whether everything is to be looked at now.
    fn is_due(&self, now: Timestamp) -> bool {
        // The clock may have been set back.
        self.at_once
            || now < self.looked_at
            || now >= self.looked_at.after(self.pause)
            || (self.everywhere && !self.is_away && now >= self.looked_at.after(self.least_pause))
    }

    async fn look_at(&mut self, paths: Vec<String>) -> Result<(), Ended> {
        if paths.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        match self.look(paths).await? {
            Ok(looks) if Some(looks.root) == self.root => {
                for look in looks.looks {
                    self.watched.take_up(look, now);
                }
            }
            // Another folder is there, or none: what that means is seen when everything is looked at.
            Ok(_) | Err(_) => self.at_once = true,
        }
        Ok(())
    }

    async fn look_everywhere(&mut self) -> Result<(), Ended> {
        // What happens from now on may be missed by this look.
        (self.everywhere, self.at_once) = (false, false);
        let began = Instant::now();
        let looked = self.look(vec![String::new()]).await?;
        let rest = began.elapsed() * REST;
        self.looked_at = self.clock.now();
        self.least_pause = LEAST_PAUSE.max(rest);
        self.pause = self.folder.poll.max(rest);
        match looked {
            Ok(looks) => self.accept(looks).await,
            Err(error) => {
                self.away(format!(
                    "`{}` cannot be read, and nothing in it counts as removed: {error}",
                    self.path.escape_debug()
                ));
                Ok(())
            }
        }
    }

    async fn look(&mut self, paths: Vec<String>) -> Result<io::Result<Looks>, Ended> {
        let looker = self.folder.looker.clone();
        let looked = tokio::task::spawn_blocking(move || looker.look(&paths));
        let looked = self.outlast(looked).await?;
        Ok(looked.unwrap_or_else(|error| Err(io::Error::other(error))))
    }

    /// Takes up a look at everything.
    async fn accept(&mut self, looks: Looks) -> Result<(), Ended> {
        let (root, now) = (looks.root, self.clock.now());
        let look = looks.looks.into_iter().next().unwrap_or_default();
        let is_another = match (self.root, &self.kept) {
            (Some(last), _) => last != root,
            // After a restart the device may have another number, or the share may not be there yet.
            (None, Some(kept)) => kept.inode != root.inode,
            (None, None) => true,
        };
        let is_empty = look.files.is_empty() && look.unread.is_empty();
        if is_another && is_empty && self.watched.known() > 0 {
            self.away(format!(
                "`{}` is empty and not the folder that was watched, so nothing in it counts as removed: if it is \
                 a share, mount it",
                self.path.escape_debug()
            ));
            return Ok(());
        }
        if std::mem::take(&mut self.is_away) && self.status.problem.take().is_some() {
            tracing::info!(source.name = %self.folder.name, "the folder can be read again");
        }
        self.skip(looks.problems);
        self.root = Some(root);
        let kept = FolderRoot {
            path: self.path.clone(),
            inode: root.inode,
        };
        match (&self.kept, self.folder.initial) {
            (None, Initial::Record) => self.record(look, kept).await?,
            (None, Initial::Report) => {
                self.keep(kept, true).await?;
                self.watched.take_up(look, now);
            }
            (Some(before), _) => {
                if *before != kept {
                    self.keep(kept, false).await?;
                }
                self.watched.take_up(look, now);
            }
        }
        self.listen(root, now).await
    }

    /// Commits the files that were there when watching began, and tells nothing of them.
    async fn record(&mut self, mut look: Look, root: FolderRoot) -> Result<(), Ended> {
        // The folder may have come later, with files that are new.
        let (new, old): (Vec<_>, Vec<_>) = std::mem::take(&mut look.files)
            .into_iter()
            .partition(|(_, state)| state.changed >= self.began);
        let files: Vec<_> = old
            .into_iter()
            .map(|(path, state)| seen(path, &state))
            .collect();
        tracing::info!(
            source.name = %self.folder.name,
            "{} files are there already and are not told",
            files.len()
        );
        let mut anew = true;
        for files in files.chunks(MAX_BATCH) {
            let batch = FolderBatch {
                anew,
                seen: files.to_vec(),
                ..FolderBatch::default()
            };
            self.commit(batch).await?;
            anew = false;
        }
        // Only now: a first look that was cut off begins again.
        self.keep(root, anew).await?;
        for (path, state) in new {
            self.watched.take_up(Look::of(path, state), self.looked_at);
        }
        self.watched.know(files);
        Ok(())
    }

    async fn keep(&mut self, root: FolderRoot, anew: bool) -> Result<(), Ended> {
        let batch = FolderBatch {
            anew,
            root: Some(root.clone()),
            ..FolderBatch::default()
        };
        self.commit(batch).await?;
        self.kept = Some(root);
        Ok(())
    }

    /// Listens at a folder where nothing listens yet.
    async fn listen(&mut self, root: Root, now: Timestamp) -> Result<(), Ended> {
        let is_tried = self.ear_at.is_some_and(|(at, tried)| {
            let hears_all = self.ear.is_some() && self.status.polling.is_none();
            at == root && (hears_all || now.since(tried) < LISTEN_AGAIN)
        });
        if is_tried {
            return Ok(());
        }
        self.ear = None;
        self.ear_at = Some((root, now));
        let (listen, hints) = (Arc::clone(&self.folder.listen), Arc::clone(&self.hints));
        let folder = self.folder.looker.folder.clone();
        let listening = tokio::task::spawn_blocking(move || listen(&folder, hints));
        match self.outlast(listening).await? {
            Ok(Ok(ear)) => {
                self.ear = Some(ear);
                self.status.polling = None;
                // What changed since the look, before anything listened.
                self.at_once = true;
            }
            Ok(Err(reason)) => self.deaf(reason),
            Err(error) => self.deaf(error.to_string()),
        }
        Ok(())
    }

    /// Commits what has settled.
    async fn tell(&mut self) -> Result<(), Ended> {
        let mut settled = self.watched.settled().into_iter().peekable();
        while settled.peek().is_some() {
            let mut batch = FolderBatch::default();
            for Settled { report, seen, gone } in settled.by_ref().take(MAX_BATCH) {
                batch.reports.extend(report);
                batch.seen.extend(seen);
                batch.gone.extend(gone);
            }
            self.commit(batch).await?;
        }
        Ok(())
    }

    /// Commits a batch, as often as it takes.
    async fn commit(&mut self, mut batch: FolderBatch) -> Result<(), Ended> {
        // One number for all the times that it is tried.
        self.batch += 1;
        batch.number = self.batch;
        let mut pause = self.folder.pace.retry;
        while let Err(error) = self.sink.commit(&self.folder.name, &batch).await {
            self.failed(&error, &mut pause).await?;
        }
        if !self.is_away {
            self.status.problem = None;
        }
        // Ends between two commits, however many there are.
        if *self.ending.borrow() {
            return Err(Ended);
        }
        Ok(())
    }

    /// Waits until there is something to look at.
    async fn rest(&mut self) -> Result<(), Ended> {
        let mut until = self.looked_at.after(self.pause);
        if !self.is_away {
            until = self.watched.next_due().map_or(until, |due| due.min(until));
            if self.everywhere {
                until = until.min(self.looked_at.after(self.least_pause));
            }
        }
        let pace = self.folder.pace;
        let pause = if self.at_once {
            Duration::ZERO
        } else {
            until.since(self.clock.now()).min(pace.wake)
        };
        let (hints, is_away) = (Arc::clone(&self.hints), self.is_away);
        let something = async {
            tokio::select! {
                () = hints.wake.notified(), if !is_away => tokio::time::sleep(pace.gather).await,
                () = tokio::time::sleep(pause) => {}
            }
        };
        or_end(&mut self.ending, something).await
    }
}

/// Waits for something, but not beyond the end of the server.
async fn or_end<T>(
    ending: &mut watch::Receiver<bool>,
    something: impl Future<Output = T>,
) -> Result<T, Ended> {
    tokio::select! {
        biased;
        // An error says that nobody is left to end it.
        _ = ending.wait_for(|ended| *ended) => Err(Ended),
        outcome = something => Ok(outcome),
    }
}
