//! Blocks of IP addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A block of IP addresses, for example `10.0.0.0/8` or `fd12:3456::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

/// Text that is not a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// Not an address, or not a whole number behind the slash.
    #[error("not a network: an address, a slash and a number of bits are expected")]
    Syntax,
    /// More bits than an address has.
    #[error("the network has more bits than an address")]
    Prefix,
    /// Bits are set behind the prefix, so something else may be meant.
    #[error("the network's address has bits set behind its prefix")]
    HostBits,
}

impl Network {
    pub(crate) const fn v4(octets: [u8; 4], prefix_bits: u8) -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::from_octets(octets)),
            prefix_bits,
        }
    }

    pub(crate) const fn v6(segments: [u16; 8], prefix_bits: u8) -> Self {
        Self {
            address: IpAddr::V6(Ipv6Addr::from_segments(segments)),
            prefix_bits,
        }
    }

    /// Whether the address is in the block. An IPv4-mapped IPv6 address is an IPv6 address here.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = mask_v4(self.prefix_bits);
                own.to_bits() & mask == other.to_bits() & mask
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = mask_v6(self.prefix_bits);
                own.to_bits() & mask == other.to_bits() & mask
            }
            _ => false,
        }
    }
}

fn mask_v4(prefix_bits: u8) -> u32 {
    u32::MAX
        .checked_shl(32 - u32::from(prefix_bits))
        .unwrap_or(0)
}

fn mask_v6(prefix_bits: u8) -> u128 {
    u128::MAX
        .checked_shl(128 - u32::from(prefix_bits))
        .unwrap_or(0)
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, bits) = text.split_once('/').ok_or(NetworkError::Syntax)?;
        let address: IpAddr = address.parse().map_err(|_| NetworkError::Syntax)?;
        if bits.is_empty() || !bits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NetworkError::Syntax);
        }
        let prefix_bits: u8 = bits.parse().map_err(|_| NetworkError::Prefix)?;
        let (most, behind) = match address {
            IpAddr::V4(address) => (32, address.to_bits() & !mask_v4(prefix_bits.min(32)) != 0),
            IpAddr::V6(address) => (128, address.to_bits() & !mask_v6(prefix_bits.min(128)) != 0),
        };
        if prefix_bits > most {
            return Err(NetworkError::Prefix);
        }
        if behind {
            return Err(NetworkError::HostBits);
        }
        Ok(Self {
            address,
            prefix_bits,
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.address, self.prefix_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::{Network, NetworkError};

    #[test]
    fn holds_its_addresses_and_no_others() {
        let network: Network = "10.20.0.0/14".parse().unwrap();
        assert!(network.contains("10.23.255.255".parse().unwrap()));
        assert!(!network.contains("10.24.0.0".parse().unwrap()));
        assert!(!network.contains("::ffff:10.20.0.1".parse().unwrap()));
        let all: Network = "::/0".parse().unwrap();
        assert!(all.contains("2001:db8::1".parse().unwrap()));
        assert!(!all.contains("10.0.0.1".parse().unwrap()));
        let one: Network = "fd00::7/128".parse().unwrap();
        assert!(one.contains("fd00::7".parse().unwrap()));
        assert!(!one.contains("fd00::6".parse().unwrap()));
    }

    #[test]
    fn has_one_spelling_of_its_size() {
        for (text, error) in [
            ("10.0.0.0", NetworkError::Syntax),
            ("10.0.0/8", NetworkError::Syntax),
            ("10.0.0.0/", NetworkError::Syntax),
            ("10.0.0.0/+8", NetworkError::Syntax),
            ("example.com/8", NetworkError::Syntax),
            ("10.0.0.0/33", NetworkError::Prefix),
            ("10.0.0.0/300", NetworkError::Prefix),
            ("fd00::/129", NetworkError::Prefix),
            ("10.0.0.1/8", NetworkError::HostBits),
            ("fd00::1/8", NetworkError::HostBits),
        ] {
            assert_eq!(text.parse::<Network>(), Err(error), "{text}");
        }
        let network: Network = "192.168.0.0/16".parse().unwrap();
        assert_eq!(network.to_string(), "192.168.0.0/16");
    }
}
