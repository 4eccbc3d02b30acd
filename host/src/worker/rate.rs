//! How fast the actions of a rule begin: some at once, and then so many a minute.
//!
//! An action that comes too fast is kept like any other and falls due later, so it waits over a restart as
//! well. What is known here of a rule is when its next action would fall due; a restart forgets that, and so
//! lets one more burst begin at once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::clock::Timestamp;
use crate::domain::limits::Limits;
use crate::domain::names::RuleName;

/// How many rules are remembered before those that are at rest are forgotten.
const REMEMBERED: usize = 4_096;

/// When the actions of each rule fall due.
#[derive(Debug, Default)]
pub(super) struct Rates(Mutex<Known>);

/// How fast one rule goes, all in microseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Pace {
    /// When its next action would fall due without a burst.
    next: i64,
    /// How long one follows the other.
    interval: i64,
    /// How far ahead of that they fall due: its burst.
    ahead: i64,
}

#[derive(Debug, Default)]
struct Known {
    paces: HashMap<RuleName, Pace>,
    /// The present moment when it was last asked for.
    present: i64,
}

impl Rates {
    /// When an action falls due that a rule asks for now. Called once for each, in their order.
    pub(super) fn due(&self, rule: &RuleName, limits: &Limits, now: Timestamp) -> Timestamp {
        // In microseconds: a minute holds more actions than milliseconds where the operator says so.
        let present = now.0.saturating_mul(1_000);
        let interval = 60_000_000 / i64::from(limits.rate.get());
        let ahead = interval.saturating_mul(i64::from(limits.burst.get()));
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back must not make a rule wait for the time that it was ahead.
        let set_back = known.present.saturating_sub(present).max(0);
        if set_back > 0 {
            for pace in known.paces.values_mut() {
                pace.next = pace.next.saturating_sub(set_back);
            }
        }
        known.present = present;
        if known.paces.len() > REMEMBERED {
            known.paces.retain(|_, pace| pace.next > present);
        }
        let pace = known.paces.entry(rule.clone()).or_default();
        *pace = Pace {
            next: pace.next.max(present).saturating_add(interval),
            interval,
            ahead,
        };
        Timestamp(pace.next.saturating_sub(ahead).max(present) / 1_000)
    }

    /// How many actions of a rule have not fallen due.
    pub(super) fn waiting(&self, rule: &RuleName, now: Timestamp) -> i64 {
        let present = now.0.saturating_mul(1_000);
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.paces.get(rule).map_or(0, |pace| {
            let behind = pace.next.saturating_sub(pace.ahead).saturating_sub(present);
            behind.max(0).checked_div(pace.interval).unwrap_or(0)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp(1_767_225_600_000);

    fn rule(name: &str) -> RuleName {
        RuleName::parse(name).expect("a rule's name")
    }

    fn limits(rate: u32, burst: u32) -> Limits {
        Limits {
            rate: NonZeroU32::new(rate).expect("not zero"),
            burst: NonZeroU32::new(burst).expect("not zero"),
            ..Limits::DEFAULT
        }
    }

    #[test]
    fn a_burst_begins_at_once_and_what_follows_waits_for_its_turn() {
        let rates = Rates::default();
        let due = |now| rates.due(&rule("payments/route"), &limits(120, 3), now);
        let waits: Vec<i64> = (0..6).map(|_| due(NOW).0 - NOW.0).collect();
        assert_eq!(waits, [0, 0, 0, 500, 1_000, 1_500]);
        // A minute later it has rested enough for a burst, and not for more.
        let later = NOW.after(Duration::from_secs(60));
        let waits: Vec<i64> = (0..4).map(|_| due(later).0 - later.0).collect();
        assert_eq!(waits, [0, 0, 0, 500]);
    }

    #[test]
    fn those_that_wait_are_counted_and_become_fewer() {
        let rates = Rates::default();
        assert_eq!(rates.waiting(&rule("loud"), NOW), 0);
        for _ in 0..1_060 {
            rates.due(&rule("loud"), &limits(120, 60), NOW);
        }
        assert_eq!(rates.waiting(&rule("loud"), NOW), 1_000);
        let later = NOW.after(Duration::from_mins(5));
        assert_eq!(rates.waiting(&rule("loud"), later), 400);
        rates.due(&rule("loud"), &limits(120, 60), later);
        assert_eq!(rates.waiting(&rule("loud"), later), 401);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait_for_it() {
        let rates = Rates::default();
        let due = |now| rates.due(&rule("route"), &limits(60, 1), now);
        let ahead = NOW.after(Duration::from_hours(24 * 365));
        assert_eq!((due(ahead), due(ahead).0 - ahead.0), (ahead, 1_000));

        let waits: Vec<i64> = (0..2).map(|_| due(NOW).0 - NOW.0).collect();

        assert_eq!(waits, [2_000, 3_000], "as if the clock had stood still");
    }

    #[test]
    fn one_rule_does_not_slow_another() {
        let rates = Rates::default();
        for _ in 0..100 {
            rates.due(&rule("payments/loud"), &limits(60, 1), NOW);
        }
        assert_eq!(rates.due(&rule("payments/quiet"), &limits(60, 1), NOW), NOW);
    }

    #[test]
    fn a_rate_of_more_than_one_in_a_millisecond_is_kept() {
        let rates = Rates::default();
        let last = (0..10_000)
            .map(|_| rates.due(&rule("fast"), &limits(600_000, 1), NOW))
            .last();
        assert_eq!(last.map(|last| last.0 - NOW.0), Some(999));
    }

    #[test]
    fn rules_at_rest_are_forgotten() {
        let rates = Rates::default();
        for number in 0..=REMEMBERED {
            rates.due(&rule(&format!("rule-{number}")), &limits(60, 1), NOW);
        }
        rates.due(
            &rule("another"),
            &limits(60, 1),
            NOW.after(Duration::from_secs(2)),
        );
        assert_eq!(rates.0.lock().expect("not poisoned").paces.len(), 1);
    }
}
