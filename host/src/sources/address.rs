//! The addresses that a source takes requests from: ranges such as `10.0.0.0/8`, single addresses, and
//! presets such as `gitlab.com` and `github.com`.
//!
//! The HTTP layer finds the sender's address, behind trusted proxies where there are some, and asks
//! [`Source::check_address`](super::Source::check_address).

use std::net::IpAddr;

use super::config::ConfigProblem;

/// Where GitLab.com sends webhooks from: <https://docs.gitlab.com/user/gitlab_com/#ip-range>.
const GITLAB_COM: &[&str] = &["34.74.90.64/28", "34.74.226.0/24"];

/// Where GitHub.com sends webhooks from: `hooks` of <https://api.github.com/meta>, with those that were announced at
/// <https://github.blog/changelog/2026-10-29-webhook-ip-ranges-added-to-the-meta-api>. GitHub adds ranges from time to
/// time and says so there.
const GITHUB_COM: &[&str] = &[
    "192.30.252.0/22",
    "185.199.108.0/22",
    "140.82.112.0/20",
    "143.55.64.0/20",
    "9.234.98.160/28",
    "9.234.98.176/28",
    "9.234.106.48/28",
    "2a0a:a440::/29",
    "2606:50c0::/32",
];

/// The presets, by name.
const PRESETS: &[(&str, &[&str])] = &[("gitlab.com", GITLAB_COM), ("github.com", GITHUB_COM)];

/// A range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    first: IpAddr,
    bits: u32,
}

impl AddressRange {
    /// Reads `10.0.0.0/8` or a single address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().ok()?)),
            None => (text, None),
        };
        let first: IpAddr = address.trim().parse().ok()?;
        let width = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(width);
        (bits <= width).then_some(Self { first, bits })
    }

    /// Whether an address lies in the range. An IPv4 address written as IPv6 counts as IPv4.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let differ = first.to_bits() ^ address.to_bits();
                differ.checked_shr(32 - self.bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let differ = first.to_bits() ^ address.to_bits();
                differ.checked_shr(128 - self.bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// Reads the list `addresses`.
pub(super) fn read(list: &[String]) -> Result<Vec<AddressRange>, ConfigProblem> {
    let mut ranges = Vec::new();
    for text in list {
        let preset = PRESETS.iter().find(|(name, _)| name == text);
        for part in preset.map_or(&[text.as_str()][..], |(_, ranges)| ranges) {
            let range = AddressRange::parse(part).ok_or_else(|| {
                let what = format!(
                    "`{text}` is not an address: write a range such as \"10.0.0.0/8\", an address, or one of the presets \
                     \"gitlab.com\" and \"github.com\""
                );
                ConfigProblem::new("addresses", what)
            })?;
            ranges.push(range);
        }
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(range: &str, address: &str) -> bool {
        let ranges = read(&[range.to_owned()]).expect("a range");
        let address = address.parse().expect("an address");
        ranges.iter().any(|range| range.contains(address))
    }

    #[test]
    fn a_range_holds_the_addresses_that_begin_with_its_bits() {
        assert!(contains("10.0.0.0/8", "10.255.1.2"));
        assert!(!contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(contains("0.0.0.0/0", "192.0.2.1"));
        assert!(!contains("0.0.0.0/0", "2001:db8::1"));
        assert!(contains("2001:db8::/32", "2001:db8:1::1"));
        assert!(contains("192.0.2.1", "192.0.2.1"));
        assert!(!contains("192.0.2.1", "192.0.2.2"));
        assert!(contains("gitlab.com", "34.74.226.9"));
        assert!(contains("github.com", "140.82.115.1"));
        assert!(contains("github.com", "2606:50c0:8000::1"));
        assert!(!contains("github.com", "34.74.226.9"));
    }

    #[test]
    fn what_is_no_address_is_refused_with_an_example() {
        for text in ["", "10.0.0.0/33", "example.org", "10.0.0/8", "::1/129"] {
            assert!(read(&[text.to_owned()]).is_err(), "{text}");
        }
    }
}
