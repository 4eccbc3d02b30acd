//! How often an address may fail to be verified before it is only told to stop.
//!
//! A request is always verified first, so what is signed correctly is taken whatever else came from its
//! address: several projects may share the address of a GitLab, and one of them may have the wrong secret.
//!
//! Invariant: what is remembered is bounded, however many addresses there are.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::domain::clock::Timestamp;
use crate::domain::names::SourceName;

/// The failures of one address at one source that are answered and recorded each, in one [`WINDOW`].
const ALLOWED: u32 = 30;

/// How long they count.
pub(super) const WINDOW: Duration = Duration::from_secs(60);

/// How many addresses are remembered at once.
const REMEMBERED: usize = 4_096;

/// The failures of each address at each source.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<HashMap<(SourceName, IpAddr), Count>>);

#[derive(Debug)]
struct Count {
    since: Timestamp,
    failures: u32,
}

impl Failures {
    /// Counts a failure, and says whether there were too many. Called once for each.
    pub(super) fn is_too_many(&self, source: &SourceName, address: IpAddr, now: Timestamp) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= REMEMBERED {
            counts.retain(|_, count| now.since(count.since) < WINDOW);
        }
        if counts.len() >= REMEMBERED {
            // That many addresses at once: whoever has them is not to be kept waiting for memory.
            counts.clear();
        }
        let count = counts.entry((source.clone(), address)).or_insert(Count {
            since: now,
            failures: 0,
        });
        if now.since(count.since) >= WINDOW || now < count.since {
            *count = Count {
                since: now,
                failures: 0,
            };
        }
        count.failures = count.failures.saturating_add(1);
        count.failures > ALLOWED
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const NOW: Timestamp = Timestamp(1_767_225_600_000);

    fn source(name: &str) -> SourceName {
        SourceName::parse(name).expect("a source's name")
    }

    fn address(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(number))
    }

    #[test]
    fn an_address_may_fail_thirty_times_a_minute_at_a_source() {
        let failures = Failures::default();
        let fails =
            |name: &str, number, now| failures.is_too_many(&source(name), address(number), now);
        let many: Vec<bool> = (0..32).map(|_| fails("gitlab", 1, NOW)).collect();
        assert_eq!(many.iter().filter(|too_many| **too_many).count(), 2);
        assert!(!fails("gitlab", 2, NOW), "another address");
        assert!(!fails("github", 1, NOW), "another source");
        assert!(fails(
            "gitlab",
            1,
            NOW.after(WINDOW - Duration::from_secs(1))
        ));
        assert!(!fails("gitlab", 1, NOW.after(WINDOW)));
    }

    #[test]
    fn a_flood_of_addresses_is_not_remembered_whole() {
        let failures = Failures::default();
        for number in 0..10_000 {
            failures.is_too_many(&source("gitlab"), address(number), NOW);
        }
        assert!(failures.0.lock().expect("not poisoned").len() <= REMEMBERED);
    }
}
