//! What the database says, in the store's own words.
//!
//! The one place that reads the database's codes: the rest of the tree uses `?`.

use std::io;
use std::path::Path;

use rusqlite::{ErrorCode, ffi};

use crate::store::StoreError;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match &error {
            rusqlite::Error::SqliteFailure(failure, _) if is_full(failure) => Self::Full,
            _ => Self::Database {
                message: error.to_string(),
            },
        }
    }
}

/// Whether there was no space: for the file, or for the index of its log, which is told apart only by
/// the extended code.
fn is_full(failure: &ffi::Error) -> bool {
    failure.code == ErrorCode::DiskFull || failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE
}

/// A file or folder that could not be made ready.
pub(super) fn unusable(path: &Path, error: &io::Error) -> StoreError {
    if error.kind() == io::ErrorKind::StorageFull {
        return StoreError::Full;
    }
    StoreError::Database {
        message: format!("`{}` cannot be used: {error}", path.display()),
    }
}
