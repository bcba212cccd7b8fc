//! What holds for any filter, any path and any request.

use custos_scim::{Expression, PatchPath};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::dialogue::{Dialogue, GROUP, USER};

/// Filters that are written properly, up to five levels deep.
fn filter() -> impl Strategy<Value = String> {
    let attribute =
        r"[a-z][a-zA-Z0-9_-]{0,6}(\.[a-z]{1,4})?|urn:x:y:2\.0:[A-Z][a-z]{1,3}:[a-z]{1,4}";
    let value = prop_oneof![
        any::<String>()
            .prop_map(|text| Value::from(text.chars().take(8).collect::<String>()).to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        Just("TRUE".to_owned()),
        Just("null".to_owned()),
    ];
    let comparison = (attribute, "eq|NE|co|sw|ew|gt|ge|lt|le", value)
        .prop_map(|(attribute, operator, value)| format!("{attribute} {operator} {value}"));
    let leaf = prop_oneof![comparison, "[a-z]{1,4} pr"];
    leaf.prop_recursive(5, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|f| format!("({f})")),
            inner.clone().prop_map(|f| format!("not ({f})")),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|all| all.join(" AND ")),
            prop::collection::vec(inner, 2..4).prop_map(|all| all.join("  or ")),
        ]
    })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("alice".to_owned()),
        Just("Bob".to_owned()),
        "[a-c]{0,2}",
        any::<String>()
    ]
}

/// Values of the right and of the wrong kind.
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        text().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(json!("False")),
        Just(Value::Null),
        Just(json!([])),
        Just(json!([{"value": "USER0"}, {"value": "USER1"}])),
        Just(json!({"value": "USER1", "type": "work", "primary": "True"})),
        text().prop_map(|text| json!({"userName": text, "active": false, "emails[type eq \"work\"].value": text})),
        text().prop_map(|text| json!({"displayName": text, "members": [{"value": "USER2"}]})),
        text().prop_map(|text| json!([{"value": text, "type": "home", "primary": true}])),
    ]
}

fn operation() -> impl Strategy<Value = Value> {
    let path = prop_oneof![
        Just(None),
        prop::sample::select(vec![
            "userName",
            "active",
            "displayName",
            "externalId",
            "name",
            "name.givenName",
            "emails",
            "members",
            "id",
            "emails[type eq \"work\"].value",
            "emails[type eq \"home\"]",
            "emails[primary eq true].type",
            "emails[value eq \"alice\" or type eq \"work\"].primary",
            "members[value eq \"USER1\"]",
            "title",
            "urn:ietf:params:scim:schemas:core:2.0:User:active",
            "urn:ietf:params:scim:schemas:core:2.0:Group",
        ])
        .prop_map(Some),
    ];
    (
        prop::sample::select(vec!["add", "Replace", "REMOVE"]),
        path,
        prop::option::of(value()),
    )
        .prop_map(|(op, path, value)| {
            let mut operation = json!({"op": op});
            if let Some(path) = path {
                operation["path"] = json!(path);
            }
            if let Some(value) = value {
                operation["value"] = value;
            }
            operation
        })
}

/// Three users, of whom two are in a group.
fn directory() -> (Dialogue, [String; 3], String) {
    let mut source = Dialogue::new();
    let users = ["alice", "bob", "carol"].map(|name| source.user(name));
    let group = source.group("Developers", &[&users[0], &users[1]]);
    (source, users, group)
}

/// With the ids in the places held for them.
fn with_ids(value: &Value, users: &[String; 3]) -> Value {
    let mut text = value.to_string();
    for (n, id) in users.iter().enumerate() {
        text = text.replace(&format!("USER{n}"), id);
    }
    serde_json::from_str(&text).unwrap()
}

proptest! {
    #[test]
    fn a_filter_means_the_same_when_it_is_written_again(text in filter()) {
        prop_assume!(text.len() <= custos_scim::MAX_FILTER_BYTES);
        let read = Expression::parse(&text).unwrap();
        let written = read.to_string();
        prop_assert_eq!(Expression::parse(&written), Ok(read.clone()));
        let path = format!("emails[{text}].value");
        if let Ok(path) = PatchPath::parse(&path) {
            prop_assert_eq!(path.filter.as_ref(), Some(&read));
            prop_assert_eq!(PatchPath::parse(&path.to_string()), Ok(path));
        } else {
            prop_assert!(path.len() > custos_scim::MAX_FILTER_BYTES);
        }
    }

    #[test]
    fn a_changed_filter_is_refused_or_means_the_same_when_written_again(
        text in filter(), at in any::<prop::sample::Index>(), new in prop::option::of(any::<char>()),
    ) {
        let mut characters: Vec<char> = text.chars().collect();
        let at = at.index(characters.len());
        match new {
            Some(new) => characters.insert(at, new),
            None => characters.truncate(at),
        }
        let changed: String = characters.into_iter().collect();
        if let Ok(read) = Expression::parse(&changed) {
            prop_assert_eq!(Expression::parse(&read.to_string()), Ok(read));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        let _ = Expression::parse(&text);
        let _ = PatchPath::parse(&text);
        let mut source = Dialogue::new();
        let reply = source.send_bytes("POST /Users", text.as_bytes());
        prop_assert!(reply.status >= 400);
        let reply = source.get(&format!("/Users?filter={text}"));
        prop_assert!(reply.status == 400);
    }

    /// The directory itself checks that changes lead from what it holds to what is answered, and what holds after them.
    #[test]
    fn patches_keep_users_whole(operations in prop::collection::vec(operation(), 1..6)) {
        let (mut source, users, _) = directory();
        let operations = with_ids(&json!(operations), &users);
        let path = format!("/Users/{}", users[1]);
        let reply = source.patch(&path, &operations);
        prop_assert!([200, 400, 409].contains(&reply.status));
        if reply.status == 200 {
            prop_assert_eq!(source.get(&path).body, reply.body);
            let user = &source.directory.users[&users[1]];
            let ended = reply.changes.iter().any(|change| change.ends_access_of() == Some(&user.id));
            prop_assert_eq!(ended, !user.active);
        }
    }

    #[test]
    fn patches_keep_groups_whole(operations in prop::collection::vec(operation(), 1..6)) {
        let (mut source, users, group) = directory();
        let operations = with_ids(&json!(operations), &users);
        let reply = source.patch(&format!("/Groups/{group}?attributes=members,displayName"), &operations);
        prop_assert!([200, 400].contains(&reply.status));
        if reply.status == 200 {
            let listed: Vec<&str> = reply.body["members"].as_array().unwrap().iter().map(|m| m["value"].as_str().unwrap()).collect();
            prop_assert_eq!(listed, source.directory.members[&group].iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_patch_made_again_changes_nothing_more(operation in operation()) {
        let (mut source, users, group) = directory();
        let operation = with_ids(&json!([operation]), &users);
        for path in [format!("/Users/{}", users[1]), format!("/Groups/{group}")] {
            if source.patch(&path, &operation).status < 300 {
                let again = source.patch(&path, &operation);
                prop_assert!(again.status >= 400 || again.changes.is_empty(), "{:?}", again);
            }
        }
    }

    #[test]
    fn what_is_read_can_be_sent_back(name in "[a-zA-Z0-9 é]{1,40}", mail in prop::option::of("[a-z]{1,9}@example\\.com")) {
        let mut source = Dialogue::new();
        let mut user = json!({"schemas": [USER], "userName": name, "name": {"formatted": name}});
        if let Some(mail) = mail {
            user["emails"] = json!([{"value": mail, "primary": true}]);
        }
        let created = source.send("POST /Users", &user).body;
        let path = format!("PUT /Users/{}", created["id"].as_str().unwrap());
        prop_assert_eq!(source.send(&path, &created).changes, vec![]);
        let group = json!({"schemas": [GROUP], "displayName": name, "members": [{"value": created["id"]}]});
        let created = source.send("POST /Groups", &group).body;
        let path = format!("PUT /Groups/{}", created["id"].as_str().unwrap());
        prop_assert_eq!(source.send(&path, &created).changes, vec![]);
    }
}
