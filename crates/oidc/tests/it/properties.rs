//! Whatever comes, nothing panics, and nothing but what was sent is taken.

use custos_oidc::{Callback, CodeExchange, LogoutRequest, Rejection, TokenResponse};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fake::{ASSERTION_ID, Fake, answer, now, with};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~]{0,20}".prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z_]{1,6}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn callback(fake: &Fake, query: &str) -> Result<CodeExchange, Rejection> {
    let begun = fake.begin();
    let callback = Callback::parse(query)?;
    let browser = begun.browser.expose().to_owned();
    fake.provider()
        .callback(begun.pending, &callback, &browser, ASSERTION_ID, now())
}

/// Members of a discovery document whose value cannot be another without being refused or being read.
const MEMBERS: [&str; 12] = [
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "userinfo_endpoint",
    "end_session_endpoint",
    "response_types_supported",
    "id_token_signing_alg_values_supported",
    "code_challenge_methods_supported",
    "token_endpoint_auth_methods_supported",
    "authorization_response_iss_parameter_supported",
    "backchannel_logout_supported",
];

proptest! {
    #[test]
    fn no_other_query_is_a_good_callback(query in "[ -~]{0,80}") {
        prop_assert!(callback(&Fake::new("okta"), &query).is_err());
    }

    /// One changed byte of a good query: refused, or it changed the code alone.
    #[test]
    fn a_changed_query_is_refused_or_another_code(place in any::<prop::sample::Index>(), byte in b' '..=b'~') {
        let fake = Fake::new("okta");
        let begun = fake.begin();
        let good = format!("code=aaaa&state={}&iss=https%3A%2F%2Fokta.example", begun.pending.state());
        let mut query = good.clone().into_bytes();
        let place = place.index(query.len());
        query[place] = byte;
        let query = String::from_utf8(query).unwrap();
        let parsed = Callback::parse(&query);
        let browser = begun.browser.expose().to_owned();
        let taken = parsed.and_then(|callback| {
            fake.provider().callback(begun.pending, &callback, &browser, ASSERTION_ID, now())
        });
        let in_code = (5..9).contains(&place);
        // The digits of an escape mean the same in either case.
        let in_issuer = place >= good.find("iss=").unwrap();
        let same = query == good || (in_issuer && query.eq_ignore_ascii_case(&good));
        prop_assert!(taken.is_err() || in_code || same, "{}", query);
    }

    #[test]
    fn a_changed_member_of_discovery_is_refused_or_means_the_same(
        name in prop::sample::select(&MEMBERS[..]),
        other in any_json(),
    ) {
        let fake = Fake::new("okta");
        let document = with(fake.document.clone(), name, Some(other.clone()));
        if let Ok(provider) = fake.relying_party().discovered(document.to_string().as_bytes()) {
            prop_assert_eq!(provider.discovery().issuer(), &fake.issuer);
            prop_assert!(other.is_boolean() || name == "token_endpoint_auth_methods_supported", "{} {}", name, other);
        }
    }

    #[test]
    fn a_changed_member_of_the_answer_is_refused_or_a_value_of_its_type(
        name in prop::sample::select(&["access_token", "token_type", "expires_in", "refresh_token", "scope"][..]),
        other in any_json(),
    ) {
        let fake = Fake::new("okta");
        let body = with(answer(&fake.sign(&fake.claims("n"))), name, Some(other.clone())).to_string();
        if TokenResponse::parse(200, body.as_bytes()).is_ok() {
            let number = name == "expires_in";
            prop_assert!((number && other.is_u64()) || (!number && other.is_string()), "{}", other);
        }
    }

    #[test]
    fn claims_of_any_shape_give_groups_in_the_namespace_or_nothing(groups in any_json()) {
        let fake = Fake::new("okta");
        let claims = json!({"sub": "s", "preferred_username": "alice", "groups": groups});
        let mut settings = fake.settings.clone();
        settings.mapping.source = custos_oidc::ClaimSource::Userinfo;
        let fake = Fake { settings, ..fake };
        let provider = fake.provider();
        let body = claims.to_string();
        let identity = provider.userinfo("s", 200, Some("application/json"), body.as_bytes()).unwrap();
        if let Ok(principal) = provider.principal(&identity) {
            prop_assert!(claims["groups"].is_array());
            prop_assert!(principal.groups.iter().all(|group| group.starts_with("okta:") && group.len() > 5));
        }
    }

    #[test]
    fn bytes_of_any_kind_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), status in any::<u16>()) {
        prop_assert!(TokenResponse::parse(status, &bytes).is_err());
        prop_assert!(LogoutRequest::parse(&bytes).is_err());
        prop_assert!(Fake::new("okta").relying_party().discovered(&bytes).is_err());
    }
}
