//! Metadata of identity providers, good and hostile.

use aws_lc_rs::digest;
use custos_saml::{
    KeyError, Metadata, MetadataError, MetadataOptions, NameIdFormat, SignatureError, Transport,
    XmlError,
};

use crate::fixture::{
    IDP, NOW, SECOND, cut, der, edit, finish, idp_metadata, options, pem_body, signature_template,
};

fn good() -> String {
    idp_metadata(&["idp-rsa"])
}

fn parse(xml: &str) -> Result<Metadata, MetadataError> {
    Metadata::parse(xml.as_bytes(), &options())
}

fn federation(entities: &str) -> String {
    format!(
        "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" ID=\"_f\">{entities}</md:EntitiesDescriptor>"
    )
}

#[test]
fn everything_is_read() {
    let metadata = parse(&good()).unwrap();
    assert_eq!(metadata.entity_id(), IDP);
    assert_eq!(metadata.sso_location().as_str(), "https://idp.example/sso");
    assert_eq!(
        metadata.logout_location().unwrap().as_str(),
        "https://idp.example/slo"
    );
    assert_eq!(metadata.name_id_formats(), [NameIdFormat::Persistent]);
    assert_eq!(metadata.valid_until(), None);
}

#[test]
fn comments_and_other_roles_are_read_over() {
    let xml = edit(
        &good(),
        "<md:IDPSSODescriptor",
        "<!-- x --><md:SPSSODescriptor/><md:IDPSSODescriptor",
    );
    assert!(parse(&xml).is_ok());
    let split = edit(
        &good(),
        &pem_body("idp-rsa.crt")[..20],
        &format!("{}<!-- x -->", &pem_body("idp-rsa.crt")[..20]),
    );
    assert_eq!(
        parse(&split),
        Err(MetadataError::Certificate(KeyError::Malformed))
    );
}

#[test]
fn without_a_signing_key_there_is_no_provider() {
    let refused = Err(MetadataError::NoCertificate);
    assert_eq!(parse(&idp_metadata(&[])), refused);
    assert_eq!(
        parse(&edit(&good(), "use=\"signing\"", "use=\"encryption\"")),
        refused
    );
    assert!(parse(&edit(&good(), " use=\"signing\"", "")).is_ok());
    assert_eq!(
        parse(&edit(&good(), "use=\"signing\"", "use=\"all\"")),
        Err(MetadataError::Role)
    );
}

#[test]
fn certificates_are_counted_and_read() {
    assert!(parse(&idp_metadata(&["idp-rsa"; 16])).is_ok());
    assert_eq!(
        parse(&idp_metadata(&["idp-rsa"; 17])),
        Err(MetadataError::TooManyCertificates)
    );
    let malformed = Err(MetadataError::Certificate(KeyError::Malformed));
    assert_eq!(
        parse(&edit(
            &good(),
            "<ds:X509Certificate>M",
            "<ds:X509Certificate>N"
        )),
        malformed
    );
    assert_eq!(
        parse(&edit(&good(), "ds:X509Certificate", "ds:Other")),
        malformed
    );
    let certificate = cut(&good(), "<ds:X509Certificate>", "</ds:X509Certificate>").to_owned();
    assert_eq!(
        parse(&edit(&good(), &certificate, &certificate.repeat(2))),
        malformed
    );
}

#[test]
fn roles_and_entities() {
    assert_eq!(
        parse(&edit(&good(), "IDPSSODescriptor", "SPSSODescriptor")),
        Err(MetadataError::Role)
    );
    assert_eq!(
        parse(&edit(&good(), "SAML:2.0:protocol", "SAML:1.1:protocol")),
        Err(MetadataError::Role)
    );
    let role = cut(&good(), "<md:IDPSSODescriptor", "</md:IDPSSODescriptor>").to_owned();
    assert_eq!(
        parse(&edit(&good(), &role, &role.repeat(2))),
        Err(MetadataError::Role)
    );
    assert_eq!(
        parse(&edit(&good(), "EntityDescriptor", "OtherDescriptor")),
        Err(MetadataError::Entity)
    );
    assert_eq!(
        parse(&edit(&good(), &format!("entityID=\"{IDP}\""), "")),
        Err(MetadataError::Entity)
    );
    let wanted = |xml: &str, entity_id| {
        Metadata::parse(
            xml.as_bytes(),
            &MetadataOptions {
                entity_id: Some(entity_id),
                ..options()
            },
        )
    };
    assert_eq!(wanted(&good(), "urn:other"), Err(MetadataError::Entity));
    let both = federation(&format!(
        "{}{}",
        good(),
        edit(&edit(&good(), IDP, "urn:other"), "_m", "_n")
    ));
    assert_eq!(parse(&both), Err(MetadataError::Entity));
    assert_eq!(wanted(&both, "urn:other").unwrap().entity_id(), "urn:other");
    assert_eq!(wanted(&both, "urn:third"), Err(MetadataError::Entity));
    assert_eq!(parse(&federation(&good())).unwrap().entity_id(), IDP);
    assert_eq!(parse(&federation("")), Err(MetadataError::Entity));
    assert_eq!(
        parse(&federation(&federation(&good()).replace("_f", "_g"))),
        Err(MetadataError::Entity)
    );
}

#[test]
fn addresses() {
    let refused = Err(MetadataError::Location);
    let sso = "https://idp.example/sso";
    for bad in [
        "http://idp.example/sso",
        "javascript:alert(1)",
        "",
        "https://idp.example/ sso",
    ] {
        assert_eq!(parse(&edit(&good(), sso, bad)), refused, "{bad}");
    }
    assert_eq!(
        parse(&edit(
            &good(),
            "https://idp.example/slo",
            "http://idp.example/slo"
        )),
        refused
    );
    assert_eq!(
        parse(&edit(&good(), "HTTP-Redirect", "HTTP-Artifact")),
        refused
    );
    let local = edit(&good(), sso, "http://127.0.0.1:9302/sso");
    assert_eq!(parse(&local), refused);
    let options = MetadataOptions {
        transport: Transport::HttpOnLoopback,
        ..options()
    };
    assert!(Metadata::parse(local.as_bytes(), &options).is_ok());
}

#[test]
fn validity() {
    let until = |time| {
        edit(
            &good(),
            "entityID=",
            &format!("validUntil=\"{time}\" entityID="),
        )
    };
    assert_eq!(
        parse(&until("2026-11-21T12:00:30Z")),
        Err(MetadataError::Expired)
    );
    assert_eq!(parse(&until("tomorrow")), Err(MetadataError::Expired));
    let metadata = parse(&until("2026-11-21T12:00:31Z")).unwrap();
    assert_eq!(metadata.valid_until(), Some(NOW + SECOND));
    let of_federation = edit(
        &federation(&until("2026-11-21T13:00:00Z")),
        "ID=\"_f\"",
        "ID=\"_f\" validUntil=\"2026-11-21T12:30:00Z\"",
    );
    assert_eq!(
        parse(&of_federation).unwrap().valid_until(),
        Some(NOW + 1770 * SECOND)
    );

    let signed = crate::fixture::signed(crate::fixture::Sign::Both, |xml| xml);
    let request_id = crate::fixture::request_id();
    let respond = |utc_ns| {
        let expected = custos_saml::Expected {
            request_id: &request_id,
            utc_ns,
        };
        crate::fixture::SP
            .response(&metadata, &crate::fixture::post(&signed), &expected)
            .map(|_| ())
    };
    assert_eq!(respond(NOW), Ok(()));
    assert_eq!(
        respond(NOW + SECOND),
        Err(custos_saml::Rejection::MetadataExpired)
    );
}

#[test]
fn documents_with_limits() {
    assert_eq!(parse("x"), Err(MetadataError::Xml(XmlError::Malformed)));
    let typed = format!("<!DOCTYPE x>{}", good());
    assert_eq!(parse(&typed), Err(MetadataError::Xml(XmlError::Dtd)));
    let long = edit(
        &good(),
        "</md:EntityDescriptor>",
        &format!("{}</md:EntityDescriptor>", " ".repeat(1 << 20)),
    );
    assert_eq!(parse(&long), Err(MetadataError::Xml(XmlError::TooLarge)));
}

/// Signed with `other-rsa`, whose certificate is inside.
fn signed_metadata() -> String {
    let template = signature_template("_m").replace(
        "</ds:Signature>",
        &format!("<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>", pem_body("other-rsa.crt")),
    );
    finish(
        &edit(
            &good(),
            "<md:IDPSSODescriptor",
            &format!("{template}<md:IDPSSODescriptor"),
        ),
        "other-rsa",
    )
}

fn pinned(xml: &str, certificate: &str) -> Result<Metadata, MetadataError> {
    let hash = digest::digest(&digest::SHA256, &der(certificate));
    let signed_by = Some(hash.as_ref().try_into().unwrap());
    Metadata::parse(
        xml.as_bytes(),
        &MetadataOptions {
            signed_by,
            ..options()
        },
    )
}

#[test]
fn a_pinned_certificate_must_have_signed() {
    let xml = signed_metadata();
    assert_eq!(pinned(&xml, "other-rsa.crt"), parse(&good()));
    assert_eq!(pinned(&xml, "idp-rsa.crt"), Err(SignatureError::Pin.into()));
    assert_eq!(
        pinned(&good(), "other-rsa.crt"),
        Err(SignatureError::Missing.into())
    );
    let changed = edit(&xml, "https://idp.example/sso", "https://evil.example/sso");
    assert_eq!(
        pinned(&changed, "other-rsa.crt"),
        Err(SignatureError::Digest.into())
    );
    let pinned_by_name_only = edit(&xml, &pem_body("other-rsa.crt"), &pem_body("idp-rsa.crt"));
    assert_eq!(
        pinned(&pinned_by_name_only, "idp-rsa.crt"),
        Err(SignatureError::Value.into())
    );
    let wrapped = federation(cut(&xml, "<md:EntityDescriptor", "</md:EntityDescriptor>"));
    assert_eq!(
        pinned(&wrapped, "other-rsa.crt"),
        Err(SignatureError::Placement.into())
    );
    let unnamed = edit(&xml, "<ds:KeyInfo>", "<ds:KeyInfo><ds:KeyName/>")
        .replace("ds:X509Certificate", "ds:Other");
    assert_eq!(
        pinned(&unnamed, "other-rsa.crt"),
        Err(SignatureError::Pin.into())
    );
}
