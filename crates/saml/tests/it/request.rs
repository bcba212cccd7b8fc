//! What the service provider sends: its metadata and requests.

use std::io::Read as _;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_saml::{NameIdFormat, ServiceProvider, ServiceProviderError, Settings, Transport};
use flate2::read::DeflateDecoder;
use x509_cert::der::Decode as _;

use crate::fixture::{
    CONSUMER, GATEWAY, LOGOUT, NOW, PROVIDER, SP, der, pem_body, request_id, service_provider,
};

fn decode(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}

/// The message, after its detached signature was verified with the certificate's key.
pub(crate) fn open(
    query: &str,
    algorithm: &'static dyn VerificationAlgorithm,
    certificate: &str,
) -> String {
    let (signed, rest) = query.split_once("&Signature=").unwrap();
    let (signature, encoding) = rest.split_once("&SAMLEncoding=").unwrap();
    assert_eq!(
        decode(encoding),
        "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE"
    );
    let certificate = der(certificate);
    let certificate = x509_cert::Certificate::from_der(&certificate).unwrap();
    let key = certificate
        .tbs_certificate()
        .subject_public_key_info()
        .subject_public_key
        .raw_bytes();
    let signature = STANDARD.decode(decode(signature)).unwrap();
    UnparsedPublicKey::new(algorithm, key)
        .verify(signed.as_bytes(), &signature)
        .unwrap();
    let message = signed.split(['=', '&']).nth(1).unwrap();
    let mut xml = String::new();
    let message = STANDARD.decode(decode(message)).unwrap();
    DeflateDecoder::new(message.as_slice())
        .read_to_string(&mut xml)
        .unwrap();
    xml
}

#[test]
fn an_authn_request() {
    let url = SP
        .authn_request(&PROVIDER, &request_id(), NOW, Some("a b+c/\u{e9}"))
        .unwrap();
    let query = url.strip_prefix("https://idp.example/sso?").unwrap();
    let names: Vec<&str> = query
        .split('&')
        .map(|pair| pair.split('=').next().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "SAMLRequest",
            "RelayState",
            "SigAlg",
            "Signature",
            "SAMLEncoding"
        ]
    );
    assert!(query.contains("&RelayState=a%20b%2Bc%2F%C3%A9&SigAlg=http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23rsa-sha256&"));
    let xml = open(query, &RSA_PKCS1_2048_8192_SHA256, "sp-rsa.crt");
    let expected = format!(
        "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{}\" Version=\"2.0\" \
         IssueInstant=\"2026-11-21T12:00:30Z\" Destination=\"https://idp.example/sso\" \
         ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
         AssertionConsumerServiceURL=\"{CONSUMER}\"><saml:Issuer>{GATEWAY}</saml:Issuer></samlp:AuthnRequest>",
        request_id().as_str()
    );
    assert_eq!(xml, expected);
}

#[test]
fn a_request_signed_on_p256() {
    let url = service_provider("sp-p256")
        .authn_request(&PROVIDER, &request_id(), NOW, None)
        .unwrap();
    let query = url.split_once('?').unwrap().1;
    assert!(query.contains("xmldsig-more%23ecdsa-sha256&") && !query.contains("RelayState"));
    assert!(
        open(query, &ECDSA_P256_SHA256_FIXED, "sp-p256.crt").starts_with("<samlp:AuthnRequest ")
    );
}

#[test]
fn relay_states_are_short() {
    let request =
        |length| SP.authn_request(&PROVIDER, &request_id(), NOW, Some(&"x".repeat(length)));
    assert!(request(80).is_ok());
    assert_eq!(request(81), Err(ServiceProviderError::RelayState));
}

#[test]
fn our_metadata() {
    let xml = SP.metadata();
    let document = roxmltree::Document::parse(&xml).unwrap();
    let entity = document.root_element();
    assert_eq!(entity.attribute("entityID"), Some(GATEWAY));
    let role = entity.first_element_child().unwrap();
    assert_eq!(role.attribute("AuthnRequestsSigned"), Some("true"));
    assert_eq!(role.attribute("WantAssertionsSigned"), Some("true"));
    let names: Vec<&str> = role
        .children()
        .map(|child| child.tag_name().name())
        .collect();
    assert_eq!(
        names,
        [
            "KeyDescriptor",
            "SingleLogoutService",
            "SingleLogoutService",
            "AssertionConsumerService"
        ]
    );
    let consumer = role.last_element_child().unwrap();
    assert_eq!(consumer.attribute("Location"), Some(CONSUMER));
    assert!(
        consumer
            .attribute("Binding")
            .unwrap()
            .ends_with("HTTP-POST")
    );
    assert!(
        role.children()
            .all(|child| child.tag_name().name() != "SingleLogoutService"
                || child.attribute("Location") == Some(LOGOUT))
    );
    assert!(xml.contains(&pem_body("sp-rsa.crt")));
}

#[test]
fn a_name_id_format_is_asked_for_and_markup_is_escaped() {
    let format = NameIdFormat::EmailAddress;
    let sp = ServiceProvider::new(&Settings {
        entity_id: "urn:a&b<c>\"",
        assertion_consumer_url: "https://gateway.example/acs?a=b&c=d",
        logout_url: None,
        signing_key_pkcs8: &der("sp-p256.key"),
        certificate_der: &der("sp-p256.crt"),
        name_id_format: Some(&format),
        transport: Transport::Https,
    })
    .unwrap();
    let metadata = sp.metadata();
    let document = roxmltree::Document::parse(&metadata).unwrap();
    assert_eq!(
        document.root_element().attribute("entityID"),
        Some("urn:a&b<c>\"")
    );
    assert!(!metadata.contains("SingleLogoutService"));
    let url = sp
        .authn_request(&PROVIDER, &request_id(), NOW, None)
        .unwrap();
    let xml = open(
        url.split_once('?').unwrap().1,
        &ECDSA_P256_SHA256_FIXED,
        "sp-p256.crt",
    );
    let document = roxmltree::Document::parse(&xml).unwrap();
    let policy = document.root_element().last_element_child().unwrap();
    assert_eq!(policy.attribute("Format"), Some(format.uri()));
    assert_eq!(
        document
            .root_element()
            .first_element_child()
            .unwrap()
            .text(),
        Some("urn:a&b<c>\"")
    );
}
