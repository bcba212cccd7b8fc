//! An administrator is removed also where control state is damaged.

use custos_model::{Authentication, Principal, PrincipalKind};
use custos_store::{Administrator, Claim, CredentialId, Store, StoredCredential, StoredVerifier};

use crate::world::{World, of_type};

const ISSUER: &str = "https://provider.example";
const FAR: u64 = 4_000_000_000_000_000_000;

fn random(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).unwrap();
}

fn make_administrator(store: &Store, name: &str) {
    let who = Administrator {
        issuer: ISSUER.to_owned(),
        subject: name.to_owned(),
        name: name.to_owned(),
        since_utc_ns: 1,
    };
    store
        .offer_administration(Some(([1; 32], FAR)), random)
        .unwrap();
    let claim = store.claim_administration(&[1; 32], &who, 1, random);
    assert_eq!(claim.unwrap(), Claim::Granted);
}

/// A credential that was issued with the group.
fn issue(store: &Store, name: &str, number: u8) -> CredentialId {
    let id = CredentialId::new(1, [number; 10]);
    let credential = StoredCredential {
        id,
        principal: Principal {
            issuer: ISSUER.to_owned(),
            subject: name.to_owned(),
            name: name.to_owned(),
            kind: PrincipalKind::Human,
            groups: vec!["custos:administrators".to_owned()],
            on_behalf_of: Vec::new(),
        },
        resource: "postgres/shop".parse().unwrap(),
        issued_utc_ns: 1,
        expires_utc_ns: FAR,
        revoked_utc_ns: None,
        source_networks: Vec::new(),
        verifier: StoredVerifier {
            salt: vec![1; 16],
            iterations: 4096,
            stored_key: [1; 32],
            server_key: [1; 32],
        },
        authentication: Authentication::by_operator(1),
        sign_in: None,
        uses_max: None,
        uses: 0,
    };
    store.add_credential(&credential, random).unwrap();
    id
}

#[test]
fn a_damaged_credential_holds_up_neither_the_others_nor_the_record() {
    let world = World::own();
    make_administrator(&world.store, "bob");
    let of_bob = [1, 2].map(|number| issue(&world.store, "bob", number));
    issue(&world.store, "alice", 3);
    rusqlite::Connection::open(world.dir.path().join("custos.db"))
        .unwrap()
        .execute_batch("UPDATE credentials SET body = x'00' WHERE login_name = 'alice'")
        .unwrap();

    let path = format!("/v1/administrators?issuer={ISSUER}&subject=bob");
    let answer = world.delete(&path);
    assert_eq!(answer.status, 500, "it is told: {}", answer.body);
    assert!(world.store.administrators().unwrap().is_empty());
    for id in of_bob {
        let credential = world.store.credential(id).unwrap().unwrap();
        assert!(credential.revoked_utc_ns.is_some(), "{id}");
    }
    let records = world.records();
    let [removed] = of_type(&records, "administrator.removed")[..] else {
        panic!("one record: {records:?}");
    };
    assert_eq!(removed["outcome"], "ok");
    assert_eq!(removed["detail"]["principal"], "bob");
    assert_eq!(removed["reason"], "not all credentials could be revoked");
}
