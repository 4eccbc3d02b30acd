//! Claiming actions: what is due, one at a time for each concurrency key, in the order of the events.
//!
//! Those that are due are met in the order in which they fell due, so that a claim reads what it
//! takes and not all that waits for later.
//!
//! Invariants:
//! - Of the actions of one key at most one is running.
//! - An action never begins after one of a later event of its key; it is superseded by that one.
//! - An attempt is on record in the commit that hands its action out.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::rows;
use crate::domain::clock::Timestamp;
use crate::domain::names::EventId;
use crate::store::{ActionId, ActionKind, ClaimedAction, StoreError};

/// How many that are due are looked at in one go. Those of busy keys are passed over.
const DUE_AT_ONCE: i64 = 64;

/// What [`claim`] looks for, after a place in the order.
pub(super) const DUE: &str = "SELECT due_at, event_sequence, id, concurrency_key FROM actions \
    WHERE kind = ?1 AND state IN ('waiting', 'retrying') AND due_at <= ?2 \
    AND (due_at, event_sequence, id) > (?3, ?4, ?5) \
    ORDER BY due_at, event_sequence, id LIMIT ?6";

/// The first of a key that has not ended.
pub(super) const HEAD: &str = "SELECT id, event_sequence FROM actions \
    WHERE concurrency_key = ?1 AND concurrency_key IS NOT NULL \
    AND state IN ('waiting', 'retrying') ORDER BY event_sequence, id LIMIT 1";

/// What of a key is running.
pub(super) const RUNNING: &str = "SELECT 1 FROM actions \
    WHERE concurrency_key = ?1 AND concurrency_key IS NOT NULL AND state = 'running'";

/// What of a key has begun, of events later than one.
pub(super) const BEGUN_LATER: &str = "SELECT key FROM actions \
    WHERE concurrency_key = ?1 AND concurrency_key IS NOT NULL AND attempts > 0 \
    AND event_sequence > ?2 ORDER BY event_sequence DESC LIMIT 1";

/// When the next of a kind falls due.
pub(super) const NEXT_DUE: &str = "SELECT min(due_at) FROM actions \
    WHERE kind = ?1 AND state IN ('waiting', 'retrying') AND due_at > ?2";

/// One that is due.
struct Due {
    due_at: i64,
    sequence: i64,
    id: i64,
    concurrency_key: Option<String>,
}

/// Claims those of a kind that are due, and records that an attempt at each begins.
pub(super) fn claim(
    db: &Connection,
    owner: &str,
    kind: ActionKind,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<ClaimedAction>, StoreError> {
    let mut claimed = Vec::new();
    let mut keys_seen = HashSet::new();
    let mut place = (i64::MIN, i64::MIN, i64::MIN);
    while claimed.len() < limit {
        let due = due(db, kind, now, place)?;
        let Some(last) = due.last() else {
            break;
        };
        place = (last.due_at, last.sequence, last.id);
        for action in due {
            if claimed.len() == limit {
                break;
            }
            let next = match action.concurrency_key {
                None => Some(action.id),
                Some(key) if keys_seen.contains(&key) => None,
                Some(key) => {
                    let next = next_of_key(db, kind, now, &key)?;
                    keys_seen.insert(key);
                    next
                }
            };
            if let Some(id) = next {
                claimed.push(begin(db, owner, ActionId(id), now)?);
            }
        }
    }
    claimed.sort_by_key(|action| (action.sequence, action.id));
    Ok(claimed)
}

fn due(
    db: &Connection,
    kind: ActionKind,
    now: Timestamp,
    place: (i64, i64, i64),
) -> Result<Vec<Due>, StoreError> {
    let due = db
        .prepare_cached(DUE)?
        .query_map(
            params![kind.as_str(), now.0, place.0, place.1, place.2, DUE_AT_ONCE],
            |row| {
                Ok(Due {
                    due_at: row.get(0)?,
                    sequence: row.get(1)?,
                    id: row.get(2)?,
                    concurrency_key: row.get(3)?,
                })
            },
        )?
        .collect::<Result<_, _>>()?;
    Ok(due)
}

/// The action of a key whose turn it is, where it is one of this kind and due. Those before it whose
/// time is over are ended on the way.
fn next_of_key(
    db: &Connection,
    kind: ActionKind,
    now: Timestamp,
    key: &str,
) -> Result<Option<i64>, StoreError> {
    let mut head = db.prepare_cached(HEAD)?;
    let mut begun_later = db.prepare_cached(BEGUN_LATER)?;
    let mut supersede = db.prepare_cached(
        "UPDATE actions SET state = 'superseded', caused_by = ?2, ended_at = ?3 WHERE id = ?1",
    )?;
    loop {
        let first: Option<(i64, i64)> = head
            .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((id, sequence)) = first else {
            return Ok(None);
        };
        let later: Option<String> = begun_later
            .query_row(params![key, sequence], |row| row.get(0))
            .optional()?;
        if let Some(later) = later {
            supersede.execute(params![id, later, now.0])?;
            continue;
        }
        let is_due = db
            .prepare_cached("SELECT 1 FROM actions WHERE id = ?1 AND kind = ?2 AND due_at <= ?3")?
            .exists(params![id, kind.as_str(), now.0])?;
        let is_busy = db.prepare_cached(RUNNING)?.exists([key])?;
        return Ok((is_due && !is_busy).then_some(id));
    }
}

/// Hands one out, with its attempt on record.
fn begin(
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
            "SELECT actions.id AS id, key, events.id AS event_id, sequence, rule, action, \
             attempts, created_at \
             FROM actions JOIN events ON sequence = event_sequence WHERE actions.id = ?1",
        )?
        .query_row([id.0], read)?;
    db.prepare_cached("INSERT INTO attempts (action_id, number, began_at) VALUES (?1, ?2, ?3)")?
        .execute(params![id.0, claimed.attempt, now.0])?;
    Ok(claimed)
}

fn read(row: &Row<'_>) -> rusqlite::Result<ClaimedAction> {
    Ok(ClaimedAction {
        id: ActionId(row.get("id")?),
        key: row.get("key")?,
        event: EventId(row.get("event_id")?),
        sequence: row.get("sequence")?,
        rule: rows::rule(row, "rule")?,
        action: rows::json(row, "action")?,
        attempt: row.get("attempts")?,
        created_at: rows::moment(row, "created_at")?,
    })
}

/// When the next of a kind falls due that is not due yet.
pub(super) fn next_due(
    db: &Connection,
    kind: ActionKind,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let next: Option<i64> = db
        .prepare_cached(NEXT_DUE)?
        .query_row(params![kind.as_str(), now.0], |row| row.get(0))?;
    Ok(next.map(Timestamp))
}
