//! The ends of attempts, and what they mean for their actions.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{actions, rows};
use crate::domain::clock::Timestamp;
use crate::domain::names::EventId;
use crate::store::{
    ActionId, ActionKind, ActionState, AttemptEnd, AttemptResult, InterruptDecision, Interrupted,
    NewAction, StoreError,
};

/// What [`interrupted`] looks for.
pub(super) const UNDECIDED: &str = "SELECT actions.id AS id, key, events.id AS event_id, rule, action \
    FROM actions JOIN events ON sequence = event_sequence \
    WHERE actions.state = 'interrupted' AND actions.state <> 'done' AND decided = 0 \
    ORDER BY event_sequence, actions.id";

/// Ends the attempt at a claimed action.
pub(super) fn settle(
    db: &Connection,
    owner: &str,
    id: ActionId,
    end: &AttemptEnd,
    follow_ups: &[NewAction],
) -> Result<(), StoreError> {
    let kind = claimed_kind(db, owner, id)?;
    close_attempt(db, id, end)?;
    let (state, due_at) = match (end.result, kind) {
        (AttemptResult::Done, _) => (ActionState::Done, None),
        (AttemptResult::Retry { due_at }, _) => (ActionState::Retrying, Some(due_at)),
        (AttemptResult::Dead, _) => (ActionState::Dead, None),
        (AttemptResult::Refused, _) => (ActionState::Refused, None),
        (AttemptResult::Interrupted, kind) => (state_when_cut_off(kind), None),
    };
    put(db, id, state, end)?;
    if let Some(due_at) = due_at {
        db.prepare_cached("UPDATE actions SET due_at = ?2 WHERE id = ?1")?
            .execute(params![id.0, due_at.0])?;
    }
    actions::insert_all(db, follow_ups, end.at)
}

/// What an action becomes when its attempt was cut off: a message can be sent again, whereas a command
/// may have done anything.
pub(super) fn state_when_cut_off(kind: ActionKind) -> ActionState {
    match kind {
        ActionKind::Notify => ActionState::Waiting,
        ActionKind::Deploy => ActionState::Interrupted,
    }
}

/// Writes down how the open attempt at an action ended.
pub(super) fn close_attempt(
    db: &Connection,
    id: ActionId,
    end: &AttemptEnd,
) -> Result<(), StoreError> {
    db.prepare_cached(
        "UPDATE attempts SET ended_at = ?2, result = ?3, detail = ?4, exit_code = ?5, output = ?6 \
         WHERE action_id = ?1 AND ended_at IS NULL",
    )?
    .execute(params![
        id.0,
        end.at.0,
        end.result.as_str(),
        end.detail,
        end.exit_code,
        end.output
    ])?;
    Ok(())
}

/// Puts an action that was in hand into another state, with the detail of the end.
pub(super) fn put(
    db: &Connection,
    id: ActionId,
    state: ActionState,
    end: &AttemptEnd,
) -> Result<(), StoreError> {
    db.prepare_cached(
        "UPDATE actions SET state = ?2, detail = ?3, ended_at = ?4, claimed_by = NULL, decided = 0 \
         WHERE id = ?1",
    )?
    .execute(params![
        id.0,
        state.as_str(),
        end.detail,
        state.is_ended().then_some(end.at.0)
    ])?;
    Ok(())
}

fn claimed_kind(db: &Connection, owner: &str, id: ActionId) -> Result<ActionKind, StoreError> {
    let found: Option<(String, Option<String>)> = db
        .prepare_cached("SELECT kind, claimed_by FROM actions WHERE id = ?1")?
        .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match found {
        None => Err(actions::not_found(id)),
        Some((kind, Some(holder))) if holder == owner => Ok(kind_named(&kind)),
        Some(_) => Err(StoreError::ClaimLost {
            what: format!("action `{}`", id.0),
        }),
    }
}

/// The kind of this name. The column holds the two names alone.
pub(super) fn kind_named(name: &str) -> ActionKind {
    if name == ActionKind::Notify.as_str() {
        ActionKind::Notify
    } else {
        ActionKind::Deploy
    }
}

/// The interrupted commands about which nothing is decided.
pub(super) fn interrupted(db: &Connection) -> Result<Vec<Interrupted>, StoreError> {
    let interrupted = db
        .prepare_cached(UNDECIDED)?
        .query_map([], read)?
        .collect::<Result<_, _>>()?;
    Ok(interrupted)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Interrupted> {
    Ok(Interrupted {
        id: ActionId(row.get("id")?),
        key: row.get("key")?,
        event: EventId(row.get("event_id")?),
        rule: rows::rule(row, "rule")?,
        action: rows::json(row, "action")?,
    })
}

/// Decides about an interrupted command.
pub(super) fn decide(
    db: &Connection,
    id: ActionId,
    decision: InterruptDecision,
    follow_ups: &[NewAction],
    now: Timestamp,
) -> Result<(), StoreError> {
    let statement = match decision {
        InterruptDecision::Rerun => {
            "UPDATE actions SET state = 'waiting', ended_at = NULL, decided = 1 \
             WHERE id = ?1 AND state = 'interrupted'"
        }
        InterruptDecision::Keep => {
            "UPDATE actions SET decided = 1 WHERE id = ?1 AND state = 'interrupted'"
        }
    };
    if db.prepare_cached(statement)?.execute([id.0])? == 0 {
        return Err(StoreError::NotFound {
            what: format!("interrupted action `{}`", id.0),
        });
    }
    actions::insert_all(db, follow_ups, now)
}
