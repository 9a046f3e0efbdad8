//! Which addresses may be dialled. The check is made on the very addresses that are dialled, so
//! that a name that changes its answer gains nothing.

use std::collections::HashSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Host;

use crate::registry::authority::Authority;

/// An address that is not dialled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{host} has the {kind} address {address}, which is not asked")]
pub(super) struct Forbidden {
    host: String,
    kind: AddressKind,
    address: IpAddr,
}

/// The policy: forbidden addresses always, loopback and private ones only for listed hosts.
#[derive(Clone, Debug, Default)]
pub(super) struct Egress {
    listed: Arc<RwLock<HashSet<Authority>>>,
}

impl Egress {
    /// From now on this host may have a loopback or private address.
    pub fn list(&self, authority: &Authority) {
        self.listed
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(authority.clone());
    }

    /// For a URL whose host is an address, which no resolver sees.
    pub fn check(&self, authority: &Authority) -> Result<(), Forbidden> {
        match authority.ip() {
            Some(ip) => verdict(&authority.to_string(), ip, self.is_listed(authority)),
            None => Ok(()),
        }
    }

    fn is_listed(&self, authority: &Authority) -> bool {
        let listed = self.listed.read().unwrap_or_else(PoisonError::into_inner);
        listed.contains(authority)
    }

    /// A resolver knows no port.
    fn is_listed_name(&self, name: &str) -> bool {
        let listed = self.listed.read().unwrap_or_else(PoisonError::into_inner);
        listed
            .iter()
            .any(|authority| matches!(&authority.host, Host::Domain(host) if host == name))
    }

    /// All answers must pass, else a second one would be a way around.
    fn filter(&self, name: &str, addresses: Vec<SocketAddr>) -> Result<Addrs, Forbidden> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let is_listed = self.is_listed_name(name);
        for address in &addresses {
            verdict(name, address.ip(), is_listed)?;
        }
        Ok(Box::new(addresses.into_iter()))
    }
}

impl Resolve for Egress {
    fn resolve(&self, name: Name) -> Resolving {
        let egress = self.clone();
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(egress.filter(name.as_str(), addresses)?)
        })
    }
}

fn verdict(host: &str, address: IpAddr, is_listed: bool) -> Result<(), Forbidden> {
    let kind = kind_of(address);
    match kind {
        AddressKind::Public => Ok(()),
        AddressKind::Private | AddressKind::Loopback if is_listed => Ok(()),
        _ => Err(Forbidden {
            host: host.to_owned(),
            kind,
            address,
        }),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AddressKind {
    Public,
    Private,
    Loopback,
    Metadata,
    LinkLocal,
    Unspecified,
    Multicast,
    Reserved,
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Loopback => "loopback",
            Self::Metadata => "cloud metadata",
            Self::LinkLocal => "link-local",
            Self::Unspecified => "unspecified",
            Self::Multicast => "multicast",
            Self::Reserved => "reserved",
        })
    }
}

fn kind_of(address: IpAddr) -> AddressKind {
    match address {
        IpAddr::V4(address) => kind_of_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(inner) => kind_of_v4(inner),
            None => kind_of_v6(address),
        },
    }
}

fn kind_of_v4(address: Ipv4Addr) -> AddressKind {
    match address.octets() {
        // AWS, Google, Azure and most others; Alibaba; Azure's host; Oracle.
        [169, 254, 169, 254] | [100, 100, 100, 200] | [168, 63, 129, 16] | [192, 0, 0, 192] => {
            AddressKind::Metadata
        }
        [0, ..] => AddressKind::Unspecified,
        [127, ..] => AddressKind::Loopback,
        [169, 254, ..] => AddressKind::LinkLocal,
        [10, ..]
        | [172, 16..=31, ..]
        | [192, 168, ..]
        | [100, 64..=127, ..]
        | [198, 18..=19, ..] => AddressKind::Private,
        [192, 0, 0, _] | [240..=255, ..] => AddressKind::Reserved,
        [224..=239, ..] => AddressKind::Multicast,
        _ => AddressKind::Public,
    }
}

fn kind_of_v6(address: Ipv6Addr) -> AddressKind {
    let [first, second, ..] = address.segments();
    if address == Ipv6Addr::LOCALHOST {
        return AddressKind::Loopback;
    }
    if address.is_unspecified() {
        return AddressKind::Unspecified;
    }
    // AWS's metadata service.
    if address == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254) {
        return AddressKind::Metadata;
    }
    match (first, second) {
        (0xfe80..=0xfebf, _) => AddressKind::LinkLocal,
        (0xff00..=0xffff, _) => AddressKind::Multicast,
        (0xfc00..=0xfdff | 0xfec0..=0xfeff, _) => AddressKind::Private,
        // Teredo and discard-only.
        (0x2001, 0) | (0x100, 0) => AddressKind::Reserved,
        _ => AddressKind::Public,
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped, compatible, NAT64, 6to4.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let joined = |high: u16, low: u16| {
        let [w, x] = high.to_be_bytes();
        let [y, z] = low.to_be_bytes();
        Ipv4Addr::new(w, x, y, z)
    };
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] | [0, 0, 0, 0, 0xffff, 0] => {
            Some(joined(g, h))
        }
        [0, 0, 0, 0, 0, 0] if g != 0 || h > 1 => Some(joined(g, h)),
        [0x64, 0xff9b, 1, ..] => Some(joined(g, h)),
        [0x2002, ..] => Some(joined(b, c)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> AddressKind {
        kind_of(text.parse().unwrap())
    }

    #[test]
    fn cve_2025_14443_addresses_by_kind() {
        for (text, expected) in [
            ("93.184.216.34", AddressKind::Public),
            ("2606:2800:220:1::1", AddressKind::Public),
            ("127.0.0.53", AddressKind::Loopback),
            ("::1", AddressKind::Loopback),
            ("::ffff:127.0.0.1", AddressKind::Loopback),
            ("10.1.2.3", AddressKind::Private),
            ("172.31.0.1", AddressKind::Private),
            ("172.32.0.1", AddressKind::Public),
            ("192.168.0.1", AddressKind::Private),
            ("fd12::1", AddressKind::Private),
            ("169.254.169.254", AddressKind::Metadata),
            ("::ffff:169.254.169.254", AddressKind::Metadata),
            ("::169.254.169.254", AddressKind::Metadata),
            ("64:ff9b::a9fe:a9fe", AddressKind::Metadata),
            ("64:ff9b:1::a9fe:a9fe", AddressKind::Metadata),
            ("2002:a9fe:a9fe::1", AddressKind::Metadata),
            ("fd00:ec2::254", AddressKind::Metadata),
            ("169.254.0.1", AddressKind::LinkLocal),
            ("fe80::1", AddressKind::LinkLocal),
            ("0.0.0.0", AddressKind::Unspecified),
            ("0.1.2.3", AddressKind::Unspecified),
            ("::", AddressKind::Unspecified),
            ("224.0.0.1", AddressKind::Multicast),
            ("ff02::1", AddressKind::Multicast),
            ("255.255.255.255", AddressKind::Reserved),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
    }

    #[test]
    fn cve_2026_32828_every_answer_must_pass() {
        let egress = Egress::default();
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts
                .iter()
                .map(|t| SocketAddr::new(t.parse().unwrap(), 0))
                .collect()
        };
        let good = addresses(&["93.184.216.34"]);
        let mixed = addresses(&["93.184.216.34", "10.0.0.1"]);
        let metadata = addresses(&["93.184.216.34", "169.254.169.254"]);
        assert!(egress.filter("r.example", good).is_ok());
        assert!(egress.filter("r.example", mixed.clone()).is_err());
        egress.list(&Authority::parse("r.example:5000").unwrap());
        assert!(egress.filter("r.example", mixed).is_ok());
        assert!(egress.filter("r.example", metadata).is_err());
    }

    #[test]
    fn addresses_in_urls_are_checked_with_their_port() {
        let egress = Egress::default();
        let at = |text| Authority::parse(text).unwrap();
        assert!(egress.check(&at("127.0.0.1:5000")).is_err());
        egress.list(&at("127.0.0.1:5000"));
        assert!(egress.check(&at("127.0.0.1:5000")).is_ok());
        assert!(egress.check(&at("2130706433:5000")).is_ok());
        assert!(egress.check(&at("127.0.0.1:5001")).is_err());
        egress.list(&at("169.254.169.254"));
        egress.list(&at("0"));
        assert!(egress.check(&at("169.254.169.254")).is_err());
        assert!(egress.check(&at("2852039166")).is_err());
        assert!(egress.check(&at("0")).is_err());
    }
}
