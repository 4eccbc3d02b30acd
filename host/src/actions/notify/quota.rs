//! How many messages a service takes in a time.
//!
//! The worker keeps a bucket for each channel by these. A token comes back when the message that took it is as old
//! as the quota's time, so that no window of that length holds more messages than the service takes, wherever it
//! begins: some services shut a channel out for minutes when one does.
//!
//! Invariants:
//! - No window of a quota's length holds more messages than the quota says.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::domain::clock::Timestamp;
use crate::domain::quantity::Span;

/// So many messages in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many.
    pub messages: NonZeroU32,
    /// In how long.
    pub per: Duration,
}

impl Quota {
    /// A quota of a service's documentation; zero messages are one.
    #[must_use]
    pub const fn new(messages: u32, per: Duration) -> Self {
        let messages = match NonZeroU32::new(messages) {
            Some(messages) => messages,
            None => NonZeroU32::MIN,
        };
        Self { messages, per }
    }

    fn parse(text: &str) -> Option<Self> {
        let (messages, per) = text.split_once('/')?;
        let per = per.trim();
        // `20/m` reads as well as `20/1m`.
        let per = match per.starts_with(|c: char| c.is_ascii_digit()) {
            true => per.to_owned(),
            false => format!("1{per}"),
        };
        let per = Span::try_from(per).ok()?;
        let messages = messages.trim().parse().ok()?;
        (!per.0.is_zero()).then_some(Self {
            messages,
            per: per.0,
        })
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.messages, Span(self.per))
    }
}

impl<'de> Deserialize<'de> for Quota {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            let found = text.escape_debug();
            D::Error::custom(format!(
                "`{found}` is no quota: write one such as \"20/1m\""
            ))
        })
    }
}

/// The tokens of one channel.
#[derive(Debug, Clone)]
pub struct Bucket {
    quotas: Vec<Quota>,
    /// When messages were sent, as far back as the longest quota looks.
    sent: VecDeque<Timestamp>,
}

impl Bucket {
    /// A bucket from which these messages were taken already, in their order.
    #[must_use]
    pub fn new(quotas: Vec<Quota>, sent: impl IntoIterator<Item = Timestamp>) -> Self {
        Self {
            quotas,
            sent: sent.into_iter().collect(),
        }
    }

    /// How far back messages count.
    #[must_use]
    pub fn memory(quotas: &[Quota]) -> Duration {
        quotas
            .iter()
            .map(|quota| quota.per)
            .max()
            .unwrap_or_default()
    }

    /// How many messages may be sent now.
    #[must_use]
    pub fn tokens(&self, now: Timestamp) -> usize {
        let free = |quota: &Quota| limit(quota).saturating_sub(self.within(quota, now));
        self.quotas.iter().map(free).min().unwrap_or(usize::MAX)
    }

    /// When a message may be sent; `now` where one may be.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Timestamp {
        let next = |quota: &Quota| {
            let over = self.within(quota, now).checked_sub(limit(quota))?;
            let from_the_back = self.within(quota, now) - over;
            let leaves = self.sent.get(self.sent.len() - from_the_back)?;
            Some(leaves.after(quota.per))
        };
        let latest = self.quotas.iter().filter_map(next).max();
        latest.map_or(now, |latest| latest.max(now))
    }

    /// Takes note of the time. Where the clock was set back, what was sent since then counts as sent now.
    pub fn notice(&mut self, now: Timestamp) {
        for at in self.sent.iter_mut().rev().take_while(|at| **at > now) {
            *at = now;
        }
    }

    /// Takes a token for a message that is sent now.
    pub fn take(&mut self, now: Timestamp) {
        let memory = Self::memory(&self.quotas);
        if memory.is_zero() {
            return;
        }
        while self
            .sent
            .front()
            .is_some_and(|first| first.after(memory) <= now)
        {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
    }

    fn within(&self, quota: &Quota, now: Timestamp) -> usize {
        let is_within = |at: &&Timestamp| at.after(quota.per) > now;
        self.sent.iter().rev().take_while(is_within).count()
    }
}

fn limit(quota: &Quota) -> usize {
    usize::try_from(quota.messages.get()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, proptest};

    use super::*;

    const NOW: Timestamp = Timestamp(1_767_225_600_000);

    fn quotas(texts: &[&str]) -> Vec<Quota> {
        texts
            .iter()
            .map(|text| Quota::parse(text).expect("a quota"))
            .collect()
    }

    #[test]
    fn a_quota_is_read_as_people_write_it() {
        assert_eq!(
            quotas(&["20/1m", "5 / s"])[1],
            Quota::new(5, Duration::from_secs(1))
        );
        assert_eq!(quotas(&["20/m"])[0].to_string(), "20/1m");
        for text in ["20", "0/1m", "20/0s", "x/1m", "20/1y"] {
            assert_eq!(Quota::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_token_comes_back_when_its_message_is_old() {
        let mut bucket = Bucket::new(quotas(&["2/1m", "1/1s"]), []);
        assert_eq!((bucket.tokens(NOW), bucket.next(NOW)), (1, NOW));
        bucket.take(NOW);
        let second = NOW.after(Duration::from_secs(1));
        assert_eq!((bucket.tokens(NOW), bucket.next(NOW)), (0, second));
        bucket.take(second);
        let minute = NOW.after(Duration::from_secs(60));
        assert_eq!(bucket.next(second), minute);
        assert_eq!(bucket.tokens(minute), 1);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait_for_it() {
        let ahead = NOW.after(Duration::from_hours(24 * 365));
        let mut bucket = Bucket::new(quotas(&["2/1m"]), [NOW, ahead]);
        bucket.notice(NOW);
        assert_eq!(bucket.tokens(NOW), 0);
        assert_eq!(bucket.next(NOW), NOW.after(Duration::from_secs(60)));
    }

    #[test]
    fn a_channel_without_a_quota_has_no_end_of_tokens() {
        let mut bucket = Bucket::new(Vec::new(), []);
        (0..10).for_each(|_| bucket.take(NOW));
        assert_eq!((bucket.tokens(NOW), bucket.next(NOW)), (usize::MAX, NOW));
        assert!(bucket.sent.is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn no_window_holds_more_than_its_quota(gaps in proptest::collection::vec(0..3_000_i64, 1..200)) {
            let quotas = quotas(&["20/1m", "5/1s"]);
            let mut bucket = Bucket::new(quotas.clone(), []);
            let (mut now, mut sent) = (NOW, Vec::new());
            for gap in gaps {
                now = bucket.next(Timestamp(now.0 + gap));
                assert!(bucket.tokens(now) > 0);
                bucket.take(now);
                sent.push(now);
            }
            for quota in quotas {
                for first in &sent {
                    let end = first.after(quota.per);
                    let count = sent.iter().filter(|at| *at >= first && **at < end).count();
                    assert!(count <= limit(&quota));
                }
            }
        }
    }
}
