use std::collections::BTreeSet;

use custos_model::{Authentication, IdSource, Principal, PrincipalKind};
use custos_scim::{Answer, Request, ServiceProvider};
use memory::Memory;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::PersonKey;
use crate::{MasterKey, ProvisionedPerson, Store, StoreError, StoredSignIn};

/// The reference: it checks each change against what it holds.
#[path = "../../../scim/tests/it/memory.rs"]
mod memory;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

fn random(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).unwrap();
}

/// A database file, and requests of one provisioning source to it.
struct Source {
    directory: tempfile::TempDir,
    store: Store,
    limits: (u64, u64),
    requests: u8,
}

impl Source {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = open(&directory);
        Self {
            directory,
            store,
            limits: (100, 100),
            requests: 0,
        }
    }

    fn reopen(&mut self) {
        self.store = open(&self.directory);
    }

    /// Behind the store's back.
    fn alter(&self, sql: &str) {
        let file = self.directory.path().join("control.db");
        rusqlite::Connection::open(file)
            .unwrap()
            .execute_batch(sql)
            .unwrap();
    }

    fn try_send(&mut self, provider: &str, line: &str, body: &Value) -> Result<Answer, StoreError> {
        self.requests += 1;
        let body = body.to_string();
        let request = request(line, &body, self.requests);
        self.store
            .with_provisioned_up_to(self.limits, provider, &random, |directory| {
                ServiceProvider::new("https://x").handle(directory, &request)
            })
    }

    fn send(&mut self, line: &str, body: &Value) -> Answer {
        self.try_send("okta", line, body).unwrap()
    }

    fn created(&mut self, line: &str, body: &Value) -> String {
        let answer = self.send(line, body);
        assert_eq!(answer.response.status, 201, "{answer:?}");
        let body: Value = serde_json::from_slice(&answer.response.body).unwrap();
        body["id"].as_str().unwrap().to_owned()
    }

    fn user(&mut self, name: &str) -> String {
        let user =
            json!({"schemas": [USER], "userName": name, "externalId": format!("key of {name}")});
        self.created("POST /Users", &user)
    }

    fn group(&mut self, name: &str, members: &[&str]) -> String {
        let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
        self.created(
            "POST /Groups",
            &json!({"schemas": [GROUP], "displayName": name, "members": members}),
        )
    }

    fn person(&self, key: PersonKey<'_>) -> Option<ProvisionedPerson> {
        self.store.provisioned_person("okta", key).unwrap()
    }
}

fn open(directory: &tempfile::TempDir) -> Store {
    let path = directory.path().join("control.db");
    Store::open(&path, MasterKey::from_bytes([1; 32])).unwrap()
}

fn request<'a>(line: &'a str, body: &'a str, number: u8) -> Request<'a> {
    let (method, target) = line.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Request {
        method,
        path,
        query,
        body: body.as_bytes(),
        now: u64::from(number) * 1_000_000_000,
        random: [number; 16],
    }
}

#[test]
fn people_are_found_with_their_groups_and_stay_over_a_restart() {
    let mut source = Source::new();
    let alice = source.user("Alice");
    let bob = source.user("bob");
    source.group("ops", &[&alice]);
    source.group("DBA", &[&alice, &bob]);
    source.reopen();
    let found = ProvisionedPerson {
        user_id: alice.clone(),
        active: true,
        groups: vec!["DBA".to_owned(), "ops".to_owned()],
    };
    assert_eq!(
        source.person(PersonKey::ExternalId("key of Alice")),
        Some(found.clone())
    );
    assert_eq!(source.person(PersonKey::UserName("Alice")), Some(found));
    for nobody in [
        PersonKey::ExternalId("Key of Alice"),
        PersonKey::ExternalId("Alice"),
        PersonKey::UserName("alice"),
        PersonKey::UserName("key of Alice"),
        PersonKey::ExternalId(""),
    ] {
        assert_eq!(source.person(nobody), None, "{nobody:?}");
    }
    let off = json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": false}]});
    source.send(&format!("PATCH /Users/{alice}"), &off);
    assert!(!source.person(PersonKey::UserName("Alice")).unwrap().active);
    source.send(&format!("DELETE /Users/{bob}"), &Value::Null);
    assert_eq!(source.person(PersonKey::UserName("bob")), None);
}

#[test]
fn each_provider_has_a_directory_of_its_own() {
    let mut source = Source::new();
    let alice = source.user("alice");
    let entra = source.try_send(
        "entra",
        "POST /Users",
        &json!({"schemas": [USER], "userName": "alice"}),
    );
    assert_eq!(entra.unwrap().response.status, 201);
    let other = source.try_send("entra", &format!("GET /Users/{alice}"), &Value::Null);
    assert_eq!(other.unwrap().response.status, 404);
    let group = json!({"schemas": [GROUP], "displayName": "dba", "members": [{"value": alice}]});
    let foreign = source.try_send("entra", "POST /Groups", &group).unwrap();
    assert_eq!(foreign.response.status, 400);
    let found = source
        .store
        .provisioned_person("entra", PersonKey::ExternalId("key of alice"));
    assert_eq!(found.unwrap(), None);
}

#[test]
fn what_fails_half_way_is_not_stored() {
    let mut source = Source::new();
    let alice = source.user("alice");
    let body = json!({"schemas": [GROUP], "displayName": "dba", "members": [{"value": alice}]})
        .to_string();
    let request = request("POST /Groups", &body, 77);
    let failed: Result<Answer, StoreError> =
        source.store.with_provisioned("okta", &random, |directory| {
            let answer = ServiceProvider::new("https://x").handle(directory, &request)?;
            assert_eq!(answer.response.status, 201);
            Err(StoreError::Time(0))
        });
    assert!(matches!(failed, Err(StoreError::Time(0))));
    let groups = source.send("GET /Groups", &Value::Null);
    let groups: Value = serde_json::from_slice(&groups.response.body).unwrap();
    assert_eq!(groups["totalResults"], 0);
    assert_eq!(
        source.person(PersonKey::UserName("alice")).unwrap().groups,
        [""; 0]
    );
}

#[test]
fn a_full_directory_takes_nobody_more() {
    let mut source = Source::new();
    source.limits = (2, 1);
    let alice = source.user("alice");
    source.user("bob");
    source.group("dba", &[&alice]);
    let carol = json!({"schemas": [USER], "userName": "carol"});
    let refused = source.send("POST /Users", &carol);
    assert_eq!(refused.response.status, 507, "{refused:?}");
    assert!(refused.changes.is_empty());
    let group = json!({"schemas": [GROUP], "displayName": "ops"});
    assert_eq!(source.send("POST /Groups", &group).response.status, 507);
    // Who is there can be changed, and whoever leaves makes room.
    let off = json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": false}]});
    assert_eq!(
        source
            .send(&format!("PATCH /Users/{alice}"), &off)
            .response
            .status,
        200
    );
    assert_eq!(
        source
            .send(&format!("DELETE /Users/{alice}"), &Value::Null)
            .response
            .status,
        204
    );
    assert_eq!(source.send("POST /Users", &carol).response.status, 201);
}

#[test]
fn an_edited_directory_is_refused() {
    for (edit, what) in [
        ("UPDATE provisioned_users SET active = 1", "switched on"),
        (
            "UPDATE provisioned_users SET external_id = 'key of alice' WHERE user_name_folded = 'mallory'",
            "renamed",
        ),
        (
            "UPDATE provisioned_users SET body = (SELECT body FROM provisioned_users WHERE user_name_folded = 'bob')",
            "copied",
        ),
    ] {
        let mut source = Source::new();
        source.user("bob");
        let mallory = source.user("mallory");
        let off = json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": false}]});
        source.send(&format!("PATCH /Users/{mallory}"), &off);
        source.alter(edit);
        let keys = [
            PersonKey::UserName("mallory"),
            PersonKey::ExternalId("key of alice"),
        ];
        let found = keys.map(|key| source.store.provisioned_person("okta", key));
        assert!(
            found
                .iter()
                .any(|found| matches!(found, Err(StoreError::Damaged { .. }))),
            "{what}: {found:?}"
        );
    }
    let mut source = Source::new();
    let (alice, mallory) = (source.user("alice"), source.user("mallory"));
    let dba = source.group("dba", &[&alice]);
    source.alter(&format!(
        "INSERT INTO provisioned_members SELECT provider, '{dba}', '{mallory}', seal FROM provisioned_members"
    ));
    let found = source
        .store
        .provisioned_person("okta", PersonKey::UserName("mallory"));
    assert!(
        matches!(found, Err(StoreError::Damaged { .. })),
        "{found:?}"
    );
    let read = source.try_send("okta", &format!("GET /Groups/{dba}"), &Value::Null);
    assert!(matches!(read, Err(StoreError::Damaged { .. })), "{read:?}");
}

#[test]
fn sign_ins_belong_to_users_while_they_are_good() {
    let mut source = Source::new();
    let alice = source.user("alice");
    let ids = IdSource::new([7; 10]);
    let sign_in = |expires| StoredSignIn {
        id: ids.sign_in(1),
        principal: Principal {
            issuer: "https://okta.example".to_owned(),
            subject: "key of alice".to_owned(),
            kind: PrincipalKind::Human,
            ..Principal::unknown("alice")
        },
        authentication: Authentication::by("okta", 1),
        provider_session: None,
        issued_utc_ns: 1,
        expires_utc_ns: expires,
        revoked_utc_ns: None,
        parents: Vec::new(),
    };
    let (live, expired, ended) = (sign_in(1000), sign_in(100), sign_in(1000));
    for sign_in in [&live, &expired, &ended] {
        source.store.add_sign_in(sign_in, random).unwrap();
        source
            .store
            .link_provisioned_sign_in(sign_in.id, "okta", &alice)
            .unwrap();
    }
    source.store.revoke_sign_in(ended.id, 50).unwrap();
    let users: BTreeSet<String> = [alice.clone(), "somebody else".to_owned()].into();
    let of = |provider| {
        source
            .store
            .provisioned_sign_ins(provider, &users, 100)
            .unwrap()
    };
    assert_eq!(of("okta"), [live.id]);
    assert_eq!(of("entra"), []);
    let user_of = |provider| source.store.provisioned_user_of(provider, live.id).unwrap();
    assert_eq!((user_of("okta"), user_of("entra")), (Some(alice), None));
    assert!(
        source
            .store
            .link_provisioned_sign_in(ids.sign_in(2), "okta", "u")
            .is_err()
    );
    assert_eq!(source.store.delete_expired_sign_ins(1001).unwrap(), 3);
    assert_eq!(
        source.store.provisioned_user_of("okta", live.id).unwrap(),
        None
    );
}

/// A request about users and groups that may be there; `n` chooses which.
fn line() -> impl Strategy<Value = (&'static str, usize, Value)> {
    let name = prop::sample::select(vec!["alice", "ALICE", "bob", "Éva", "éva"]);
    let key = prop::option::of(prop::sample::select(vec!["1", "2"]));
    let user = (name.clone(), key.clone(), any::<bool>()).prop_map(|(name, key, active)| {
        json!({"schemas": [USER], "userName": name, "externalId": key, "active": active,
               "emails": [{"value": "a@example.com", "type": "work"}], "name": {"givenName": name}})
    });
    let members = prop::collection::vec(0..3_usize, 0..3);
    let group = (name.clone(), key, members.clone()).prop_map(|(name, key, members)| {
        let members: Vec<Value> = members
            .iter()
            .map(|n| json!({"value": format!("USER{n}")}))
            .collect();
        json!({"schemas": [GROUP], "displayName": name, "externalId": key, "members": members})
    });
    let patch = |value: Value| json!({"schemas": [PATCH], "Operations": [value]});
    let of_user = prop_oneof![
        any::<bool>()
            .prop_map(|active| json!({"op": "replace", "path": "active", "value": active})),
        name.prop_map(
            |name| json!({"op": "replace", "value": {"userName": name, "displayName": name}})
        ),
    ];
    let of_group =
        (prop::sample::select(vec!["add", "remove"]), members).prop_map(|(op, members)| {
            let members: Vec<Value> = members
                .iter()
                .map(|n| json!({"value": format!("USER{n}")}))
                .collect();
            json!({"op": op, "path": "members", "value": members})
        });
    prop_oneof![
        4 => user.clone().prop_map(|body| ("POST /Users", 0, body)),
        2 => group.clone().prop_map(|body| ("POST /Groups", 0, body)),
        2 => (0..3_usize, user).prop_map(|(n, body)| ("PUT /Users/", n, body)),
        2 => (0..3_usize, group).prop_map(|(n, body)| ("PUT /Groups/", n, body)),
        2 => (0..3_usize, of_user).prop_map(move |(n, one)| ("PATCH /Users/", n, patch(one))),
        3 => (0..3_usize, of_group).prop_map(move |(n, one)| ("PATCH /Groups/", n, patch(one))),
        1 => (0..3_usize).prop_map(|n| ("DELETE /Users/", n, Value::Null)),
        1 => (0..3_usize).prop_map(|n| ("DELETE /Groups/", n, Value::Null)),
    ]
}

/// What is read after each change.
const READ: [&str; 6] = [
    "GET /Users",
    "GET /Groups",
    "GET /Users?filter=userName eq \"Alice\" or externalId eq \"2\" and active eq true&count=2",
    "GET /Groups?filter=displayName eq \"ÉVA\" or members eq \"USER0\"",
    "GET /Users?startIndex=2&count=1",
    "GET /Groups?startIndex=2&count=0",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn it_answers_as_the_reference_does(lines in prop::collection::vec(line(), 1..20)) {
        let mut source = Source::new();
        let mut reference = Memory::default();
        for (line, n, body) in lines {
            let nth = |ids: Vec<&String>| ids.get(n).map_or_else(String::new, |id| (*id).clone());
            let id = match line {
                line if line.ends_with("/Users/") => nth(reference.users.keys().collect()),
                line if line.ends_with("/Groups/") => nth(reference.groups.keys().collect()),
                _ => String::new(),
            };
            let users: Vec<String> = reference.users.keys().cloned().collect();
            let with_ids = |text: &str| users.iter().enumerate().fold(text.to_owned(), |text, (n, id)| {
                text.replace(&format!("USER{n}"), id)
            });
            let body: Value = serde_json::from_str(&with_ids(&body.to_string())).unwrap();
            let changing = std::iter::once((format!("{line}{id}"), body));
            for (line, body) in changing.chain(READ.map(|line| (with_ids(line), Value::Null))) {
                let answer = source.send(&line, &body);
                let text = body.to_string();
                let request = request(&line, &text, source.requests);
                let expected = ServiceProvider::new("https://x").handle(&mut reference, &request).unwrap();
                prop_assert_eq!(answer, expected, "{}", line);
            }
        }
    }
}
