//! What was seen of sources that nobody sends to: the files of watched folders, the due moments of schedules.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::rows;
use crate::domain::clock::Timestamp;
use crate::domain::names::SourceName;
use crate::store::{FileRecord, FolderChange, FolderRecord, RootRecord, StoreError};

/// What [`folder`] reads of the folder itself.
pub(super) const ROOT: &str =
    "SELECT root_path, root_inode FROM folders WHERE source = ?1 AND root_path IS NOT NULL";

/// What it reads of its files.
pub(super) const FILES: &str =
    "SELECT path, size, modified_at, inode, changed_at FROM files WHERE source = ?1 ORDER BY path";

/// How a file is forgotten.
pub(super) const FORGET: &str = "DELETE FROM files WHERE source = ?1 AND path = ?2";

/// What [`last_due`] reads.
pub(super) const LAST_DUE: &str = "SELECT due_at FROM schedules WHERE source = ?1";

/// What is kept of a folder; none where no root is.
pub(super) fn folder(
    db: &Connection,
    source: &SourceName,
) -> Result<Option<FolderRecord>, StoreError> {
    let root = db
        .prepare_cached(ROOT)?
        .query_row([source.as_str()], |row| {
            Ok(RootRecord {
                path: row.get("root_path")?,
                inode: bits(row, "root_inode")?,
            })
        })
        .optional()?;
    let Some(root) = root else {
        return Ok(None);
    };
    let files = db
        .prepare_cached(FILES)?
        .query_map([source.as_str()], read)?
        .collect::<Result<_, _>>()?;
    Ok(Some(FolderRecord { root, files }))
}

/// Forgets files and keeps others, and the folder itself.
pub(super) fn keep_folder(
    db: &Connection,
    source: &SourceName,
    change: &FolderChange,
) -> Result<(), StoreError> {
    let source = source.as_str();
    if change.anew {
        db.prepare_cached("DELETE FROM files WHERE source = ?1")?
            .execute([source])?;
        db.prepare_cached("DELETE FROM folders WHERE source = ?1")?
            .execute([source])?;
    }
    db.prepare_cached("INSERT INTO folders (source) VALUES (?1) ON CONFLICT DO NOTHING")?
        .execute([source])?;
    if let Some(root) = &change.root {
        db.prepare_cached("UPDATE folders SET root_path = ?2, root_inode = ?3 WHERE source = ?1")?
            .execute(params![source, root.path, root.inode.cast_signed()])?;
    }
    let mut forget = db.prepare_cached(FORGET)?;
    for path in &change.gone {
        forget.execute(params![source, path])?;
    }
    let mut keep = db.prepare_cached(
        "INSERT INTO files (source, path, size, modified_at, inode, changed_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT (source, path) DO UPDATE SET size = excluded.size, \
         modified_at = excluded.modified_at, inode = excluded.inode, \
         changed_at = excluded.changed_at",
    )?;
    for file in &change.changed {
        keep.execute(params![
            source,
            file.path,
            file.size.cast_signed(),
            file.modified_at.0,
            file.inode.cast_signed(),
            file.changed_at.0,
        ])?;
    }
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<FileRecord> {
    Ok(FileRecord {
        path: row.get("path")?,
        size: bits(row, "size")?,
        modified_at: rows::moment(row, "modified_at")?,
        inode: bits(row, "inode")?,
        changed_at: rows::moment(row, "changed_at")?,
    })
}

/// A number of 64 bits, which the database keeps as a signed one.
fn bits(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    row.get(column).map(i64::cast_unsigned)
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
