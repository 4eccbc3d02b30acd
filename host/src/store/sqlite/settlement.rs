//! The ends of attempts, and what they mean for their actions.
//!
//! Invariant: a command whose end was asked for is not run again by itself; where its attempt did not end it
//! otherwise, it is canceled.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{actions, attempts, rows};
use crate::domain::clock::Timestamp;
use crate::domain::names::EventId;
use crate::store::{
    ActionId, ActionKind, ActionState, AttemptEnd, AttemptResult, Consequences, InterruptDecision,
    Interrupted, NewAction, StoreError,
};

/// What [`interrupted`] looks for.
pub(super) const UNDECIDED: &str = "SELECT actions.id AS id, key, events.id AS event_id, \
    actions.run AS run, rule, action, attempts \
    FROM actions JOIN events ON sequence = event_sequence \
    WHERE actions.state = 'interrupted' AND actions.state <> 'done' AND decided = 0 \
    ORDER BY event_sequence, actions.id";

/// What is said of an action that a person ended.
pub(super) const BY_HAND: &str = "canceled by hand";

/// An action in somebody's hands.
pub(super) struct Held {
    /// Its identifier.
    pub(super) id: ActionId,
    /// Whether it can be done again when it was cut off.
    pub(super) kind: ActionKind,
    /// Whether its end was asked for.
    pub(super) cancel: Cancel,
}

/// Who asked for the end of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cancel {
    /// Nobody.
    No,
    /// A person.
    ByHand,
    /// The action of this key, which takes its place.
    By(String),
}

impl Cancel {
    /// What the column says.
    pub(super) fn of(column: Option<String>) -> Self {
        match column {
            None => Self::No,
            Some(key) if key.is_empty() => Self::ByHand,
            Some(key) => Self::By(key),
        }
    }
}

/// Ends the attempt at a claimed action.
pub(super) fn settle(
    db: &Connection,
    owner: &str,
    id: ActionId,
    end: &AttemptEnd,
    consequences: &Consequences,
) -> Result<(), StoreError> {
    let held = held(db, owner, id)?;
    attempts::close(db, id, end)?;
    let state = state_after(&held, end.result);
    put(db, &held, state, end)?;
    match end.result {
        AttemptResult::Retry { due_at } => {
            db.prepare_cached("UPDATE actions SET due_at = ?2 WHERE id = ?1")?
                .execute(params![id.0, due_at.0])?;
        }
        AttemptResult::Held => {
            db.prepare_cached("UPDATE actions SET forgiven = forgiven + 1 WHERE id = ?1")?
                .execute([id.0])?;
        }
        AttemptResult::Done => merge(db, id, &consequences.merged, end.at)?,
        _ => {}
    }
    actions::insert_all(db, &consequences.follow_ups, end.at)
}

fn state_after(held: &Held, result: AttemptResult) -> ActionState {
    let goes_on = match result {
        AttemptResult::Done => return ActionState::Done,
        AttemptResult::Dead => return ActionState::Dead,
        AttemptResult::Refused => return ActionState::Refused,
        AttemptResult::Canceled => return ActionState::Canceled,
        AttemptResult::Superseded => return ActionState::Superseded,
        AttemptResult::Retry { .. } => ActionState::Retrying,
        AttemptResult::Held => ActionState::Waiting,
        AttemptResult::Interrupted => return state_when_cut_off(held),
    };
    match held.cancel {
        Cancel::No => goes_on,
        Cancel::ByHand | Cancel::By(_) => ActionState::Canceled,
    }
}

/// What an action becomes when its attempt was cut off: a message can be sent again, whereas a command
/// may have done anything. One whose end was asked for has come to it.
pub(super) fn state_when_cut_off(held: &Held) -> ActionState {
    match (&held.cancel, held.kind) {
        (Cancel::ByHand | Cancel::By(_), _) => ActionState::Canceled,
        (Cancel::No, ActionKind::Notify) => ActionState::Waiting,
        (Cancel::No, ActionKind::Deploy) => ActionState::Interrupted,
    }
}

/// Puts an action that was in hand into another state, with the detail of the end.
pub(super) fn put(
    db: &Connection,
    held: &Held,
    state: ActionState,
    end: &AttemptEnd,
) -> Result<(), StoreError> {
    let caused_by = match &held.cancel {
        Cancel::By(key) if state == ActionState::Canceled => Some(key),
        _ => None,
    };
    db.prepare_cached(
        "UPDATE actions SET state = ?2, detail = ?3, caused_by = ?4, ended_at = ?5, \
         claimed_by = NULL, cancel_by = NULL, decided = 0 WHERE id = ?1",
    )?
    .execute(params![
        held.id.0,
        state.as_str(),
        end.detail,
        caused_by,
        state.is_ended().then_some(end.at.0)
    ])?;
    Ok(())
}

/// Ends the messages of a channel that one of it carried, as far as they still wait.
fn merge(
    db: &Connection,
    carrier: ActionId,
    merged: &[ActionId],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut update = db.prepare_cached(
        "UPDATE actions SET state = 'merged', detail = NULL, ended_at = ?3, \
         caused_by = (SELECT key FROM actions WHERE id = ?2) \
         WHERE id = ?1 AND kind = 'notify' AND state IN ('waiting', 'retrying') \
         AND target = (SELECT target FROM actions WHERE id = ?2)",
    )?;
    for id in merged {
        update.execute(params![id.0, carrier.0, now.0])?;
    }
    Ok(())
}

fn held(db: &Connection, owner: &str, id: ActionId) -> Result<Held, StoreError> {
    let found = db
        .prepare_cached("SELECT id, kind, cancel_by, claimed_by FROM actions WHERE id = ?1")?
        .query_row([id.0], |row| {
            Ok((read_held(row)?, row.get::<_, Option<String>>("claimed_by")?))
        })
        .optional()?;
    match found {
        None => Err(actions::not_found(id)),
        Some((held, Some(holder))) if holder == owner => Ok(held),
        Some(_) => Err(StoreError::ClaimLost {
            what: format!("action `{}`", id.0),
        }),
    }
}

/// Reads one that is in hand.
pub(super) fn read_held(row: &Row<'_>) -> rusqlite::Result<Held> {
    Ok(Held {
        id: ActionId(row.get("id")?),
        kind: rows::action_kind(row, "kind")?,
        cancel: Cancel::of(row.get("cancel_by")?),
    })
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
        run: row.get("run")?,
        rule: rows::rule(row, "rule")?,
        action: rows::json(row, "action")?,
        attempt: row.get("attempts")?,
    })
}

/// Decides about an interrupted command.
pub(super) fn decide(
    db: &Connection,
    id: ActionId,
    decision: InterruptDecision,
    (output, follow_ups): (Option<&str>, &[NewAction]),
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
    if let Some(output) = output {
        attempts::keep_output(db, id, output)?;
    }
    actions::insert_all(db, follow_ups, now)
}
