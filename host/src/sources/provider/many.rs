//! How many events a list becomes whose entries are events of their own.
//!
//! What a body says once (where it happened, who did it) each of its events says again, so that a body of 1 MB, whose
//! texts are long and whose list has a hundred thousand short entries, would become gigabytes.
//!
//! Invariants:
//! - No more drafts are made than a delivery may have events.
//! - What the drafts of one body repeat is no more than [`MAX_REPEATED`] in all, except that one is always made.
//! - What is not made is counted.

use std::io::{self, Write};

use super::Draft;
use crate::sources::MAX_EVENTS;

/// How much the events of one body may repeat in all, in bytes of JSON: a thousand events with 16 KB each, where
/// honest ones repeat one or two.
const MAX_REPEATED: usize = 16 << 20;

/// How many entries of a list become events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Many {
    /// Of so many entries, from the first, drafts are made.
    pub(super) made: usize,
    /// So many more there are.
    pub(super) left_out: u64,
}

impl Many {
    /// Of a list of so many entries, where each draft holds all that these hold.
    pub(super) fn of(entries: usize, repeated: &[&Draft]) -> Self {
        let size = repeated.iter().map(|draft| size(draft)).sum::<usize>();
        let fitting = (MAX_REPEATED / size.max(1)).clamp(1, MAX_EVENTS);
        let made = entries.min(fitting);
        let left_out = u64::try_from(entries - made).unwrap_or(u64::MAX);
        Self { made, left_out }
    }
}

/// How much a draft holds, as JSON: what it takes up in the store and for a rule, and no less than in memory.
fn size(draft: &Draft) -> usize {
    let mut counted = Counted(0);
    // Nothing that is counted can fail to be written.
    match serde_json::to_writer(&mut counted, draft) {
        Ok(()) => counted.0,
        Err(_) => MAX_REPEATED,
    }
}

/// Counts what is written.
struct Counted(usize);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(entries: usize, text: usize) -> (usize, u64) {
        let draft = Draft::other("x".repeat(text), "");
        let many = Many::of(entries, &[&draft]);
        (many.made, many.left_out)
    }

    #[test]
    fn what_repeats_little_is_a_thousand_events_at_most() {
        for (entries, made, left_out) in
            [(0, 0, 0), (1, 1, 0), (1_000, 1_000, 0), (1_007, 1_000, 7)]
        {
            assert_eq!(many(entries, 10), (made, left_out));
            assert_eq!(many(entries, 15_000), (made, left_out));
        }
    }

    #[test]
    fn what_repeats_much_is_fewer_events_and_one_at_least() {
        let (made, left_out) = many(100_000, 1 << 20);
        assert_eq!((made, left_out), (15, 99_985));
        assert_eq!(many(3, 20 << 20), (1, 2));
    }

    #[test]
    fn what_several_drafts_hold_counts_together() {
        let half = Draft::other("x".repeat(1 << 19), "");
        assert_eq!(Many::of(100, &[&half, &half]).made, 15);
        assert_eq!(Many::of(100, &[&half]).made, 31);
    }
}
