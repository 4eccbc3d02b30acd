//! Small values that a rule keeps between events; needs a grant of the operator's.
//!
//! A rule that uses this evaluates one event at a time, in the order they were accepted. What it writes
//! is kept when the evaluation is; a fault, a dry run, or a shadow keeps nothing. A time to live is
//! counted on the event's `received_at`.

use std::time::Duration;

pub use crate::bindings::hookbox::rule::state::StateError;
use crate::host;

/// Returns the value of a key.
///
/// # Errors
/// When the operator has not granted `state`.
pub fn get(key: &str) -> Result<Option<String>, StateError> {
    host::state::get(key)
}

/// Keeps a value, for so long or for ever.
///
/// # Errors
/// When the operator has not granted `state`, or the rule's room is full.
pub fn set(key: &str, value: &str, time_to_live: Option<Duration>) -> Result<(), StateError> {
    host::state::set(key, value, time_to_live.map(seconds))
}

/// Adds to a counter, which begins at 0, and returns its new value.
///
/// # Errors
/// When the operator has not granted `state`, or the rule's room is full.
pub fn add(key: &str, amount: i64, time_to_live: Option<Duration>) -> Result<i64, StateError> {
    host::state::add(key, amount, time_to_live.map(seconds))
}

/// Forgets a key; one that is not there is no error.
///
/// # Errors
/// When the operator has not granted `state`.
pub fn remove(key: &str) -> Result<(), StateError> {
    host::state::remove(key)
}

/// Returns the keys with this beginning, in order.
///
/// # Errors
/// When the operator has not granted `state`.
pub fn keys(prefix: &str) -> Result<Vec<String>, StateError> {
    host::state::keys(prefix)
}

/// The host counts whole seconds; a part of one counts as one, so that nothing expires at once.
pub(crate) fn seconds(duration: Duration) -> u32 {
    let whole = duration
        .as_secs()
        .saturating_add(u64::from(duration.subsec_nanos() > 0));
    u32::try_from(whole).unwrap_or(u32::MAX)
}
