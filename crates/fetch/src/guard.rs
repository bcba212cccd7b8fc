//! Which addresses may be connected to.

use std::net::IpAddr;

use crate::address::AddressClass;
use crate::error::FetchError;
use crate::network::Network;
use crate::target::Scheme;

/// More addresses than any issuer has; an answer of this length is not worth walking.
const MAX_ADDRESSES: usize = 64;

/// What one client may reach.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    pub(crate) networks: Vec<Network>,
    pub(crate) loopback: bool,
}

impl Guard {
    /// Checks a whole answer of the name service. One refused address refuses it all: an answer that mixes inner and
    /// outer addresses is how a name is made to change between a check and a connection.
    pub(crate) fn check(&self, scheme: Scheme, addresses: &[IpAddr]) -> Result<(), FetchError> {
        if addresses.is_empty() || addresses.len() > MAX_ADDRESSES {
            return Err(FetchError::Addresses);
        }
        addresses
            .iter()
            .try_for_each(|address| self.check_one(scheme, *address))
    }

    fn check_one(&self, scheme: Scheme, address: IpAddr) -> Result<(), FetchError> {
        let class = AddressClass::of(address);
        if scheme == Scheme::Http {
            let plain = self.loopback && class == Some(AddressClass::Loopback);
            return if plain {
                Ok(())
            } else {
                Err(FetchError::Plain)
            };
        }
        let Some(class) = class else { return Ok(()) };
        let listed = self
            .networks
            .iter()
            .any(|network| network.contains(address));
        let loopback = self.loopback && class == AddressClass::Loopback;
        if loopback || (listed && class.may_be_allowed()) {
            Ok(())
        } else {
            Err(FetchError::Address(class))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::{Guard, MAX_ADDRESSES};
    use crate::address::AddressClass;
    use crate::error::FetchError;
    use crate::target::Scheme;

    fn addresses(of: &[&str]) -> Vec<IpAddr> {
        of.iter().map(|ip| ip.parse().unwrap()).collect()
    }

    #[test]
    fn listed_networks_open_only_what_an_issuer_can_have() {
        let everything = ["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()];
        let guard = Guard {
            networks: everything.to_vec(),
            loopback: false,
        };
        let check = |ip| guard.check(Scheme::Https, &addresses(&[ip]));
        for allowed in ["10.0.0.1", "127.0.0.1", "fd12::1", "100.64.0.1", "1.1.1.1"] {
            assert!(check(allowed).is_ok(), "{allowed}");
        }
        for (ip, class) in [
            ("169.254.169.254", AddressClass::Metadata),
            ("fd00:ec2::254", AddressClass::Metadata),
            ("169.254.1.1", AddressClass::LinkLocal),
            ("::ffff:10.0.0.1", AddressClass::Embedded),
            ("224.0.0.1", AddressClass::Multicast),
            ("0.0.0.0", AddressClass::Unspecified),
        ] {
            let refused = check(ip);
            assert!(
                matches!(refused, Err(FetchError::Address(found)) if found == class),
                "{ip}"
            );
        }
    }

    #[test]
    fn one_refused_address_refuses_the_answer() {
        let guard = Guard {
            networks: Vec::new(),
            loopback: false,
        };
        let mixed = addresses(&["1.1.1.1", "10.0.0.1"]);
        assert!(matches!(
            guard.check(Scheme::Https, &mixed),
            Err(FetchError::Address(AddressClass::Private))
        ));
        assert!(matches!(
            guard.check(Scheme::Https, &[]),
            Err(FetchError::Addresses)
        ));
        let many = addresses(&["1.1.1.1"; MAX_ADDRESSES + 1]);
        assert!(matches!(
            guard.check(Scheme::Https, &many),
            Err(FetchError::Addresses)
        ));
    }

    #[test]
    fn plain_http_is_for_loopback_where_allowed() {
        let open = Guard {
            networks: vec!["10.0.0.0/8".parse().unwrap()],
            loopback: true,
        };
        assert!(
            open.check(Scheme::Http, &addresses(&["127.0.0.1", "::1"]))
                .is_ok()
        );
        for ip in ["10.0.0.1", "1.1.1.1", "::ffff:127.0.0.1"] {
            let refused = open.check(Scheme::Http, &addresses(&[ip]));
            assert!(matches!(refused, Err(FetchError::Plain)), "{ip}");
        }
        let closed = Guard {
            networks: vec!["127.0.0.0/8".parse().unwrap()],
            loopback: false,
        };
        let refused = closed.check(Scheme::Http, &addresses(&["127.0.0.1"]));
        assert!(matches!(refused, Err(FetchError::Plain)));
    }
}
