//! Who sent a request: the peer, or whom the trusted proxies name.
//!
//! Each proxy adds the address it was asked from at the end of `X-Forwarded-For`, so the header is read from its
//! end, and only as far as proxies are trusted.
//!
//! Invariant: what a trusted proxy added and what cannot be read is nobody's address; it is not passed over, because
//! what stands before it may be the sender's own invention.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::http::{HeaderMap, HeaderValue};

use crate::sources::AddressRange;

/// The address of a sender that a proxy does not name readably: in no list but one that holds every address.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The sender's address: the peer's, or what trusted proxies say it is.
pub(super) fn sender(trusted: &[AddressRange], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|range| range.contains(address));
    let mut sender = peer.to_canonical();
    let lines: Vec<&[u8]> = headers
        .get_all("x-forwarded-for")
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    let mut hops = lines
        .iter()
        .rev()
        .flat_map(|line| line.rsplit(|byte| *byte == b','));
    while is_trusted(sender) {
        match hops.next().map(address) {
            Some(Some(hop)) => sender = hop,
            Some(None) => return NOBODY,
            None => break,
        }
    }
    sender
}

/// An address as proxies write it: alone, with a port, or in brackets.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop).ok()?.trim();
    let alone = hop
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let found = alone.unwrap_or(hop).parse::<IpAddr>().ok();
    let found = found.or_else(|| hop.parse::<SocketAddr>().ok().map(|found| found.ip()));
    found.map(|found| found.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(lines: &[&[u8]]) -> String {
        let trusted =
            ["10.0.0.0/8", "2001:db8::1"].map(|text| AddressRange::parse(text).expect("a range"));
        let mut headers = HeaderMap::new();
        for line in lines {
            let value = HeaderValue::from_bytes(line).expect("a value");
            headers.append("x-forwarded-for", value);
        }
        sender(&trusted, IpAddr::from([10, 0, 0, 1]), &headers).to_string()
    }

    #[test]
    fn the_last_address_that_no_trusted_proxy_has_is_the_senders() {
        for (lines, expected) in [
            (vec![], "10.0.0.1"),
            (vec![&b"203.0.113.9"[..]], "203.0.113.9"),
            (vec![b"10.9.9.9, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            (vec![b"198.51.100.7", b"203.0.113.9"], "203.0.113.9"),
            (vec![b"203.0.113.9:4711"], "203.0.113.9"),
            (vec![b"[2001:db8::2]:443"], "2001:db8::2"),
            (vec![b"[2001:db8::2]"], "2001:db8::2"),
            (vec![b"203.0.113.9, 2001:db8::1"], "203.0.113.9"),
            (vec![b"::ffff:203.0.113.9"], "203.0.113.9"),
        ] {
            assert_eq!(seen(&lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_nobodys_and_is_not_passed_over() {
        for lines in [
            vec![&b"10.0.0.5, unknown"[..]],
            vec![b"10.0.0.5, \xff"],
            vec![b"10.0.0.5", b""],
            vec![b"10.0.0.5, 203.0.113.9:x"],
        ] {
            assert_eq!(seen(&lines), "0.0.0.0", "{lines:?}");
        }
    }
}
