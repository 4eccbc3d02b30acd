//! Earlier events: whether one is still to be evaluated for the first time, so that commands may come of it.
//!
//! Invariants:
//! - What is done, stuck, or of a paused source is no longer waited for, nor is a replay.
//! - Of what waits one row of each source is read, unless replays stand between.

use rusqlite::{Connection, params};

use super::deliveries::EVENTS_OF_A_DELIVERY;
use super::{deliveries, events, groups};
use crate::store::StoreError;

/// An event that somebody has in hand. There are few of those.
pub(super) const EVENT_IN_HAND: &str = "SELECT 1 FROM events \
    WHERE state = 'running' AND state <> 'done' AND sequence < ?1 AND run = 0 AND NOT EXISTS \
    (SELECT 1 FROM pauses WHERE pauses.what = 'source' AND pauses.name = events.source) LIMIT 1";

/// A delivery that somebody has in hand.
pub(super) const DELIVERY_IN_HAND: &str = "SELECT 1 FROM deliveries \
    WHERE state = 'claimed' AND state <> 'done' AND number < ?1 AND NOT EXISTS \
    (SELECT 1 FROM pauses WHERE pauses.what = 'source' AND pauses.name = deliveries.source) LIMIT 1";

/// An event of a source that waits. The newest come first: those that wait for a replay are older, and may be many.
pub(super) const EVENT_WAITING: &str = "SELECT 1 FROM events \
    WHERE state = 'waiting' AND source = ?1 AND sequence < ?2 AND run = 0 \
    ORDER BY sequence DESC LIMIT 1";

/// A delivery of a source that waits.
pub(super) const DELIVERY_WAITING: &str = "SELECT 1 FROM deliveries \
    WHERE state = 'waiting' AND state <> 'done' AND source = ?1 AND number < ?2 LIMIT 1";

/// Whether an event before a sequence number is still to be evaluated for the first time, or a delivery to be read
/// that may hold one.
pub(super) fn is_open(db: &Connection, sequence: i64) -> Result<bool, StoreError> {
    // Events are numbered by their deliveries, of which the one that holds this event is done.
    let number = sequence / EVENTS_OF_A_DELIVERY;
    for (in_hand, below) in [(EVENT_IN_HAND, sequence), (DELIVERY_IN_HAND, number)] {
        if db.prepare_cached(in_hand)?.exists([below])? {
            return Ok(true);
        }
    }
    for (sources, waiting, below) in [
        (events::waiting_sources(), EVENT_WAITING, sequence),
        (deliveries::waiting_sources(), DELIVERY_WAITING, number),
    ] {
        let mut waiting = db.prepare_cached(waiting)?;
        for source in groups::names(db, &sources, [])? {
            if waiting.exists(params![source, below])? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
