//! What provisioning sources send: filters, paths, bodies of users, groups and patches.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};

use custos_scim::{
    Change, Expression, Group, MAX_FILTER_BYTES, Name, PatchPath, Request, ServiceProvider, User,
};
use libfuzzer_sys::fuzz_target;
use memory::Memory;
use serde_json::Value;

/// Its commits check each change, and what holds after them.
#[path = "../../crates/scim/tests/it/memory.rs"]
mod memory;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        filters_mean_the_same_when_written_again(text);
        paths_mean_the_same_when_written_again(text);
        answered("GET", "/Users", text, b"");
        answered("GET", "/Groups", text, b"");
        answered("GET", text, "", b"");
    }
    for (method, path) in [
        ("POST", "/Users"),
        ("PUT", "/Users/u1"),
        ("PATCH", "/Users/u1"),
        ("POST", "/Groups"),
        ("PUT", "/Groups/g1"),
        ("PATCH", "/Groups/g1"),
    ] {
        answered(method, path, "", data);
    }
});

fn filters_mean_the_same_when_written_again(text: &str) {
    if let Ok(filter) = Expression::parse(text) {
        let written = filter.to_string();
        assert!(written.len() <= MAX_FILTER_BYTES);
        assert_eq!(Expression::parse(&written), Ok(filter));
    }
}

fn paths_mean_the_same_when_written_again(text: &str) {
    if let Ok(path) = PatchPath::parse(text) {
        assert_eq!(PatchPath::parse(&path.to_string()), Ok(path));
    }
}

fn answered(method: &str, path: &str, query: &str, body: &[u8]) {
    let mut directory = directory();
    let before = directory.clone();
    let request = Request {
        method,
        path,
        query,
        body,
        now: 1_795_232_787_000_000_000,
        random: [7; 16],
    };
    let provider = ServiceProvider::new("https://custos.example.com/scim/v2");
    let answer = provider.handle(&mut directory, &request).unwrap();
    let status = answer.response.status;
    assert!([200, 201, 204, 400, 404, 405, 409, 413, 501].contains(&status));
    assert_eq!(status == 204, answer.response.body.is_empty());
    if status != 204 {
        serde_json::from_slice::<Value>(&answer.response.body).unwrap();
    }
    assert_eq!(answer.changes.is_empty(), directory == before);
    assert!(answer.changes.is_empty() || status < 300);
    let ended = answer
        .changes
        .iter()
        .any(|change| change.ends_access_of() == Some("u1"));
    assert_eq!(ended, !directory.users["u1"].active);
    // What was done once is done.
    if status < 300 && method != "POST" {
        let again = provider.handle(&mut directory, &request).unwrap();
        let settled = again.changes.iter().all(is_not_a_switch);
        assert!(settled, "{:?}", again.changes);
    }
}

fn is_not_a_switch(change: &Change) -> bool {
    !matches!(
        change,
        Change::UserActivated { .. } | Change::UserDeactivated { .. } | Change::UserDeleted(_)
    )
}

/// Two users, one of them in a group.
fn directory() -> Memory {
    let user = |id: &str, name: &str| User {
        id: id.to_owned(),
        external_id: Some(format!("key of {name}")),
        user_name: name.to_owned(),
        active: true,
        display_name: None,
        name: Name::default(),
        emails: Vec::new(),
        created: 1,
        last_modified: 1,
    };
    let group = Group {
        id: "g1".to_owned(),
        external_id: None,
        display_name: "Developers".to_owned(),
        created: 1,
        last_modified: 1,
    };
    let users = [user("u1", "alice"), user("u2", "bob")];
    Memory {
        users: users.map(|user| (user.id.clone(), user)).into(),
        groups: BTreeMap::from([("g1".to_owned(), group)]),
        members: BTreeMap::from([("g1".to_owned(), BTreeSet::from(["u1".to_owned()]))]),
        conflict: false,
    }
}
