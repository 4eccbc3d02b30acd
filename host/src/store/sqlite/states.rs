//! What rules keep between events.
//!
//! Invariants:
//! - A revision is never used again, also after all has been cleared: the row of a rule stays.
//! - A state is read in one statement, so that its revision and its entries belong together.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use crate::domain::clock::Timestamp;
use crate::domain::names::RuleName;
use crate::domain::state::{Changes, Entry, State};
use crate::store::StoreError;

/// What [`get`] reads.
pub(super) const SELECT: &str = "SELECT revision, key, value, expires_at \
    FROM states LEFT JOIN state_entries ON state_entries.rule = states.rule WHERE states.rule = ?1";

/// All that a rule keeps.
pub(super) fn get(db: &Connection, rule: &RuleName) -> Result<State, StoreError> {
    let (mut revision, mut entries) = (0, BTreeMap::new());
    let mut statement = db.prepare_cached(SELECT)?;
    let mut found = statement.query([rule.to_string()])?;
    while let Some(row) = found.next()? {
        revision = row.get("revision")?;
        // None where the rule keeps nothing.
        if let Some(key) = row.get("key")? {
            let entry = Entry {
                value: row.get("value")?,
                expires_at: row.get::<_, Option<i64>>("expires_at")?.map(Timestamp),
            };
            entries.insert(key, entry);
        }
    }
    Ok(State::of(revision, entries))
}

/// Keeps the changes of an evaluation, unless the state is no longer the one that it saw.
pub(super) fn keep(db: &Connection, rule: &RuleName, changes: &Changes) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let name = rule.to_string();
    let revision = raise(db, &name)?;
    if revision != changes.since.saturating_add(1) {
        return Err(StoreError::StateChanged { rule: rule.clone() });
    }
    for (key, entry) in &changes.entries {
        match entry {
            Some(entry) => db
                .prepare_cached(
                    "INSERT INTO state_entries (rule, key, value, expires_at) \
                     VALUES (?1, ?2, ?3, ?4) ON CONFLICT (rule, key) \
                     DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at",
                )?
                .execute(params![
                    name,
                    key,
                    entry.value,
                    entry.expires_at.map(|moment| moment.0)
                ])?,
            None => db
                .prepare_cached("DELETE FROM state_entries WHERE rule = ?1 AND key = ?2")?
                .execute(params![name, key])?,
        };
    }
    Ok(())
}

/// Forgets one key of a rule, or all; says which there were.
pub(super) fn clear(
    db: &Connection,
    rule: &RuleName,
    key: Option<&str>,
) -> Result<Vec<String>, StoreError> {
    let name = rule.to_string();
    let mut cleared: Vec<String> = db
        .prepare_cached(
            "DELETE FROM state_entries WHERE rule = ?1 AND (?2 IS NULL OR key = ?2) RETURNING key",
        )?
        .query_map(params![name, key], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    cleared.sort();
    if !cleared.is_empty() {
        raise(db, &name)?;
    }
    Ok(cleared)
}

/// Raises the revision of a rule's state, and returns the new one.
fn raise(db: &Connection, rule: &str) -> Result<i64, StoreError> {
    let revision = db
        .prepare_cached(
            "INSERT INTO states (rule, revision) VALUES (?1, 1) \
             ON CONFLICT (rule) DO UPDATE SET revision = revision + 1 RETURNING revision",
        )?
        .query_row([rule], |row| row.get(0))?;
    Ok(revision)
}
