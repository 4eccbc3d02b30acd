//! Word from the system about where to look.
//!
//! Word is never trusted: it only says which paths are looked at next. So word that comes twice, late or not
//! at all costs nothing but time: the whole folder is looked at now and then in any case, which is all
//! there is for network mounts.
//!
//! Invariant: however much happens, a bounded number of paths is kept; beyond it the whole folder is looked at.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{Config, ErrorKind, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use rustix::io::Errno;
use tokio::sync::Notify;

use super::name;

/// How many paths are kept until the next look: some more than one would want to look at one by one.
const MAX_PATHS: usize = 4_096;

/// What listens until it is dropped.
pub(super) type Ear = Box<dyn Send>;

/// Begins to listen at a folder.
pub(super) type Listen = Arc<dyn Fn(&Path, Arc<Hints>) -> Result<Ear, String> + Send + Sync>;

/// Where to look next.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// Paths at which something happened.
    pub(super) paths: BTreeSet<String>,
    /// Paths to which a file was renamed from a temporary name.
    pub(super) complete: BTreeSet<String>,
    /// Something happened anywhere.
    pub(super) everywhere: bool,
    /// The folder itself was removed or renamed: what listens there hears nothing of what comes in its place.
    pub(super) lost: bool,
    /// Why the system will not tell of everything from now on.
    pub(super) deaf: Option<String>,
}

/// Gathers word until somebody takes it.
#[derive(Debug, Default)]
pub(super) struct Hints {
    heard: Mutex<Heard>,
    /// Wakes whoever waits for word.
    pub(super) wake: Notify,
}

impl Hints {
    /// What was heard since the last call.
    pub(super) fn take(&self) -> Heard {
        std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes up one word about what is in a folder.
    pub(super) fn hear(&self, folder: &Path, word: notify::Result<notify::Event>) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        match word {
            Ok(event) if event.need_rescan() => heard.everywhere = true,
            Ok(event) if is_silent(event.kind) => return,
            Ok(event) => heard.take_up(folder, &event),
            Err(error) => {
                if matches!(error.kind, ErrorKind::MaxFilesWatch) {
                    heard.deaf = Some(why(&error));
                }
                heard.everywhere = true;
            }
        }
        drop(heard);
        self.wake.notify_one();
    }
}

impl Heard {
    fn take_up(&mut self, folder: &Path, event: &notify::Event) {
        let shown = |path: &PathBuf| {
            let below = path.strip_prefix(folder).ok()?;
            Some(name::shown(below.as_os_str().as_bytes()))
        };
        for path in event.paths.iter().filter_map(shown) {
            self.lost |= path.is_empty()
                && matches!(
                    event.kind,
                    EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_))
                );
            if path.is_empty() || self.paths.len() >= MAX_PATHS {
                self.everywhere = true;
            } else if !self.everywhere {
                self.paths.insert(path);
            }
        }
        if self.everywhere {
            self.paths.clear();
        }
        if let (EventKind::Modify(ModifyKind::Name(RenameMode::Both)), [from, to]) =
            (event.kind, event.paths.as_slice())
            && let (Some(from), Some(to)) = (shown(from), shown(to))
            && from.split('/').any(name::is_temporary)
            && self.complete.len() < MAX_PATHS
        {
            self.complete.insert(to);
        }
    }
}

/// Whether nothing changed: somebody looked at or read a file, as this module does itself.
fn is_silent(kind: EventKind) -> bool {
    let closed = AccessKind::Close(AccessMode::Write);
    matches!(kind, EventKind::Access(access) if access != closed)
}

/// Begins to listen with what the system has.
pub(super) fn listen(folder: &Path, hints: Arc<Hints>) -> Result<Ear, String> {
    // Word names paths below the folder itself, not below a link to it.
    let folder = folder.canonicalize().map_err(|error| error.to_string())?;
    let root = folder.clone();
    let config = Config::default().with_follow_symlinks(false);
    let mut watcher = RecommendedWatcher::new(move |word| hints.hear(&root, word), config)
        .map_err(|error| why(&error))?;
    watcher
        .watch(&folder, RecursiveMode::Recursive)
        .map_err(|error| why(&error))?;
    Ok(Box::new(watcher))
}

/// Why the system does not tell, and what to do.
fn why(error: &notify::Error) -> String {
    match &error.kind {
        ErrorKind::MaxFilesWatch => {
            "the system has no more watches for folders: raise `fs.inotify.max_user_watches` with sysctl"
                .to_owned()
        }
        // The limit is one of the user's, or of the process's open files.
        ErrorKind::Io(error) if error.raw_os_error() == Some(Errno::MFILE.raw_os_error()) => {
            "the system has no more watchers: raise `fs.inotify.max_user_instances` with sysctl, or the \
             process's limit of open files"
                .to_owned()
        }
        _ => error.to_string(),
    }
}
