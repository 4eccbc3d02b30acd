//! The past: events in their order, each with what one rule answered when it was asked first; and how the newest
//! evaluations went.
//!
//! Invariant: an event is read once, however often it was replayed, and never before its first run is over.

use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};

use super::{events, replays, rows};
use crate::domain::evaluation::Outcome;
use crate::domain::names::{DeliveryId, EventId, RuleName, TeamName};
use crate::store::{
    DropRecord, Evaluated, EventFilter, Past, PastAnswer, PastEvent, PastPage, StoreError,
};

/// Where those that match begin and end, and how many they are.
pub(super) fn extent(db: &Connection, filter: &EventFilter) -> Result<Past, StoreError> {
    let conditions = events::conditions(filter);
    let limit = match filter.limit {
        0 => i64::MAX,
        limit => rows::sql_limit(limit),
    };
    let past = db.prepare_cached(&newest(&conditions))?.query_row(
        params_from_iter(conditions.values().chain([&limit.into()])),
        |row| {
            Ok(Past {
                first: row.get::<_, Option<i64>>("first")?.unwrap_or(0),
                last: row.get::<_, Option<i64>>("last")?.unwrap_or(0),
                events: rows::count(row, "events")?,
            })
        },
    )?;
    Ok(past)
}

/// Those that can have been evaluated.
fn over(conditions: &rows::Conditions) -> String {
    let and = match conditions.clause() {
        clause if clause.is_empty() => "WHERE".to_owned(),
        clause => format!("{clause} AND"),
    };
    format!("{and} ({} OR run > 0)", replays::ENDED)
}

/// The statement of [`extent`].
pub(super) fn newest(conditions: &rows::Conditions) -> String {
    format!(
        "SELECT min(sequence) AS first, max(sequence) AS last, count(*) AS events FROM \
         (SELECT sequence FROM events {} ORDER BY sequence DESC LIMIT ?)",
        over(conditions)
    )
}

/// The conditions of a page. Its bounds are found before, so that nothing looks for them by the time again.
pub(super) fn conditions(page: &PastPage) -> rows::Conditions {
    let (since, until) = (page.filter.since, page.filter.until);
    let mut conditions = events::matching(&EventFilter {
        since: None,
        until: None,
        ..page.filter.clone()
    });
    conditions.when("sequence >= ?", Some(page.first));
    conditions.when("sequence <= ?", Some(page.last));
    conditions.when("+received_at >= ?", since.map(|since| since.0));
    conditions.when("+received_at < ?", until.map(|until| until.0));
    conditions
}

/// The statement of [`page`].
pub(super) fn listing(conditions: &rows::Conditions) -> String {
    format!(
        "SELECT sequence, event, \
         (SELECT id FROM deliveries WHERE number = delivery_number) AS delivery_id \
         FROM events {} ORDER BY sequence LIMIT ?",
        over(conditions)
    )
}

/// Reads some of them.
pub(super) fn page(db: &Connection, page: &PastPage) -> Result<Vec<PastEvent>, StoreError> {
    let conditions = conditions(page);
    let limit = rows::sql_limit(page.limit).into();
    let mut found: Vec<PastEvent> = db
        .prepare_cached(&listing(&conditions))?
        .query_map(
            params_from_iter(conditions.values().chain([&limit])),
            |row| {
                Ok(PastEvent {
                    sequence: row.get("sequence")?,
                    delivery: DeliveryId(row.get("delivery_id")?),
                    event: rows::json(row, "event")?,
                    answer: None,
                    dropped: None,
                })
            },
        )?
        .collect::<Result<_, _>>()?;
    for event in &mut found {
        event.answer = answer(db, event.sequence, &page.rule)?;
        event.dropped = dropped(db, event.sequence, &page.rule)?;
    }
    Ok(found)
}

/// How the first answer of a rule is found.
pub(super) const ANSWER: &str = "SELECT run, evaluation FROM evaluations \
    WHERE event_sequence = ?1 AND rule = ?2 ORDER BY run LIMIT 1";

fn answer(
    db: &Connection,
    sequence: i64,
    rule: &RuleName,
) -> Result<Option<PastAnswer>, StoreError> {
    let read = |row: &Row<'_>| {
        Ok(PastAnswer {
            run: row.get("run")?,
            evaluation: rows::json(row, "evaluation")?,
        })
    };
    let answer = db
        .prepare_cached(ANSWER)?
        .query_row(params![sequence, rule.to_string()], read)
        .optional()?;
    Ok(answer)
}

/// The drop of the first run by which a rule was not asked, or that it brought about itself. The shared rules have no
/// name of a unit, and come first.
fn dropped(
    db: &Connection,
    sequence: i64,
    rule: &RuleName,
) -> Result<Option<DropRecord>, StoreError> {
    let team = rule.team().map_or("", TeamName::as_str);
    let read = |row: &Row<'_>| {
        Ok(DropRecord {
            rule: rows::rule(row, "rule")?,
            reason: row.get("reason")?,
        })
    };
    let dropped = db
        .prepare_cached(
            "SELECT rule, reason FROM drops WHERE event_sequence = ?1 AND run = 0 AND unit IN ('', ?2) \
             ORDER BY unit LIMIT 1",
        )?
        .query_row(params![sequence, team], read)
        .optional()?;
    Ok(dropped)
}

/// How the newest evaluations are found. Of those that decided, nothing more than that is read.
const LATEST: &str = "SELECT latest.rule AS rule, committed_at, events.id AS event_id, \
     evaluation ->> '$.module' AS module, evaluation ->> '$.settings' AS settings, \
     CASE latest.outcome WHEN 'decided' THEN 'null' ELSE evaluation -> '$.outcome' END AS outcome \
     FROM (SELECT * FROM evaluations ORDER BY id DESC LIMIT ?1) AS latest \
     JOIN events ON events.sequence = event_sequence ORDER BY latest.id";

/// How the newest evaluations went, the oldest of them first.
pub(super) fn latest(db: &Connection, limit: usize) -> Result<Vec<Evaluated>, StoreError> {
    let read = |row: &Row<'_>| {
        Ok(Evaluated {
            rule: rows::rule(row, "rule")?,
            module: rows::digest(row, "module")?,
            settings: rows::digest(row, "settings")?,
            event: EventId(row.get("event_id")?),
            fault: match rows::json::<Option<Outcome>>(row, "outcome")? {
                Some(Outcome::Faulted(fault)) => Some(fault),
                Some(Outcome::Decided(_)) | None => None,
            },
            at: rows::moment(row, "committed_at")?,
        })
    };
    let found = db
        .prepare_cached(LATEST)?
        .query_map([rows::sql_limit(limit)], read)?
        .collect::<Result<_, _>>()?;
    Ok(found)
}
