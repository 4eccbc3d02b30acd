//! Attempts: each is on record when its action is handed out, and again when it ends.
//!
//! Invariant: an attempt is on record in the commit that hands its action out.

use rusqlite::{Connection, Row, params};

use super::rows;
use crate::domain::clock::Timestamp;
use crate::domain::names::EventId;
use crate::store::{ActionId, AttemptEnd, AttemptRecord, ClaimedAction, StoreError};

/// Hands an action out, with its attempt on record.
pub(super) fn begin(
    db: &Connection,
    owner: &str,
    id: ActionId,
    now: Timestamp,
) -> Result<ClaimedAction, StoreError> {
    db.prepare_cached(
        "UPDATE actions SET state = 'running', claimed_by = ?2, attempts = attempts + 1 \
         WHERE id = ?1",
    )?
    .execute(params![id.0, owner])?;
    let claimed = db
        .prepare_cached(
            "SELECT actions.id AS id, key, events.id AS event_id, sequence, rule, \
             actions.run AS run, action, attempts, forgiven, created_at \
             FROM actions JOIN events ON sequence = event_sequence WHERE actions.id = ?1",
        )?
        .query_row([id.0], read_claimed)?;
    db.prepare_cached(
        "INSERT INTO attempts (action_id, number, channel, began_at) \
         SELECT id, ?2, CASE kind WHEN 'notify' THEN target END, ?3 FROM actions WHERE id = ?1",
    )?
    .execute(params![id.0, claimed.attempt, now.0])?;
    Ok(claimed)
}

fn read_claimed(row: &Row<'_>) -> rusqlite::Result<ClaimedAction> {
    Ok(ClaimedAction {
        id: ActionId(row.get("id")?),
        key: row.get("key")?,
        event: EventId(row.get("event_id")?),
        sequence: row.get("sequence")?,
        rule: rows::rule(row, "rule")?,
        run: row.get("run")?,
        action: rows::json(row, "action")?,
        attempt: row.get("attempts")?,
        forgiven: row.get("forgiven")?,
        created_at: rows::moment(row, "created_at")?,
    })
}

/// Writes down how the open attempt at an action ended.
pub(super) fn close(db: &Connection, id: ActionId, end: &AttemptEnd) -> Result<(), StoreError> {
    db.prepare_cached(
        "UPDATE attempts SET ended_at = ?2, result = ?3, detail = ?4, exit_code = ?5, output = ?6 \
         WHERE action_id = ?1 AND ended_at IS NULL",
    )?
    .execute(params![
        id.0,
        end.at.0,
        end.result.as_str(),
        end.detail,
        end.exit_code,
        end.output
    ])?;
    Ok(())
}

/// Puts what was found of its output into the record of the last attempt at an action.
pub(super) fn keep_output(db: &Connection, id: ActionId, output: &str) -> Result<(), StoreError> {
    db.prepare_cached(
        "UPDATE attempts SET output = ?2 WHERE action_id = ?1 \
         AND number = (SELECT attempts FROM actions WHERE id = ?1)",
    )?
    .execute(params![id.0, output])?;
    Ok(())
}

/// Those at an action, in their order.
pub(super) fn of_action(db: &Connection, id: ActionId) -> Result<Vec<AttemptRecord>, StoreError> {
    let attempts = db
        .prepare_cached("SELECT * FROM attempts WHERE action_id = ?1 ORDER BY number")?
        .query_map([id.0], read)?
        .collect::<Result<_, _>>()?;
    Ok(attempts)
}

fn read(row: &Row<'_>) -> rusqlite::Result<AttemptRecord> {
    Ok(AttemptRecord {
        number: row.get("number")?,
        began_at: rows::moment(row, "began_at")?,
        ended_at: rows::moment_or_none(row, "ended_at")?,
        result: row.get("result")?,
        detail: row.get("detail")?,
        exit_code: row.get("exit_code")?,
        output: row.get("output")?,
    })
}
