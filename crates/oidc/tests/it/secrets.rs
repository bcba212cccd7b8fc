//! What is shown for debugging, and in errors, holds nothing that opens anything.

use custos_model::Secret;
use custos_oidc::{Callback, LogoutRequest, Rejection, TokenResponse};

use crate::fake::{ACCESS_TOKEN, ASSERTION_ID, Fake, answer, now, random, sent};

#[test]
fn debug_shows_no_secret() {
    let fake = Fake::new("okta");
    let begun = fake.begin();
    let stored = serde_json::to_value(&begun.pending).unwrap();
    let verifier = stored["verifier"].as_str().unwrap().to_owned();
    let (state, nonce) = (sent(&begun, "state"), sent(&begun, "nonce"));
    let browser = begun.browser.expose().to_owned();
    let query = format!("code=c0de-canary&state={state}&iss={}", fake.issuer);
    let callback = Callback::parse(&query).unwrap();
    let mut shown = vec![format!(
        "{begun:?} {callback:?} {:?} {:?}",
        fake.settings,
        random()
    )];
    let provider = fake.provider();
    let exchange = provider
        .callback(begun.pending, &callback, &browser, ASSERTION_ID, now())
        .unwrap();
    shown.push(format!("{exchange:?}"));
    let id_token = fake.sign(&fake.claims(&nonce));
    let response = TokenResponse::parse(200, answer(&id_token).to_string().as_bytes()).unwrap();
    shown.push(format!("{response:?}"));
    let signed_in = provider
        .signed_in(exchange.redeeming, response, &fake.keys(), now())
        .unwrap();
    shown.push(format!("{signed_in:?}"));
    shown.push(format!(
        "{:?}",
        provider.userinfo_request(&signed_in.access_token).unwrap()
    ));
    shown.push(format!(
        "{:?}",
        provider.logout_url(&signed_in.id_token, None, None)
    ));
    let form = format!("logout_token={id_token}");
    shown.push(format!(
        "{:?}",
        LogoutRequest::parse(form.as_bytes()).unwrap()
    ));
    let shown = shown.join(" ");
    for canary in [
        "c0de-canary",
        "s3cret",
        ACCESS_TOKEN,
        "8xLOxBtZp8",
        &state,
        &nonce,
        &verifier,
        &browser,
        &id_token,
        "alice",
    ] {
        assert!(!shown.contains(canary), "{canary} in {shown}");
    }
}

#[test]
fn errors_repeat_nothing_of_what_came() {
    let canary = "canary-4711";
    let bodies = [
        format!("{{\"access_token\":\"{canary}\",\"token_type\":\"{canary}\"}}"),
        format!("{{\"access_token\":{{\"{canary}\":1}}}}"),
        format!("{{\"{canary}\":1,\"{canary}\":1}}"),
        format!("{{\"error\":\"{canary}\"}}"),
    ];
    let mut refused: Vec<Rejection> = Vec::new();
    for body in &bodies {
        for status in [200, 400] {
            refused.extend(
                TokenResponse::parse(status, body.as_bytes())
                    .map(|_| ())
                    .err(),
            );
        }
    }
    refused.extend(
        Callback::parse(&format!("{canary}=1&{canary}=2"))
            .map(|_| ())
            .err(),
    );
    refused.extend(
        Fake::new("okta")
            .relying_party()
            .discovered(bodies[0].as_bytes())
            .map(|_| ())
            .err(),
    );
    assert_eq!(refused.len(), 10);
    for rejection in refused {
        let shown = format!("{rejection} {rejection:?} {}", rejection.code());
        assert!(!shown.contains(canary), "{shown}");
    }
    assert_eq!(format!("{:?}", Secret::new(canary.to_owned())), "Secret(…)");
}
