//! What a trial came to: counts, and what both versions used.

use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};

use super::{Change, Verdict};

/// What a trial came to so far.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    /// The events that were looked at.
    pub looked_at: u64,
    /// Those that the module is not asked about.
    pub not_asked: u64,
    /// Those that were dropped before the rule was asked.
    pub dropped: u64,
    /// Those that were left out because their body is no longer kept.
    pub without_body: u64,
    /// Those that were compared, by what the comparison came to.
    pub events: Counts,
    /// Their actions.
    pub actions: Counts,
    /// The actions of the module that would not be performed, for want of a grant or of a right argument.
    pub refused: u64,
    /// The events about which both decided, for different reasons.
    pub other_reasons: u64,
    /// What the rule used about the events that both were asked about, when it was asked first.
    pub then: Usage,
    /// What the module uses about them.
    pub now: Usage,
    /// What the module uses about the events that the rule was not asked about.
    pub first_asked: Usage,
}

impl Summary {
    pub(super) fn count(&mut self, verdict: Verdict, changes: &[Change]) {
        self.events.add(verdict);
        for change in changes {
            self.actions.add(change.verdict);
            self.refused += u64::from(change.refused.is_some());
        }
    }
}

/// How many there are of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "one count for each verdict")]
pub struct Counts {
    pub same: u64,
    pub new: u64,
    pub gone: u64,
    pub changed: u64,
    pub faults: u64,
}

impl Counts {
    fn add(&mut self, verdict: Verdict) {
        *match verdict {
            Verdict::Same => &mut self.same,
            Verdict::New => &mut self.new,
            Verdict::Gone => &mut self.gone,
            Verdict::Changed => &mut self.changed,
            Verdict::Faults => &mut self.faults,
        } += 1;
    }
}

/// The fuel and the time of many evaluations.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    fuel: Vec<u64>,
    durations_us: Vec<u64>,
}

impl Usage {
    pub(super) fn add(&mut self, fuel: u64, duration_us: u64) {
        self.fuel.push(fuel);
        self.durations_us.push(duration_us);
    }
}

/// As the number of evaluations and, of each measure, the sum, the median and what 99 of 100 keep to.
impl Serialize for Usage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("evaluations", &self.fuel.len())?;
        map.serialize_entry("fuel", &Spread::of(&self.fuel))?;
        map.serialize_entry("duration-us", &Spread::of(&self.durations_us))?;
        map.end()
    }
}

/// How numbers are spread.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Spread {
    total: u64,
    median: u64,
    p99: u64,
}

impl Spread {
    fn of(numbers: &[u64]) -> Self {
        let mut sorted = numbers.to_vec();
        sorted.sort_unstable();
        // The lowest number that so many of a hundred do not exceed.
        let rank = |percent: usize| {
            let count = sorted.len().saturating_mul(percent).div_ceil(100);
            sorted.get(count.saturating_sub(1)).copied().unwrap_or(0)
        };
        Self {
            total: numbers
                .iter()
                .fold(0, |total, number| total.saturating_add(*number)),
            median: rank(50),
            p99: rank(99),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_of_numbers_is_theirs_in_whatever_order() {
        let spread = |total, median, p99| Spread { total, median, p99 };

        assert_eq!(Spread::of(&[]), spread(0, 0, 0));
        assert_eq!(Spread::of(&[7]), spread(7, 7, 7));
        assert_eq!(Spread::of(&[3, 1, 2]), spread(6, 2, 3));
        let hundred: Vec<u64> = (1..=100).rev().collect();
        assert_eq!(Spread::of(&hundred), spread(5_050, 50, 99));
        let two_hundred: Vec<u64> = (1..=200).collect();
        assert_eq!(Spread::of(&two_hundred), spread(20_100, 100, 198));
        assert_eq!(Spread::of(&[u64::MAX, 1]).total, u64::MAX);
    }

    #[test]
    fn usage_is_written_as_numbers() {
        let mut usage = Usage::default();
        usage.add(10, 1);
        usage.add(30, 2);

        let written = serde_json::to_value(&usage).expect("it is JSON");

        let expected = serde_json::json!({
            "evaluations": 2,
            "fuel": { "total": 40, "median": 10, "p99": 30 },
            "duration-us": { "total": 3, "median": 1, "p99": 2 },
        });
        assert_eq!(written, expected);
    }
}
