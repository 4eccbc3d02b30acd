//! What a rule keeps between events: small texts under keys, each for a time or for ever.
//!
//! The store keeps a [`State`] for each rule's name. An evaluation works on a copy of it, through a [`Session`],
//! and gives back the [`Changes`] it made, which are kept in the commit of the evaluation or not at all.
//!
//! Time is the event's: what expires does so by the moment at which the event was received, never by the time of
//! the machine, so that the same event and state give the same answer whenever it is asked for.
//!
//! Invariants:
//! - A state and the changes of a session on it give the state that the session saw at its end.
//! - No session makes a state larger than its quota.
//! - The changes of a session hold no more entries than the state before it and the state after it together.
//! - What has expired is never seen, and is gone after the next session that keeps its changes.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use super::clock::Timestamp;
use super::quantity::Bytes;

/// What an entry counts besides its key and its value, so that many small ones are not for nothing: a row of the
/// store and a node of the map take about as much.
pub const ENTRY: u64 = 32;

/// How long a key may be, in bytes. Room for a project's full name and a number.
pub const KEY: usize = 512;

/// How long a value may be, in bytes: what the whole state has room for by default.
pub const VALUE: usize = 64 << 10;

/// The line of a team's table that grants it: room for some hundred entries.
pub const GRANT_LINE: &str = "state = \"64KiB\"";

/// A value, and until when it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The value.
    pub value: String,
    /// From this moment on it is gone; none for one that is kept for ever.
    pub expires_at: Option<Timestamp>,
}

impl Entry {
    /// Whether it is gone at this moment.
    #[must_use]
    pub fn has_expired(&self, at: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= at)
    }
}

/// What an entry counts: its key, its value, and [`ENTRY`].
#[must_use]
pub fn size_of(key: &str, value: &str) -> u64 {
    let texts = u64::try_from(key.len().saturating_add(value.len())).unwrap_or(u64::MAX);
    texts.saturating_add(ENTRY)
}

/// All that a rule keeps. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    entries: Arc<BTreeMap<String, Entry>>,
    size: u64,
    revision: i64,
}

impl State {
    /// A state with these entries.
    #[must_use]
    pub fn of(revision: i64, entries: BTreeMap<String, Entry>) -> Self {
        Self {
            size: entries
                .iter()
                .map(|(key, entry)| size_of(key, &entry.value))
                .sum(),
            entries: Arc::new(entries),
            revision,
        }
    }

    /// What it counts against its quota.
    #[must_use]
    pub fn size(&self) -> Bytes {
        Bytes(self.size)
    }

    /// How often it was changed. It tells whether two are the same.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// The entries, in the order of their keys, with those that have expired.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries
            .iter()
            .map(|(key, entry)| (key.as_str(), entry))
    }

    /// The state after changes to it.
    #[must_use]
    pub fn with(&self, changes: &Changes) -> Self {
        let mut state = self.clone();
        if changes.is_empty() {
            return state;
        }
        for (key, entry) in &changes.entries {
            state.put(key, entry.clone());
        }
        state.revision = state.revision.saturating_add(1);
        state
    }

    fn put(&mut self, key: &str, entry: Option<Entry>) {
        let entries = Arc::make_mut(&mut self.entries);
        let before = match entry {
            Some(entry) => {
                self.size = self.size.saturating_add(size_of(key, &entry.value));
                entries.insert(key.to_owned(), entry)
            }
            None => entries.remove(key),
        };
        if let Some(before) = before {
            self.size = self.size.saturating_sub(size_of(key, &before.value));
        }
    }
}

/// What an evaluation changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// The revision of the state that was changed.
    pub since: i64,
    /// What is put under each key; none where it is gone.
    pub entries: BTreeMap<String, Option<Entry>>,
}

impl Changes {
    /// Whether nothing was changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// What a rule is granted for one evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// What it keeps.
    pub state: State,
    /// How large that may be.
    pub quota: Bytes,
}

/// Why a session did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The key or the value is too long, or the quota is used up.
    #[error("the key or the value is too long, or the quota is used up")]
    TooLarge,
}

/// One evaluation's work on a state.
#[derive(Debug, Clone)]
pub struct Session {
    before: State,
    state: State,
    quota: u64,
    at: Timestamp,
    changes: Changes,
}

impl Session {
    /// Begins one for an event that was received at this moment. What has expired by then is gone.
    #[must_use]
    pub fn begin(granted: Granted, received_at: Timestamp) -> Self {
        let mut session = Self {
            changes: Changes {
                since: granted.state.revision,
                entries: BTreeMap::new(),
            },
            before: granted.state.clone(),
            state: granted.state,
            quota: granted.quota.0,
            at: received_at,
        };
        let expired: Vec<String> = session
            .state
            .entries()
            .filter(|(_, entry)| entry.has_expired(received_at))
            .map(|(key, _)| key.to_owned())
            .collect();
        for key in expired {
            session.put(&key, None);
        }
        session
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        let entry = self.state.entries.get(key)?;
        Some(&entry.value)
    }

    /// Puts a value under a key, for so many seconds from the event on or for ever. No seconds leave nothing.
    ///
    /// # Errors
    /// When the key or the value is too long, or the state would grow above its quota. Nothing is changed then.
    pub fn set(
        &mut self,
        key: &str,
        value: &str,
        seconds: Option<u32>,
    ) -> Result<(), SessionError> {
        if key.len() > KEY || value.len() > VALUE {
            return Err(SessionError::TooLarge);
        }
        let before = self.get(key).map_or(0, |before| size_of(key, before));
        let own = size_of(key, value);
        let size = self.state.size.saturating_sub(before).saturating_add(own);
        // A state that was granted more once may still shrink.
        if size > self.quota && own > before {
            return Err(SessionError::TooLarge);
        }
        let entry = Entry {
            value: value.to_owned(),
            expires_at: seconds
                .map(|seconds| self.at.after(Duration::from_secs(u64::from(seconds)))),
        };
        let lasts = !entry.has_expired(self.at);
        self.put(key, lasts.then_some(entry));
        Ok(())
    }

    /// Adds to a counter and returns its new value. What is there and is no number counts as 0, and what is out of
    /// the range of the number stays at its end. The time to live begins anew, as with [`set`](Self::set).
    ///
    /// # Errors
    /// As [`set`](Self::set) has.
    pub fn add(
        &mut self,
        key: &str,
        amount: i64,
        seconds: Option<u32>,
    ) -> Result<i64, SessionError> {
        let before: i64 = self
            .get(key)
            .and_then(|value| value.parse().ok())
            .unwrap_or(0);
        let after = before.saturating_add(amount);
        self.set(key, &after.to_string(), seconds)?;
        Ok(after)
    }

    /// Forgets a key; one that is not there is no error.
    pub fn remove(&mut self, key: &str) {
        if self.get(key).is_some() {
            self.put(key, None);
        }
    }

    /// The keys with this beginning, in order.
    pub fn keys<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.state
            .entries
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .map(|(key, _)| key.as_str())
            .take_while(move |key| key.starts_with(prefix))
    }

    /// What it changed.
    #[must_use]
    pub fn end(self) -> Changes {
        self.changes
    }

    fn put(&mut self, key: &str, entry: Option<Entry>) {
        self.state.put(key, entry.clone());
        // What came and went is no change, however much of it there is.
        if entry.is_some() || self.before.entries.contains_key(key) {
            self.changes.entries.insert(key.to_owned(), entry);
        } else {
            self.changes.entries.remove(key);
        }
    }
}

#[cfg(test)]
mod tests;
