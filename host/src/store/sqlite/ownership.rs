//! Owners: their leases, what they leave behind, and how much waits.
//!
//! Invariant: what is put back is claimed by nobody, and its open attempt is ended.

use rusqlite::{Connection, params};

use super::attempts;
use super::settlement::{self, Cancel, Held};
use crate::domain::clock::Timestamp;
use crate::store::{
    ActionState, AttemptEnd, AttemptResult, Backlog, CRASHES_UNTIL_STUCK, StoreError, Survivors,
};

/// How many expired keys a heartbeat forgets. More would hold up the commit it is part of.
const KEYS_FORGOTTEN: i64 = 1_000;

/// How much a probe writes: as much as a large delivery, since a disk that is almost full still takes a
/// few bytes.
const PROBE_BYTES: i64 = 64 * 1024;

/// How an owner left what it had in hand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaving {
    Orderly,
    Crashed,
}

/// Renews a lease, and forgets keys that no longer count.
pub(super) fn heartbeat(
    db: &Connection,
    owner: &str,
    until: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO owners (owner, expires_at) VALUES (?1, ?2) \
         ON CONFLICT (owner) DO UPDATE SET expires_at = excluded.expires_at",
    )?
    .execute(params![owner, until.0])?;
    db.prepare_cached(
        "DELETE FROM delivery_keys WHERE (source, key) IN \
         (SELECT source, key FROM delivery_keys WHERE expires_at <= ?1 LIMIT ?2)",
    )?
    .execute(params![now.0, KEYS_FORGOTTEN])?;
    Ok(())
}

/// Puts back what dead owners had in hand, and counts a crash for each.
pub(super) fn recover(
    db: &Connection,
    owner: &str,
    survivors: Survivors,
    now: Timestamp,
) -> Result<(), StoreError> {
    let alive_from = match survivors {
        Survivors::None => i64::MAX,
        Survivors::Leased => now.0,
    };
    // An owner without a lease on record is dead: it never said that it lives.
    let dead: Vec<String> = db
        .prepare_cached(
            "SELECT holder FROM ( \
             SELECT claimed_by AS holder FROM deliveries WHERE claimed_by IS NOT NULL \
             UNION SELECT claimed_by FROM events WHERE claimed_by IS NOT NULL \
             UNION SELECT claimed_by FROM actions WHERE claimed_by IS NOT NULL) \
             WHERE holder <> ?1 \
             AND holder NOT IN (SELECT owner FROM owners WHERE expires_at > ?2)",
        )?
        .query_map(params![owner, alive_from], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for holder in dead {
        put_back(db, &holder, Leaving::Crashed, now)?;
    }
    db.prepare_cached("DELETE FROM owners WHERE owner <> ?1 AND expires_at <= ?2")?
        .execute(params![owner, alive_from])?;
    Ok(())
}

/// Puts back what an owner had in hand, at its orderly end.
pub(super) fn release_all(db: &Connection, owner: &str, now: Timestamp) -> Result<(), StoreError> {
    put_back(db, owner, Leaving::Orderly, now)?;
    db.prepare_cached("DELETE FROM owners WHERE owner = ?1")?
        .execute([owner])?;
    Ok(())
}

fn put_back(
    db: &Connection,
    holder: &str,
    leaving: Leaving,
    now: Timestamp,
) -> Result<(), StoreError> {
    let crash = u32::from(leaving == Leaving::Crashed);
    for statement in [
        "UPDATE deliveries SET crashes = crashes + ?2, claimed_by = NULL, \
         state = CASE WHEN crashes + ?2 >= ?3 THEN 'stuck' ELSE 'waiting' END \
         WHERE claimed_by = ?1",
        "UPDATE events SET crashes = crashes + ?2, claimed_by = NULL, \
         state = CASE WHEN crashes + ?2 >= ?3 THEN 'stuck' ELSE 'waiting' END \
         WHERE claimed_by = ?1",
    ] {
        db.prepare_cached(statement)?
            .execute(params![holder, crash, CRASHES_UNTIL_STUCK])?;
    }
    put_back_actions(db, holder, leaving, now)
}

fn put_back_actions(
    db: &Connection,
    holder: &str,
    leaving: Leaving,
    now: Timestamp,
) -> Result<(), StoreError> {
    let crash = u32::from(leaving == Leaving::Crashed);
    let held: Vec<(Held, u32)> = db
        .prepare_cached(
            "UPDATE actions SET crashes = crashes + ?2 WHERE claimed_by = ?1 \
             RETURNING id, kind, cancel_by, crashes",
        )?
        .query_map(params![holder, crash], |row| {
            Ok((settlement::read_held(row)?, row.get("crashes")?))
        })?
        .collect::<Result<_, _>>()?;
    for (held, crashes) in held {
        let detail = match leaving {
            Leaving::Orderly => "cut off when the server ended",
            Leaving::Crashed => "cut off when the server crashed",
        };
        let mut end = AttemptEnd {
            at: now,
            result: AttemptResult::Interrupted,
            detail: Some(detail.to_owned()),
            exit_code: None,
            output: None,
        };
        attempts::close(db, held.id, &end)?;
        let mut state = settlement::state_when_cut_off(&held);
        if held.cancel == Cancel::ByHand {
            end.detail = Some(settlement::BY_HAND.to_owned());
        } else if crashes >= CRASHES_UNTIL_STUCK && state != ActionState::Canceled {
            end.detail = Some(format!("in flight at {crashes} crashes"));
            state = ActionState::Stuck;
        }
        settlement::put(db, &held, state, &end)?;
    }
    Ok(())
}

/// Counts what is not finished, and what was given up.
pub(super) fn backlog(db: &Connection) -> Result<Backlog, StoreError> {
    let count = |statement: &str| -> Result<u64, StoreError> {
        let number: i64 = db
            .prepare_cached(statement)?
            .query_row([], |row| row.get(0))?;
        Ok(u64::try_from(number).unwrap_or(0))
    };
    let stuck = [
        "SELECT count(*) FROM deliveries WHERE state = 'stuck' AND state <> 'done'",
        "SELECT count(*) FROM events WHERE state = 'stuck' AND state <> 'done'",
        "SELECT count(*) FROM actions WHERE state = 'stuck' AND state <> 'done'",
    ];
    Ok(Backlog {
        deliveries: count(
            "SELECT count(*) FROM deliveries \
             WHERE state IN ('waiting', 'claimed') AND state <> 'done'",
        )?,
        events: count(
            "SELECT count(*) FROM events WHERE state IN ('waiting', 'running') AND state <> 'done'",
        )?,
        actions: count(
            "SELECT count(*) FROM actions \
             WHERE state IN ('waiting', 'running', 'retrying') AND state <> 'done'",
        )? + count(
            "SELECT count(*) FROM actions \
             WHERE state = 'interrupted' AND state <> 'done' AND decided = 0",
        )?,
        stuck: stuck
            .into_iter()
            .map(count)
            .sum::<Result<u64, StoreError>>()?,
        dead: count("SELECT count(*) FROM actions WHERE state = 'dead' AND state <> 'done'")?,
    })
}

/// Writes one row anew, as large as [`PROBE_BYTES`] says.
pub(super) fn probe(db: &Connection, now: Timestamp) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT OR REPLACE INTO probes (id, probed_at, filler) VALUES (0, ?1, zeroblob(?2))",
    )?
    .execute(params![now.0, PROBE_BYTES])?;
    Ok(())
}
