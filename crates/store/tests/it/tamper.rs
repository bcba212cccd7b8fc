//! An edited database is refused, not obeyed.

use custos_store::StoreError;

use crate::support::{Place, credential, name, random, resource, secret};

fn with_two_resources() -> Place {
    let place = Place::new();
    let store = place.open();
    store
        .add_resource(&resource("postgres/one"), &secret("first"), random)
        .unwrap();
    store
        .add_resource(&resource("postgres/two"), &secret("second"), random)
        .unwrap();
    place
}

#[test]
fn a_wrong_master_key_is_refused_at_open() {
    let place = with_two_resources();
    let error = place.try_open(2).unwrap_err();
    assert!(matches!(error, StoreError::WrongKey { .. }), "{error:?}");
    assert_eq!(
        place
            .open()
            .upstream_password(&name("postgres/one"))
            .unwrap()
            .expose(),
        "first",
        "the right one still opens it"
    );
}

#[test]
fn a_changed_definition_costs_the_password() {
    for edit in [
        "replace(definition, 'db.internal', 'evil')",
        "replace(definition, 'verify-full', 'disable')",
        "replace(definition, '5432', '5433')",
        "definition || ' '",
    ] {
        let place = with_two_resources();
        place.alter(&format!(
            "UPDATE resources SET definition = {edit} WHERE name = 'postgres/one'"
        ));
        let store = place.open();
        let one = name("postgres/one");
        assert!(
            matches!(
                store.upstream_password(&one),
                Err(StoreError::Damaged { .. })
            ),
            "{edit}"
        );
        assert!(
            matches!(store.resource(&one), Err(StoreError::Damaged { .. })),
            "{edit}"
        );
        assert!(
            matches!(store.resources(), Err(StoreError::Damaged { .. })),
            "{edit}"
        );
        assert_eq!(
            store
                .upstream_password(&name("postgres/two"))
                .unwrap()
                .expose(),
            "second"
        );
        assert!(
            store.remove_resource(&one).unwrap(),
            "it can still be removed"
        );
        assert_eq!(store.resources().unwrap().len(), 1);
    }
}

#[test]
fn passwords_cannot_be_swapped() {
    let place = with_two_resources();
    place.alter(
        "UPDATE resources SET password = (SELECT password FROM resources WHERE name = 'postgres/two')
         WHERE name = 'postgres/one'",
    );
    let error = place
        .open()
        .upstream_password(&name("postgres/one"))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "password of resources postgres/one in the control database is damaged or was altered outside of Custos"
    );
}

#[test]
fn credentials_cannot_be_moved_or_renamed() {
    let edits = [
        "UPDATE credentials SET login_name = 'alice'",
        "UPDATE credentials SET id = '01890000-0000-7000-8000-000000000000'",
        "UPDATE credentials SET body = x'01'",
        "UPDATE credentials SET body = zeroblob(0)",
        "UPDATE credentials SET body = substr(body, 1, length(body) - 1)",
    ];
    for edit in edits {
        let place = Place::new();
        let store = place.open();
        store.add_credential(&credential("bob", 5), random).unwrap();
        place.alter(edit);
        assert!(
            matches!(store.credentials(), Err(StoreError::Damaged { .. })),
            "{edit}"
        );
        let login_name = if edit.contains("alice") {
            "alice"
        } else {
            "bob"
        };
        let looked_up = store.credentials_named(login_name);
        assert!(
            matches!(looked_up, Err(StoreError::Damaged { .. })),
            "{edit}"
        );
    }
}

#[test]
fn a_later_expiry_in_the_column_is_not_believed() {
    let place = Place::new();
    let store = place.open();
    let bob = credential("bob", 5);
    store.add_credential(&bob, random).unwrap();
    place.alter("UPDATE credentials SET expires_utc_ns = 9000000000000000000");
    assert_eq!(store.credentials_named("bob").unwrap(), [bob]);
}

#[test]
fn secrets_cannot_be_moved_and_the_key_check_not_removed() {
    let place = Place::new();
    let store = place.open();
    store.put_secret("a", &secret("x"), random).unwrap();
    place.alter("UPDATE secrets SET name = 'b'");
    assert!(matches!(store.secret("b"), Err(StoreError::Damaged { .. })));
    assert!(store.secret("a").unwrap().is_none());
    drop(store);
    place.alter("DELETE FROM meta");
    assert!(matches!(place.try_open(1), Err(StoreError::Damaged { .. })));
}
