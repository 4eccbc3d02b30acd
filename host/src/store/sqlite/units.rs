//! Units: the evaluations, actions and drop that are committed together.
//!
//! Invariant: the row of a unit is there if and only if all that belongs to it is.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{actions, events, replays, rows, states};
use crate::domain::evaluation::{Evaluation, Outcome};
use crate::domain::names::{RuleName, TeamName};
use crate::store::{ActionId, DropRecord, Rest, StoreError, Unit, UnitCommit};

/// What parts the name of a unit from that of a part of it. No name of a team has it.
const PART: char = '#';

/// The name of a unit in its column: the team's, and nothing for the shared rules.
fn name(unit: &Unit) -> &str {
    unit.as_ref().map_or("", TeamName::as_str)
}

/// The name under which a commit is known: the unit's, or for a part of it one with the first rule that was asked.
fn key_of(unit: &UnitCommit) -> String {
    let name = name(&unit.unit);
    match (unit.rest, unit.evaluations.first()) {
        (Rest::Follows, Some(first)) => format!("{name}{PART}{}", first.evaluation.rule),
        _ => name.to_owned(),
    }
}

/// Commits a unit, unless it is committed.
pub(super) fn commit(
    db: &Connection,
    owner: &str,
    unit: &UnitCommit,
) -> Result<Vec<ActionId>, StoreError> {
    let sequence = events::claimed_sequence(db, owner, &unit.event, unit.run)?;
    let committed_as = key_of(unit);
    let key = params![sequence, unit.run, committed_as];
    let earlier = db
        .prepare_cached(
            "SELECT action_ids FROM units WHERE event_sequence = ?1 AND run = ?2 AND unit = ?3",
        )?
        .query_row(key, |row| rows::json(row, "action_ids"))
        .optional()?;
    if let Some(ids) = earlier {
        return Ok(ids);
    }
    rows::require_snapshot(db, unit.snapshot)?;
    let mut ids = Vec::new();
    for evaluated in &unit.evaluations {
        insert_evaluation(db, sequence, unit, &evaluated.evaluation)?;
        states::keep(db, &evaluated.evaluation.rule, &evaluated.state)?;
        // A rule cannot have missed an event before its first run.
        if unit.run > 0 {
            replays::asked(db, sequence, &evaluated.evaluation.rule)?;
        }
        for action in &evaluated.actions {
            ids.push(actions::insert(db, action, unit.at)?);
        }
    }
    if let Some(dropped) = &unit.dropped {
        db.prepare_cached(
            "INSERT INTO drops (event_sequence, run, unit, rule, reason) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            sequence,
            unit.run,
            name(&unit.unit),
            dropped.rule.to_string(),
            dropped.reason
        ])?;
    }
    for rule in &unit.skipped {
        replays::skip(db, sequence, rule)?;
    }
    db.prepare_cached(
        "INSERT INTO units (event_sequence, run, unit, snapshot_id, committed_at, action_ids) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        sequence,
        unit.run,
        committed_as,
        unit.snapshot.0,
        unit.at.0,
        rows::to_json(&ids)?
    ])?;
    Ok(ids)
}

fn insert_evaluation(
    db: &Connection,
    sequence: i64,
    unit: &UnitCommit,
    evaluation: &Evaluation,
) -> Result<(), StoreError> {
    let outcome = match &evaluation.outcome {
        Outcome::Decided(_) => "decided",
        Outcome::Faulted(fault) => fault.code(),
    };
    db.prepare_cached(
        "INSERT INTO evaluations (event_sequence, run, rule, outcome, fuel, committed_at, \
         evaluation) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        sequence,
        unit.run,
        evaluation.rule.to_string(),
        outcome,
        i64::try_from(evaluation.fuel).unwrap_or(i64::MAX),
        unit.at.0,
        rows::to_json(evaluation)?
    ])?;
    Ok(())
}

/// The units of an event that are committed, the shared rules first.
pub(super) fn committed(db: &Connection, sequence: i64, run: u32) -> Result<Vec<Unit>, StoreError> {
    let names: Vec<String> = db
        .prepare_cached(
            "SELECT unit FROM units WHERE event_sequence = ?1 AND run = ?2 ORDER BY unit",
        )?
        .query_map(params![sequence, run], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    names
        .into_iter()
        .filter(|name| !name.contains(PART))
        .map(|name| match name.as_str() {
            "" => Ok(None),
            _ => TeamName::parse(name)
                .map(Some)
                .map_err(|error| StoreError::Database {
                    message: error.to_string(),
                }),
        })
        .collect()
}

/// The rules whose evaluations are committed in parts of units.
pub(super) fn evaluated(
    db: &Connection,
    sequence: i64,
    run: u32,
) -> Result<Vec<RuleName>, StoreError> {
    let rules = db
        .prepare_cached(
            "SELECT rule FROM evaluations WHERE event_sequence = ?1 AND run = ?2 AND EXISTS \
             (SELECT 1 FROM units WHERE event_sequence = ?1 AND run = ?2 AND unit LIKE '%#%')",
        )?
        .query_map(params![sequence, run], |row| rows::rule(row, "rule"))?
        .collect::<Result<_, _>>()?;
    Ok(rules)
}

/// The drop by the shared rules.
pub(super) fn dropped_by_shared_rules(
    db: &Connection,
    sequence: i64,
    run: u32,
) -> Result<Option<DropRecord>, StoreError> {
    let dropped = db
        .prepare_cached(
            "SELECT rule, reason FROM drops WHERE event_sequence = ?1 AND run = ?2 AND unit = ''",
        )?
        .query_row(params![sequence, run], read_drop)
        .optional()?;
    Ok(dropped)
}

/// Every drop of an event, in the order of the runs.
pub(super) fn drops(db: &Connection, sequence: i64) -> Result<Vec<DropRecord>, StoreError> {
    let drops = db
        .prepare_cached(
            "SELECT rule, reason FROM drops WHERE event_sequence = ?1 ORDER BY run, unit",
        )?
        .query_map([sequence], read_drop)?
        .collect::<Result<_, _>>()?;
    Ok(drops)
}

fn read_drop(row: &Row<'_>) -> rusqlite::Result<DropRecord> {
    Ok(DropRecord {
        rule: rows::rule(row, "rule")?,
        reason: row.get("reason")?,
    })
}
