//! When a failed action is tried again, and when not any more.

use std::time::Duration;

use crate::domain::names::Digest;

/// The first pause.
const FIRST: Duration = Duration::from_secs(1);

/// No pause is longer.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// A channel that fails is tried at least as often.
pub(super) const LONGEST_HOLD: Duration = Duration::from_secs(5 * 60);

/// How long a channel is left alone after so many failures in a row. The bounds are those of [`pause`], but for
/// the longest.
pub(super) fn hold(channel: &str, failures: u32, asked: Option<Duration>) -> Duration {
    let hold = pause(channel, failures, None).min(LONGEST_HOLD);
    asked.map_or(hold, |asked| asked.max(hold))
}

/// The pause after an attempt, counted from 1: doubled each time up to a bound, and spread by up to a
/// quarter either way so that messages which failed together do not come back together. The spread
/// follows from the key, so that it is the same whoever asks.
pub(super) fn pause(key: &str, attempt: u32, asked: Option<Duration>) -> Duration {
    let doubled = FIRST.saturating_mul(
        1_u32
            .checked_shl(attempt.saturating_sub(1))
            .unwrap_or(u32::MAX),
    );
    let pause = doubled.min(LONGEST);
    let digest = Digest::of(format!("{key}#{attempt}").as_bytes());
    let spread = u32::from_str_radix(&digest.hex()[..4], 16).unwrap_or(0) % 500;
    let spread_pause = pause.saturating_mul(750 + spread) / 1000;
    // What the other side asks for is a lower bound.
    asked.map_or(spread_pause, |asked| asked.max(spread_pause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound_and_honour_what_was_asked_for() {
        let mut total = Duration::ZERO;
        for attempt in 1..=30 {
            let pause = pause("event/0/rule/0", attempt, None);
            assert!(
                pause >= FIRST * 3 / 4 && pause <= LONGEST * 5 / 4,
                "{pause:?}"
            );
            total += pause;
        }
        assert!(total > Duration::from_secs(4 * 3600), "{total:?}");
        let asked = Duration::from_secs(3600);
        assert_eq!(pause("k", 1, Some(asked)), asked);
        assert!(pause("k", u32::MAX, None) <= LONGEST * 5 / 4);
        assert_eq!(hold("dev", u32::MAX, None), LONGEST_HOLD);
        assert_eq!(hold("dev", 1, Some(asked)), asked);
    }
}
