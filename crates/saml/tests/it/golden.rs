//! Messages that SimpleSAMLphp made, as `tests/saml/record` kept them, at the time when they were made.

use aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256;
use custos_saml::{
    Assertion, Expected, Metadata, MetadataOptions, NameIdFormat, Rejection, Transport, c14n,
};

use crate::fixture::{SECOND, SP, cut, data, edit, post, request_id};
use crate::oracle::{opinion, signatures};
use crate::request::open;

const RESPONSES: [&str; 3] = [
    "both_signed.xml",
    "assertion_signed.xml",
    "response_signed.xml",
];

fn read(name: &str) -> String {
    std::fs::read_to_string(data("golden").join(name)).unwrap()
}

fn clock() -> u64 {
    read("clock").trim().parse::<u64>().unwrap() * SECOND
}

fn metadata() -> Metadata {
    let options = MetadataOptions {
        transport: Transport::HttpOnLoopback,
        utc_ns: clock(),
        ..MetadataOptions::default()
    };
    Metadata::parse(read("idp.xml").as_bytes(), &options).unwrap()
}

fn judge(xml: &str) -> Result<Assertion, Rejection> {
    let request_id = request_id();
    let expected = Expected {
        request_id: &request_id,
        utc_ns: clock(),
    };
    SP.response(&metadata(), &post(xml), &expected)
}

/// SimpleSAMLphp verified the signature of the kept address before it answered. Compression may come out different
/// with another version of its library, so the messages are compared and not the addresses.
#[test]
fn the_request_that_was_answered() {
    let url = SP
        .authn_request(
            &metadata(),
            &request_id(),
            1_795_262_430 * SECOND,
            Some("state"),
        )
        .unwrap();
    let message = |url: &str| {
        let (address, query) = url.trim().split_once('?').unwrap();
        (
            address.to_owned(),
            open(query, &RSA_PKCS1_2048_8192_SHA256, "sp-rsa.crt"),
        )
    };
    assert_eq!(message(&url), message(&read("authn_request.url")));
}

#[test]
fn responses_are_accepted() {
    for name in RESPONSES {
        let assertion = judge(&read(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(assertion.issuer, "http://127.0.0.1:9302/metadata");
        let groups = assertion
            .attributes
            .iter()
            .find(|attribute| attribute.name == "groups")
            .unwrap();
        assert_eq!(groups.values, ["sre", "R&D \"lab\" <\u{e9}>"], "{name}");
        assert!(
            assertion.authn.session_index.is_some()
                && assertion.authn.session_not_on_or_after.is_some()
        );
        let is_transient = assertion.name_id.format == NameIdFormat::Transient;
        assert_eq!(is_transient, name == "response_signed.xml");
    }
}

#[test]
fn responses_are_refused_when_changed() {
    for name in RESPONSES {
        let xml = read(name);
        assert_eq!(
            judge(&edit(&xml, ">sre<", ">dba<")),
            Err(custos_saml::SignatureError::Digest.into()),
            "{name}"
        );
        let other = edit(&xml, "a5a5", "a5a6");
        assert!(judge(&other).is_err(), "{name}");
    }
}

#[test]
fn xmlsec1_agrees_on_the_responses() {
    let certificate = tempfile::NamedTempFile::new().unwrap();
    let xml = read("idp.xml");
    let body = cut(&xml, "<ds:X509Certificate>", "</ds:X509Certificate>");
    let body = &body["<ds:X509Certificate>".len()..body.len() - "</ds:X509Certificate>".len()];
    let lines: Vec<&str> = body
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    );
    std::fs::write(certificate.path(), pem).unwrap();
    for name in RESPONSES {
        let xml = read(name);
        for position in 1..=signatures(&xml) {
            let opinion = opinion(&xml, position, certificate.path().to_str().unwrap());
            assert!(opinion.is_good, "{name}");
            let digested = &opinion.digested[0];
            let id = cut(digested, " ID=\"", "\" ").split('"').nth(1).unwrap();
            assert_eq!(
                &c14n::exclusive(&xml, Some(id), true, "").unwrap(),
                digested,
                "{name}"
            );
        }
    }
}

#[test]
fn a_logout_request_is_accepted() {
    let query = read("logout_request.query");
    let request = SP
        .logout_request_by_redirect(&metadata(), query.trim(), clock())
        .unwrap();
    let assertion = judge(&read("both_signed.xml")).unwrap();
    assert_eq!(request.name_id.value, assertion.name_id.value);
    assert_eq!(
        request.session_indexes,
        [assertion.authn.session_index.unwrap()]
    );
    let unsigned = query.split("&SigAlg").next().unwrap();
    let refused = SP.logout_request_by_redirect(&metadata(), unsigned, clock());
    assert_eq!(refused.unwrap_err().code(), "unsigned");
}
