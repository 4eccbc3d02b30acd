//! Opening the file: its folder, its rights, and how the database is to treat it.

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::readers::Readers;
use super::writer::Writer;
use super::{Sqlite, error, schema};
use crate::domain::clock::Clock;
use crate::store::StoreError;

/// The name of the file in the data folder.
pub(super) const FILE: &str = "hookbox.db";

/// How long to wait for another process that has the file locked, such as a backup.
const PATIENCE: Duration = Duration::from_secs(5);

impl Sqlite {
    /// Opens the store in a data folder, and makes both where they are missing. Blocks.
    ///
    /// # Errors
    /// When the folder or the file cannot be used, or is of a newer version.
    pub fn open(dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let unusable = |error| error::unusable(dir, &error);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(unusable)?;
        let path = dir.join(FILE);
        // The files that SQLite puts beside this one get its mode.
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .and_then(|file| file.set_permissions(Permissions::from_mode(0o600)))
            .map_err(|error| error::unusable(&path, &error))?;

        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        connection.set_prepared_statement_cache_capacity(128);
        // The journal of a savepoint goes to memory: it is needed only until the commit.
        connection.execute_batch(
            // Bodies have some kilobytes: with larger pages they need fewer of them, and a commit
            // fewer writes.
            "PRAGMA page_size = 8192;
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;
             PRAGMA temp_store = MEMORY;
             PRAGMA cache_size = -16384;
             PRAGMA wal_autocheckpoint = 4096;
             PRAGMA journal_size_limit = 67108864;",
        )?;
        schema::migrate(&mut connection)?;
        Ok(Self {
            readers: Readers::open(&path, PATIENCE)?,
            writer: Writer::start(connection)?,
            clock,
        })
    }
}
