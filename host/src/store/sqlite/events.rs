//! Events: claiming, finishing, giving back, and reading.

use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};

use super::{actions, groups, rows, units};
use crate::domain::names::{DeliveryId, EventId};
use crate::store::{
    ClaimedEvent, EvaluationRecord, EventFilter, EventRecord, EventState, EventSummary, Look,
    Looked, Pausable, SnapshotId, StoreError,
};

/// What [`claim`] looks for, of one source.
pub(super) const WAITING: &str = "SELECT sequence FROM events \
    WHERE state = 'waiting' AND source = ?1 AND sequence < ?2 ORDER BY sequence LIMIT ?3";

/// The sources whose events wait.
pub(super) fn waiting_sources() -> String {
    groups::unpaused("source", "events WHERE state = 'waiting'", Pausable::Source)
}

/// Claims those that wait, in the order of their sequence numbers.
pub(super) fn claim(
    db: &Connection,
    owner: &str,
    limit: usize,
) -> Result<Vec<ClaimedEvent>, StoreError> {
    let sequences = groups::lowest(db, &waiting_sources(), WAITING, limit)?;
    let mut update = db.prepare_cached(
        "UPDATE events SET state = 'running', claimed_by = ?2 WHERE sequence = ?1",
    )?;
    let mut select = db.prepare_cached(
        "SELECT sequence, run, events.crashes AS crashes, event, only_rules, deliveries.id AS delivery_id \
         FROM events JOIN deliveries ON number = delivery_number WHERE sequence = ?1",
    )?;
    sequences
        .into_iter()
        .map(|sequence| {
            update.execute(params![sequence, owner])?;
            let mut event = select.query_row([sequence], read_claimed)?;
            event.units = units::committed(db, sequence, event.run)?;
            event.evaluated = units::evaluated(db, sequence, event.run)?;
            event.dropped = units::dropped_by_shared_rules(db, sequence, event.run)?;
            Ok(event)
        })
        .collect()
}

fn read_claimed(row: &Row<'_>) -> rusqlite::Result<ClaimedEvent> {
    Ok(ClaimedEvent {
        event: rows::json(row, "event")?,
        delivery: DeliveryId(row.get("delivery_id")?),
        sequence: row.get("sequence")?,
        run: row.get("run")?,
        crashes: row.get("crashes")?,
        units: Vec::new(),
        evaluated: Vec::new(),
        dropped: None,
        only: rows::json(row, "only_rules")?,
    })
}

/// The sequence number of an event that this owner has in hand, in this run.
pub(super) fn claimed_sequence(
    db: &Connection,
    owner: &str,
    event: &EventId,
    run: u32,
) -> Result<i64, StoreError> {
    db.prepare_cached(
        "SELECT sequence FROM events \
         WHERE id = ?1 AND run = ?2 AND state = 'running' AND claimed_by = ?3",
    )?
    .query_row(params![event.0, run, owner], |row| row.get(0))
    .optional()?
    .map_or_else(|| Err(unclaimed(db, event)?), Ok)
}

/// Marks one as done.
pub(super) fn finish(
    db: &Connection,
    owner: &str,
    event: &EventId,
    run: u32,
    snapshot: SnapshotId,
) -> Result<(), StoreError> {
    let sequence = claimed_sequence(db, owner, event, run)?;
    rows::require_snapshot(db, snapshot)?;
    db.prepare_cached(
        "UPDATE events SET state = 'done', claimed_by = NULL, snapshot_id = ?2, only_rules = '[]' \
         WHERE sequence = ?1",
    )?
    .execute(params![sequence, snapshot.0])?;
    Ok(())
}

/// Puts one back among those that wait.
pub(super) fn release(db: &Connection, owner: &str, event: &EventId) -> Result<(), StoreError> {
    let released = db
        .prepare_cached(
            "UPDATE events SET state = 'waiting', claimed_by = NULL \
             WHERE id = ?1 AND state = 'running' AND claimed_by = ?2",
        )?
        .execute(params![event.0, owner])?;
    if released == 0 {
        return Err(unclaimed(db, event)?);
    }
    Ok(())
}

fn unclaimed(db: &Connection, event: &EventId) -> Result<StoreError, StoreError> {
    rows::sequence_of(db, event)?;
    Ok(StoreError::ClaimLost {
        what: format!("event `{event}`"),
    })
}

/// Lists those that match, newest first.
pub(super) fn list(db: &Connection, filter: &EventFilter) -> Result<Vec<EventSummary>, StoreError> {
    let conditions = conditions(filter);
    let limit = rows::sql_limit(rows::listing_limit(filter.limit)).into();
    let mut summaries: Vec<EventSummary> = db
        .prepare_cached(&listing(&conditions))?
        .query_map(
            params_from_iter(conditions.values().chain([&limit])),
            read_summary,
        )?
        .collect::<Result<_, _>>()?;
    for summary in &mut summaries {
        summary.actions = actions::count_by_state(db, summary.sequence)?;
    }
    Ok(summaries)
}

/// Looks through some of those that match, newest first, for those that are meant.
pub(super) fn look_for(
    db: &Connection,
    filter: &EventFilter,
    look: &Look,
) -> Result<Looked, StoreError> {
    let conditions = conditions(filter);
    let most = rows::sql_limit(look.rows).into();
    let mut statement = db.prepare_cached(&looking(&conditions))?;
    let mut looked_at = statement.query(params_from_iter(conditions.values().chain([&most])))?;
    let (mut sequences, mut lowest, mut number) = (Vec::new(), None, 0);
    while let Some(row) = looked_at.next()? {
        let sequence: i64 = row.get("sequence")?;
        (lowest, number) = (Some(sequence), number + 1);
        let project: Option<String> = row.get("project")?;
        if (look.meant)(&rows::source(row, "source")?, project.as_deref()) {
            sequences.push(sequence);
        }
        if sequences.len() == rows::listing_limit(filter.limit) {
            break;
        }
    }
    let is_cut = number == look.rows || sequences.len() == rows::listing_limit(filter.limit);
    let mut events = Vec::with_capacity(sequences.len());
    let mut one = rows::Conditions::default();
    one.and("sequence = ?");
    let mut select = db.prepare_cached(&listing(&one))?;
    for sequence in sequences {
        let mut summary = select.query_row(params![sequence, 1], read_summary)?;
        summary.actions = actions::count_by_state(db, sequence)?;
        events.push(summary);
    }
    Ok(Looked {
        events,
        rest: lowest.filter(|_| is_cut),
    })
}

/// The statement of a look: what of each event says whether it is meant, without counting what became of it.
pub(super) fn looking(conditions: &rows::Conditions) -> String {
    format!(
        "SELECT sequence, source, project FROM events {} ORDER BY sequence DESC LIMIT ?",
        conditions.clause()
    )
}

/// The statement of a listing.
pub(super) fn listing(conditions: &rows::Conditions) -> String {
    format!(
        "SELECT sequence, id, source, provider_event, subject, project, received_at, \
         received_local, state, run, \
         (SELECT count(*) FROM evaluations WHERE event_sequence = sequence \
          AND evaluations.run = events.run) AS evaluations, \
         (SELECT count(*) FROM evaluations WHERE event_sequence = sequence \
          AND evaluations.run = events.run AND outcome <> 'decided') AS faults \
         FROM events {} ORDER BY sequence DESC LIMIT ?",
        conditions.clause()
    )
}

/// The rows between the first and the last of a time. A listing goes by the sequence numbers, and would go on to
/// the oldest after the last that matches. The signs keep the database from looking for the two in that order.
const BETWEEN: &str = "sequence BETWEEN \
    (SELECT min(+sequence) FROM events WHERE received_at >= ? AND received_at < ?) AND \
    (SELECT max(+sequence) FROM events WHERE received_at >= ? AND received_at < ?)";

/// The conditions of a listing.
pub(super) fn conditions(filter: &EventFilter) -> rows::Conditions {
    let mut conditions = matching(filter);
    if let Some(time) = rows::time(filter.since, filter.until) {
        conditions.with(BETWEEN, time);
    }
    conditions.when("sequence < ?", filter.before);
    conditions
}

/// The conditions of a filter, whatever its page. The index of the states holds all but those that are done.
pub(super) fn matching(filter: &EventFilter) -> rows::Conditions {
    let mut conditions = rows::Conditions::default();
    let source = filter.source.as_ref();
    conditions.when(
        "source = ?",
        source.map(|source| source.as_str().to_owned()),
    );
    conditions.when("subject = ?", filter.subject.clone());
    conditions.when("project = ?", filter.project.clone());
    conditions.when(
        "state = ?",
        filter.state.map(|state| state.as_str().to_owned()),
    );
    if filter.state.is_some_and(|state| state != EventState::Done) {
        conditions.and("state <> 'done'");
    }
    conditions.when("received_at >= ?", filter.since.map(|since| since.0));
    conditions.when("received_at < ?", filter.until.map(|until| until.0));
    conditions
}

fn read_summary(row: &Row<'_>) -> rusqlite::Result<EventSummary> {
    Ok(EventSummary {
        sequence: row.get("sequence")?,
        id: EventId(row.get("id")?),
        source: rows::source(row, "source")?,
        provider_event: row.get("provider_event")?,
        subject: row.get("subject")?,
        project: row.get("project")?,
        received_at: rows::moment(row, "received_at")?,
        received_local: row.get("received_local")?,
        state: rows::event_state(row, "state")?,
        run: row.get("run")?,
        evaluations: rows::count(row, "evaluations")?,
        faults: rows::count(row, "faults")?,
        actions: Vec::new(),
    })
}

/// Reads one, or the newest, with all that is known of it.
pub(super) fn get(db: &Connection, id: Option<&EventId>) -> Result<EventRecord, StoreError> {
    let condition = match id {
        Some(_) => "WHERE events.id = ?1",
        None => "WHERE ?1 IS NULL ORDER BY sequence DESC LIMIT 1",
    };
    let mut record = db
        .prepare_cached(&format!(
            "SELECT sequence, run, event, events.state AS state, snapshot_id, \
             deliveries.id AS delivery_id, duplicates, secret, remote_address \
             FROM events JOIN deliveries ON number = delivery_number {condition}"
        ))?
        .query_row([id.map(|id| &id.0)], read)
        .optional()?
        .ok_or_else(|| match id {
            Some(id) => rows::no_event(id),
            None => StoreError::NotFound {
                what: "event".to_owned(),
            },
        })?;
    record.evaluations = db
        .prepare_cached(
            "SELECT run, committed_at, evaluation FROM evaluations WHERE event_sequence = ?1 \
             ORDER BY id",
        )?
        .query_map([record.sequence], read_evaluation)?
        .collect::<Result<_, _>>()?;
    record.drops = units::drops(db, record.sequence)?;
    record.actions = actions::of_event(db, record.sequence)?;
    Ok(record)
}

fn read(row: &Row<'_>) -> rusqlite::Result<EventRecord> {
    Ok(EventRecord {
        sequence: row.get("sequence")?,
        delivery: DeliveryId(row.get("delivery_id")?),
        event: rows::json(row, "event")?,
        state: rows::event_state(row, "state")?,
        run: row.get("run")?,
        snapshot: row.get::<_, Option<i64>>("snapshot_id")?.map(SnapshotId),
        duplicates: rows::count(row, "duplicates")?,
        secret: row.get("secret")?,
        remote_address: row.get("remote_address")?,
        evaluations: Vec::new(),
        drops: Vec::new(),
        actions: Vec::new(),
    })
}

fn read_evaluation(row: &Row<'_>) -> rusqlite::Result<EvaluationRecord> {
    Ok(EvaluationRecord {
        run: row.get("run")?,
        at: rows::moment(row, "committed_at")?,
        evaluation: rows::json(row, "evaluation")?,
    })
}
