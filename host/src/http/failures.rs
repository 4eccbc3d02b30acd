//! How often an address may be refused before it is only told to stop: neither the store nor the log is filled by
//! strangers.
//!
//! A request is always verified first, so what is signed correctly is taken whatever else came from its
//! address: several projects may share the address of a GitLab, and one of them may have the wrong secret.
//!
//! Invariant: what is remembered is bounded, however many addresses there are.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::domain::clock::Timestamp;

/// The failures of one address at one source that are answered and recorded each, in one [`WINDOW`].
const ALLOWED: u32 = 30;

/// How long they count.
pub(super) const WINDOW: Duration = Duration::from_secs(60);

/// How many addresses are remembered at once.
const REMEMBERED: usize = 4_096;

/// The failures of each address at each source.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<HashMap<(String, IpAddr), Count>>);

#[derive(Debug)]
struct Count {
    since: Timestamp,
    failures: u32,
}

impl Failures {
    /// Counts a failure, and says whether there were too many. Called once for each.
    pub(super) fn is_too_many(&self, source: &str, address: IpAddr, now: Timestamp) -> bool {
        let key = (source.to_owned(), network(address));
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= REMEMBERED && !counts.contains_key(&key) {
            counts.retain(|_, count| now.since(count.since) < WINDOW);
            if counts.len() >= REMEMBERED {
                // That many addresses at once: it is a flood, and none of it is of use to anybody.
                return true;
            }
        }
        let count = counts.entry(key).or_insert(Count {
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

/// What counts as one address: whoever has one of IPv6 has the 2^64 of its network.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [one, two, three, four, ..] = address.segments();
            Ipv6Addr::new(one, two, three, four, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const NOW: Timestamp = Timestamp(1_767_225_600_000);

    fn address(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(number))
    }

    #[test]
    fn an_address_may_fail_thirty_times_a_minute_at_a_source() {
        let failures = Failures::default();
        let fails = |name: &str, number, now| failures.is_too_many(name, address(number), now);
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
            failures.is_too_many("gitlab", address(number), NOW);
        }
        assert!(failures.0.lock().expect("not poisoned").len() <= REMEMBERED);
        assert!(failures.is_too_many("gitlab", address(20_000), NOW));
        assert!(!failures.is_too_many("gitlab", address(20_000), NOW.after(WINDOW)));
    }

    #[test]
    fn the_addresses_of_one_network_of_ipv6_are_one() {
        let failures = Failures::default();
        let fails = |address: &str| {
            let address = address.parse().expect("an address");
            failures.is_too_many("gitlab", address, NOW)
        };
        for number in 0..30 {
            assert!(!fails(&format!("2001:db8:1:2::{number:x}")));
        }
        assert!(fails("2001:db8:1:2:ffff::1"));
        assert!(!fails("2001:db8:1:3::1"));
    }
}
