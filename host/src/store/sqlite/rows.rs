//! Between rows and records: JSON, names, times, counts, and the conditions of listings.
//!
//! A value in the file that no longer reads as what it should be is an error of the one call that met
//! it.

use rusqlite::types::{Type, Value};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::clock::Timestamp;
use crate::domain::names::{Digest, EventId, RuleName, SourceName};
use crate::domain::turn::{Turn, WhenBusy};
use crate::store::{ActionKind, ActionState, EventState, Pausable, SnapshotId, StoreError};

/// The most rows of one listing, whatever was asked for.
const LISTING_LIMIT: usize = 1_000;

/// A value as JSON.
pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Database {
        message: format!("a record cannot be written as JSON: {error}"),
    })
}

/// A column that holds JSON.
pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| damaged(row, column, error))
}

/// A column that holds a rule's name.
pub(super) fn rule(row: &Row<'_>, column: &str) -> rusqlite::Result<RuleName> {
    let text: String = row.get(column)?;
    RuleName::parse(&text).map_err(|error| damaged(row, column, error))
}

/// A column that holds a digest.
pub(super) fn digest(row: &Row<'_>, column: &str) -> rusqlite::Result<Digest> {
    let text: String = row.get(column)?;
    Digest::parse(&text).map_err(|error| damaged(row, column, error))
}

/// A column that holds a source's name.
pub(super) fn source(row: &Row<'_>, column: &str) -> rusqlite::Result<SourceName> {
    let text: String = row.get(column)?;
    SourceName::parse(text).map_err(|error| damaged(row, column, error))
}

/// A column that holds a moment.
pub(super) fn moment(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp)
}

/// A column that holds a moment or nothing.
pub(super) fn moment_or_none(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    row.get::<_, Option<i64>>(column)
        .map(|millis| millis.map(Timestamp))
}

/// A column that holds a count, which is never negative.
pub(super) fn count(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|error| damaged(row, column, error))
}

/// A column that holds the state of an event.
pub(super) fn event_state(row: &Row<'_>, column: &str) -> rusqlite::Result<EventState> {
    let name: String = row.get(column)?;
    EventState::from_name(&name).ok_or_else(|| damaged(row, column, format!("no state `{name}`")))
}

/// A column that holds the state of an action.
pub(super) fn action_state(row: &Row<'_>, column: &str) -> rusqlite::Result<ActionState> {
    let name: String = row.get(column)?;
    ActionState::from_name(&name).ok_or_else(|| damaged(row, column, format!("no state `{name}`")))
}

/// A column that holds the kind of an action.
pub(super) fn action_kind(row: &Row<'_>, column: &str) -> rusqlite::Result<ActionKind> {
    let name: String = row.get(column)?;
    [ActionKind::Notify, ActionKind::Deploy]
        .into_iter()
        .find(|kind| kind.as_str() == name)
        .ok_or_else(|| damaged(row, column, format!("no kind `{name}`")))
}

/// A column that holds what a command does when others are busy.
pub(super) fn when_busy(row: &Row<'_>, column: &str) -> rusqlite::Result<WhenBusy> {
    let name: String = row.get(column)?;
    WhenBusy::from_name(&name).ok_or_else(|| damaged(row, column, format!("no value `{name}`")))
}

/// The turn of an action, where it has one.
pub(super) fn turn(row: &Row<'_>) -> rusqlite::Result<Option<Turn>> {
    let key: Option<String> = row.get("concurrency_key")?;
    key.map(|key| {
        let when_busy = when_busy(row, "when_busy")?;
        Ok(Turn { key, when_busy })
    })
    .transpose()
}

/// A column that holds what can be paused.
pub(super) fn pausable(row: &Row<'_>, column: &str) -> rusqlite::Result<Pausable> {
    let name: String = row.get(column)?;
    Pausable::from_name(&name)
        .ok_or_else(|| damaged(row, column, format!("nothing like `{name}` is paused")))
}

fn damaged<E>(row: &Row<'_>, column: &str, error: E) -> rusqlite::Error
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let index = row.as_ref().column_index(column).unwrap_or_default();
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, error.into())
}

/// There is no such event.
pub(super) fn no_event(id: &EventId) -> StoreError {
    StoreError::NotFound {
        what: format!("event `{id}`"),
    }
}

/// The sequence number of an event.
pub(super) fn sequence_of(db: &Connection, id: &EventId) -> Result<i64, StoreError> {
    db.prepare_cached("SELECT sequence FROM events WHERE id = ?1")?
        .query_row([&id.0], |row| row.get(0))
        .optional()?
        .ok_or_else(|| no_event(id))
}

/// Fails unless the snapshot is kept.
pub(super) fn require_snapshot(db: &Connection, id: SnapshotId) -> Result<(), StoreError> {
    let known = db
        .prepare_cached("SELECT 1 FROM snapshots WHERE id = ?1")?
        .exists(params![id.0])?;
    if known {
        Ok(())
    } else {
        Err(StoreError::NotFound {
            what: format!("snapshot `{}`", id.0),
        })
    }
}

/// The conditions of a listing, joined by `AND`, with their values.
#[derive(Default)]
pub(super) struct Conditions {
    texts: Vec<&'static str>,
    values: Vec<Value>,
}

impl Conditions {
    /// Adds a condition with one `?` where there is a value for it.
    pub(super) fn when<T: Into<Value>>(&mut self, condition: &'static str, value: Option<T>) {
        if let Some(value) = value {
            self.texts.push(condition);
            self.values.push(value.into());
        }
    }

    /// Adds a condition without a value.
    pub(super) fn and(&mut self, condition: &'static str) {
        self.texts.push(condition);
    }

    /// Adds a condition with a `?` for each value.
    pub(super) fn with<T: Into<Value>>(
        &mut self,
        condition: &'static str,
        values: impl IntoIterator<Item = T>,
    ) {
        self.texts.push(condition);
        self.values.extend(values.into_iter().map(Into::into));
    }

    /// The `WHERE` clause, empty without conditions.
    pub(super) fn clause(&self) -> String {
        if self.texts.is_empty() {
            String::new()
        } else {
            format!("WHERE {}", self.texts.join(" AND "))
        }
    }

    /// The values in the order of their conditions.
    pub(super) fn values(&self) -> impl Iterator<Item = &Value> {
        self.values.iter()
    }
}

/// The values that bound a time on both sides, where one is given, twice: for the first and the last row of it.
pub(super) fn time(since: Option<Timestamp>, until: Option<Timestamp>) -> Option<[i64; 4]> {
    if since.is_none() && until.is_none() {
        return None;
    }
    let (since, until) = (
        since.map_or(i64::MIN, |since| since.0),
        until.map_or(i64::MAX, |until| until.0),
    );
    Some([since, until, since, until])
}

/// The number of rows of a listing; 0 asks for as many as there may be.
pub(super) fn listing_limit(asked: usize) -> usize {
    match asked {
        0 => LISTING_LIMIT,
        _ => asked.min(LISTING_LIMIT),
    }
}

/// A number of rows that were changed.
pub(super) fn changed(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

/// A number of rows as the database takes it.
pub(super) fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
