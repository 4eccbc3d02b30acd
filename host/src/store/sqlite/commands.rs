//! Claiming commands: what is due, one at a time for each key, in the order of the events.
//!
//! Those that are due are met in the order in which they fell due, so that a claim reads what it
//! takes and not all that waits for later.
//!
//! Invariants:
//! - Of the commands of one key at most one is running.
//! - A command that is paused holds up no other, not even of its key.
//! - A command of a queue is claimed after every earlier event has been evaluated once.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::turns::{self, Place};
use super::{attempts, earlier, groups, rows};
use crate::domain::clock::Timestamp;
use crate::domain::turn::WhenBusy;
use crate::store::{ActionId, Cancellation, ClaimedAction, Pausable, StoreError};

/// How many that are due are looked at in one go. Those of busy keys are passed over.
const DUE_AT_ONCE: usize = 64;

/// What [`claim`] looks for, of one command after a place in the order.
pub(super) const DUE: &str = "SELECT due_at, event_sequence, id, concurrency_key FROM actions \
    WHERE kind = 'deploy' AND state IN ('waiting', 'retrying') AND target = ?1 AND due_at <= ?2 \
    AND (due_at, event_sequence, id) > (?3, ?4, ?5) \
    ORDER BY due_at, event_sequence, id LIMIT ?6";

/// The first of a key and a command that has not ended.
pub(super) const HEAD: &str = "SELECT event_sequence, id, key, target, when_busy, due_at \
    FROM actions WHERE concurrency_key = ?1 AND concurrency_key IS NOT NULL AND target = ?2 \
    AND state IN ('waiting', 'retrying') ORDER BY event_sequence, id LIMIT 1";

/// When the next of a command falls due.
pub(super) const NEXT: &str = "SELECT due_at FROM actions \
    WHERE kind = 'deploy' AND state IN ('waiting', 'retrying') \
    AND target = ?1 AND due_at > ?2 ORDER BY due_at LIMIT 1";

/// What [`cancellations`] looks for.
pub(super) const TO_END: &str = "SELECT id, cancel_by FROM actions \
    WHERE claimed_by = ?1 AND claimed_by IS NOT NULL AND cancel_by IS NOT NULL \
    ORDER BY event_sequence, id";

/// The commands that wait.
pub(super) fn waiting() -> String {
    groups::unpaused(
        "target",
        "actions WHERE kind = 'deploy' AND state IN ('waiting', 'retrying')",
        Pausable::Command,
    )
}

/// One that is due.
struct Due {
    place: (i64, i64, i64),
    key: Option<String>,
}

/// The first of a key.
struct Head {
    sequence: i64,
    id: i64,
    key: String,
    target: String,
    when_busy: WhenBusy,
    due_at: i64,
}

/// Claims those that are due, and records that an attempt at each begins.
pub(super) fn claim(
    db: &Connection,
    owner: &str,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<ClaimedAction>, StoreError> {
    let commands = groups::names(db, &waiting(), [])?;
    let mut claimed = Vec::new();
    let mut keys_seen = HashSet::new();
    let mut place = (i64::MIN, i64::MIN, i64::MIN);
    while claimed.len() < limit {
        let due = due(db, &commands, now, place)?;
        let Some(last) = due.last() else {
            break;
        };
        place = last.place;
        for action in due {
            if claimed.len() == limit {
                break;
            }
            let next = match action.key {
                None => Some(action.place.2),
                Some(key) if keys_seen.contains(&key) => None,
                Some(key) => {
                    let next = next_of_key(db, now, &key)?;
                    keys_seen.insert(key);
                    next
                }
            };
            if let Some(id) = next {
                claimed.push(attempts::begin(db, owner, ActionId(id), now)?);
            }
        }
    }
    claimed.sort_by_key(|action| (action.sequence, action.id));
    Ok(claimed)
}

/// The next ones of these commands that are due, after a place in the order.
fn due(
    db: &Connection,
    commands: &[String],
    now: Timestamp,
    place: (i64, i64, i64),
) -> Result<Vec<Due>, StoreError> {
    let mut statement = db.prepare_cached(DUE)?;
    let limit = rows::sql_limit(DUE_AT_ONCE);
    let mut due = Vec::new();
    for command in commands {
        let values = params![command, now.0, place.0, place.1, place.2, limit];
        let found = statement.query_map(values, |row| {
            Ok(Due {
                place: (row.get(0)?, row.get(1)?, row.get(2)?),
                key: row.get(3)?,
            })
        })?;
        for one in found {
            due.push(one?);
        }
    }
    due.sort_by_key(|one| one.place);
    due.truncate(DUE_AT_ONCE);
    Ok(due)
}

/// The command of a key whose turn it is, where it is due. Those before it that are not run are ended on the
/// way.
fn next_of_key(db: &Connection, now: Timestamp, key: &str) -> Result<Option<i64>, StoreError> {
    let commands = groups::names(db, &turns::waiting_of_key(), [key])?;
    while let Some(head) = head(db, key, &commands)? {
        let place = Place {
            key,
            target: &head.target,
            sequence: head.sequence,
            when_busy: head.when_busy,
        };
        if let Some(ended) = turns::overtaken(db, &place)? {
            turns::end(db, head.id, &ended, now)?;
            continue;
        }
        if head.due_at > now.0 {
            return Ok(None);
        }
        turns::take_place(db, &place, &head.key, now)?;
        match turns::running(db, key)? {
            None => return released(db, &head),
            Some(other) if head.when_busy == WhenBusy::Reject => {
                turns::end(db, head.id, &turns::refused(db, &other)?, now)?;
            }
            Some(_) => return Ok(None),
        }
    }
    Ok(None)
}

/// The head of a key that nobody runs. In a queue it waits for what may still come before it: once begun, it
/// would take the place of the same command of an earlier event.
fn released(db: &Connection, head: &Head) -> Result<Option<i64>, StoreError> {
    if head.when_busy == WhenBusy::Queue && earlier::is_open(db, head.sequence)? {
        return Ok(None);
    }
    Ok(Some(head.id))
}

/// The first of a key that waits, of these commands.
fn head(db: &Connection, key: &str, commands: &[String]) -> Result<Option<Head>, StoreError> {
    let mut statement = db.prepare_cached(HEAD)?;
    let mut first: Option<Head> = None;
    for command in commands {
        let found = statement
            .query_row(params![key, command], read_head)
            .optional()?;
        first = [first, found]
            .into_iter()
            .flatten()
            .min_by_key(|head| (head.sequence, head.id));
    }
    Ok(first)
}

fn read_head(row: &Row<'_>) -> rusqlite::Result<Head> {
    Ok(Head {
        sequence: row.get("event_sequence")?,
        id: row.get("id")?,
        key: row.get("key")?,
        target: row.get("target")?,
        when_busy: rows::when_busy(row, "when_busy")?,
        due_at: row.get("due_at")?,
    })
}

/// When the next falls due that is not due yet.
pub(super) fn next_due(db: &Connection, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let mut next = db.prepare_cached(NEXT)?;
    let mut earliest: Option<Timestamp> = None;
    for command in groups::names(db, &waiting(), [])? {
        let found = next
            .query_row(params![command, now.0], |row| rows::moment(row, "due_at"))
            .optional()?;
        earliest = [earliest, found].into_iter().flatten().min();
    }
    Ok(earliest)
}

/// Those that an owner runs and that are to be ended, in the order of their events.
pub(super) fn cancellations(db: &Connection, owner: &str) -> Result<Vec<Cancellation>, StoreError> {
    let to_end = db
        .prepare_cached(TO_END)?
        .query_map([owner], |row| {
            let by: String = row.get("cancel_by")?;
            Ok(Cancellation {
                id: ActionId(row.get("id")?),
                by: Some(by).filter(|by| !by.is_empty()),
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(to_end)
}
