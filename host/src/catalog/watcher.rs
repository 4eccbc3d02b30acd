//! Word that something changed in the rules folder.
//!
//! The operating system's word is used where there is one. Network mounts give none, so the keeper
//! looks by itself now and then as well.

use std::path::{Path, PathBuf};

use notify::event::{ModifyKind, RenameMode};
use notify::{EventKind, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

/// One change.
#[derive(Debug)]
pub(super) enum Change {
    /// A file was renamed to this name, so it is complete.
    Renamed(PathBuf),
    /// Something else happened.
    Other,
}

/// Watches until it is dropped.
pub(super) struct Watcher {
    _watcher: notify::RecommendedWatcher,
}

impl Watcher {
    /// Watches a folder and what is below it; none where the system cannot.
    pub(super) fn start(folder: &Path, changes: mpsc::Sender<Change>) -> Option<Self> {
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                let changes_found = match event {
                    Ok(event) => read(event),
                    // The queue ran over, or the folder went away: a look tells.
                    Err(_) => vec![Change::Other],
                };
                for change in changes_found {
                    // A full channel means that a look is due anyhow.
                    let _full = changes.try_send(change);
                }
            })
            .ok()?;
        watcher.watch(folder, RecursiveMode::Recursive).ok()?;
        Some(Self { _watcher: watcher })
    }
}

fn read(event: notify::Event) -> Vec<Change> {
    match event.kind {
        // Looking at files is what the keeper does.
        EventKind::Access(_) => Vec::new(),
        EventKind::Modify(ModifyKind::Name(RenameMode::To)) => {
            event.paths.into_iter().map(Change::Renamed).collect()
        }
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => event
            .paths
            .into_iter()
            .next_back()
            .map(Change::Renamed)
            .into_iter()
            .collect(),
        _ => vec![Change::Other],
    }
}
