//! What was told of a folder, what it shows now, and which of the differences have settled.
//!
//! Pure: it is fed looks and moments. Every difference between what was told and what is seen waits. It is due
//! when the file has been as it is for the time it needs to settle, and three seconds have passed since the
//! first difference; it is confirmed by a look at or after that moment which shows the same; and only
//! then it is told.
//!
//! Invariants:
//! - What is told is always the last state, once, whatever happened in between.
//! - A file that is as it was told last is not told.
//! - What could not be read stays as it was.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::time::Duration;

use super::look::{Look, State};
use super::name;
use super::report::{FileReport, SeenFile};
use crate::domain::clock::Timestamp;
use crate::domain::event::FileChange;

/// How long the changes of a file are gathered into one event.
const WINDOW: Duration = Duration::from_secs(3);

/// A difference that waits.
#[derive(Debug)]
struct Waiting {
    /// The last state; none when it is gone.
    state: Option<State>,
    /// When it was first seen to differ from what was told.
    first: Timestamp,
    /// When it was last seen to change.
    last: Timestamp,
    /// It was renamed from a temporary name and has the same size since, so there is nothing to settle.
    complete: bool,
    /// A look at or after the moment it was due showed the same.
    confirmed: bool,
}

/// What a difference became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settled {
    /// What is told; none where the operator does not want to hear of such changes.
    pub(super) report: Option<FileReport>,
    /// The file as it is to be remembered.
    pub(super) seen: Option<SeenFile>,
    /// A path to be forgotten.
    pub(super) gone: Option<String>,
}

/// What tells a file that was renamed from others.
type Identity = (u64, u64, Timestamp);

fn identity(state: &State) -> Option<Identity> {
    (state.inode != 0).then_some((state.inode, state.size, state.modified))
}

/// Whether two states show no difference in what a file holds.
fn is_same(one: Option<&State>, other: Option<&State>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => one.size == other.size && one.modified == other.modified,
        _ => false,
    }
}

/// The files of a folder.
#[derive(Debug)]
pub(super) struct Watched {
    settle: Duration,
    events: Vec<FileChange>,
    capacity: usize,
    /// The files as they were told or recorded.
    told: BTreeMap<String, State>,
    waiting: BTreeMap<String, Waiting>,
}

impl Watched {
    /// A folder of which nothing is known. No more files than `capacity` are remembered.
    pub(super) fn new(settle: Duration, events: Vec<FileChange>, capacity: usize) -> Self {
        Self {
            settle,
            events,
            capacity,
            told: BTreeMap::new(),
            waiting: BTreeMap::new(),
        }
    }

    /// Takes files as known, without telling anything.
    pub(super) fn know(&mut self, files: impl IntoIterator<Item = SeenFile>) {
        self.told.extend(files.into_iter().map(|file| {
            let state = State {
                size: file.size,
                modified: file.modified_at,
                inode: file.inode,
                changed: file.changed_at,
            };
            (file.path, state)
        }));
    }

    /// How many files are known.
    pub(super) fn known(&self) -> usize {
        self.told.len()
    }

    /// How many differences wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Takes up what a path and everything below it showed.
    pub(super) fn take_up(&mut self, look: Look, now: Timestamp) {
        let Look {
            path,
            files,
            unread,
        } = look;
        let found: HashSet<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
        // There may be as many that cannot be read as are known.
        let unread: HashSet<&str> = unread.iter().map(String::as_str).collect();
        let is_unread = |path: &str| {
            !unread.is_empty() && name::upwards(path).any(|folder| unread.contains(folder))
        };
        let known = within(&self.told, &path).chain(within(&self.waiting, &path));
        let (unknown, absent): (BTreeSet<String>, BTreeSet<String>) = known
            .filter(|path| !found.contains(path.as_str()))
            .cloned()
            .partition(|path| is_unread(path));
        for (path, state) in files {
            self.observe(path, Some(state), now);
        }
        for path in absent {
            self.observe(path, None, now);
        }
        for path in unknown {
            if let Some(waiting) = self.waiting.get_mut(&path) {
                waiting.last = now;
                (waiting.complete, waiting.confirmed) = (false, false);
            }
        }
    }

    /// Takes up how one file is.
    fn observe(&mut self, path: String, state: Option<State>, now: Timestamp) {
        let told = self.told.get_mut(&path);
        if is_same(told.as_deref(), state.as_ref()) {
            if let (Some(told), Some(state)) = (told, state) {
                // Its number may be another after a network share was connected again.
                *told = state;
            }
            self.waiting.remove(&path);
            return;
        }
        let is_new = told.is_none();
        if let Some(waiting) = self.waiting.get_mut(&path) {
            waiting.observe(state, now, self.settle);
            return;
        }
        if is_new && self.told.len() + self.waiting.len() >= self.capacity {
            return;
        }
        let waiting = Waiting {
            state,
            first: now,
            last: now,
            complete: false,
            confirmed: false,
        };
        self.waiting.insert(path, waiting);
    }

    /// Takes up that a file was renamed from a temporary name.
    pub(super) fn complete(&mut self, path: &str) {
        if let Some(waiting) = self.waiting.get_mut(path) {
            waiting.complete = waiting.state.is_some();
        }
    }

    /// The paths that are due and have to be looked at once more, up to a number.
    pub(super) fn due(&self, now: Timestamp, limit: usize) -> Vec<String> {
        self.waiting
            .iter()
            .filter(|(_, waiting)| !waiting.confirmed && waiting.due_at(self.settle) <= now)
            .map(|(path, _)| path.clone())
            .take(limit)
            .collect()
    }

    /// When the next path will be due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let unconfirmed = self.waiting.values().filter(|waiting| !waiting.confirmed);
        unconfirmed.map(|waiting| waiting.due_at(self.settle)).min()
    }

    /// Tells what has settled: it counts as told from now on.
    pub(super) fn settled(&mut self) -> Vec<Settled> {
        let confirmed = self.waiting.iter().filter(|(_, waiting)| waiting.confirmed);
        let paths: Vec<String> = confirmed.map(|(path, _)| path.clone()).collect();
        if paths.is_empty() {
            return Vec::new();
        }
        let moves = Moves::of(self);
        let mut settled = Vec::with_capacity(paths.len());
        for path in paths {
            let Some(state) = self.waiting.get(&path).map(|waiting| waiting.state) else {
                // It was the former name of a file that has just been told.
                continue;
            };
            match (self.told.get(&path).copied(), state) {
                (None, Some(state)) => match moves.from(&path) {
                    Some(old) if self.is_confirmed(old) => {
                        settled.push(self.tell(FileChange::Renamed, path, state, Some(old)));
                    }
                    // Until its former name is confirmed to be gone, it is not known what happened.
                    Some(old) if self.waiting.contains_key(old) => {}
                    _ => settled.push(self.tell(FileChange::Created, path, state, None)),
                },
                (Some(_), Some(state)) => {
                    settled.push(self.tell(FileChange::Modified, path, state, None));
                }
                // Its new name is told first, or will be.
                (Some(_), None) if moves.to(&path).is_some() => {}
                (Some(told), None) => settled.push(self.forget(path, told)),
                (None, None) => {
                    self.waiting.remove(&path);
                }
            }
        }
        settled
    }

    fn is_confirmed(&self, path: &str) -> bool {
        self.waiting
            .get(path)
            .is_some_and(|waiting| waiting.confirmed)
    }

    fn tell(
        &mut self,
        change: FileChange,
        path: String,
        state: State,
        previous: Option<&str>,
    ) -> Settled {
        self.waiting.remove(&path);
        if let Some(previous) = previous {
            self.waiting.remove(previous);
            self.told.remove(previous);
        }
        self.told.insert(path.clone(), state);
        let seen = seen(path, &state);
        let previous = previous.map(str::to_owned);
        Settled {
            report: self.report(change, &seen, previous.clone()),
            seen: Some(seen),
            gone: previous,
        }
    }

    fn forget(&mut self, path: String, told: State) -> Settled {
        self.waiting.remove(&path);
        self.told.remove(&path);
        let seen = seen(path, &told);
        Settled {
            report: self.report(FileChange::Removed, &seen, None),
            seen: None,
            gone: Some(seen.path),
        }
    }

    fn report(
        &self,
        change: FileChange,
        file: &SeenFile,
        previous: Option<String>,
    ) -> Option<FileReport> {
        let is_wanted = self.events.contains(&change);
        is_wanted.then(|| FileReport::new(change, file, previous))
    }
}

impl Waiting {
    /// Takes up how the file is now.
    fn observe(&mut self, state: Option<State>, now: Timestamp, settle: Duration) {
        if now < self.last {
            // The clock was set back: the waiting begins again.
            (self.first, self.last) = (now, now);
        }
        if is_same(self.state.as_ref(), state.as_ref()) {
            self.state = state;
            self.confirmed = self.due_at(settle) <= now;
            return;
        }
        let size = |state: Option<State>| state.map(|state| state.size);
        self.complete &= size(self.state) == size(state);
        self.confirmed = false;
        self.state = state;
        self.last = now;
    }

    fn due_at(&self, settle: Duration) -> Timestamp {
        let settle = if self.complete {
            Duration::ZERO
        } else {
            settle
        };
        self.first.after(WINDOW).max(self.last.after(settle))
    }
}

/// Which files that are gone appear under another name.
struct Moves {
    /// By the new path.
    from: HashMap<String, String>,
    /// By the old path.
    to: HashMap<String, String>,
}

impl Moves {
    fn of(watched: &Watched) -> Self {
        let mut departed: HashMap<Identity, Vec<&String>> = HashMap::new();
        for (path, waiting) in &watched.waiting {
            let told = watched.told.get(path).filter(|_| waiting.state.is_none());
            if let Some(identity) = told.and_then(identity) {
                departed.entry(identity).or_default().push(path);
            }
        }
        let mut moves = Self {
            from: HashMap::new(),
            to: HashMap::new(),
        };
        if departed.is_empty() {
            return moves;
        }
        for (path, waiting) in &watched.waiting {
            if watched.told.contains_key(path) {
                continue;
            }
            let arrived = waiting.state.as_ref().and_then(identity);
            // Several names of one file may have been renamed.
            if let Some(old) = arrived.and_then(|identity| departed.get_mut(&identity)?.pop()) {
                moves.from.insert(path.clone(), old.clone());
                moves.to.insert(old.clone(), path.clone());
            }
        }
        moves
    }

    fn from(&self, path: &str) -> Option<&str> {
        self.from.get(path).map(String::as_str)
    }

    fn to(&self, path: &str) -> Option<&str> {
        self.to.get(path).map(String::as_str)
    }
}

/// A file as the store keeps it.
pub(super) fn seen(path: String, state: &State) -> SeenFile {
    SeenFile {
        path,
        size: state.size,
        modified_at: state.modified,
        inode: state.inode,
        changed_at: state.changed,
    }
}

/// The keys of a path and of everything below it. Between the two lie names that begin alike.
fn within<'a, T>(
    map: &'a BTreeMap<String, T>,
    folder: &'a str,
) -> Box<dyn Iterator<Item = &'a String> + 'a> {
    if folder.is_empty() {
        return Box::new(map.keys());
    }
    let itself = map.get_key_value(folder).map(|(path, _)| path);
    let (from, to) = (format!("{folder}/"), format!("{folder}0"));
    let below = map.range::<str, _>((Bound::Included(from.as_str()), Bound::Excluded(to.as_str())));
    Box::new(itself.into_iter().chain(below.map(|(path, _)| path)))
}
