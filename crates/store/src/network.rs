//! Where a credential may be used from.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An IPv4 or IPv6 network in CIDR notation (RFC 4632, RFC 4291 section 2.3), or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SourceNetwork {
    base: IpAddr,
    prefix_bits: u8,
}

/// Text that is not a network.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not a network: {problem}")]
pub struct SourceNetworkError {
    /// The text as given.
    pub text: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl SourceNetwork {
    /// Whether `address` lies in it. An IPv4 address in IPv6 clothes (`::ffff:10.0.0.1`) counts as the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                prefix(base.to_bits().into(), 32, self.prefix_bits)
                    == prefix(address.to_bits().into(), 32, self.prefix_bits)
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                prefix(base.to_bits(), 128, self.prefix_bits)
                    == prefix(address.to_bits(), 128, self.prefix_bits)
            }
            _ => false,
        }
    }
}

/// The leading `bits` of a number that is `width` wide.
fn prefix(number: u128, width: u8, bits: u8) -> u128 {
    number
        .checked_shr(u32::from(width.saturating_sub(bits)))
        .unwrap_or(0)
}

impl FromStr for SourceNetwork {
    type Err = SourceNetworkError;

    fn from_str(text: &str) -> Result<Self, SourceNetworkError> {
        let wrong = |problem| SourceNetworkError {
            text: text.to_owned(),
            problem,
        };
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let base: IpAddr = address
            .parse()
            .map_err(|_| wrong("write 10.1.2.0/24, 2001:db8::/32 or one address"))?;
        if base.to_canonical() != base {
            return Err(wrong("write an IPv4 network as such"));
        }
        let (number, width) = match base {
            IpAddr::V4(base) => (u128::from(base.to_bits()), 32),
            IpAddr::V6(base) => (base.to_bits(), 128),
        };
        let prefix_bits = match length {
            None => width,
            // `parse` alone would take `+8` and `08`.
            Some(length) => length
                .parse::<u8>()
                .ok()
                .filter(|bits| *bits <= width && bits.to_string() == length)
                .ok_or_else(|| {
                    wrong("the number after `/` must be at most 32 for IPv4 and 128 for IPv6")
                })?,
        };
        let host_bits = u32::from(width - prefix_bits);
        if number.trailing_zeros() < host_bits && number != 0 {
            return Err(wrong("bits are set behind the prefix"));
        }
        Ok(Self { base, prefix_bits })
    }
}

impl fmt::Display for SourceNetwork {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.base, self.prefix_bits)
    }
}

impl TryFrom<String> for SourceNetwork {
    type Error = SourceNetworkError;

    fn try_from(text: String) -> Result<Self, SourceNetworkError> {
        text.parse()
    }
}

impl From<SourceNetwork> for String {
    fn from(network: SourceNetwork) -> Self {
        network.to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::SourceNetwork;

    fn contains(network: &str, address: &str) -> bool {
        network
            .parse::<SourceNetwork>()
            .unwrap()
            .contains(address.parse().unwrap())
    }

    #[test]
    fn membership() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.1.2.0/23", "10.1.3.255", "10.1.4.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "2001:db8::1", "10.0.0.1"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
            ("10.0.0.0/8", "::ffff:10.1.1.1", "::ffff:11.1.1.1"),
        ] {
            assert!(contains(network, inside), "{inside} in {network}");
            assert!(!contains(network, outside), "{outside} not in {network}");
        }
    }

    #[test]
    fn text_is_strict_and_survives() {
        for good in [
            "10.0.0.0/8",
            "0.0.0.0/0",
            "::/0",
            "2001:db8::/32",
            "192.0.2.7/32",
        ] {
            assert_eq!(good.parse::<SourceNetwork>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "/",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "10.0.0.0/-1",
            "10/8",
            "::/129",
            "::1/127",
            "::ffff:10.0.0.0/104",
            "example.org",
            "10.0.0.0/8/8",
        ] {
            assert!(bad.parse::<SourceNetwork>().is_err(), "{bad}");
        }
    }

    proptest! {
        /// Against the definition: the first bits are equal, looked at one by one.
        #[test]
        fn membership_is_equality_of_the_first_bits(base: u32, bits in 0u8..=32, address: u32) {
            let first = |number: u32| (0..bits).map(|bit| number >> (31 - bit) & 1).collect::<Vec<_>>();
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            let text = format!("{}/{bits}", Ipv4Addr::from_bits(base & mask));
            let network: SourceNetwork = text.parse().unwrap();
            prop_assert_eq!(network.to_string(), text);
            // Half of the addresses are near, so that both answers occur.
            for address in [address, base ^ (address >> (address % 32))] {
                let inside = network.contains(Ipv4Addr::from_bits(address).into());
                prop_assert_eq!(inside, first(address) == first(base));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,50}") {
            if let Ok(network) = text.parse::<SourceNetwork>() {
                prop_assert_eq!(network.to_string().parse::<SourceNetwork>(), Ok(network));
            }
        }
    }
}
