//! What goes to the token endpoint.

use std::sync::Arc;

use custos_jwt::{
    Algorithm, Class, ClassName, ClassRule, Issuer, IssuerKeys, KeySet, ReplayCache, Signer, Token,
};
use custos_model::Secret;
use custos_oidc::{ClientAuthentication, HttpRequest, Method, RefreshGrant};
use serde_json::json;

use crate::fake::{ASSERTION_ID, Fake, now, with};

fn request(fake: &Fake) -> HttpRequest {
    let grant = RefreshGrant {
        refresh_token: Secret::new("8xLOxBtZp8".to_owned()),
        subject: "248289761001".to_owned(),
        nonce: "n".to_owned(),
        authenticated_at: None,
    };
    fake.provider()
        .refresh_request(&grant, ASSERTION_ID, now())
        .unwrap()
}

fn header(request: &HttpRequest, name: &str) -> Option<String> {
    let found = request.headers.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| value.expose().to_owned())
}

fn parameter(request: &HttpRequest, name: &str) -> Option<String> {
    let body = request.body.as_ref().unwrap().expose();
    let prefix = format!("{name}=");
    body.split('&')
        .find_map(|pair| pair.strip_prefix(&prefix))
        .map(str::to_owned)
}

#[test]
fn the_code_goes_out_with_its_verifier() {
    let fake = Fake::new("okta");
    let begun = fake.begin();
    let stored = serde_json::to_value(&begun.pending).unwrap();
    let came_back = fake.came_back();
    let redirect = "https%3A%2F%2Fcustos.example.com%2Foidc%2Fokta%2Fcallback";
    let verifier = stored["verifier"].as_str().unwrap();
    assert_eq!(
        came_back.body.expose(),
        format!(
            "grant_type=authorization_code&code=good&redirect_uri={redirect}&code_verifier={verifier}"
        )
    );
}

#[test]
fn a_secret_goes_into_the_header_form_encoded() {
    let request = request(&Fake::new("okta"));
    assert_eq!(request.method, Method::Post);
    assert_eq!(request.url, "https://okta.example/token");
    assert_eq!(
        header(&request, "content-type").unwrap(),
        "application/x-www-form-urlencoded"
    );
    // custos:s3cret%2B%2F
    assert_eq!(
        header(&request, "authorization").unwrap(),
        "Basic Y3VzdG9zOnMzY3JldCUyQiUyRg=="
    );
    assert_eq!(
        request.body.unwrap().expose(),
        "grant_type=refresh_token&refresh_token=8xLOxBtZp8"
    );
}

#[test]
fn a_secret_goes_into_the_body_where_only_that_is_offered() {
    let mut fake = Fake::new("okta");
    let methods = json!(["client_secret_post"]);
    fake.document = with(
        fake.document,
        "token_endpoint_auth_methods_supported",
        Some(methods),
    );
    let request = request(&fake);
    assert_eq!(header(&request, "authorization"), None);
    assert_eq!(parameter(&request, "client_id").unwrap(), "custos");
    assert_eq!(
        parameter(&request, "client_secret").unwrap(),
        "s3cret%2B%2F"
    );
}

#[test]
fn a_public_client_names_itself() {
    let mut fake = Fake::new("okta");
    fake.settings.client_authentication = ClientAuthentication::Public;
    let request = request(&fake);
    assert_eq!(header(&request, "authorization"), None);
    assert_eq!(parameter(&request, "client_id").unwrap(), "custos");
    assert_eq!(parameter(&request, "client_secret"), None);
}

#[test]
fn an_assertion_is_one_that_a_strict_provider_takes() {
    let mut fake = Fake::new("okta");
    let signer = Arc::new(Signer::generate().unwrap());
    fake.settings.client_authentication = ClientAuthentication::PrivateKey(Arc::clone(&signer));
    let request = request(&fake);
    assert_eq!(header(&request, "authorization"), None);
    let kind = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    assert_eq!(parameter(&request, "client_assertion_type").unwrap(), kind);
    let assertion = parameter(&request, "client_assertion").unwrap();

    let rules = [ClassRule::new(ClassName::ClientAssertion)];
    let client = Issuer::new("custos", &[Algorithm::Es256], &[], rules).unwrap();
    let keys = KeySet::parse(
        json!({"keys": [signer.public_jwk()]})
            .to_string()
            .as_bytes(),
    )
    .unwrap();
    let replay = ReplayCache::new(4);
    let class = Class::ClientAssertion {
        audience: "https://okta.example",
        replay: &replay,
    };
    let token = Token::parse(assertion.as_bytes()).unwrap();
    let verified = IssuerKeys::configured(client, keys)
        .verify(&token, &class, now())
        .unwrap();
    assert_eq!(verified.subject(), Some("custos"));
    assert_eq!(verified.token_id(), Some("CQkJCQkJCQkJCQkJCQkJCQ"));
}
