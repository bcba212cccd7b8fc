use serde_json::{Value, json};

use super::{Name, User};
use crate::patch::operations;
use crate::{Email, ScimError, json as body};

fn object(value: &Value) -> body::Object {
    body::object(value.to_string().as_bytes()).unwrap()
}

fn alice() -> User {
    let mut user = User::new("u1".into(), 1);
    let representation = json!({
        "userName": "alice@example.com",
        "externalId": "00u1",
        "displayName": "Alice",
        "name": {"formatted": "Alice A", "givenName": "Alice", "familyName": "A", "middleName": "M"},
        "emails": [{"value": "alice@example.com", "type": "work", "primary": true}],
    });
    user.replace(&object(&representation)).unwrap();
    user
}

fn patched(list: &Value) -> Result<User, ScimError> {
    let message = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": list,
    });
    let mut user = alice();
    user.patch(&operations(&object(&message))?)?;
    Ok(user)
}

fn one(operation: &Value) -> Result<User, ScimError> {
    patched(&json!([operation]))
}

fn email(value: &str, kind: &str, primary: bool) -> Email {
    Email {
        value: value.into(),
        kind: Some(kind.into()),
        primary,
    }
}

#[test]
fn a_replacement_keeps_key_and_activity_and_clears_the_rest() {
    let mut user = alice();
    user.active = false;
    user.replace(&object(&json!({"userName": "alice"})))
        .unwrap();
    assert_eq!(
        (user.external_id.as_deref(), user.active),
        (Some("00u1"), false)
    );
    assert_eq!(
        (user.display_name, user.name, user.emails),
        (None, Name::default(), vec![])
    );
    let mut user = alice();
    user.replace(&object(
        &json!({"userName": "a", "externalId": null, "active": "True"}),
    ))
    .unwrap();
    assert_eq!((user.external_id, user.active), (None, true));
}

#[test]
fn kept_attributes_have_their_types() {
    for wrong in [
        json!({}),
        json!({"userName": ""}),
        json!({"userName": null}),
        json!({"userName": ["a"]}),
        json!({"userName": "a", "active": null}),
        json!({"userName": "a", "active": 0}),
        json!({"userName": "a", "externalId": 5}),
        json!({"userName": "a", "displayName": {}}),
        json!({"userName": "a", "name": "A"}),
        json!({"userName": "a", "name": {"givenName": 1}}),
        json!({"userName": "a", "emails": "a@example.com"}),
        json!({"userName": "a", "emails": ["a@example.com"]}),
        json!({"userName": "a", "emails": [{"value": 1}]}),
        json!({"userName": "a", "emails": [{"value": "a", "primary": "yes"}]}),
        json!({"userName": "a", "emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}),
    ] {
        let refused = alice().replace(&object(&wrong));
        assert!(matches!(refused, Err(ScimError::Value { .. })), "{wrong}");
    }
}

#[test]
fn single_values_are_set_and_cleared() {
    let user = one(&json!({"op": "add", "path": "displayName", "value": "A"})).unwrap();
    assert_eq!(user.display_name.as_deref(), Some("A"));
    for clearing in [
        json!({"op": "remove", "path": "displayName"}),
        json!({"op": "replace", "path": "DISPLAYNAME", "value": null}),
        json!({"op": "replace", "value": {"displayName": ""}}),
    ] {
        assert_eq!(one(&clearing).unwrap().display_name, None, "{clearing}");
    }
    let renamed =
        one(&json!({"op": "replace", "path": "name", "value": {"givenName": "B"}})).unwrap();
    assert_eq!(renamed.name.given_name.as_deref(), Some("B"));
    assert_eq!(renamed.name.family_name.as_deref(), Some("A"));
    assert_eq!(
        one(&json!({"op": "remove", "path": "name"})).unwrap().name,
        Name::default()
    );
    let removed = one(&json!({"op": "remove", "path": "name.givenName"})).unwrap();
    assert_eq!(
        (removed.name.given_name, removed.name.family_name.as_deref()),
        (None, Some("A"))
    );
}

#[test]
fn what_has_to_be_there_stays() {
    for refused in [
        json!({"op": "remove", "path": "userName"}),
        json!({"op": "remove", "path": "active"}),
        json!({"op": "remove", "path": "id"}),
        json!({"op": "replace", "path": "id", "value": "u2"}),
        json!({"op": "replace", "value": {"id": "u2"}}),
    ] {
        assert!(
            matches!(one(&refused), Err(ScimError::Mutability(_))),
            "{refused}"
        );
    }
    for refused in [
        json!({"op": "replace", "path": "userName", "value": ""}),
        json!({"op": "replace", "path": "active", "value": null}),
        json!({"op": "replace", "path": "active"}),
        json!({"op": "add", "path": "emails"}),
    ] {
        assert!(
            matches!(one(&refused), Err(ScimError::Value { .. })),
            "{refused}"
        );
    }
}

#[test]
fn addresses_are_chosen_by_a_filter() {
    let path = r#"emails[type eq "work"].value"#;
    let user = one(&json!({"op": "replace", "path": path, "value": "a@example.com"})).unwrap();
    assert_eq!(user.emails, [email("a@example.com", "work", true)]);
    let path = r#"emails[type eq "home"].value"#;
    let user = one(&json!({"op": "Add", "path": path, "value": "h@example.com"})).unwrap();
    assert_eq!(user.emails[1], email("h@example.com", "home", false));
    let user =
        one(&json!({"op": "remove", "path": r#"emails[value eq "alice@example.com"]"#})).unwrap();
    assert_eq!(user.emails, []);
    let path = r#"emails[type eq "work"].value"#;
    assert_eq!(
        one(&json!({"op": "remove", "path": path})).unwrap().emails,
        []
    );
    let path = r#"emails[type eq "home" and primary eq true].value"#;
    let refused = one(&json!({"op": "replace", "path": path, "value": "a"}));
    assert!(matches!(refused, Err(ScimError::NoTarget(_))));
    let nameless = one(&json!({"op": "add", "path": r#"emails[type eq ""].value"#, "value": "a"}));
    assert!(matches!(nameless, Err(ScimError::NoTarget(_))));
    let ignored =
        one(&json!({"op": "replace", "path": r#"emails[type eq "work"].display"#, "value": 5}));
    assert_eq!(ignored, Ok(alice()));
}

#[test]
fn an_address_may_be_built_in_several_operations() {
    let user = patched(&json!([
        {"op": "Add", "path": "emails[type eq \"home\"].primary", "value": "True"},
        {"op": "Add", "path": "emails[type eq \"home\"].value", "value": "h@example.com"},
        {"op": "Add", "path": "emails[type eq \"other\"].primary", "value": false},
    ]));
    let expected = [
        email("alice@example.com", "work", false),
        email("h@example.com", "home", true),
    ];
    assert_eq!(user.unwrap().emails, expected);
}

/// As a provider does that sends the same operation again.
#[test]
fn an_address_of_one_type_stands_once() {
    let value = json!({"value": "alice@example.com", "type": "work", "primary": true});
    let made = one(&json!({"op": "add", "path": r#"emails[type eq "home"]"#, "value": value}));
    assert_eq!(made, Ok(alice()));
    let twice = one(&json!({"op": "replace", "path": "emails", "value": [value, value]}));
    assert_eq!(twice, Ok(alice()));
}

#[test]
fn one_address_is_primary() {
    let new = json!({"value": "b@example.com", "type": "home", "primary": true});
    let user = one(&json!({"op": "add", "path": "emails", "value": [new]})).unwrap();
    assert_eq!(user.emails[0], email("alice@example.com", "work", false));
    assert_eq!(user.emails[1], email("b@example.com", "home", true));
    let two = json!([{"value": "b", "primary": true}, {"value": "c", "primary": true}]);
    assert!(one(&json!({"op": "add", "path": "emails", "value": two})).is_err());
    let again = json!([{"value": "alice@example.com", "type": "work"}]);
    assert_eq!(
        one(&json!({"op": "add", "path": "emails", "value": again})),
        Ok(alice())
    );
}

#[test]
fn addresses_have_a_limit() {
    let many = |count: usize| {
        let addresses = (0..count).map(|n| json!({"value": format!("{n}@example.com")}));
        json!({"op": "add", "path": "emails", "value": addresses.collect::<Vec<_>>()})
    };
    assert!(one(&many(31)).is_ok());
    assert_eq!(one(&many(32)), Err(ScimError::Emails));
    let types = (0..40).map(|n| {
        json!({"op": "add", "path": format!("emails[type eq \"{n}\"].primary"), "value": false})
    });
    assert_eq!(patched(&types.collect()), Err(ScimError::Emails));
}

#[test]
fn what_is_not_kept_is_ignored() {
    for ignored in [
        json!({"op": "Add", "path": "nickName", "value": "Al"}),
        json!({"op": "Add", "path": "addresses[type eq \"work\"].country", "value": 5}),
        json!({"op": "remove", "path": "name.middleName"}),
        json!({"op": "replace", "path": "roles[primary eq \"True\"].value", "value": []}),
        json!({"op": "replace", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:active", "value": false}),
        json!({"op": "replace", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "value": {"active": false}}),
        json!({"op": "replace", "value": {"title": "x", "http://schemas.example.com/x": {"active": false}}}),
        json!({"op": "replace", "path": "password", "value": "x"}),
    ] {
        assert_eq!(one(&ignored), Ok(alice()), "{ignored}");
    }
}

#[test]
fn the_core_schema_may_be_named() {
    let schema = super::SCHEMA;
    for deactivating in [
        json!({"op": "replace", "path": format!("{schema}:active"), "value": false}),
        json!({"op": "replace", "path": schema, "value": {"active": false}}),
        json!({"op": "replace", "value": {format!("{schema}:active"): "False"}}),
        json!({"op": "add", "value": {schema: {"Active": false}}}),
    ] {
        assert!(!one(&deactivating).unwrap().active, "{deactivating}");
    }
}

#[test]
fn paths_that_cannot_be_are_refused() {
    for path in [
        "userName.x",
        "active[value eq true]",
        "emails.value",
        "name[a eq \"b\"]",
        "name.a.b",
        "emails[",
    ] {
        let refused = one(&json!({"op": "replace", "path": path, "value": "x"}));
        assert!(matches!(refused, Err(ScimError::Path(_))), "{path}");
    }
    let filter = one(&json!({"op": "remove", "path": r#"emails[value co "a"]"#}));
    assert!(matches!(filter, Err(ScimError::Filter(_))));
}
