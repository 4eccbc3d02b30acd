//! Descriptions of snapshots, each kept once.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::domain::names::Digest;
use crate::store::{SnapshotId, StoreError};

/// Keeps a description, or finds the equal one.
pub(super) fn keep(db: &Connection, description: &str) -> Result<SnapshotId, StoreError> {
    let digest = Digest::of(description.as_bytes());
    let kept: Option<i64> = db
        .prepare_cached("SELECT id FROM snapshots WHERE digest = ?1")?
        .query_row([digest.as_str()], |row| row.get(0))
        .optional()?;
    let id = match kept {
        Some(id) => id,
        None => db
            .prepare_cached("INSERT INTO snapshots (digest, description) VALUES (?1, ?2)")?
            .insert(params![digest.as_str(), description])?,
    };
    Ok(SnapshotId(id))
}

/// Reads one.
pub(super) fn get(db: &Connection, id: SnapshotId) -> Result<String, StoreError> {
    db.prepare_cached("SELECT description FROM snapshots WHERE id = ?1")?
        .query_row([id.0], |row| row.get(0))
        .optional()?
        .ok_or_else(|| StoreError::NotFound {
            what: format!("snapshot `{}`", id.0),
        })
}
