//! Certificates of the gateway's own host key.

use custos_identity::{CertificateAuthority, HostAuthority, SignIns};
use custos_ssh_wire::{Certificate, CertificateKind, PrivateKey};

use crate::support::{Node, at, random};

const HALF_AN_HOUR: u64 = 30 * 60;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_certificate_is_for_its_names_for_an_hour() {
    let node = Node::new();
    let authority = HostAuthority::open(&node.store, random).unwrap();
    let key = PrivateKey::from_seed(&[7; 32]).unwrap();
    let web1 = names(&["web1", "custos-web1"]);
    let bytes = authority.certificate(key.public(), &web1, at(0)).unwrap();
    let certificate = Certificate::decode(&bytes).unwrap();
    let grant = &certificate.grant;
    assert_eq!(
        (grant.kind, &grant.principals),
        (CertificateKind::Host, &web1)
    );
    assert_eq!(grant.valid_before, at(3600).utc_ns / 1_000_000_000);
    assert!(grant.valid_after < at(0).utc_ns / 1_000_000_000);
    assert_eq!(&certificate.key, key.public());

    // It is kept, and made anew before it ends.
    let of = |names, second| authority.certificate(key.public(), names, at(second));
    assert_eq!(of(&web1, HALF_AN_HOUR - 1).unwrap(), bytes);
    assert_ne!(of(&web1, HALF_AN_HOUR).unwrap(), bytes);
    let other = Certificate::decode(&of(&names(&["web2"]), 0).unwrap()).unwrap();
    assert_eq!(other.grant.principals, ["web2"]);
}

/// It is not the authority for people, and stays the same.
#[test]
fn hosts_have_an_authority_of_their_own() {
    let node = Node::new();
    let authority = HostAuthority::open(&node.store, random).unwrap();
    let again = HostAuthority::open(&node.store, random).unwrap();
    let sign_ins = SignIns::new(node.store.clone(), random);
    let people = CertificateAuthority::open(node.store.clone(), sign_ins, random).unwrap();
    let key = PrivateKey::from_seed(&[7; 32]).unwrap();
    let bytes = authority.certificate(key.public(), &names(&["web1"]), at(0));
    let certificate = Certificate::decode(&bytes.unwrap()).unwrap();
    assert!(certificate.is_signed_by(authority.public()));
    assert!(certificate.is_signed_by(again.public()));
    assert!(!certificate.is_signed_by(people.public()));
}

/// Clients read `*` as every name, and no name as every name too.
#[test]
fn no_certificate_is_for_every_name() {
    let node = Node::new();
    let authority = HostAuthority::open(&node.store, random).unwrap();
    let key = PrivateKey::from_seed(&[7; 32]).unwrap();
    for bad in [
        &[][..],
        &[""],
        &["*"],
        &["web?"],
        &["web1", "*.example"],
        &["a,b"],
        &["a b"],
    ] {
        let made = authority.certificate(key.public(), &names(bad), at(0));
        assert!(made.is_err(), "{bad:?}");
    }
}
