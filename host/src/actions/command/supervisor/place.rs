//! The place of a command among those of its turn's key.
//!
//! The store hands out one command of a key at a time. A server that is killed leaves its commands to their
//! supervisors, which take a moment to end them, while the next server may begin at once. So a supervisor holds the
//! lock of a file for as long as it lives, and the next one of the key waits for it.
//!
//! Invariants:
//! - Of the supervisors with the same file one at a time gets past [`Place::take`].

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A place that is held until this is dropped, or the process ends.
pub(super) struct Place {
    // The lock ends with the file.
    _file: File,
    path: PathBuf,
}

impl Place {
    /// Takes the place; none while another process holds it.
    pub(super) fn take(path: &Path) -> io::Result<Option<Self>> {
        if let Some(folder) = path.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Whoever had it before may have removed the file after it was opened here.
        let held = file.metadata()?;
        let is_same = std::fs::metadata(path)
            .is_ok_and(|there| (there.dev(), there.ino()) == (held.dev(), held.ino()));
        Ok(is_same.then(|| Self {
            _file: file,
            path: path.to_owned(),
        }))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A file that stays is in nobody's way.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_has_a_place_and_leaves_no_file_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("turns/key");

        let first = Place::take(&path)
            .expect("it can be locked")
            .expect("it is free");
        assert!(Place::take(&path).expect("it can be looked at").is_none());
        drop(first);

        assert!(!path.exists());
        assert!(Place::take(&path).expect("it can be locked").is_some());
    }
}
