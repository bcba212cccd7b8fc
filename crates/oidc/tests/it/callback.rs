//! Browsers that come back with what they should not: rows of state, browser binding and mix-up.

use custos_model::Instant;
use custos_oidc::{Begun, Callback, CodeExchange, Pending, ProviderError, Rejection};
use serde_json::json;

use crate::fake::{ASSERTION_ID, Fake, NOW, at, now, with};

fn judged(
    fake: &Fake,
    begun: Begun,
    query: &str,
    browser: &str,
    now: Instant,
) -> Result<CodeExchange, Rejection> {
    let callback = Callback::parse(query)?;
    fake.provider()
        .callback(begun.pending, &callback, browser, ASSERTION_ID, now)
}

/// What becomes of a callback with this query, in the right browser and in time.
fn refused(fake: &Fake, query: impl Fn(&str) -> String) -> Rejection {
    let begun = fake.begin();
    let query = query(begun.pending.state());
    let browser = begun.browser.expose().to_owned();
    judged(fake, begun, &query, &browser, now())
        .map(|_| ())
        .unwrap_err()
}

fn good_query(state: &str) -> String {
    format!(
        "code=SplxlOBeZQQYbYS6WxSbIA&state={state}&iss=https%3A%2F%2Fokta.example&session_state=x"
    )
}

fn silent(fake: &mut Fake) {
    const NAME: &str = "authorization_response_iss_parameter_supported";
    fake.document = with(fake.document.clone(), NAME, None);
}

#[test]
fn a_good_callback_is_taken() {
    let fake = Fake::new("okta");
    let begun = fake.begin();
    let browser = begun.browser.expose().to_owned();
    let query = good_query(begun.pending.state());
    assert!(judged(&fake, begun, &query, &browser, now()).is_ok());
}

#[test]
fn another_browser_is_refused() {
    let fake = Fake::new("okta");
    let own = fake.begin().browser.expose().to_owned();
    for browser in ["", "x", &own[1..], &format!("{own}A"), &own.to_lowercase()] {
        let begun = fake.begin();
        let query = good_query(begun.pending.state());
        let refused = judged(&fake, begun, &query, browser, now()).map(|_| ());
        assert_eq!(refused, Err(Rejection::BrowserWrong), "{browser}");
    }
    let begun = fake.begin();
    let stored = serde_json::to_value(&begun.pending).unwrap()["browser_sha256"]
        .as_str()
        .unwrap()
        .to_owned();
    let query = good_query(begun.pending.state());
    let refused = judged(&fake, begun, &query, &stored, now()).map(|_| ());
    assert_eq!(
        refused,
        Err(Rejection::BrowserWrong),
        "what is stored is not what the browser has"
    );
}

#[test]
fn ten_minutes_and_no_longer() {
    let fake = Fake::new("okta");
    for (then, expected) in [
        (at(NOW), Ok(())),
        (at(NOW + 599), Ok(())),
        (at(NOW + 600), Err(Rejection::SignInExpired)),
        (at(NOW + 86_400), Err(Rejection::SignInExpired)),
        (at(NOW - 1), Err(Rejection::SignInExpired)),
    ] {
        let begun = fake.begin();
        assert_eq!(begun.pending.expires_utc_ns(), at(NOW + 600).utc_ns);
        let browser = begun.browser.expose().to_owned();
        let query = good_query(begun.pending.state());
        assert_eq!(
            judged(&fake, begun, &query, &browser, then).map(|_| ()),
            expected
        );
    }
}

#[test]
fn another_state_is_refused() {
    let fake = Fake::new("okta");
    assert_eq!(
        refused(&fake, |_| "code=a&iss=https://okta.example".to_owned()),
        Rejection::StateMissing
    );
    let wrong = refused(&fake, |_| good_query(""));
    assert_eq!(wrong, Rejection::StateWrong);
    for change in [
        |state: &str| state[1..].to_owned(),
        |state: &str| format!("{state}A"),
        str::to_uppercase,
    ] {
        assert_eq!(
            refused(&fake, |state| good_query(&change(state))),
            Rejection::StateWrong
        );
    }
}

#[test]
fn mix_up_the_evil_provider_answers_for_the_honest_one() {
    let evil = Fake::new("evil");
    let honest = Fake::new("honest");
    // The victim began at the honest provider; the evil one sends the browser to its own redirect URI.
    let begun = honest.begin();
    let browser = begun.browser.expose().to_owned();
    let query = format!(
        "code=stolen&state={}&iss=https://evil.example",
        begun.pending.state()
    );
    let refused = judged(&evil, begun, &query, &browser, now()).map(|_| ());
    assert_eq!(refused, Err(Rejection::ProviderWrong));
    // The victim began at the evil provider, which passed her on to the honest one with the evil state.
    let begun = evil.begin();
    let browser = begun.browser.expose().to_owned();
    let query = format!(
        "code=honest&state={}&iss=https://honest.example",
        begun.pending.state()
    );
    let refused = judged(&evil, begun, &query, &browser, now()).map(|_| ());
    assert_eq!(
        refused,
        Err(Rejection::CallbackIssuerWrong),
        "the code goes to no token endpoint"
    );
}

#[test]
fn one_name_for_two_issuers_is_no_way_around() {
    let honest = Fake::new("okta");
    let mut other = Fake::new("okta");
    other.issuer = "https://other.example".to_owned();
    other.settings.issuer.clone_from(&other.issuer);
    other.document = crate::fake::document(&other.issuer);
    let begun = honest.begin();
    let browser = begun.browser.expose().to_owned();
    let query = format!(
        "code=a&state={}&iss=https://other.example",
        begun.pending.state()
    );
    let refused = judged(&other, begun, &query, &browser, now()).map(|_| ());
    assert_eq!(refused, Err(Rejection::ProviderWrong));
}

#[test]
fn the_issuer_is_needed_where_it_is_advertised() {
    let mut fake = Fake::new("okta");
    let without = |state: &str| format!("code=a&state={state}");
    assert_eq!(refused(&fake, without), Rejection::CallbackIssuerMissing);
    silent(&mut fake);
    let begun = fake.begin();
    let browser = begun.browser.expose().to_owned();
    let query = without(begun.pending.state());
    assert!(judged(&fake, begun, &query, &browser, now()).is_ok());
}

#[test]
fn a_wrong_issuer_is_refused_everywhere() {
    let mut fake = Fake::new("okta");
    for advertised in [true, false] {
        for issuer in [
            "",
            "https://evil.example",
            "https://okta.example/",
            "https://OKTA.example",
            "http://okta.example",
            "https%3A%2F%2Fokta.example%00",
            "https://okta.example:443",
        ] {
            let refused = refused(&fake, |state| format!("code=a&state={state}&iss={issuer}"));
            assert_eq!(
                refused,
                Rejection::CallbackIssuerWrong,
                "{issuer} {advertised}"
            );
        }
        silent(&mut fake);
    }
}

#[test]
fn errors_are_believed_only_of_the_issuer() {
    let mut fake = Fake::new("okta");
    let error = |state: &str, iss: &str| {
        format!("error=access_denied&error_description=x&state={state}{iss}")
    };
    let refused_with = |fake: &Fake, iss: &str| refused(fake, |state| error(state, iss));
    assert_eq!(refused_with(&fake, ""), Rejection::CallbackIssuerMissing);
    assert_eq!(
        refused_with(&fake, "&iss=https://evil.example"),
        Rejection::CallbackIssuerWrong
    );
    let own = refused_with(&fake, "&iss=https://okta.example");
    assert_eq!(own, Rejection::Provider(ProviderError::AccessDenied));
    silent(&mut fake);
    assert_eq!(
        refused_with(&fake, "&iss=https://evil.example"),
        Rejection::CallbackIssuerWrong
    );
    let strange = refused(&fake, |state| format!("error=<script>&state={state}"));
    assert_eq!(strange, Rejection::Provider(ProviderError::Other));
    assert_eq!(
        strange.to_string(),
        "the provider answered with the error `other`"
    );
}

#[test]
fn parameters_come_once() {
    let fake = Fake::new("okta");
    for more in [
        "&state=x",
        "&code=x",
        "&iss=https://okta.example",
        "&c%6Fde=x",
        "&session_state=x",
    ] {
        let refused = refused(&fake, |state| good_query(state) + more);
        assert_eq!(refused, Rejection::ParameterDuplicate, "{more}");
    }
    for query in ["code=%zz", "code=%", "code=\u{e4}", "code=%ff", "code=a b"] {
        assert_eq!(
            refused(&fake, |_| query.to_owned()),
            Rejection::ParametersMalformed,
            "{query}"
        );
    }
    let long = "a".repeat(16 << 10);
    assert_eq!(
        refused(&fake, |_| format!("code={long}")),
        Rejection::ParametersMalformed
    );
}

#[test]
fn there_is_one_usable_code_and_nothing_of_other_flows() {
    let fake = Fake::new("okta");
    let rest = |state: &str| format!("state={state}&iss=https://okta.example");
    let long = format!("code={}", "a".repeat(4097));
    for code in [
        "",
        "code=",
        "code=a%0d%0aX",
        "code=a%00",
        "code=%C3%A4",
        "code=a&error=access_denied",
        &long,
    ] {
        let refused = refused(&fake, |state| format!("{code}&{}", rest(state)));
        assert_eq!(refused, Rejection::CodeMissing, "{code}");
    }
    for tokens in ["id_token=a.b.c", "code=a&access_token=b", "response=a.b.c"] {
        let refused = refused(&fake, |state| format!("{tokens}&{}", rest(state)));
        assert_eq!(refused, Rejection::CallbackTokens, "{tokens}");
    }
}

#[test]
fn the_order_of_the_checks_is_fixed() {
    let evil = Fake::new("evil");
    let honest = Fake::new("honest");
    let everything_wrong = "error=access_denied&state=x&iss=https://x.example";
    let begun = honest.begin();
    let late = at(NOW + 600);
    let first = judged(&evil, begun, everything_wrong, "x", late).map(|_| ());
    assert_eq!(first, Err(Rejection::BrowserWrong));
    let begun = honest.begin();
    let browser = begun.browser.expose().to_owned();
    let second = judged(&evil, begun, everything_wrong, &browser, late).map(|_| ());
    assert_eq!(second, Err(Rejection::SignInExpired));
    let third = judged(&evil, honest.begin(), everything_wrong, &browser, now()).map(|_| ());
    assert_eq!(third, Err(Rejection::ProviderWrong));
    let fourth = judged(&honest, honest.begin(), everything_wrong, &browser, now()).map(|_| ());
    assert_eq!(fourth, Err(Rejection::StateWrong));
    let fifth = refused(&honest, |state| {
        format!("error=access_denied&state={state}&iss=https://x.example")
    });
    assert_eq!(fifth, Rejection::CallbackIssuerWrong);
}

#[test]
fn a_pending_sign_in_survives_its_store() {
    let fake = Fake::new("okta");
    let begun = fake.begin();
    let stored = serde_json::to_string(&begun.pending).unwrap();
    let again: Pending = serde_json::from_str(&stored).unwrap();
    let query = good_query(again.state());
    let callback = Callback::parse(&query).unwrap();
    assert_eq!(callback.state(), Some(again.state()));
    let provider = fake.provider();
    assert!(
        provider
            .callback(
                again,
                &callback,
                begun.browser.expose(),
                ASSERTION_ID,
                now()
            )
            .is_ok()
    );
    let mut tampered = serde_json::to_value(&begun.pending).unwrap();
    tampered["return_path"] = json!("//evil.example");
    assert!(serde_json::from_value::<Pending>(tampered).is_err());
    let mut unknown = serde_json::to_value(&begun.pending).unwrap();
    unknown["more"] = json!(1);
    assert!(serde_json::from_value::<Pending>(unknown).is_err());
}
