//! Messages: one lane for each channel, in the order of the events.
//!
//! Invariants:
//! - Of the messages of a channel at most one is running.
//! - One that is not due yet holds up none that is.
//! - What is read of a lane does not grow with what waits in it.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{attempts, groups, pauses, rows};
use crate::domain::clock::Timestamp;
use crate::store::{
    ActionId, Channel, ClaimedMessage, Failing, Lane, Pausable, StoreError, WaitingMessage,
};

/// How many that are due are counted. More do not change what is done.
const COUNTED: i64 = 1_001;

/// Those that wait.
const WAITING: &str = "actions WHERE kind = 'notify' AND state IN ('waiting', 'retrying')";

/// How many of a channel are due.
pub(super) const DUE: &str = "SELECT count(*) FROM (SELECT 1 FROM actions \
    WHERE kind = 'notify' AND state IN ('waiting', 'retrying') \
    AND target = ?1 AND due_at <= ?2 LIMIT ?3)";

/// When the next of a channel falls due.
pub(super) const NEXT: &str = "SELECT due_at FROM actions \
    WHERE kind = 'notify' AND state IN ('waiting', 'retrying') \
    AND target = ?1 AND due_at > ?2 ORDER BY due_at LIMIT 1";

/// The first ones of a channel that are due. The sign keeps the database from reading them by their times,
/// and then putting all of them in order.
pub(super) const FIRST: &str = "SELECT id, key, rule, action FROM actions \
    WHERE kind = 'notify' AND state IN ('waiting', 'retrying') \
    AND target = ?1 AND +due_at <= ?2 AND id IS NOT ?3 \
    ORDER BY event_sequence, id LIMIT ?4";

/// What of a channel is on its way.
pub(super) const RUNNING: &str =
    "SELECT 1 FROM actions WHERE kind = 'notify' AND state = 'running' AND target = ?1";

/// What [`sent_since`] reads.
pub(super) const SENT: &str = "SELECT began_at FROM attempts \
    WHERE channel = ?1 AND channel IS NOT NULL AND began_at >= ?2 ORDER BY began_at";

/// How those of a channel are given up.
pub(super) const GIVE_UP: &str = "UPDATE actions \
    SET state = 'dead', detail = ?3, caused_by = NULL, ended_at = ?4 \
    WHERE kind = 'notify' AND state IN ('waiting', 'retrying') \
    AND target = ?1 AND +created_at < ?2";

/// The channels for which messages wait.
pub(super) fn channels() -> String {
    groups::unpaused("target", WAITING, Pausable::Channel)
}

/// The lanes in which something waits.
pub(super) fn lanes(db: &Connection, now: Timestamp) -> Result<Vec<Lane>, StoreError> {
    let mut due = db.prepare_cached(DUE)?;
    let mut next = db.prepare_cached(NEXT)?;
    groups::names(db, &channels(), [])?
        .into_iter()
        .map(|channel| {
            Ok(Lane {
                due: due.query_row(params![channel, now.0, COUNTED], |row| {
                    rows::count(row, "count(*)")
                })?,
                next_due_at: next
                    .query_row(params![channel, now.0], |row| rows::moment(row, "due_at"))
                    .optional()?,
                channel,
            })
        })
        .collect()
}

/// Claims the first one of a channel that is due, and shows those after it.
pub(super) fn claim(
    db: &Connection,
    owner: &str,
    channel: &str,
    now: Timestamp,
    (passed_by, others): (Option<ActionId>, usize),
) -> Result<Option<ClaimedMessage>, StoreError> {
    let is_busy = db.prepare_cached(RUNNING)?.exists([channel])?;
    if is_busy || pauses::is_paused(db, Pausable::Channel, channel)? {
        return Ok(None);
    }
    let passed_by = passed_by.map(|id| id.0);
    let limit = rows::sql_limit(others.saturating_add(1));
    let mut due = db
        .prepare_cached(FIRST)?
        .query_map(params![channel, now.0, passed_by, limit], |row| {
            Ok(WaitingMessage {
                id: ActionId(row.get("id")?),
                key: row.get("key")?,
                rule: rows::rule(row, "rule")?,
                action: rows::json(row, "action")?,
            })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    if due.is_empty() {
        return Ok(None);
    }
    let first = due.remove(0);
    Ok(Some(ClaimedMessage {
        action: attempts::begin(db, owner, first.id, now)?,
        others: due,
    }))
}

/// When attempts at messages of a channel began.
pub(super) fn sent_since(
    db: &Connection,
    channel: &str,
    since: Timestamp,
) -> Result<Vec<Timestamp>, StoreError> {
    let sent = db
        .prepare_cached(SENT)?
        .query_map(params![channel, since.0], |row| {
            rows::moment(row, "began_at")
        })?
        .collect::<Result<_, _>>()?;
    Ok(sent)
}

/// Gives up those of a channel that wait and were committed before a moment.
pub(super) fn give_up(
    db: &Connection,
    channel: &str,
    created_before: Timestamp,
    reason: &str,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let given_up =
        db.prepare_cached(GIVE_UP)?
            .execute(params![channel, created_before.0, reason, now.0])?;
    Ok(rows::changed(given_up))
}

/// Keeps how a channel fails, or forgets it.
pub(super) fn keep_channel(
    db: &Connection,
    channel: &str,
    failing: Option<&Failing>,
) -> Result<(), StoreError> {
    let Some(failing) = failing else {
        db.prepare_cached("DELETE FROM channels WHERE name = ?1")?
            .execute([channel])?;
        return Ok(());
    };
    db.prepare_cached(
        "INSERT OR REPLACE INTO channels (name, since_at, until_at, failures, error) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        channel,
        failing.since.0,
        failing.until.0,
        failing.failures,
        failing.error
    ])?;
    Ok(())
}

/// The channels that fail, by name.
pub(super) fn failing(db: &Connection) -> Result<Vec<Channel>, StoreError> {
    let failing = db
        .prepare_cached("SELECT * FROM channels ORDER BY name")?
        .query_map([], |row| {
            Ok(Channel {
                name: row.get("name")?,
                failing: Some(Failing {
                    since: rows::moment(row, "since_at")?,
                    until: rows::moment(row, "until_at")?,
                    failures: row.get("failures")?,
                    error: row.get("error")?,
                }),
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(failing)
}
