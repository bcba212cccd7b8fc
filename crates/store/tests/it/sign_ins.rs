//! Sign-ins and refresh tokens as they are kept.

use custos_model::{Authentication, IdSource, Secret, SignInId};
use custos_store::{
    SignInsOf, StoredProviderSession, StoredRefreshToken, StoredSignIn, TokenStored,
};

use crate::support::{Place, credential, random};

fn id(seed: u8) -> SignInId {
    IdSource::new([seed; 10]).sign_in(1_000_000)
}

fn sign_in(seed: u8, name: &str) -> StoredSignIn {
    StoredSignIn {
        id: id(seed),
        principal: credential(name, 1).principal,
        authentication: Authentication {
            acr: Some("mfa".to_owned()),
            ..Authentication::by("okta", 7)
        },
        provider_session: Some("a-session".to_owned()),
        parents: Vec::new(),
        issued_utc_ns: 10,
        expires_utc_ns: 1000,
        revoked_utc_ns: None,
    }
}

fn token(hash: u8, grant: u8) -> StoredRefreshToken {
    StoredRefreshToken {
        hash: [hash; 32],
        grant: [grant; 16],
        client: "custos-cli".to_owned(),
        sign_in: id(1),
        scopes: "api".to_owned(),
        expires_utc_ns: 1000,
        used: false,
    }
}

#[test]
fn sign_ins_come_back_as_they_were_and_end_with_their_credentials() {
    let place = Place::new();
    let store = place.open();
    let alice = sign_in(1, "alice");
    store.add_sign_in(&alice, random).unwrap();
    store.add_sign_in(&sign_in(2, "bob"), random).unwrap();
    let mut under = credential("alice", 1);
    under.sign_in = Some(alice.id);
    store.add_credential(&under, random).unwrap();
    store
        .add_credential(&credential("alice", 2), random)
        .unwrap();
    drop(store);

    let store = place.open();
    let of_alice = SignInsOf::Principal {
        issuer: "local",
        subject: "alice",
    };
    let found = store.sign_ins(of_alice).unwrap();
    assert_eq!(found, std::slice::from_ref(&alice));
    assert_eq!(store.credential(under.id).unwrap(), Some(under.clone()));
    assert!(store.revoke_sign_in(alice.id, 50).unwrap());
    assert!(!store.revoke_sign_in(alice.id, 60).unwrap());
    let ended = store.sign_ins(SignInsOf::Id(alice.id)).unwrap();
    assert_eq!(ended[0].revoked_utc_ns, Some(50));
    assert!(!ended[0].is_live(51));
    let states: Vec<_> = store
        .credentials()
        .unwrap()
        .into_iter()
        .map(|credential| credential.revoked_utc_ns)
        .collect();
    assert_eq!(states, [Some(50), None]);
    assert_eq!(store.all_sign_ins().unwrap().len(), 2);
    assert_eq!(store.delete_expired_sign_ins(1001).unwrap(), 2);
}

#[test]
fn a_sign_in_that_was_edited_is_refused() {
    let place = Place::new();
    let store = place.open();
    store.add_sign_in(&sign_in(1, "alice"), random).unwrap();
    drop(store);
    place.alter("UPDATE sign_ins SET subject = 'bob'");
    let store = place.open();
    store.sign_ins(SignInsOf::Id(id(1))).unwrap_err();
    drop(store);
    place.alter("UPDATE sign_ins SET subject = 'alice', body = zeroblob(64)");
    place.open().sign_ins(SignInsOf::Id(id(1))).unwrap_err();
}

#[test]
fn a_refresh_token_is_followed_by_one_other_and_no_more() {
    let place = Place::new();
    let store = place.open();
    let (first, second, third) = (token(1, 9), token(2, 9), token(3, 9));
    let add = |token, used| store.add_refresh_token(token, used).unwrap();
    assert_eq!(add(&first, None), TokenStored::Stored);
    assert_eq!(add(&second, Some(&first.hash)), TokenStored::Stored);
    assert_eq!(add(&third, Some(&first.hash)), TokenStored::AlreadyUsed);
    assert_eq!(store.refresh_token(&third.hash).unwrap(), None);
    let used = store.refresh_token(&first.hash).unwrap().unwrap();
    assert!(used.used);
    assert_eq!(
        store.refresh_token(&second.hash).unwrap(),
        Some(second.clone())
    );

    store.revoke_grant(&[9; 16], 2000).unwrap();
    assert!(store.is_grant_revoked(&[9; 16]).unwrap());
    assert!(!store.is_grant_revoked(&[8; 16]).unwrap());
    assert_eq!(add(&third, Some(&second.hash)), TokenStored::Revoked);
    store.delete_expired_tokens(1500).unwrap();
    assert_eq!(store.refresh_token(&second.hash).unwrap(), None);
    assert!(
        store.is_grant_revoked(&[9; 16]).unwrap(),
        "it is remembered longer"
    );
    store.delete_expired_tokens(2500).unwrap();
    assert!(!store.is_grant_revoked(&[9; 16]).unwrap());
}

#[test]
fn a_database_of_the_first_schema_is_brought_up_to_date() {
    let place = Place::new();
    let store = place.open();
    let kept = credential("alice", 1);
    store.add_credential(&kept, random).unwrap();
    drop(store);
    place.alter(
        "DROP TABLE provisioned_sign_ins; DROP TABLE provisioned_members;
         DROP TABLE provisioned_groups; DROP TABLE provisioned_users;
         DROP INDEX credentials_by_sign_in;
         ALTER TABLE credentials DROP COLUMN sign_in;
         ALTER TABLE credentials DROP COLUMN uses;
         DROP TABLE provider_sessions; DROP TABLE saml_metadata; DROP TABLE sign_ins; DROP TABLE refresh_tokens; DROP TABLE revoked_grants;
         DROP TABLE administrators; DROP TABLE administrator_token;
         DROP TABLE outbox; DROP TABLE kept;
         PRAGMA user_version = 1",
    );
    let store = place.open();
    assert_eq!(store.credential(kept.id).unwrap(), Some(kept));
    store.add_sign_in(&sign_in(1, "alice"), random).unwrap();
}

fn provider_session(seed: u8, due_utc_ns: Option<u64>) -> StoredProviderSession {
    StoredProviderSession {
        sign_in: id(seed),
        provider: "okta".to_owned(),
        id_token: Secret::new("canary-id-token".to_owned()),
        refresh_token: due_utc_ns.map(|_| Secret::new("canary-refresh-token".to_owned())),
        subject: "alice".to_owned(),
        nonce: "a-nonce".to_owned(),
        authenticated_at: Some(7),
        due_utc_ns,
    }
}

#[test]
fn a_sign_in_gets_other_groups_and_no_other_owner() {
    let place = Place::new();
    let store = place.open();
    let mut alice = sign_in(1, "alice");
    store.add_sign_in(&alice, random).unwrap();
    alice.principal.groups = vec!["readers".to_owned()];
    assert!(store.change_sign_in(&alice, random).unwrap());
    let found = store.sign_ins(SignInsOf::Id(alice.id)).unwrap();
    assert_eq!(found, std::slice::from_ref(&alice));
    let mut other = alice.clone();
    other.principal.subject = "bob".to_owned();
    assert!(!store.change_sign_in(&other, random).unwrap());
    store.revoke_sign_in(alice.id, 50).unwrap();
    assert!(!store.change_sign_in(&alice, random).unwrap(), "it is over");
}

#[test]
fn a_providers_session_is_due_while_its_sign_in_lives() {
    let place = Place::new();
    let store = place.open();
    let due = |provider: &str, utc_ns| -> Vec<SignInId> {
        let due = store.provider_sessions_due(provider, utc_ns, 2).unwrap();
        due.into_iter().map(|session| session.sign_in).collect()
    };
    let never = provider_session(9, Some(5));
    assert!(
        !store.put_provider_session(&never, random).unwrap(),
        "no such sign-in"
    );
    for seed in 1..=4 {
        store.add_sign_in(&sign_in(seed, "alice"), random).unwrap();
        let at = (seed < 4).then_some(100 - u64::from(seed));
        let session = provider_session(seed, at);
        assert!(store.put_provider_session(&session, random).unwrap());
    }
    assert_eq!(due("okta", 96), []);
    assert_eq!(due("okta", 100), [id(3), id(2)], "the longest due first");
    assert_eq!(due("entra", 100), []);
    assert_eq!(due("okta", 1000), [], "expired");
    store
        .put_provider_session(&provider_session(3, Some(200)), random)
        .unwrap();
    assert_eq!(due("okta", 100), [id(2), id(1)]);
    store.revoke_sign_in(id(2), 50).unwrap();
    assert_eq!(due("okta", 100), [id(1)]);
    assert!(
        store.provider_session(id(2)).unwrap().is_none(),
        "forgotten"
    );
    assert!(
        !store
            .put_provider_session(&provider_session(2, Some(60)), random)
            .unwrap()
    );
    let kept = store.provider_session(id(1)).unwrap().unwrap();
    assert_eq!(kept.refresh_token.unwrap().expose(), "canary-refresh-token");
    assert_eq!(kept.authenticated_at, Some(7));
    store.delete_expired_sign_ins(2000).unwrap();
    assert!(store.provider_session(id(1)).unwrap().is_none());
}

#[test]
fn what_a_provider_gave_is_sealed_to_its_sign_in() {
    let place = Place::new();
    let store = place.open();
    for seed in 1..=2 {
        store.add_sign_in(&sign_in(seed, "alice"), random).unwrap();
        store
            .put_provider_session(&provider_session(seed, Some(5)), random)
            .unwrap();
    }
    drop(store);
    for file in std::fs::read_dir(place.directory.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(7).any(|part| part == b"canary-"));
    }
    place.alter(&format!(
        "UPDATE provider_sessions SET body =
         (SELECT body FROM provider_sessions WHERE sign_in = '{}') WHERE sign_in = '{}'",
        id(1),
        id(2)
    ));
    let store = place.open();
    store.provider_session(id(2)).unwrap_err();
    store.provider_session(id(1)).unwrap();
    assert!(!format!("{:?}", store.provider_session(id(1))).contains("canary"));
}

#[test]
fn a_sign_in_lives_no_longer_than_those_that_it_hangs_on() {
    for ended in 0..3 {
        let place = Place::new();
        let store = place.open();
        let (agent, person) = (sign_in(1, "agent"), sign_in(2, "person"));
        let both = StoredSignIn {
            parents: vec![agent.id, person.id],
            ..sign_in(3, "both")
        };
        for one in [&agent, &person, &both] {
            store.add_sign_in(one, random).unwrap();
        }
        drop(store);
        let store = place.open();
        assert_eq!(
            store.live_sign_in(both.id, 999).unwrap(),
            Some(both.clone())
        );
        assert_eq!(store.live_sign_in(both.id, 1000).unwrap(), None);
        let id = [agent.id, person.id, both.id][ended];
        assert!(store.revoke_sign_in(id, 50).unwrap());
        assert_eq!(store.live_sign_in(both.id, 51).unwrap(), None, "{ended}");
        let alone = store.live_sign_in(agent.id, 51).unwrap();
        assert_eq!(alone.is_some(), ended != 0);
    }
    // One whose parent is gone, and one that hangs on itself.
    let store = Place::new().open();
    let orphan = StoredSignIn {
        parents: vec![id(9)],
        ..sign_in(4, "orphan")
    };
    let own = StoredSignIn {
        parents: vec![id(5)],
        ..sign_in(5, "own")
    };
    for one in [&orphan, &own] {
        store.add_sign_in(one, random).unwrap();
        assert_eq!(store.live_sign_in(one.id, 11).unwrap(), None);
    }
}

#[test]
fn an_end_that_cannot_be_stored_holds_until_it_can() {
    let place = Place::new();
    let store = place.open();
    let alice = sign_in(1, "alice");
    store.add_sign_in(&alice, random).unwrap();
    let other = rusqlite::Connection::open(place.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    store.revoke_sign_in(alice.id, 50).unwrap_err();
    let found = store.sign_ins(SignInsOf::Id(alice.id)).unwrap();
    assert_eq!(found[0].revoked_utc_ns, Some(50));
    assert_eq!(store.live_sign_in(alice.id, 51).unwrap(), None);
    store.store_owed_ends().unwrap_err();
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.store_owed_ends().unwrap(), 1);
    assert_eq!(store.store_owed_ends().unwrap(), 0);
    drop(store);
    let found = place.open().sign_ins(SignInsOf::Id(alice.id)).unwrap();
    assert_eq!(found[0].revoked_utc_ns, Some(50));
}

#[test]
fn who_reads_does_not_wait_for_who_writes() {
    let place = Place::new();
    let store = place.open();
    store.add_sign_in(&sign_in(1, "alice"), random).unwrap();
    let other = rusqlite::Connection::open(place.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (sent, heard) = std::sync::mpsc::sync_channel(1);
    std::thread::scope(|scope| {
        let writer = store.clone();
        scope.spawn(move || writer.revoke_sign_in(id(1), 50));
        scope.spawn(|| sent.send(store.sign_ins(SignInsOf::Id(id(1)))).unwrap());
        // The writer waits five seconds for the lock.
        let read = heard.recv_timeout(std::time::Duration::from_secs(3));
        assert_eq!(read.unwrap().unwrap().len(), 1);
        other.execute_batch("ROLLBACK").unwrap();
    });
}
