//! Actions: keeping them and reading them, with their attempts.

use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};

use super::rows;
use crate::domain::clock::Timestamp;
use crate::domain::names::EventId;
use crate::store::{
    ActionFilter, ActionId, ActionKind, ActionRecord, ActionState, AttemptRecord, NewAction,
    StoreError,
};

/// An action as it is read back, without a condition.
const SELECT: &str = "SELECT actions.id AS id, key, events.id AS event_id, rule, action, \
    actions.state AS state, detail, caused_by, concurrency_key, created_at, due_at, ended_at \
    FROM actions JOIN events ON sequence = event_sequence";

/// Keeps an action and returns its identifier; one whose key is known is not kept again.
pub(super) fn insert(
    db: &Connection,
    action: &NewAction,
    now: Timestamp,
) -> Result<ActionId, StoreError> {
    let Some(kind) = ActionKind::of(&action.action) else {
        return Err(StoreError::Database {
            message: format!(
                "the action `{}` is a drop, which is not kept as one",
                action.key
            ),
        });
    };
    let sequence = rows::sequence_of(db, &action.event)?;
    let inserted: Option<i64> = db
        .prepare_cached(
            "INSERT INTO actions (key, event_sequence, rule, kind, target, state, detail, \
             concurrency_key, due_at, created_at, ended_at, action) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) \
             ON CONFLICT (key) DO NOTHING RETURNING id",
        )?
        .query_row(
            params![
                action.key,
                sequence,
                action.rule.to_string(),
                kind.as_str(),
                action.action.target(),
                action.state.as_str(),
                action.detail,
                action.concurrency_key,
                action.due_at.0,
                now.0,
                action.state.is_ended().then_some(now.0),
                rows::to_json(&action.action)?,
            ],
            |row| row.get(0),
        )
        .optional()?;
    let id = match inserted {
        Some(id) => id,
        None => db
            .prepare_cached("SELECT id FROM actions WHERE key = ?1")?
            .query_row([&action.key], |row| row.get(0))?,
    };
    Ok(ActionId(id))
}

/// Keeps the actions that follow from another.
pub(super) fn insert_all(
    db: &Connection,
    actions: &[NewAction],
    now: Timestamp,
) -> Result<(), StoreError> {
    for action in actions {
        insert(db, action, now)?;
    }
    Ok(())
}

/// Lists those that match, newest first.
pub(super) fn list(
    db: &Connection,
    filter: &ActionFilter,
) -> Result<Vec<ActionRecord>, StoreError> {
    let conditions = conditions(filter);
    let limit = rows::sql_limit(rows::listing_limit(filter.limit)).into();
    let records = db
        .prepare_cached(&listing(&conditions))?
        .query_map(params_from_iter(conditions.values().chain([&limit])), read)?
        .collect::<Result<Vec<_>, _>>()?;
    with_attempts(db, records)
}

/// The statement of a listing.
pub(super) fn listing(conditions: &rows::Conditions) -> String {
    format!(
        "{SELECT} {} ORDER BY actions.id DESC LIMIT ?",
        conditions.clause()
    )
}

/// The conditions of a listing. The index of the states holds all but those that are done.
pub(super) fn conditions(filter: &ActionFilter) -> rows::Conditions {
    let mut conditions = rows::Conditions::default();
    conditions.when(
        "actions.state = ?",
        filter.state.map(|state| state.as_str().to_owned()),
    );
    if filter.state.is_some_and(|state| state != ActionState::Done) {
        conditions.and("actions.state <> 'done'");
    }
    conditions.when("rule = ?", filter.rule.as_ref().map(ToString::to_string));
    conditions.when(
        "event_sequence = (SELECT sequence FROM events WHERE id = ?)",
        filter.event.as_ref().map(|event| event.0.clone()),
    );
    conditions.when("actions.id < ?", filter.before.map(|before| before.0));
    conditions
}

/// Those of an event, in the order of their commits.
pub(super) fn of_event(db: &Connection, sequence: i64) -> Result<Vec<ActionRecord>, StoreError> {
    let records = db
        .prepare_cached(&format!(
            "{SELECT} WHERE event_sequence = ?1 ORDER BY actions.id"
        ))?
        .query_map([sequence], read)?
        .collect::<Result<Vec<_>, _>>()?;
    with_attempts(db, records)
}

/// How many an event has in each state that occurs.
pub(super) fn count_by_state(
    db: &Connection,
    sequence: i64,
) -> Result<Vec<(ActionState, u64)>, StoreError> {
    let counts = db
        .prepare_cached(
            "SELECT state, count(*) AS number FROM actions WHERE event_sequence = ?1 \
             GROUP BY state ORDER BY state",
        )?
        .query_map([sequence], |row| {
            Ok((
                rows::action_state(row, "state")?,
                rows::count(row, "number")?,
            ))
        })?
        .collect::<Result<_, _>>()?;
    Ok(counts)
}

/// Reads one.
pub(super) fn get(db: &Connection, id: ActionId) -> Result<ActionRecord, StoreError> {
    let mut record = db
        .prepare_cached(&format!("{SELECT} WHERE actions.id = ?1"))?
        .query_row([id.0], read)
        .optional()?
        .ok_or_else(|| not_found(id))?;
    record.attempts = attempts(db, id)?;
    Ok(record)
}

/// There is no such action.
pub(super) fn not_found(id: ActionId) -> StoreError {
    StoreError::NotFound {
        what: format!("action `{}`", id.0),
    }
}

fn with_attempts(
    db: &Connection,
    mut records: Vec<ActionRecord>,
) -> Result<Vec<ActionRecord>, StoreError> {
    for record in &mut records {
        record.attempts = attempts(db, record.id)?;
    }
    Ok(records)
}

fn attempts(db: &Connection, id: ActionId) -> Result<Vec<AttemptRecord>, StoreError> {
    let attempts = db
        .prepare_cached("SELECT * FROM attempts WHERE action_id = ?1 ORDER BY number")?
        .query_map([id.0], read_attempt)?
        .collect::<Result<_, _>>()?;
    Ok(attempts)
}

fn read(row: &Row<'_>) -> rusqlite::Result<ActionRecord> {
    Ok(ActionRecord {
        id: ActionId(row.get("id")?),
        key: row.get("key")?,
        event: EventId(row.get("event_id")?),
        rule: rows::rule(row, "rule")?,
        action: rows::json(row, "action")?,
        state: rows::action_state(row, "state")?,
        detail: row.get("detail")?,
        caused_by: row.get("caused_by")?,
        concurrency_key: row.get("concurrency_key")?,
        created_at: rows::moment(row, "created_at")?,
        due_at: rows::moment(row, "due_at")?,
        ended_at: rows::moment_or_none(row, "ended_at")?,
        attempts: Vec::new(),
    })
}

fn read_attempt(row: &Row<'_>) -> rusqlite::Result<AttemptRecord> {
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
