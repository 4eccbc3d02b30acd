//! Actions: keeping them and reading them, with their attempts.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};

use super::turns::{self, Ended, Place};
use super::{attempts, rows};
use crate::domain::clock::Timestamp;
use crate::domain::decision::{Action, Once};
use crate::domain::names::EventId;
use crate::domain::turn::Turn;
use crate::store::{
    ActionFilter, ActionId, ActionKind, ActionRecord, ActionState, NewAction, StoreError,
};

/// An action as it is read back, without a condition.
const SELECT: &str = "SELECT actions.id AS id, key, events.id AS event_id, actions.run AS run, rule, \
    action, actions.state AS state, detail, caused_by, concurrency_key, when_busy, created_at, \
    due_at, ended_at FROM actions JOIN events ON sequence = event_sequence";

/// The first message of a rule, a channel and a key that counts, committed after a moment.
pub(super) const FIRST_OF_KEY: &str = "SELECT key FROM actions \
    WHERE rule = ?1 AND target = ?2 AND once_key = ?3 AND once_key IS NOT NULL \
    AND state NOT IN ('dead', 'refused', 'shadowed', 'canceled', 'deduplicated', 'stuck') \
    AND created_at > ?4 ORDER BY created_at LIMIT 1";

/// Keeps an action and returns its identifier; one whose key is known is not kept again. One that is to
/// wait may end at once, by its turn or because it is to be sent once.
pub(super) fn insert(
    db: &Connection,
    action: &NewAction,
    now: Timestamp,
) -> Result<ActionId, StoreError> {
    let known: Option<i64> = db
        .prepare_cached("SELECT id FROM actions WHERE key = ?1")?
        .query_row([&action.key], |row| row.get(0))
        .optional()?;
    if let Some(id) = known {
        return Ok(ActionId(id));
    }
    let sequence = rows::sequence_of(db, &action.event)?;
    match &action.action {
        Action::Notify(notification) => {
            let ended = match (&notification.once, action.state) {
                (Some(once), ActionState::Waiting) => repeated(db, action, once, now)?,
                _ => None,
            };
            let kept = Kept {
                kind: ActionKind::Notify,
                target: &notification.channel,
                once: notification.once.as_ref(),
                turn: None,
            };
            put(db, (action, sequence, now), &kept, ended)
        }
        Action::Deploy(deploy) => insert_command(db, (action, sequence, now), &deploy.name),
        Action::Drop(_) => Err(StoreError::Database {
            message: format!(
                "the action `{}` is a drop, which is not kept as one",
                action.key
            ),
        }),
    }
}

/// Keeps a command, as its turn says, and has it take the place of others.
fn insert_command(
    db: &Connection,
    new: (&NewAction, i64, Timestamp),
    target: &str,
) -> Result<ActionId, StoreError> {
    let (action, sequence, now) = new;
    let place = action.turn.as_ref().map(|turn| Place {
        key: &turn.key,
        target,
        sequence,
        when_busy: turn.when_busy,
    });
    let place = place.filter(|_| action.state == ActionState::Waiting);
    let ended = match &place {
        Some(place) => turns::of_new(db, place)?,
        None => None,
    };
    if let (Some(place), None) = (&place, &ended) {
        turns::take_place(db, place, &action.key, now)?;
    }
    let kept = Kept {
        kind: ActionKind::Deploy,
        target,
        once: None,
        turn: action.turn.as_ref(),
    };
    put(db, new, &kept, ended)
}

/// Whether a message is the same as an earlier one that it is not to repeat.
fn repeated(
    db: &Connection,
    action: &NewAction,
    once: &Once,
    now: Timestamp,
) -> Result<Option<Ended>, StoreError> {
    let after = now.before(Duration::from_secs(once.seconds.into()));
    let first: Option<String> = db
        .prepare_cached(FIRST_OF_KEY)?
        .query_row(
            params![
                action.rule.to_string(),
                action.action.target(),
                once.key,
                after.0
            ],
            |row| row.get(0),
        )
        .optional()?;
    Ok(first.map(|by| Ended {
        state: ActionState::Deduplicated,
        detail: None,
        by,
    }))
}

/// What of an action has columns of its own.
struct Kept<'a> {
    kind: ActionKind,
    target: &'a str,
    once: Option<&'a Once>,
    turn: Option<&'a Turn>,
}

fn put(
    db: &Connection,
    (action, sequence, now): (&NewAction, i64, Timestamp),
    kept: &Kept<'_>,
    ended: Option<Ended>,
) -> Result<ActionId, StoreError> {
    let (state, detail, by) = match ended {
        Some(ended) => (ended.state, ended.detail, Some(ended.by)),
        None => (action.state, action.detail.clone(), None),
    };
    let id = db
        .prepare_cached(
            "INSERT INTO actions (key, event_sequence, run, rule, kind, target, state, detail, \
             caused_by, once_key, concurrency_key, when_busy, due_at, created_at, ended_at, action) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        )?
        .insert(params![
            action.key,
            sequence,
            action.run,
            action.rule.to_string(),
            kept.kind.as_str(),
            kept.target,
            state.as_str(),
            detail,
            by,
            kept.once.map(|once| &once.key),
            kept.turn.map(|turn| &turn.key),
            kept.turn.map(|turn| turn.when_busy.as_str()),
            action.due_at.0,
            now.0,
            state.is_ended().then_some(now.0),
            rows::to_json(&action.action)?,
        ])?;
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

/// The rows between the first and the last of a time, as for events.
const BETWEEN: &str = "actions.id BETWEEN \
    (SELECT min(+id) FROM actions WHERE created_at >= ? AND created_at < ?) AND \
    (SELECT max(+id) FROM actions WHERE created_at >= ? AND created_at < ?)";

/// The conditions of a listing.
pub(super) fn conditions(filter: &ActionFilter) -> rows::Conditions {
    let mut conditions = matching(filter);
    if let Some(time) = rows::time(filter.since, filter.until) {
        conditions.with(BETWEEN, time);
    }
    conditions.when("actions.id < ?", filter.before.map(|before| before.0));
    conditions
}

/// The conditions of a filter, whatever its page. The index of the states holds all but those that are done,
/// and that of the kinds the commands alone.
pub(super) fn matching(filter: &ActionFilter) -> rows::Conditions {
    let mut conditions = rows::Conditions::default();
    conditions.when("actions.id = ?", filter.id.map(|id| id.0));
    conditions.when(
        "actions.state = ?",
        filter.state.map(|state| state.as_str().to_owned()),
    );
    if filter.state.is_some_and(|state| state != ActionState::Done) {
        conditions.and("actions.state <> 'done'");
    }
    match filter.kind {
        None => {}
        Some(ActionKind::Notify) => conditions.and("kind = 'notify'"),
        Some(ActionKind::Deploy) => conditions.and("kind = 'deploy'"),
    }
    conditions.when("target = ?", filter.target.clone());
    conditions.when("rule = ?", filter.rule.as_ref().map(ToString::to_string));
    // Between `team/` and what comes next after all that begins so: `0` follows `/`.
    let team = filter.team.as_ref();
    conditions.when("rule > ?", team.map(|team| format!("{team}/")));
    conditions.when("rule < ?", team.map(|team| format!("{team}0")));
    conditions.when("created_at >= ?", filter.since.map(|since| since.0));
    conditions.when("created_at < ?", filter.until.map(|until| until.0));
    conditions.when(
        "event_sequence = (SELECT sequence FROM events WHERE id = ?)",
        filter.event.as_ref().map(|event| event.0.clone()),
    );
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
    record.attempts = attempts::of_action(db, id)?;
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
        record.attempts = attempts::of_action(db, record.id)?;
    }
    Ok(records)
}

fn read(row: &Row<'_>) -> rusqlite::Result<ActionRecord> {
    Ok(ActionRecord {
        id: ActionId(row.get("id")?),
        key: row.get("key")?,
        event: EventId(row.get("event_id")?),
        run: row.get("run")?,
        rule: rows::rule(row, "rule")?,
        action: rows::json(row, "action")?,
        state: rows::action_state(row, "state")?,
        detail: row.get("detail")?,
        caused_by: row.get("caused_by")?,
        turn: rows::turn(row)?,
        created_at: rows::moment(row, "created_at")?,
        due_at: rows::moment(row, "due_at")?,
        ended_at: rows::moment_or_none(row, "ended_at")?,
        attempts: Vec::new(),
    })
}
