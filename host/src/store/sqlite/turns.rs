//! Turns: what a command does that finds others of its key.
//!
//! It is decided when a command is kept that is to wait, and again when it would be claimed: the
//! configuration, a retry or a rerun may bring back what nobody counted with.
//!
//! Invariants:
//! - A command never begins after the same command of a later event of its key; it is superseded by that one.
//! - Only the same command of another event supersedes one.
//! - Nothing is refused for a command that is paused and not at work.

use rusqlite::{Connection, OptionalExtension as _, Params, params};

use super::groups;
use crate::domain::clock::Timestamp;
use crate::domain::turn::WhenBusy;
use crate::store::{ActionState, Pausable, StoreError};

/// The newest of a command that has begun, of events later than one.
pub(super) const BEGUN_LATER: &str = "SELECT key FROM actions \
    WHERE concurrency_key = ?1 AND concurrency_key IS NOT NULL AND target = ?2 AND attempts > 0 \
    AND event_sequence > ?3 ORDER BY event_sequence DESC LIMIT 1";

/// The newest of a command that waits and does one thing when others are busy, of events later than one.
pub(super) const WAITING_LATER: &str = "SELECT event_sequence, key FROM actions \
    WHERE concurrency_key = ?1 AND concurrency_key IS NOT NULL AND target = ?2 \
    AND state IN ('waiting', 'retrying') AND when_busy = ?4 \
    AND event_sequence > ?3 ORDER BY event_sequence DESC LIMIT 1";

/// What of a key is running.
pub(super) const RUNNING: &str = "SELECT key, target, event_sequence FROM actions \
    WHERE concurrency_key = ?1 AND concurrency_key IS NOT NULL AND state = 'running' LIMIT 1";

/// The first of a key and a command that waits.
pub(super) const WAITING: &str = "SELECT key, target, event_sequence FROM actions \
    WHERE concurrency_key = ?1 AND concurrency_key IS NOT NULL AND target = ?2 \
    AND state IN ('waiting', 'retrying') ORDER BY event_sequence, id LIMIT 1";

/// Takes the place of those of a command that wait, of events earlier than one.
pub(super) const SUPERSEDE: &str = "UPDATE actions \
    SET state = 'superseded', caused_by = ?4, detail = NULL, ended_at = ?5 \
    WHERE concurrency_key = ?1 AND concurrency_key IS NOT NULL AND target = ?2 \
    AND state IN ('waiting', 'retrying') AND event_sequence < ?3";

/// Asks for the end of a command that runs, for an event earlier than one. What a person asked for stays.
pub(super) const ASK_FOR_END: &str = "UPDATE actions SET cancel_by = ?4 \
    WHERE concurrency_key = ?1 AND concurrency_key IS NOT NULL AND target = ?2 \
    AND state = 'running' AND event_sequence < ?3 AND cancel_by IS NOT ''";

/// The commands of a key that wait, but for those that are paused.
pub(super) fn waiting_of_key() -> String {
    groups::unpaused(
        "target",
        "actions WHERE concurrency_key = ?1 AND concurrency_key IS NOT NULL \
         AND state IN ('waiting', 'retrying')",
        Pausable::Command,
    )
}

/// A command among those of its key.
pub(super) struct Place<'a> {
    /// The key of its turn.
    pub(super) key: &'a str,
    /// The command.
    pub(super) target: &'a str,
    /// The sequence number of its event.
    pub(super) sequence: i64,
    /// What it does when others are busy.
    pub(super) when_busy: WhenBusy,
}

/// Another that is in the way of a command.
pub(super) struct Other {
    /// Its idempotency key.
    key: String,
    target: String,
    sequence: i64,
    at_work: AtWork,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum AtWork {
    Yes,
    Waits,
}

/// How a command ends that is not run.
pub(super) struct Ended {
    /// `Refused` or `Superseded`; for a message, `Deduplicated`.
    pub(super) state: ActionState,
    /// Why, where the cause does not say it.
    pub(super) detail: Option<String>,
    /// The idempotency key of the action that caused it.
    pub(super) by: String,
}

/// How a new command ends that finds others of its key; none where it waits.
pub(super) fn of_new(db: &Connection, place: &Place<'_>) -> Result<Option<Ended>, StoreError> {
    match place.when_busy {
        WhenBusy::Queue => Ok(None),
        WhenBusy::Reject => busy(db, place.key)?
            .map(|other| refused(db, &other))
            .transpose(),
        WhenBusy::Latest | WhenBusy::Cancel => overtaken(db, place),
    }
}

/// How a command ends whose turn it would be, where that of a later event took its place; none where none did.
pub(super) fn overtaken(db: &Connection, place: &Place<'_>) -> Result<Option<Ended>, StoreError> {
    let begun: Option<String> = db
        .prepare_cached(BEGUN_LATER)?
        .query_row(params![place.key, place.target, place.sequence], |row| {
            row.get(0)
        })
        .optional()?;
    let by = match begun {
        Some(key) => Some(key),
        None => waiting_later(db, place)?,
    };
    Ok(by.map(|by| Ended {
        state: ActionState::Superseded,
        detail: None,
        by,
    }))
}

/// The newest of the same command that waits and takes its place.
fn waiting_later(db: &Connection, place: &Place<'_>) -> Result<Option<String>, StoreError> {
    // One that gives way does so to any; one that does not, to those that take its place.
    let modes = match place.when_busy {
        WhenBusy::Latest | WhenBusy::Cancel => WhenBusy::ALL.as_slice(),
        WhenBusy::Queue | WhenBusy::Reject => &[WhenBusy::Latest, WhenBusy::Cancel],
    };
    let mut later = db.prepare_cached(WAITING_LATER)?;
    let mut newest: Option<(i64, String)> = None;
    for mode in modes {
        let values = params![place.key, place.target, place.sequence, mode.as_str()];
        let found = later
            .query_row(values, |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        newest = newest.max(found);
    }
    Ok(newest.map(|(_, key)| key))
}

/// Another of a key that is at work, or else waits and is not paused.
fn busy(db: &Connection, key: &str) -> Result<Option<Other>, StoreError> {
    if let Some(other) = running(db, key)? {
        return Ok(Some(other));
    }
    let commands = groups::names(db, &waiting_of_key(), [key])?;
    match commands.first() {
        Some(command) => other(db, WAITING, params![key, command], AtWork::Waits),
        None => Ok(None),
    }
}

/// The one of a key that is at work.
pub(super) fn running(db: &Connection, key: &str) -> Result<Option<Other>, StoreError> {
    other(db, RUNNING, params![key], AtWork::Yes)
}

fn other(
    db: &Connection,
    statement: &str,
    values: impl Params,
    at_work: AtWork,
) -> Result<Option<Other>, StoreError> {
    let found = db
        .prepare_cached(statement)?
        .query_row(values, |row| {
            Ok(Other {
                key: row.get("key")?,
                target: row.get("target")?,
                sequence: row.get("event_sequence")?,
                at_work,
            })
        })
        .optional()?;
    Ok(found)
}

/// How a command ends that is not run beside another.
pub(super) fn refused(db: &Connection, other: &Other) -> Result<Ended, StoreError> {
    let event: String = db
        .prepare_cached("SELECT id FROM events WHERE sequence = ?1")?
        .query_row([other.sequence], |row| row.get(0))?;
    let does = match other.at_work {
        AtWork::Yes => "is at work",
        AtWork::Waits => "waits",
    };
    Ok(Ended {
        state: ActionState::Refused,
        detail: Some(format!(
            "`when_busy = \"reject\"`: `{}` {does} for event `{event}`",
            other.target
        )),
        by: other.key.clone(),
    })
}

/// Takes the place of those of earlier events, as far as the command does so: those that wait are superseded,
/// and the end of the one that runs is asked for. `by` is the command's own idempotency key.
pub(super) fn take_place(
    db: &Connection,
    place: &Place<'_>,
    by: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    if matches!(place.when_busy, WhenBusy::Latest | WhenBusy::Cancel) {
        db.prepare_cached(SUPERSEDE)?.execute(params![
            place.key,
            place.target,
            place.sequence,
            by,
            now.0
        ])?;
    }
    if place.when_busy == WhenBusy::Cancel {
        db.prepare_cached(ASK_FOR_END)?.execute(params![
            place.key,
            place.target,
            place.sequence,
            by
        ])?;
    }
    Ok(())
}

/// Ends one that waits.
pub(super) fn end(
    db: &Connection,
    id: i64,
    ended: &Ended,
    now: Timestamp,
) -> Result<(), StoreError> {
    db.prepare_cached(
        "UPDATE actions SET state = ?2, detail = ?3, caused_by = ?4, ended_at = ?5 WHERE id = ?1",
    )?
    .execute(params![
        id,
        ended.state.as_str(),
        ended.detail,
        ended.by,
        now.0
    ])?;
    Ok(())
}
