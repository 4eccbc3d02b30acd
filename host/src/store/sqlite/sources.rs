//! What was seen of sources that nobody sends to: the files of watched folders, the due moments of schedules.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::deliveries::{self, Packed};
use super::rows;
use crate::domain::clock::Timestamp;
use crate::domain::names::SourceName;
use crate::store::{FileRecord, FolderChange, FolderRecord, RootRecord, StoreError};

/// What [`folder`] reads of the folder itself.
pub(super) const ROOT: &str = "SELECT batch, root_path, root_inode FROM folders WHERE source = ?1";

/// What [`begin`] reads.
pub(super) const BATCH: &str = "SELECT batch FROM folders WHERE source = ?1";

/// What it reads of its files.
pub(super) const FILES: &str =
    "SELECT path, size, modified_at, inode, changed_at FROM files WHERE source = ?1 ORDER BY path";

/// How a file is forgotten.
pub(super) const FORGET: &str = "DELETE FROM files WHERE source = ?1 AND path = ?2";

/// What [`last_due`] reads.
pub(super) const LAST_DUE: &str = "SELECT due_at FROM schedules WHERE source = ?1";

/// What is kept of a folder; none where nothing is.
pub(super) fn folder(
    db: &Connection,
    source: &SourceName,
) -> Result<Option<FolderRecord>, StoreError> {
    let kept = db
        .prepare_cached(ROOT)?
        .query_row([source.as_str()], |row| {
            let path: Option<String> = row.get("root_path")?;
            let root = path.map(|path| {
                let inode = bits(row, "root_inode")?;
                Ok::<_, rusqlite::Error>(RootRecord { path, inode })
            });
            Ok((bits(row, "batch")?, root.transpose()?))
        })
        .optional()?;
    let Some((batch, root)) = kept else {
        return Ok(None);
    };
    let files = db
        .prepare_cached(FILES)?
        .query_map([source.as_str()], read)?
        .collect::<Result<_, _>>()?;
    Ok(Some(FolderRecord { batch, root, files }))
}

/// Accepts deliveries, forgets files and keeps others, and the folder itself, unless that was done before.
pub(super) fn keep_folder(
    db: &Connection,
    source: &SourceName,
    change: &FolderChange,
    deliveries: &[Packed],
    now: Timestamp,
) -> Result<(), StoreError> {
    if !begin(db, source, change.batch)? {
        return Ok(());
    }
    for delivery in deliveries {
        deliveries::accept(db, delivery, now)?;
    }
    let source = source.as_str();
    if change.anew {
        db.prepare_cached("DELETE FROM files WHERE source = ?1")?
            .execute([source])?;
    }
    if change.anew || change.root.is_some() {
        let root = change.root.as_ref();
        db.prepare_cached("UPDATE folders SET root_path = ?2, root_inode = ?3 WHERE source = ?1")?
            .execute(params![
                source,
                root.map(|root| &root.path),
                root.map(|root| root.inode.cast_signed()),
            ])?;
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

/// Keeps the number of a batch; false where it is not above the one that is kept.
fn begin(db: &Connection, source: &SourceName, batch: u64) -> Result<bool, StoreError> {
    let last = db
        .prepare_cached(BATCH)?
        .query_row([source.as_str()], |row| bits(row, "batch"))
        .optional()?;
    if last.is_some_and(|last| batch <= last) {
        return Ok(false);
    }
    db.prepare_cached(
        "INSERT INTO folders (source, batch) VALUES (?1, ?2) \
         ON CONFLICT (source) DO UPDATE SET batch = excluded.batch",
    )?
    .execute(params![source.as_str(), batch.cast_signed()])?;
    Ok(true)
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
