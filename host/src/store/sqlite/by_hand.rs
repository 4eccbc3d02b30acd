//! What people do with actions: trying again, and canceling.
//!
//! Invariant: all that match are changed in one commit, or none.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::settlement::BY_HAND;
use super::{actions, rows};
use crate::domain::clock::Timestamp;
use crate::store::{ActionFilter, StoreError};

/// What may be tried again.
const TO_RETRY: &str =
    "actions.state IN ('dead', 'interrupted', 'stuck', 'refused', 'canceled', 'retrying')";

/// What may not: a command without a turn was refused before anybody knew what it must not run beside. It would
/// run beside the others, and after newer ones.
const NEVER_TO_RETRY: &str =
    "NOT (kind = 'deploy' AND concurrency_key IS NULL AND actions.state = 'refused')";

/// What may be canceled, and is in nobody's hands.
const TO_CANCEL: &str = "actions.state IN ('waiting', 'retrying', 'interrupted', 'stuck')";

/// Has those that match tried again.
pub(super) fn retry(
    db: &Connection,
    filter: &ActionFilter,
    now: Timestamp,
) -> Result<u64, StoreError> {
    change(
        db,
        "state = 'waiting', due_at = ?1, ended_at = NULL, caused_by = NULL, detail = NULL, \
         crashes = 0, forgiven = attempts, decided = 0",
        &now.0.into(),
        &to_retry(filter),
    )
}

/// The conditions of what is tried again.
pub(super) fn to_retry(filter: &ActionFilter) -> rows::Conditions {
    in_states(filter, &[TO_RETRY, NEVER_TO_RETRY])
}

/// Cancels those that match and wait, and asks for the end of commands that run.
pub(super) fn cancel(
    db: &Connection,
    filter: &ActionFilter,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let waiting = change(
        db,
        &format!("state = 'canceled', ended_at = ?1, caused_by = NULL, detail = '{BY_HAND}'"),
        &now.0.into(),
        &in_states(filter, &[TO_CANCEL]),
    )?;
    let running = change(
        db,
        "cancel_by = ?1",
        &String::new().into(),
        &in_states(filter, &["actions.state = 'running'", "kind = 'deploy'"]),
    )?;
    Ok(waiting + running)
}

/// The conditions of what matches and is in some states, of which `done` is none.
fn in_states(filter: &ActionFilter, states: &[&'static str]) -> rows::Conditions {
    let mut conditions = actions::matching(filter);
    for state in states {
        conditions.and(state);
    }
    conditions.and("actions.state <> 'done'");
    conditions
}

/// Changes what the conditions say, and says how many that are. The change has one value, `?1`.
fn change(
    db: &Connection,
    assignments: &str,
    value: &Value,
    conditions: &rows::Conditions,
) -> Result<u64, StoreError> {
    let values = [value].into_iter().chain(conditions.values());
    let changed = db
        .prepare_cached(&statement(assignments, conditions))?
        .execute(params_from_iter(values))?;
    Ok(rows::changed(changed))
}

/// The statement of a change.
pub(super) fn statement(assignments: &str, conditions: &rows::Conditions) -> String {
    format!("UPDATE actions SET {assignments} {}", conditions.clause())
}
