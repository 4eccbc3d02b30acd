//! What is paused. The claims look here; a rule's pause is honoured by who evaluates.

use rusqlite::{Connection, params};

use super::rows;
use crate::store::{Pausable, Pause, Resumed, StoreError};

/// What [`is_paused`] looks for.
pub(super) const ONE: &str = "SELECT 1 FROM pauses WHERE what = ?1 AND name = ?2";

/// Pauses something. The first moment stays, and so does the reason where none is given anew.
pub(super) fn pause(db: &Connection, pause: &Pause) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO pauses (what, name, since_at, reason) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (what, name) DO UPDATE SET reason = coalesce(excluded.reason, reason)",
    )?
    .execute(params![
        pause.what.as_str(),
        pause.name,
        pause.since.0,
        pause.reason
    ])?;
    Ok(())
}

/// Ends a pause.
pub(super) fn resume(db: &Connection, what: Pausable, name: &str) -> Result<Resumed, StoreError> {
    let ended = db
        .prepare_cached("DELETE FROM pauses WHERE what = ?1 AND name = ?2")?
        .execute(params![what.as_str(), name])?;
    Ok(match ended {
        0 => Resumed::WasNotPaused,
        _ => Resumed::Yes,
    })
}

/// Whether something is paused.
pub(super) fn is_paused(db: &Connection, what: Pausable, name: &str) -> Result<bool, StoreError> {
    let found = db
        .prepare_cached(ONE)?
        .exists(params![what.as_str(), name])?;
    Ok(found)
}

/// Everything that is paused.
pub(super) fn list(db: &Connection) -> Result<Vec<Pause>, StoreError> {
    let mut pauses: Vec<Pause> = db
        .prepare_cached("SELECT what, name, since_at, reason FROM pauses")?
        .query_map([], |row| {
            Ok(Pause {
                what: rows::pausable(row, "what")?,
                name: row.get("name")?,
                since: rows::moment(row, "since_at")?,
                reason: row.get("reason")?,
            })
        })?
        .collect::<Result<_, _>>()?;
    pauses.sort_by(|one, other| (one.what, &one.name).cmp(&(other.what, &other.name)));
    Ok(pauses)
}
