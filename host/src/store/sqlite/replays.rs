//! Replays: having events evaluated again, and what rules have missed.
//!
//! Invariants:
//! - A replay is one commit, however many events match.
//! - An event is never evaluated again before its first run, nor one that a person made.
//! - What a rule has missed is known until the rule was asked.

use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use super::{events, rows};
use crate::domain::names::RuleName;
use crate::store::{EventState, Replay, Replayed, Skipped, StoreError, Which};

/// How what a rule has missed is forgotten.
pub(super) const FORGET: &str = "DELETE FROM skipped WHERE rule = ?1 AND event_sequence = ?2";

/// What can be evaluated again. One that is done without a snapshot was made by a person.
pub(super) const ENDED: &str = "(state = 'stuck' OR state = 'done' AND snapshot_id IS NOT NULL)";

/// What waits for a replay of which nothing is committed yet, so that a further rule can be asked as well.
const OPEN: &str = "state = 'waiting' AND run > 0 AND NOT EXISTS \
    (SELECT 1 FROM units WHERE units.event_sequence = sequence AND units.run = events.run)";

/// What is at work, or waits and has begun, or waits for its first run.
const BUSY: &str = "(state = 'running' OR state = 'waiting' AND (run = 0 OR EXISTS \
    (SELECT 1 FROM units WHERE units.event_sequence = sequence AND units.run = events.run)))";

/// Records that a rule has missed an event.
pub(super) fn skip(db: &Connection, sequence: i64, rule: &RuleName) -> Result<(), StoreError> {
    db.prepare_cached("INSERT OR IGNORE INTO skipped (rule, event_sequence) VALUES (?1, ?2)")?
        .execute(params![rule.to_string(), sequence])?;
    Ok(())
}

/// Forgets that a rule has missed an event, about which it has been asked.
pub(super) fn asked(db: &Connection, sequence: i64, rule: &RuleName) -> Result<(), StoreError> {
    db.prepare_cached(FORGET)?
        .execute(params![rule.to_string(), sequence])?;
    Ok(())
}

/// The rules that have missed events, by name.
pub(super) fn skipped(db: &Connection) -> Result<Vec<Skipped>, StoreError> {
    let skipped = db
        .prepare_cached("SELECT rule, count(*) AS events FROM skipped GROUP BY rule ORDER BY rule")?
        .query_map([], |row| {
            Ok(Skipped {
                rule: rows::rule(row, "rule")?,
                events: rows::count(row, "events")?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(skipped)
}

/// Has those that match evaluated again.
pub(super) fn replay(db: &Connection, replay: &Replay) -> Result<Replayed, StoreError> {
    let unread = take_up(db, replay)?;
    if let Some(id) = &replay.event
        && unread == 0
    {
        rows::sequence_of(db, id)?;
    }
    let rules = Rules::of(replay);
    let busy = count(db, &matching(replay, BUSY))?;
    // Those that wait already come first: the others wait as well afterwards.
    let further = change(
        db,
        &format!("only_rules = {}", rules.added()),
        &rules,
        &matching(replay, OPEN),
    )?;
    let again = change(
        db,
        &format!(
            "state = 'waiting', run = run + 1, crashes = 0, snapshot_id = NULL, only_rules = {}",
            rules.alone()
        ),
        &rules,
        &matching(replay, ENDED),
    )?;
    Ok(Replayed {
        events: further + again + unread,
        busy,
    })
}

/// Has deliveries read that were set aside before they were: nothing of them was evaluated, so a replay is the
/// first run of what they hold. Says how many.
fn take_up(db: &Connection, replay: &Replay) -> Result<u64, StoreError> {
    let filter = &replay.filter;
    let about_events = filter.subject.is_some() || filter.project.is_some();
    let other_state = filter.state.is_some_and(|state| state != EventState::Stuck);
    if about_events || other_state || replay.rule.is_some() || replay.which == Which::Skipped {
        return Ok(0);
    }
    let mut conditions = rows::Conditions::default();
    conditions.and("state = 'stuck' AND state <> 'done'");
    conditions.when("id = ?", replay.event.as_ref().map(|id| id.0.clone()));
    conditions.when(
        "source = ?",
        filter
            .source
            .as_ref()
            .map(|source| source.as_str().to_owned()),
    );
    conditions.when("received_at >= ?", filter.since.map(|since| since.0));
    conditions.when("received_at < ?", filter.until.map(|until| until.0));
    let changed = db
        .prepare_cached(&format!(
            "UPDATE deliveries SET state = 'waiting', crashes = 0 {}",
            conditions.clause()
        ))?
        .execute(params_from_iter(conditions.values()))?;
    Ok(rows::changed(changed))
}

/// The rules that a replay is for.
enum Rules {
    All,
    One(String),
    Missing,
}

impl Rules {
    fn of(replay: &Replay) -> Self {
        match (&replay.rule, replay.which) {
            (Some(rule), _) => Self::One(rule.to_string()),
            (None, Which::All) => Self::All,
            (None, Which::Skipped) => Self::Missing,
        }
    }

    /// The rules as JSON. `?1` is the one that is named.
    fn alone(&self) -> &'static str {
        match self {
            Self::All => "'[]'",
            Self::One(_) => "json_array(?1)",
            Self::Missing => {
                "(SELECT json_group_array(rule) FROM (SELECT rule FROM skipped \
                 WHERE event_sequence = sequence ORDER BY rule))"
            }
        }
    }

    /// The same with those that an event waits for already; one that waits for all goes on to.
    fn added(&self) -> String {
        let further = match self {
            Self::All => return "'[]'".to_owned(),
            Self::One(_) => "SELECT ?1",
            Self::Missing => "SELECT rule FROM skipped WHERE event_sequence = sequence",
        };
        format!(
            "CASE only_rules WHEN '[]' THEN '[]' ELSE (SELECT json_group_array(value) FROM \
             (SELECT value FROM json_each(only_rules) UNION {further})) END"
        )
    }

    fn value(&self) -> Option<Value> {
        match self {
            Self::One(rule) => Some(rule.clone().into()),
            Self::All | Self::Missing => None,
        }
    }
}

/// The conditions of a replay, for events in some states.
pub(super) fn matching(replay: &Replay, states: &'static str) -> rows::Conditions {
    let mut conditions = events::matching(&replay.filter);
    conditions.when("id = ?", replay.event.as_ref().map(|id| id.0.clone()));
    match (replay.which, &replay.rule) {
        (Which::All, _) => {}
        (Which::Skipped, Some(rule)) => conditions.when(
            "sequence IN (SELECT event_sequence FROM skipped WHERE rule = ?)",
            Some(rule.to_string()),
        ),
        (Which::Skipped, None) => {
            conditions.and("sequence IN (SELECT event_sequence FROM skipped)");
        }
    }
    conditions.and(states);
    conditions
}

fn count(db: &Connection, conditions: &rows::Conditions) -> Result<u64, StoreError> {
    let number = db
        .prepare_cached(&format!(
            "SELECT count(*) AS number FROM events {}",
            conditions.clause()
        ))?
        .query_row(params_from_iter(conditions.values()), |row| {
            rows::count(row, "number")
        })?;
    Ok(number)
}

fn change(
    db: &Connection,
    assignments: &str,
    rules: &Rules,
    conditions: &rows::Conditions,
) -> Result<u64, StoreError> {
    let value = rules.value();
    let changed = db
        .prepare_cached(&statement(assignments, conditions))?
        .execute(params_from_iter(value.iter().chain(conditions.values())))?;
    Ok(rows::changed(changed))
}

/// The statement of a change.
pub(super) fn statement(assignments: &str, conditions: &rows::Conditions) -> String {
    format!("UPDATE events SET {assignments} {}", conditions.clause())
}
