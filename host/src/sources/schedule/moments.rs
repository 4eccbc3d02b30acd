//! From what an expression says, times on a wall clock, to moments.
//!
//! `croner` is asked about the calendar alone; what happens when a time zone puts its clock forward or back is
//! decided here, as the manual of Vixie cron has it: <https://github.com/vixie/cron/blob/master/cron.8>. A schedule of
//! certain hours must not be lost, or come double, for the change of the clock; one of every hour means so much time
//! between two moments. Cron tells the two apart by a leading `*`; here it counts whether all 24 hours are named, so
//! that `*/10 2 * * *` and `0 */2 * * *` are of certain hours. (The timers of systemd leave out a time that does not
//! exist: <https://github.com/systemd/systemd/issues/5595>.)
//!
//! Invariants:
//! - Of a schedule of certain hours, each time on the wall clock comes once: one that the clock leaves out, at the
//!   moment at which it is put forward; one that it shows twice, the first time.
//! - A schedule of every hour comes whenever the clock shows its time.

use croner::Cron;
use jiff::Timestamp as Instant;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::domain::clock::Timestamp;

/// The moments of an expression in a time zone.
#[derive(Debug, Clone)]
pub(super) struct Moments {
    cron: Cron,
    zone: TimeZone,
    pace: Pace,
}

/// What a schedule follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// The day: it names certain hours.
    Hours,
    /// The time that passes: it names every hour.
    EveryHour,
}

impl Moments {
    /// The moments of an expression that comes at some time.
    pub(super) fn new(cron: Cron, zone: TimeZone) -> Self {
        let names = |hour| cron.pattern.hour_match(hour).unwrap_or(false);
        let pace = if (0..24).all(names) {
            Pace::EveryHour
        } else {
            Pace::Hours
        };
        Self { cron, zone, pace }
    }

    /// The first one after a moment; none when the calendar ends.
    pub(super) fn after(&self, moment: Timestamp) -> Option<Timestamp> {
        let moment = Instant::from_millisecond(moment.0).ok()?;
        let next = match self.pace {
            Pace::Hours => self.after_by_the_day(moment)?,
            Pace::EveryHour => self.after_by_the_time(moment)?,
        };
        Some(Timestamp(next.as_millisecond()))
    }

    /// The last one after a moment and not after another. It takes some forty looks ahead, whatever lies between
    /// the two.
    pub(super) fn newest(&self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let within = |moment| self.after(moment).filter(|next| *next <= until);
        let mut newest = within(after)?;
        // There is one after every moment before `newest`, and none after `beyond`.
        let mut beyond = until;
        while newest < beyond {
            let middle = Timestamp(newest.0 + (beyond.0 - newest.0) / 2);
            match within(middle) {
                Some(later) => newest = later,
                None => beyond = middle,
            }
        }
        Some(newest)
    }

    /// The moments have the order of the times on the wall clock, some of them at once.
    fn after_by_the_day(&self, moment: Instant) -> Option<Instant> {
        let mut time = self.zone.to_datetime(moment);
        loop {
            time = self.cron.find_next_occurrence(&time, false).ok()?;
            let next = self.first_moment(time)?;
            // While the clock shows an hour again, what it has shown before lies behind.
            if next > moment {
                return Some(next);
            }
        }
    }

    /// The moment at which the clock shows a time, or passes it over.
    fn first_moment(&self, time: DateTime) -> Option<Instant> {
        match self.zone.to_ambiguous_timestamp(time).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(time).ok(),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(time).ok(),
            AmbiguousOffset::Gap { after, .. } => {
                let earlier = after.to_timestamp(time).ok()?;
                let mut changes = self.zone.following(earlier);
                let change = changes.find(|change| change.offset() == after)?;
                Some(change.timestamp())
            }
        }
    }

    /// Between two changes of the clock, it and the time go together.
    fn after_by_the_time(&self, moment: Instant) -> Option<Instant> {
        let mut from = moment;
        let mut is_at_a_change = false;
        loop {
            let offset = self.zone.to_offset(from);
            let time = offset.to_datetime(from);
            let next = self.cron.find_next_occurrence(&time, is_at_a_change).ok()?;
            let next = offset.to_timestamp(next).ok()?;
            let mut changes = self.zone.following(from);
            match changes.find(|change| change.offset() != offset) {
                Some(change) if change.timestamp() <= next => from = change.timestamp(),
                _ => return Some(next),
            }
            is_at_a_change = true;
        }
    }
}
