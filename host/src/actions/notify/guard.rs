//! The addresses to which no channel ever leads.
//!
//! The client asks the [`Guard`] about an address that stands in a URL, and resolves names through a
//! [`GuardedResolver`], so that what is checked is what is connected to and a name cannot lead where
//! an address may not. Private networks are allowed: that is where most chat servers stand. Behind a
//! proxy it is the proxy that resolves names, so there only the proxy itself, and an address in the URL,
//! are checked.
//!
//! Invariants:
//! - A name of which one address is forbidden is refused as a whole.
//! - An address is judged by what it reaches: IPv4 inside IPv6 counts as IPv4, and the unspecified
//!   address as the loopback one.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Metadata services outside the link-local ranges: of Alibaba Cloud, Azure, Oracle Cloud, AWS, and Google Cloud.
/// <https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16>,
/// <https://docs.oracle.com/en/cloud/cloud-at-customer/occ-get-started/retrieve-predefined-instance-metadata.html>
const METADATA: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// An address to which nothing is ever sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{address}, {reason}")]
pub struct ForbiddenAddress {
    address: SocketAddr,
    reason: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("where clouds serve their metadata: no channel may lead there")]
    Metadata,
    #[error("one of Hookbox's own listeners: no channel may lead there")]
    OwnListener,
    #[error(
        "outside of this machine and private networks, where nothing is sent unencrypted: set `security` to `starttls` or `tls`"
    )]
    Public,
    #[error(
        "another machine, and no password is sent there unencrypted: set `security` to `starttls` or `tls`"
    )]
    Elsewhere,
}

/// What is sent unencrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unencrypted {
    /// Messages alone, which do not leave private networks.
    Messages,
    /// A password as well, which does not leave the machine.
    Password,
}

/// Knows which addresses are forbidden.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    listeners: Arc<[SocketAddr]>,
}

impl Guard {
    /// Forbids these listeners, and what is always forbidden.
    pub(super) fn new(listeners: &[SocketAddr]) -> Self {
        Self {
            listeners: listeners.into(),
        }
    }

    /// The addresses of a name, as the system resolves it.
    ///
    /// # Errors
    /// A [`ForbiddenAddress`] where one of them is forbidden; else what the system says.
    pub(super) async fn resolve(
        &self,
        name: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>> {
        let found: Vec<_> = tokio::net::lookup_host((name, port)).await?.collect();
        found.iter().try_for_each(|address| self.check(*address))?;
        Ok(found)
    }

    /// Refuses a forbidden address. Asks the system whether the address is its own where a listener
    /// listens on all of them.
    pub(super) fn check(&self, address: SocketAddr) -> Result<(), ForbiddenAddress> {
        let target = reached(address.ip());
        let refuse = |reason| Err(ForbiddenAddress { address, reason });
        if is_metadata(target) {
            return refuse(Reason::Metadata);
        }
        let is_own = |listener: &SocketAddr| {
            listener.port() == address.port()
                && if listener.ip().is_unspecified() {
                    is_of_this_machine(target)
                } else {
                    reached(listener.ip()) == target
                }
        };
        if self.listeners.iter().any(is_own) {
            return refuse(Reason::OwnListener);
        }
        Ok(())
    }
}

/// Refuses an address to which something must not be sent unencrypted.
pub(super) fn check_unencrypted(
    address: SocketAddr,
    what: Unencrypted,
) -> Result<(), ForbiddenAddress> {
    let target = reached(address.ip());
    let is_private = match target {
        IpAddr::V4(v4) => v4.is_private(),
        IpAddr::V6(v6) => v6.is_unique_local(),
    };
    let reason = match what {
        _ if target.is_loopback() => return Ok(()),
        Unencrypted::Messages if is_private => return Ok(()),
        Unencrypted::Messages => Reason::Public,
        Unencrypted::Password => Reason::Elsewhere,
    };
    Err(ForbiddenAddress { address, reason })
}

/// The address that a connection to this one reaches.
fn reached(ip: IpAddr) -> IpAddr {
    let ip = match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => match v6.segments() {
            // The well-known prefix of NAT64 (RFC 6052), behind which a gateway reaches IPv4.
            [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
                let [.., a, b, c, d] = v6.octets();
                IpAddr::V4(Ipv4Addr::new(a, b, c, d))
            }
            _ => v6.to_canonical(),
        },
    };
    match ip {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        _ => ip,
    }
}

fn is_metadata(ip: IpAddr) -> bool {
    let is_link_local = match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    is_link_local || METADATA.contains(&ip)
}

/// Only an address of the machine's own can be bound; nothing is sent.
fn is_of_this_machine(ip: IpAddr) -> bool {
    ip.is_loopback() || UdpSocket::bind((ip, 0)).is_ok()
}

/// Resolves names as the system does, and refuses forbidden addresses.
pub(super) struct GuardedResolver {
    guard: Guard,
    /// The port that the client connects to: an own listener is an address and a port.
    port: u16,
}

impl GuardedResolver {
    /// A resolver for a client that connects to this port only.
    pub(super) fn new(guard: Guard, port: u16) -> Self {
        Self { guard, port }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, port) = (self.guard.clone(), self.port);
        Box::pin(async move {
            let found = guard.resolve(name.as_str(), port).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(listeners: &[&str], address: &str) -> Result<(), Reason> {
        let listeners: Vec<_> = listeners.iter().map(|text| text.parse().unwrap()).collect();
        let verdict = Guard::new(&listeners).check(address.parse().unwrap());
        verdict.map_err(|refused| refused.reason)
    }

    #[test]
    fn metadata_is_out_of_reach_however_its_address_is_written() {
        for address in [
            "169.254.169.254:80",
            "169.254.0.1:443",
            "[::ffff:169.254.169.254]:80",
            "[64:ff9b::a9fe:a9fe]:80",
            "[fe80::1]:80",
            "[febf::1]:80",
            "[fd00:ec2::254]:80",
            "[fd20:ce::254]:80",
            "100.100.100.200:80",
            "168.63.129.16:32526",
            "192.0.0.192:80",
        ] {
            assert_eq!(verdict(&[], address), Err(Reason::Metadata), "{address}");
        }
    }

    #[test]
    fn private_and_public_addresses_are_allowed() {
        for address in [
            "10.0.0.5:80",
            "192.168.1.1:8065",
            "127.0.0.1:8065",
            "[::1]:80",
            "[fd00:ec2::255]:80",
            "93.184.216.34:443",
            "168.63.129.17:443",
        ] {
            assert_eq!(verdict(&["127.0.0.1:8080"], address), Ok(()), "{address}");
        }
    }

    #[test]
    fn an_own_listener_is_out_of_reach_by_every_address_that_reaches_it() {
        let own = Err(Reason::OwnListener);
        assert_eq!(verdict(&["127.0.0.1:8080"], "127.0.0.1:8080"), own);
        assert_eq!(verdict(&["127.0.0.1:8080"], "0.0.0.0:8080"), own);
        assert_eq!(verdict(&["127.0.0.1:8080"], "[::ffff:127.0.0.1]:8080"), own);
        assert_eq!(verdict(&["127.0.0.1:8080"], "127.0.0.1:8081"), Ok(()));
        assert_eq!(verdict(&["0.0.0.0:8080"], "127.0.0.7:8080"), own);
        assert_eq!(verdict(&["[::]:8080"], "127.0.0.1:8080"), own);
        assert_eq!(verdict(&["0.0.0.0:8080"], "192.0.2.1:8080"), Ok(()));
    }

    #[test]
    fn what_is_not_encrypted_stays_in_private_networks_and_a_password_on_the_machine() {
        use Unencrypted::{Messages, Password};
        for (address, messages, password) in [
            ("127.0.0.1:25", Ok(()), Ok(())),
            ("[::1]:25", Ok(()), Ok(())),
            ("0.0.0.0:25", Ok(()), Ok(())),
            ("10.0.0.5:25", Ok(()), Err(Reason::Elsewhere)),
            ("[::ffff:192.168.1.1]:25", Ok(()), Err(Reason::Elsewhere)),
            ("[fd12::1]:25", Ok(()), Err(Reason::Elsewhere)),
            (
                "93.184.216.34:25",
                Err(Reason::Public),
                Err(Reason::Elsewhere),
            ),
            (
                "[2001:db8::1]:25",
                Err(Reason::Public),
                Err(Reason::Elsewhere),
            ),
        ] {
            let verdict = |what| {
                let verdict = check_unencrypted(address.parse().unwrap(), what);
                verdict.map_err(|refused| refused.reason)
            };
            assert_eq!(verdict(Messages), messages, "{address}");
            assert_eq!(verdict(Password), password, "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_with_a_forbidden_address_does_not_resolve() {
        let resolver = GuardedResolver::new(Guard::new(&[]), 80);
        let resolved = resolver.resolve("169.254.169.254".parse().unwrap()).await;
        let error = resolved.map(|_| ()).expect_err("a forbidden address");
        assert!(error.is::<ForbiddenAddress>(), "{error}");
    }
}
