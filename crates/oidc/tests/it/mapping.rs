//! From claims to principals: who is who, and in which groups.

use custos_model::{Principal, PrincipalKind};
use custos_oidc::{ClaimSource, GroupsClaim, MAX_GROUP_BYTES, MAX_GROUPS, Rejection};
use serde_json::{Value, json};

use crate::fake::{Fake, answer, now, parse, with};

/// The principal of a whole sign-in with these claims.
fn principal(fake: &Fake, change: impl FnOnce(Value) -> Value) -> Result<Principal, Rejection> {
    let came_back = fake.came_back();
    let response = parse(&answer(&fake.sign(&change(fake.claims(&came_back.nonce)))));
    let provider = fake.provider();
    let signed_in = provider
        .signed_in(came_back.redeeming, response, &fake.keys(), now())
        .unwrap();
    provider.principal(&signed_in.identity)
}

fn mapped(name: &str, other: Option<Value>) -> Result<Principal, Rejection> {
    principal(&Fake::new("okta"), |claims| with(claims, name, other))
}

#[test]
fn a_principal_is_issuer_and_subject_with_namespaced_groups() {
    let expected = Principal {
        issuer: "https://okta.example".to_owned(),
        subject: "248289761001".to_owned(),
        name: "alice".to_owned(),
        kind: PrincipalKind::Human,
        groups: vec!["okta:analysts".to_owned(), "okta:sre".to_owned()],
        on_behalf_of: Vec::new(),
    };
    assert_eq!(principal(&Fake::new("okta"), |claims| claims), Ok(expected));
}

#[test]
fn one_address_at_two_providers_is_two_principals() {
    let mail = |claims| {
        let claims = with(claims, "preferred_username", None);
        with(claims, "email", Some(json!("alice@example.com")))
    };
    let okta = principal(&Fake::new("okta"), mail).unwrap();
    let entra = principal(&Fake::new("entra"), mail).unwrap();
    assert_eq!((&okta.name, &okta.subject), (&entra.name, &entra.subject));
    assert_ne!(okta.issuer, entra.issuer);
    assert!(
        okta.groups
            .iter()
            .all(|group| !entra.groups.contains(group)),
        "nor do groups meet"
    );
}

#[test]
fn variants_of_an_address_are_not_folded() {
    let named = |text: &str| {
        mapped("preferred_username", Some(json!(text)))
            .unwrap()
            .name
    };
    for text in [
        "alice@example.com",
        "Alice@example.com",
        "\u{430}lice@example.com",
        "a@b@c",
        "alice+x@example.com",
    ] {
        assert_eq!(named(text), text);
    }
}

#[test]
fn an_unverified_address_is_no_name() {
    let mail = |verified: Option<Value>| {
        principal(&Fake::new("okta"), |claims| {
            let claims = with(claims, "preferred_username", None);
            let claims = with(claims, "email", Some(json!("alice@example.com")));
            with(claims, "email_verified", verified)
        })
    };
    for verified in [json!(false), json!("true"), json!(1), json!(null)] {
        assert_eq!(mail(Some(verified)), Err(Rejection::EmailNotVerified));
    }
    assert_eq!(mail(Some(json!(true))).unwrap().name, "alice@example.com");
    assert_eq!(
        mail(None).unwrap().name,
        "alice@example.com",
        "Entra ID does not say"
    );
}

#[test]
fn the_name_is_from_a_listed_claim() {
    let none = mapped("preferred_username", None);
    assert_eq!(
        none,
        Err(Rejection::NameMissing),
        "not sub, not anything else"
    );
    for wrong in [
        json!(null),
        json!(1),
        json!(["alice"]),
        json!(""),
        json!("a\nb"),
        json!(" alice"),
        json!("\u{202e}ecila"),
        json!("a".repeat(257)),
    ] {
        let refused = mapped("preferred_username", Some(wrong.clone()));
        assert_eq!(
            refused,
            Err(Rejection::NameMalformed),
            "{wrong}: and the next claim is not tried"
        );
    }
    let mut fake = Fake::new("okta");
    fake.settings.mapping.name = vec!["sub".parse().unwrap()];
    assert_eq!(
        principal(&fake, |claims| claims).unwrap().name,
        "248289761001",
        "where it is listed"
    );
}

#[test]
fn a_missing_groups_claim_is_an_error_unless_it_is_optional() {
    assert_eq!(mapped("groups", None), Err(Rejection::GroupsMissing));
    assert_eq!(
        mapped("groups", Some(json!([]))).unwrap().groups,
        Vec::<String>::new()
    );
    let mut fake = Fake::new("okta");
    fake.settings.mapping.groups.as_mut().unwrap().optional = true;
    let none = principal(&fake, |claims| with(claims, "groups", None)).unwrap();
    assert_eq!(none.groups, Vec::<String>::new());
    let wrong = principal(&fake, |claims| with(claims, "groups", Some(json!(null))));
    assert_eq!(
        wrong,
        Err(Rejection::GroupsMalformed),
        "null is not missing"
    );
    fake.settings.mapping.groups = None;
    assert_eq!(
        principal(&fake, |claims| claims).unwrap().groups,
        Vec::<String>::new()
    );
}

#[test]
fn groups_are_a_list_of_strings() {
    for wrong in [
        json!("sre"),
        json!(null),
        json!({"sre": true}),
        json!(1),
        json!(["sre", 1]),
        json!([["sre"]]),
        json!([null]),
    ] {
        assert_eq!(
            mapped("groups", Some(wrong.clone())),
            Err(Rejection::GroupsMalformed),
            "{wrong}"
        );
    }
    for wrong in [
        "",
        " sre",
        "sre\n",
        "sre\0",
        "s\u{200b}re",
        "\u{202e}ers",
        &"a".repeat(MAX_GROUP_BYTES + 1),
    ] {
        let refused = mapped("groups", Some(json!(["dba", wrong])));
        assert_eq!(refused, Err(Rejection::GroupMalformed), "{wrong:?}");
    }
    let longest = "a".repeat(MAX_GROUP_BYTES);
    assert!(mapped("groups", Some(json!([longest]))).is_ok());
}

#[test]
fn there_are_at_most_512_groups() {
    let many = |count: usize| {
        let names: Vec<String> = (0..count).map(|number| format!("g{number}")).collect();
        mapped("groups", Some(json!(names)))
    };
    assert_eq!(many(MAX_GROUPS).unwrap().groups.len(), MAX_GROUPS);
    assert_eq!(many(MAX_GROUPS + 1), Err(Rejection::GroupsTooMany));
    let same = mapped("groups", Some(json!(["sre", "sre", "SRE"]))).unwrap();
    assert_eq!(
        same.groups,
        ["okta:SRE", "okta:sre"],
        "once each, by their exact names"
    );
}

#[test]
fn a_group_cannot_take_another_providers_name() {
    let sly = mapped("groups", Some(json!(["entra:admins", ":admins"]))).unwrap();
    assert_eq!(sly.groups, ["okta::admins", "okta:entra:admins"]);
}

#[test]
fn groups_that_were_left_out_are_not_no_groups() {
    let fake = |optional| {
        let mut fake = Fake::new("entra");
        fake.settings.mapping.groups.as_mut().unwrap().optional = optional;
        fake
    };
    let elsewhere = json!({"groups": "src1"});
    for optional in [false, true] {
        for groups in [None, Some(json!([])), Some(json!(["sre"]))] {
            let refused = principal(&fake(optional), |claims| {
                with(
                    with(claims, "groups", groups),
                    "_claim_names",
                    Some(elsewhere.clone()),
                )
            });
            assert_eq!(refused, Err(Rejection::GroupsOverage), "{optional}");
        }
        for told in [json!(true), json!("true"), json!(1)] {
            let refused = principal(&fake(optional), |claims| {
                with(with(claims, "groups", None), "hasgroups", Some(told))
            });
            assert_eq!(refused, Err(Rejection::GroupsOverage));
        }
    }
    let strange = mapped("_claim_names", Some(json!("groups")));
    assert_eq!(strange, Err(Rejection::GroupsOverage));
    let other = mapped("_claim_names", Some(json!({"address": "src1"})));
    assert!(other.is_ok(), "something else was left out");
}

#[test]
fn nested_and_url_named_claims_are_found() {
    for (path, claims) in [
        (
            "realm_access.roles",
            json!({"realm_access": {"roles": ["sre"]}}),
        ),
        (
            "/https:~1~1example.com~1groups",
            json!({"https://example.com/groups": ["sre"]}),
        ),
    ] {
        let mut fake = Fake::new("kc");
        fake.settings.mapping.groups = Some(GroupsClaim {
            path: path.parse().unwrap(),
            optional: false,
        });
        let (name, value) = claims.as_object().unwrap().iter().next().unwrap();
        let found = principal(&fake, |claims| with(claims, name, Some(value.clone()))).unwrap();
        assert_eq!(found.groups, ["kc:sre"]);
        let broken = principal(&fake, |claims| with(claims, name, Some(json!("sre"))));
        assert_eq!(broken, Err(Rejection::GroupsMalformed));
    }
}

#[test]
fn claims_are_from_the_configured_source_and_provider() {
    let mut fake = Fake::new("okta");
    let came_back = fake.came_back();
    let response = parse(&answer(&fake.sign(&fake.claims(&came_back.nonce))));
    let signed_in = fake
        .provider()
        .signed_in(came_back.redeeming, response, &fake.keys(), now())
        .unwrap();
    let other = Fake::new("other").provider().principal(&signed_in.identity);
    assert_eq!(other, Err(Rejection::ClaimsSource));
    fake.settings.mapping.source = ClaimSource::Userinfo;
    assert_eq!(
        fake.provider().principal(&signed_in.identity),
        Err(Rejection::ClaimsSource)
    );
}
