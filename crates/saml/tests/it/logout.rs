//! Logout requests of the identity provider, by both bindings, and our answer.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_saml::{LogoutRequest, LogoutStatus, Metadata, Rejection, ServiceProviderError};
use flate2::{Compress, Compression, FlushCompress};

use crate::fixture::{
    GATEWAY, IDP, LOGOUT, NOW, PROVIDER, RSA_SHA256, SECOND, SP, der, edit, finish, idp_metadata,
    options, post, request_id, signature_template,
};
use crate::request::open;

fn unsigned() -> String {
    format!(
        "<samlp:LogoutRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" \
         ID=\"_logout\" Version=\"2.0\" IssueInstant=\"2026-11-21T12:00:00Z\" Destination=\"{LOGOUT}\" NotOnOrAfter=\"2026-11-21T12:02:00Z\">\
         <saml:Issuer>{IDP}</saml:Issuer>[signature]<saml:NameID>alice</saml:NameID>\
         <samlp:SessionIndex>_s1</samlp:SessionIndex><samlp:SessionIndex>_s2</samlp:SessionIndex></samlp:LogoutRequest>"
    )
}

fn encode(text: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| {
            if safe(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// A query string without its signature.
fn query(xml: &str, relay_state: Option<&str>) -> String {
    let mut compressed = Vec::with_capacity(1 << 20);
    Compress::new(Compression::best(), false)
        .compress_vec(xml.as_bytes(), &mut compressed, FlushCompress::Finish)
        .unwrap();
    let relay_state = relay_state.map_or(String::new(), |state| {
        format!("&RelayState={}", encode(state))
    });
    format!(
        "SAMLRequest={}{relay_state}&SigAlg={}",
        encode(&STANDARD.encode(compressed)),
        encode(RSA_SHA256)
    )
}

fn sign(query: &str, key: &str) -> String {
    let key = KeyPair::from_pkcs8(&der(key)).unwrap();
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        query.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{query}&Signature={}", encode(&STANDARD.encode(signature)))
}

fn redirected(xml: &str) -> String {
    sign(
        &query(&xml.replace("[signature]", ""), Some("r/1")),
        "idp-rsa.key",
    )
}

fn by_redirect(query: &str) -> Result<LogoutRequest, Rejection> {
    SP.logout_request_by_redirect(&PROVIDER, query, NOW)
}

fn posted(xml: &str) -> String {
    finish(
        &xml.replace("[signature]", &signature_template("_logout")),
        "idp-rsa",
    )
}

fn by_post(xml: &str) -> Result<LogoutRequest, Rejection> {
    SP.logout_request_by_post(&PROVIDER, &post(xml), NOW)
}

fn code(result: Result<LogoutRequest, Rejection>) -> &'static str {
    result.map_or_else(Rejection::code, |_| "accepted")
}

#[test]
fn both_bindings_are_read() {
    for (request, relay_state) in [
        (by_redirect(&redirected(&unsigned())), Some("r/1")),
        (by_post(&posted(&unsigned())), None),
    ] {
        let request = request.unwrap();
        assert_eq!(
            (request.id.as_str(), request.issuer.as_str()),
            ("_logout", IDP)
        );
        assert_eq!(request.name_id.value, "alice");
        assert_eq!(request.session_indexes, ["_s1", "_s2"]);
        assert_eq!(request.relay_state.as_deref(), relay_state);
        assert!(!format!("{request:?}").contains("alice"));
    }
}

/// GHSA-pcgw-qcv5-h8ch.
#[test]
fn unsigned_requests_are_refused() {
    let plain = unsigned().replace("[signature]", "");
    assert_eq!(code(by_post(&plain)), "unsigned");
    let query = query(&plain, None);
    assert_eq!(code(by_redirect(&query)), "unsigned");
    assert_eq!(
        code(by_redirect(query.split("&SigAlg").next().unwrap())),
        "unsigned"
    );
    assert_eq!(
        code(by_redirect(&format!("{query}&Signature="))),
        "signature-invalid"
    );
}

#[test]
fn forged_queries_are_refused() {
    let plain = unsigned().replace("[signature]", "");
    let good = redirected(&unsigned());
    assert_eq!(code(by_redirect(&good)), "accepted");
    assert_eq!(
        code(by_redirect(&sign(&query(&plain, None), "other-rsa.key"))),
        "signature-invalid"
    );
    for (from, to, expected) in [
        ("RelayState=r%2F1", "RelayState=r%2F2", "signature-invalid"),
        ("RelayState=r%2F1", "RelayState=r%2f1", "signature-invalid"),
        ("&RelayState=r%2F1", "", "signature-invalid"),
        ("rsa-sha256", "rsa-sha1", "signature-algorithm"),
        ("rsa-sha256", "rsa-sha512", "signature-invalid"),
        ("rsa-sha256", "hmac-sha256", "signature-algorithm"),
        ("&SigAlg", "&x=y&SigAlg", "query"),
        ("SAMLRequest=", "SAMLResponse=", "query"),
        ("SAMLRequest=", "SAMLRequest=x&SAMLRequest=", "query"),
        ("&Signature=", "&Signature=%zz", "query"),
        ("&Signature=", "&Signature=!", "signature-structure"),
        ("SAMLRequest=", "SAMLEncoding=gzip&SAMLRequest=", "query"),
        ("SAMLRequest=", "SAMLRequest", "query"),
    ] {
        assert_eq!(
            code(by_redirect(&edit(&good, from, to))),
            expected,
            "{from} -> {to}"
        );
    }
    assert_eq!(code(by_redirect("")), "query");
    assert_eq!(
        code(by_redirect(&format!(
            "{good}&RelayState={}",
            "x".repeat(40_000)
        ))),
        "query"
    );
}

/// The order of what is signed is the specification's, whatever the order of the query.
#[test]
fn parameters_come_in_any_order() {
    let good = redirected(&unsigned());
    let (rest, signature) = good.split_once("&Signature=").unwrap();
    let encoding = encode("urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE");
    assert_eq!(
        code(by_redirect(&format!(
            "SAMLEncoding={encoding}&Signature={signature}&{rest}"
        ))),
        "accepted"
    );
}

#[test]
fn signed_bombs_are_refused() {
    let plain = unsigned().replace("[signature]", "");
    let bomb = edit(
        &plain,
        "<saml:NameID>",
        &format!("{}<saml:NameID>", " ".repeat(64 << 10)),
    );
    assert_eq!(
        code(by_redirect(&sign(&query(&bomb, None), "idp-rsa.key"))),
        "inflate"
    );
    let not_compressed = format!(
        "SAMLRequest={}&SigAlg={}",
        encode(&post(&plain)),
        encode(RSA_SHA256)
    );
    assert_eq!(
        code(by_redirect(&sign(&not_compressed, "idp-rsa.key"))),
        "inflate"
    );
    let not_base64 = format!("SAMLRequest=%3C&SigAlg={}", encode(RSA_SHA256));
    assert_eq!(
        code(by_redirect(&sign(&not_base64, "idp-rsa.key"))),
        "not-base64"
    );
    let long_state = sign(&query(&plain, Some(&"x".repeat(1025))), "idp-rsa.key");
    assert_eq!(code(by_redirect(&long_state)), "query");
}

#[test]
fn wrong_fields_are_refused_by_both_bindings() {
    for (from, to, expected) in [
        (IDP, "https://other.example", "issuer"),
        (LOGOUT, "https://other.example", "destination"),
        (" Destination=", " Other=", "destination"),
        ("Version=\"2.0\"", "Version=\"1.1\"", "version"),
        ("12:02:00Z", "11:59:30Z", "expired"),
        ("12:00:00Z", "12:01:31Z", "not-yet-valid"),
        ("12:00:00Z", "now", "time"),
        ("IssueInstant=\"2026-11-21T12:00:00Z\" ", "", "structure"),
        (">alice<", "><", "name-id"),
        (
            "<saml:NameID>alice</saml:NameID>",
            "<saml:EncryptedID/>",
            "encrypted",
        ),
        (
            "</samlp:LogoutRequest>",
            "<x/></samlp:LogoutRequest>",
            "structure",
        ),
        (">_s1<", "><", "structure"),
        ("LogoutRequest", "ManageNameIDRequest", "kind"),
    ] {
        let xml = edit(&unsigned(), from, to);
        assert_eq!(
            code(by_redirect(&redirected(&xml))),
            expected,
            "{from} -> {to}"
        );
        // `xmlsec1` knows the IDs of the messages alone.
        if expected != "kind" {
            assert_eq!(code(by_post(&posted(&xml))), expected, "{from} -> {to}");
        }
    }
    let response = crate::fixture::signed(crate::fixture::Sign::Both, |xml| xml);
    assert_eq!(code(by_post(&response)), "kind");
    let many = edit(
        &unsigned(),
        "<samlp:SessionIndex>_s1",
        &format!(
            "{}<samlp:SessionIndex>_s1",
            "<samlp:SessionIndex>x</samlp:SessionIndex>".repeat(63)
        ),
    );
    assert_eq!(code(by_post(&posted(&many))), "structure");
}

#[test]
fn old_requests_are_refused() {
    let endless = posted(&edit(
        &unsigned(),
        " NotOnOrAfter=\"2026-11-21T12:02:00Z\"",
        "",
    ));
    let at = |seconds: u64| {
        SP.logout_request_by_post(&PROVIDER, &post(&endless), NOW + seconds * SECOND)
            .map(|_| ())
    };
    // Issued half a minute ago: five minutes, and one for clocks.
    assert_eq!(at(329), Ok(()));
    assert_eq!(at(330), Err(Rejection::Expired));
}

#[test]
fn a_request_is_obeyed_once() {
    let mut cache = custos_saml::ReplayCache::new(1);
    let request = by_redirect(&redirected(&unsigned())).unwrap();
    assert_eq!(cache.use_logout_once(&request, NOW), Ok(()));
    for later in [0, 329] {
        let again = cache.use_logout_once(&request, NOW + later * SECOND);
        assert_eq!(again, Err(Rejection::Replayed), "{later}");
    }
    let mut other = request.clone();
    other.id = "_other".to_owned();
    let full = cache.use_logout_once(&other, NOW);
    assert_eq!(full, Err(Rejection::ReplayCacheFull));
    // By then it is refused for its age.
    assert_eq!(cache.use_logout_once(&other, NOW + 420 * SECOND), Ok(()));
}

#[test]
fn forged_posts_are_refused() {
    let good = posted(&unsigned());
    assert_eq!(
        code(by_post(&edit(&good, ">alice<", ">bob<"))),
        "digest-mismatch"
    );
    assert_eq!(
        code(by_post(&edit(&good, "ID=\"_logout\"", "ID=\"_other\""))),
        "reference"
    );
    assert_eq!(
        code(by_post(&edit(&good, ">alice<", ">al<!-- -->ice<"))),
        "comment"
    );
    let other = finish(
        &unsigned().replace("[signature]", &signature_template("_logout")),
        "other-rsa",
    );
    assert_eq!(code(by_post(&other)), "signature-invalid");
    let signature = crate::fixture::cut(&good, "<ds:Signature ", "</ds:Signature>").to_owned();
    assert_eq!(
        code(by_post(&edit(&good, &signature, &signature.repeat(2)))),
        "signature-count"
    );
    let moved = edit(
        &edit(&good, &signature, ""),
        "<samlp:SessionIndex>_s1",
        &format!("<samlp:SessionIndex>{signature}_s1"),
    );
    assert_eq!(code(by_post(&moved)), "signature-placement");
    let signed_inside = sign(&query(&good, None), "idp-rsa.key");
    assert_eq!(code(by_redirect(&signed_inside)), "signature-placement");
}

#[test]
fn the_answer_is_signed() {
    let request = by_redirect(&redirected(&unsigned())).unwrap();
    let answer = |metadata: &Metadata, status| {
        SP.logout_response(metadata, &request_id(), &request, status, NOW)
    };
    let url = answer(&PROVIDER, LogoutStatus::Success).unwrap();
    let query = url.strip_prefix("https://idp.example/slo?").unwrap();
    assert!(query.starts_with("SAMLResponse=") && query.contains("&RelayState=r%2F1&SigAlg="));
    let xml = open(query, &RSA_PKCS1_2048_8192_SHA256, "sp-rsa.crt");
    let document = roxmltree::Document::parse(&xml).unwrap();
    let response = document.root_element();
    assert_eq!(response.tag_name().name(), "LogoutResponse");
    assert_eq!(response.attribute("InResponseTo"), Some("_logout"));
    assert_eq!(
        response.attribute("Destination"),
        Some("https://idp.example/slo")
    );
    assert_eq!(
        response.first_element_child().unwrap().text(),
        Some(GATEWAY)
    );
    assert!(xml.contains("status:Success") && !xml.contains("status:Responder"));
    let failed = answer(&PROVIDER, LogoutStatus::Responder).unwrap();
    assert!(
        open(
            failed.split_once('?').unwrap().1,
            &RSA_PKCS1_2048_8192_SHA256,
            "sp-rsa.crt"
        )
        .contains("status:Responder")
    );

    let elsewhere = edit(
        &idp_metadata(&["idp-rsa"]),
        "Location=\"https://idp.example/slo\"",
        "Location=\"https://idp.example/slo\" ResponseLocation=\"https://idp.example/done\"",
    );
    let elsewhere = Metadata::parse(elsewhere.as_bytes(), &options()).unwrap();
    assert!(
        answer(&elsewhere, LogoutStatus::Success)
            .unwrap()
            .starts_with("https://idp.example/done?")
    );
    let nowhere = idp_metadata(&["idp-rsa"]).replace("SingleLogoutService", "Other");
    let nowhere = Metadata::parse(nowhere.as_bytes(), &options()).unwrap();
    assert_eq!(
        answer(&nowhere, LogoutStatus::Success),
        Err(ServiceProviderError::NoLogout)
    );
}
