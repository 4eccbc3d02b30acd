//! What was seen of sources that nobody sends to: the files of watched folders, the due moments of schedules.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::rows;
use crate::domain::clock::Timestamp;
use crate::domain::names::SourceName;
use crate::store::{FileRecord, StoreError};

/// Whether a folder is known.
pub(super) const KNOWN: &str = "SELECT 1 FROM folders WHERE source = ?1";

/// What [`files`] reads.
pub(super) const FILES: &str =
    "SELECT path, size, modified_at, inode FROM files WHERE source = ?1 ORDER BY path";

/// How a file is forgotten.
pub(super) const FORGET: &str = "DELETE FROM files WHERE source = ?1 AND path = ?2";

/// What [`last_due`] reads.
pub(super) const LAST_DUE: &str = "SELECT due_at FROM schedules WHERE source = ?1";

/// The files of a folder; none where it is not known.
pub(super) fn files(
    db: &Connection,
    source: &SourceName,
) -> Result<Option<Vec<FileRecord>>, StoreError> {
    if !db.prepare_cached(KNOWN)?.exists([source.as_str()])? {
        return Ok(None);
    }
    let files = db
        .prepare_cached(FILES)?
        .query_map([source.as_str()], read)?
        .collect::<Result<_, _>>()?;
    Ok(Some(files))
}

/// Forgets files and keeps others, and makes the folder known.
pub(super) fn keep_files(
    db: &Connection,
    source: &SourceName,
    changed: &[FileRecord],
    gone: &[String],
) -> Result<(), StoreError> {
    let source = source.as_str();
    db.prepare_cached("INSERT INTO folders (source) VALUES (?1) ON CONFLICT DO NOTHING")?
        .execute([source])?;
    let mut forget = db.prepare_cached(FORGET)?;
    for path in gone {
        forget.execute(params![source, path])?;
    }
    let mut keep = db.prepare_cached(
        "INSERT INTO files (source, path, size, modified_at, inode) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (source, path) DO UPDATE SET size = excluded.size, \
         modified_at = excluded.modified_at, inode = excluded.inode",
    )?;
    for file in changed {
        keep.execute(params![
            source,
            file.path,
            file.size.cast_signed(),
            file.modified_at.0,
            file.inode.cast_signed(),
        ])?;
    }
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<FileRecord> {
    let bits = |column: &str| row.get(column).map(i64::cast_unsigned);
    Ok(FileRecord {
        path: row.get("path")?,
        size: bits("size")?,
        modified_at: rows::moment(row, "modified_at")?,
        inode: bits("inode")?,
    })
}

/// Until when a schedule has been dealt with.
pub(super) fn last_due(
    db: &Connection,
    source: &SourceName,
) -> Result<Option<Timestamp>, StoreError> {
    let due_at = db
        .prepare_cached(LAST_DUE)?
        .query_row([source.as_str()], |row| rows::moment(row, "due_at"))
        .optional()?;
    Ok(due_at)
}

/// Keeps until when a schedule has been dealt with, unless a later moment is kept.
pub(super) fn keep_due(
    db: &Connection,
    source: &SourceName,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO schedules (source, due_at) VALUES (?1, ?2) \
         ON CONFLICT (source) DO UPDATE SET due_at = max(due_at, excluded.due_at)",
    )?
    .execute(params![source.as_str(), due_at.0])?;
    Ok(())
}
