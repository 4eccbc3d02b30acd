//! What the sources that the server looks after say of themselves: for people, while they are at work.
//!
//! The server enters each when it begins and takes it out when it ends; the admin interface reads.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::watch;

use super::folder::{self, FolderStatus};
use super::schedule::{self, Schedule};
use crate::domain::clock::Timestamp;
use crate::domain::names::SourceName;

/// The sources that are looked after at the moment.
#[derive(Debug, Default)]
pub struct Inside(Mutex<BTreeMap<SourceName, Entry>>);

#[derive(Debug)]
enum Entry {
    Folder {
        path: String,
        status: watch::Receiver<FolderStatus>,
    },
    Schedule(Box<Schedule>),
}

/// How such a source is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct InsideSummary {
    /// Its name.
    pub name: SourceName,
    /// `folder` or `schedule`.
    pub provider: &'static str,
    /// The folder that is watched.
    pub path: Option<String>,
    /// Why nothing can be told at the moment.
    pub problem: Option<String>,
    /// What cannot be read, and why changes are found by looking alone.
    pub notes: Vec<String>,
    /// How many files are known, and how many differences wait until they have settled.
    pub files: Option<(usize, usize)>,
}

impl Inside {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<SourceName, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a watched folder.
    pub fn watch(&self, name: SourceName, path: &Path, status: watch::Receiver<FolderStatus>) {
        let path = path.display().to_string();
        self.lock().insert(name, Entry::Folder { path, status });
    }

    /// Enters a schedule.
    pub fn schedule(&self, name: SourceName, schedule: Schedule) {
        self.lock()
            .insert(name, Entry::Schedule(Box::new(schedule)));
    }

    /// Takes a source out.
    pub fn forget(&self, name: &SourceName) {
        self.lock().remove(name);
    }

    /// Each of them, in the order of their names.
    #[must_use]
    pub fn summaries(&self) -> Vec<InsideSummary> {
        self.lock()
            .iter()
            .map(|(name, entry)| summary(name, entry))
            .collect()
    }

    /// When a schedule falls due next, if everything until `last` has been dealt with; none for another source.
    #[must_use]
    pub fn next(
        &self,
        name: &SourceName,
        last: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        match self.lock().get(name)? {
            Entry::Schedule(schedule) => schedule.due(last, now).next,
            Entry::Folder { .. } => None,
        }
    }
}

fn summary(name: &SourceName, entry: &Entry) -> InsideSummary {
    match entry {
        Entry::Schedule(_) => InsideSummary {
            name: name.clone(),
            provider: schedule::PROVIDER,
            path: None,
            problem: None,
            notes: Vec::new(),
            files: None,
        },
        Entry::Folder { path, status } => {
            let status = status.borrow();
            let more = (status.more_skipped > 0)
                .then(|| format!("{} more cannot be read", status.more_skipped));
            let notes = status.skipped.iter().chain(&status.polling).cloned();
            InsideSummary {
                name: name.clone(),
                provider: folder::PROVIDER,
                path: Some(path.clone()),
                problem: status.problem.clone(),
                notes: notes.chain(more).collect(),
                files: Some((status.files, status.waiting)),
            }
        }
    }
}
