//! Refusals: counted where they are alike, and the last ones of each source kept.
//!
//! Anybody who reaches the listener can cause them, so that their number is bounded.

use rusqlite::{Connection, Row, params};

use super::rows;
use crate::domain::names::SourceName;
use crate::store::{Refusal, RefusalRecord, StoreError};

/// How many different ones of a source are kept.
const KEPT: i64 = 200;

/// Counts a refusal with those alike, or adds it and forgets an old one of its source.
pub(super) fn add(db: &Connection, refusal: &Refusal) -> Result<(), StoreError> {
    let source = refusal.source.as_str();
    let counted = db
        .prepare_cached(
            "UPDATE refusals SET count = count + 1, last_at = ?6, message = ?7, delivery_key = ?8 \
             WHERE source = ?1 AND code = ?2 AND remote_address IS ?3 AND provider_event IS ?4 \
             AND project IS ?5",
        )?
        .execute(params![
            source,
            refusal.code,
            refusal.remote_address,
            refusal.provider_event,
            refusal.project,
            refusal.at.0,
            refusal.message,
            refusal.delivery_key,
        ])?;
    if counted > 0 {
        return Ok(());
    }
    db.prepare_cached(
        "INSERT INTO refusals (source, code, remote_address, provider_event, project, first_at, \
         last_at, message, delivery_key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8)",
    )?
    .execute(params![
        source,
        refusal.code,
        refusal.remote_address,
        refusal.provider_event,
        refusal.project,
        refusal.at.0,
        refusal.message,
        refusal.delivery_key,
    ])?;
    // Of the address with the most of them: one that is refused again and again does not push out the others.
    db.prepare_cached(
        "DELETE FROM refusals WHERE id = (SELECT id FROM refusals WHERE source = ?1 \
         AND remote_address IS (SELECT remote_address FROM refusals WHERE source = ?1 \
         GROUP BY remote_address ORDER BY count(*) DESC, min(last_at) LIMIT 1) \
         ORDER BY last_at, id LIMIT 1) \
         AND (SELECT count(*) FROM refusals WHERE source = ?1) > ?2",
    )?
    .execute(params![source, KEPT])?;
    Ok(())
}

/// Those of a source, or of all, newest first.
pub(super) fn list(
    db: &Connection,
    source: Option<&SourceName>,
) -> Result<Vec<RefusalRecord>, StoreError> {
    let mut conditions = rows::Conditions::default();
    conditions.when(
        "source = ?",
        source.map(|source| source.as_str().to_owned()),
    );
    let records = db
        .prepare_cached(&format!(
            "SELECT * FROM refusals {} ORDER BY last_at DESC, id DESC",
            conditions.clause()
        ))?
        .query_map(rusqlite::params_from_iter(conditions.values()), read)?
        .collect::<Result<_, _>>()?;
    Ok(records)
}

fn read(row: &Row<'_>) -> rusqlite::Result<RefusalRecord> {
    Ok(RefusalRecord {
        source: rows::source(row, "source")?,
        code: row.get("code")?,
        message: row.get("message")?,
        remote_address: row.get("remote_address")?,
        provider_event: row.get("provider_event")?,
        delivery_key: row.get("delivery_key")?,
        project: row.get("project")?,
        count: rows::count(row, "count")?,
        first_at: rows::moment(row, "first_at")?,
        last_at: rows::moment(row, "last_at")?,
    })
}
