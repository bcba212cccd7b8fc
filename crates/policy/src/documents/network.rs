//! Where somebody connects from.

use std::net::IpAddr;

use serde::Serialize;

use super::reader::{Reader, is_digits};
use super::yaml::Node;

/// Addresses with the same beginning.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Network {
    base: IpAddr,
    prefix_bits: u8,
}

impl Network {
    /// `10.1.2.0/24`, `2001:db8::/32` or one address. Bits behind the prefix must be zero.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let base: IpAddr = address.parse().ok()?;
        // An IPv4 network is written as such, since that is how addresses are compared.
        if base.to_canonical() != base {
            return None;
        }
        let width = width(base);
        let prefix_bits = match length {
            None => width,
            Some(length) if is_digits(length) => {
                length.parse().ok().filter(|bits| *bits <= width)?
            }
            Some(_) => return None,
        };
        let network = Self { base, prefix_bits };
        (network
            .beginning(base)
            .checked_shl(u32::from(width - prefix_bits))
            .unwrap_or(0)
            == bits(base))
        .then_some(network)
    }

    /// Whether the address lies in it. An IPv4 address in IPv6 clothes counts as the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        width(address) == width(self.base) && self.beginning(address) == self.beginning(self.base)
    }

    fn beginning(&self, address: IpAddr) -> u128 {
        let rest = width(address).saturating_sub(self.prefix_bits);
        bits(address).checked_shr(u32::from(rest)).unwrap_or(0)
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}/{}", self.base, self.prefix_bits)
    }
}

/// A list of networks, sorted.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Vec<Network> {
    let mut networks = Vec::new();
    for item in reader.list(node, "`networks`") {
        let Some(text) = reader.text(item, "a network") else {
            continue;
        };
        match Network::parse(text) {
            Some(network) => networks.push(network),
            None => reader.say(
                item.at,
                format!(
                    "`{text}` is no network: write `10.1.2.0/24`, `2001:db8::/32` or one address"
                ),
            ),
        }
    }
    networks.sort();
    networks.dedup();
    networks
}

#[cfg(test)]
mod tests {
    use super::Network;

    #[test]
    fn prefixes() {
        let inside = |network: &str, address: &str| {
            Network::parse(network)
                .unwrap()
                .contains(address.parse().unwrap())
        };
        assert!(inside("10.1.0.0/16", "10.1.255.255"));
        assert!(inside("10.1.0.0/16", "::ffff:10.1.2.3"));
        assert!(!inside("10.1.0.0/16", "10.2.0.0"));
        assert!(inside("10.1.2.3", "10.1.2.3") && !inside("10.1.2.3", "10.1.2.4"));
        assert!(inside("0.0.0.0/0", "1.2.3.4") && !inside("0.0.0.0/0", "::1"));
        assert!(inside("2001:db8::/32", "2001:db8:1::1") && inside("::/0", "::1"));
        for bad in [
            "",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "10/8",
            "10.0.0.0/08",
            "::ffff:10.0.0.0/104",
            "10.0.0.0/",
        ] {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
    }
}
