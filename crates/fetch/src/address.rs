//! What an address is for. Sources: the IANA special-purpose registries (RFC 6890) and the address blocks of the
//! clouds' metadata services.

use std::net::IpAddr;

use crate::network::Network;

/// Why an address is not one of the public internet's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressClass {
    /// `0.0.0.0/8` and `::`.
    Unspecified,
    /// `127.0.0.0/8` and `::1`.
    Loopback,
    /// RFC 1918, and `fec0::/10`, which came before the next.
    Private,
    /// RFC 4193, `fc00::/7`.
    UniqueLocal,
    /// `100.64.0.0/10`, between a provider and its customers (RFC 6598).
    CarrierGrade,
    /// `169.254.0.0/16` and `fe80::/10`.
    LinkLocal,
    /// An address at which a cloud tells a machine its credentials.
    Metadata,
    /// `224.0.0.0/4` and `ff00::/8`.
    Multicast,
    /// An IPv4 address in an IPv6 one: mapped, compatible, translated (NAT64), 6to4 or Teredo. Where it leads is
    /// decided by a gateway and not here.
    Embedded,
    /// For documentation, benchmarks, discarding, or not assigned at all.
    Reserved,
}

impl AddressClass {
    /// The class of an address, `None` for one of the public internet.
    pub fn of(address: IpAddr) -> Option<Self> {
        CLASSES
            .iter()
            .find(|(network, _)| network.contains(address))
            .map(|(_, class)| *class)
            .or_else(|| not_global_unicast(address).then_some(Self::Reserved))
    }

    /// Whether a network of this class may be named in [`crate::Settings::networks`]: those in which a company's own
    /// issuer can stand.
    pub fn may_be_allowed(self) -> bool {
        matches!(
            self,
            Self::Loopback | Self::Private | Self::UniqueLocal | Self::CarrierGrade
        )
    }

    /// A word that stays the same, for records and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::UniqueLocal => "unique_local",
            Self::CarrierGrade => "carrier_grade",
            Self::LinkLocal => "link_local",
            Self::Metadata => "metadata",
            Self::Multicast => "multicast",
            Self::Embedded => "embedded",
            Self::Reserved => "reserved",
        }
    }
}

/// The first that holds an address gives its class: single addresses stand before the blocks that they lie in.
const CLASSES: &[(Network, AddressClass)] = &[
    (v4([169, 254, 169, 254], 32), AddressClass::Metadata),
    // Alibaba Cloud, Oracle Cloud, Azure, and Amazon by IPv6.
    (v4([100, 100, 100, 200], 32), AddressClass::Metadata),
    (v4([192, 0, 0, 192], 32), AddressClass::Metadata),
    (v4([168, 63, 129, 16], 32), AddressClass::Metadata),
    (
        v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128),
        AddressClass::Metadata,
    ),
    (v4([0, 0, 0, 0], 8), AddressClass::Unspecified),
    (v4([10, 0, 0, 0], 8), AddressClass::Private),
    (v4([100, 64, 0, 0], 10), AddressClass::CarrierGrade),
    (v4([127, 0, 0, 0], 8), AddressClass::Loopback),
    (v4([169, 254, 0, 0], 16), AddressClass::LinkLocal),
    (v4([172, 16, 0, 0], 12), AddressClass::Private),
    (v4([192, 0, 0, 0], 24), AddressClass::Reserved),
    (v4([192, 0, 2, 0], 24), AddressClass::Reserved),
    (v4([192, 88, 99, 0], 24), AddressClass::Reserved),
    (v4([192, 168, 0, 0], 16), AddressClass::Private),
    (v4([198, 18, 0, 0], 15), AddressClass::Reserved),
    (v4([198, 51, 100, 0], 24), AddressClass::Reserved),
    (v4([203, 0, 113, 0], 24), AddressClass::Reserved),
    (v4([224, 0, 0, 0], 4), AddressClass::Multicast),
    (v4([240, 0, 0, 0], 4), AddressClass::Reserved),
    (v6([0; 8], 128), AddressClass::Unspecified),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), AddressClass::Loopback),
    (v6([0; 8], 96), AddressClass::Embedded),
    (
        v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96),
        AddressClass::Embedded,
    ),
    (
        v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96),
        AddressClass::Embedded,
    ),
    (
        v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96),
        AddressClass::Embedded,
    ),
    (
        v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48),
        AddressClass::Embedded,
    ),
    (
        v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32),
        AddressClass::Embedded,
    ),
    (
        v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
        AddressClass::Reserved,
    ),
    (
        v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
        AddressClass::Reserved,
    ),
    (
        v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
        AddressClass::Embedded,
    ),
    (
        v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
        AddressClass::Reserved,
    ),
    (
        v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7),
        AddressClass::UniqueLocal,
    ),
    (
        v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
        AddressClass::LinkLocal,
    ),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), AddressClass::Private),
    (
        v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8),
        AddressClass::Multicast,
    ),
];

const fn v4(octets: [u8; 4], prefix_bits: u8) -> Network {
    Network::v4(octets, prefix_bits)
}

const fn v6(segments: [u16; 8], prefix_bits: u8) -> Network {
    Network::v6(segments, prefix_bits)
}

/// All of the public IPv6 internet is in `2000::/3` (RFC 4291, section 2.4, as IANA assigns it).
fn not_global_unicast(address: IpAddr) -> bool {
    address.is_ipv6() && !Network::v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3).contains(address)
}

#[cfg(test)]
mod tests {
    use super::AddressClass::{self, *};

    #[test]
    fn each_block_has_its_class_up_to_its_edges() {
        for (text, class) in [
            ("0.0.0.0", Some(Unspecified)),
            ("0.255.255.255", Some(Unspecified)),
            ("1.0.0.0", None),
            ("9.255.255.255", None),
            ("10.0.0.0", Some(Private)),
            ("10.255.255.255", Some(Private)),
            ("11.0.0.0", None),
            ("100.63.255.255", None),
            ("100.64.0.0", Some(CarrierGrade)),
            ("100.100.100.200", Some(Metadata)),
            ("100.127.255.255", Some(CarrierGrade)),
            ("100.128.0.0", None),
            ("127.0.0.1", Some(Loopback)),
            ("127.255.255.255", Some(Loopback)),
            ("128.0.0.0", None),
            ("168.63.129.16", Some(Metadata)),
            ("169.254.0.1", Some(LinkLocal)),
            ("169.254.169.254", Some(Metadata)),
            ("169.255.0.0", None),
            ("172.15.255.255", None),
            ("172.16.0.0", Some(Private)),
            ("172.31.255.255", Some(Private)),
            ("172.32.0.0", None),
            ("192.0.0.8", Some(Reserved)),
            ("192.0.2.1", Some(Reserved)),
            ("192.88.99.1", Some(Reserved)),
            ("192.167.255.255", None),
            ("192.168.1.1", Some(Private)),
            ("192.169.0.0", None),
            ("198.18.0.1", Some(Reserved)),
            ("198.19.255.255", Some(Reserved)),
            ("198.20.0.0", None),
            ("203.0.113.9", Some(Reserved)),
            ("223.255.255.255", None),
            ("224.0.0.1", Some(Multicast)),
            ("240.0.0.1", Some(Reserved)),
            ("255.255.255.255", Some(Reserved)),
            ("::", Some(Unspecified)),
            ("::1", Some(Loopback)),
            ("::127.0.0.1", Some(Embedded)),
            ("::ffff:127.0.0.1", Some(Embedded)),
            ("::ffff:93.184.216.34", Some(Embedded)),
            ("::ffff:0:10.0.0.1", Some(Embedded)),
            ("64:ff9b::a9fe:a9fe", Some(Embedded)),
            ("64:ff9b:1::1", Some(Embedded)),
            ("100::1", Some(Reserved)),
            ("2001::1", Some(Embedded)),
            ("2001:2::1", Some(Reserved)),
            ("2001:1ff:ffff::", Some(Reserved)),
            ("2001:200::1", None),
            ("2001:db8::1", Some(Reserved)),
            ("2002:7f00:1::", Some(Embedded)),
            ("2606:4700::1", None),
            ("3fff:fff::1", Some(Reserved)),
            ("4000::1", Some(Reserved)),
            ("fc00::1", Some(UniqueLocal)),
            ("fd00:ec2::254", Some(Metadata)),
            ("fdff::1", Some(UniqueLocal)),
            ("fe80::1", Some(LinkLocal)),
            ("fec0::1", Some(Private)),
            ("ff02::1", Some(Multicast)),
        ] {
            assert_eq!(AddressClass::of(text.parse().unwrap()), class, "{text}");
        }
    }

    #[test]
    fn only_where_an_issuer_can_stand_may_be_allowed() {
        for class in [
            Unspecified,
            LinkLocal,
            Metadata,
            Multicast,
            Embedded,
            Reserved,
        ] {
            assert!(!class.may_be_allowed(), "{}", class.as_str());
        }
        for class in [Loopback, Private, UniqueLocal, CarrierGrade] {
            assert!(class.may_be_allowed(), "{}", class.as_str());
        }
    }
}
