//! Documents and signatures that are not those of the profile.

use crate::fixture::{
    EXCLUSIVE, Sign, cases, cut, edit, finish, judge, pem_body, signature_template, signed,
    unsigned,
};

const ENVELOPED: &str =
    "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>";

cases! {
    unsigned_message: "unsigned", Sign::Neither.templates(&unsigned());
    comment_in_the_name: "comment", edit(&good(), ">alice<", ">ali<!-- x -->ce<");
    comment_before_the_root: "comment", edit(&good(), "<samlp:Response", "<!-- x --><samlp:Response");
    processing_instruction: "processing-instruction", edit(&good(), ">alice<", ">ali<?x y?>ce<");
    stylesheet: "processing-instruction", edit(&good(), "<samlp:Response", "<?xml-stylesheet href=\"x\"?><samlp:Response");
    document_type: "dtd", edit(&good(), "<samlp:Response", "<!DOCTYPE Response><samlp:Response");
    entity: "dtd", edit(&edit(&good(), "<samlp:Response", "<!DOCTYPE r [<!ENTITY e \"mallory\">]><samlp:Response"), ">alice<", ">&e;<");
    external_entity: "dtd", edit(&good(), "<samlp:Response", "<!DOCTYPE r [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><samlp:Response");
    billion_laughs: "dtd", edit(&good(), "<samlp:Response", "<!DOCTYPE r [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><samlp:Response");
    entity_without_document_type: "malformed-xml", edit(&good(), ">alice<", ">&e;<");
    unclosed: "malformed-xml", edit(&good(), "</samlp:Response>", "");
    two_roots: "malformed-xml", edit(&good(), "</samlp:Response>", "</samlp:Response><x/>");
    byte_order_mark: "xml-declaration", format!("\u{feff}{}", cut(&good(), "<samlp:Response", "</samlp:Response>"));
    another_encoding: "xml-declaration", format!("<?xml version=\"1.0\" encoding=\"UTF-7\"?>{}", cut(&good(), "<samlp:Response", "</samlp:Response>"));
    another_xml: "xml-declaration", format!("<?xml version=\"1.1\"?>{}", cut(&good(), "<samlp:Response", "</samlp:Response>"));
    prefixed_xmlns: "namespace", edit(&good(), "<saml:Subject>", "<saml:Subject saml:xmlns=\"urn:x\">");
    undeclared_prefix: "namespace", edit(&good(), "<saml:Subject>", "<saml:Subject xmlns:saml=\"\">");
    default_declared_twice: "namespace", edit(&good(), "<saml:Subject>", "<saml:Subject xmlns=\"a\" xmlns=\"b\">");
    redefined_prefix: "digest-mismatch", edit(&good(), "<saml:Subject>", "<saml:Subject xmlns:saml=\"urn:x\">");
    abyss: "too-complex", edit(&good(), "<saml:Subject>", &format!("{}<saml:Subject>", "<x>".repeat(100)));
    crowd: "too-complex", edit(&good(), "<saml:Subject>", &format!("{}<saml:Subject>", "<x/>".repeat(9000)));
    namespaces_without_end: "too-complex", {
        use std::fmt::Write as _;
        let mut many = String::from("<saml:Subject");
        for number in 0..60 {
            let _ = write!(many, " xmlns:n{number}=\"urn:{number}\"");
        }
        edit(&good(), "<saml:Subject", &many)
    };
    long_message: "too-large", edit(&good(), "alice", &"a".repeat(256 << 10));
    canonical_form_without_end: "too-large", small_with_a_huge_form();
    another_root: "kind", good().replace("samlp:Response", "samlp:ArtifactResponse");
    assertion_as_root: "kind", cut(&good(), "<saml:Assertion", "</saml:Assertion>").replace("<saml:Assertion", "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"");
    response_of_another_namespace: "kind", edit(&good(), "SAML:2.0:protocol", "SAML:1.1:protocol");

    another_key: "signature-invalid", finish(&Sign::Both.templates(&unsigned()), "other-rsa");
    another_key_in_key_info: "signature-invalid", {
        let certificate = format!("<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>", pem_body("other-rsa.crt"));
        edit(&finish(&Sign::Both.templates(&unsigned()), "other-rsa"), "</ds:Signature>", &certificate)
    };
    one_good_and_one_bad_signature: "signature-invalid", {
        let inner = finish(&unsigned().replace("[assertion]", &signature_template("_assertion")), "other-rsa");
        finish(&edit(&inner, "[response]", &signature_template("_response")), "idp-rsa")
    };
    rsa_1024: "signature-invalid", finish(&Sign::Both.templates(&unsigned()), "weak-rsa");
    sha1_signature: "signature-algorithm", with(RSA, "http://www.w3.org/2000/09/xmldsig#rsa-sha1", "idp-rsa");
    sha1_digest: "digest-algorithm", with("http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1", "idp-rsa");
    hmac_with_the_certificate: "signature-algorithm", with(RSA, "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256", "idp-rsa");
    ecdsa_named_for_an_rsa_key: "signature-invalid", edit(&good(), "#rsa-sha256", "#ecdsa-sha256");
    none_as_algorithm: "signature-algorithm", edit(&good(), "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "");
    empty_signature: "signature-invalid", { let xml = good(); edit(&xml, cut(&xml, "<ds:SignatureValue>", "</ds:SignatureValue>"), "<ds:SignatureValue></ds:SignatureValue>") };
    signature_of_zeros: "signature-invalid", { let xml = good(); edit(&xml, cut(&xml, "<ds:SignatureValue>", "</ds:SignatureValue>"), &format!("<ds:SignatureValue>{}</ds:SignatureValue>", "A".repeat(344))) };
    hmac_output_length: "signature-structure", edit(&good(), &format!("Algorithm=\"{RSA}\"/>"), &format!("Algorithm=\"{RSA}\"><ds:HMACOutputLength>0</ds:HMACOutputLength></ds:SignatureMethod>"));
    changed_digest: "signature-invalid", { let xml = good(); edit(&xml, cut(&xml, "<ds:DigestValue>", "</ds:DigestValue>"), &format!("<ds:DigestValue>{}=</ds:DigestValue>", "A".repeat(43))) };
    two_digests: "signature-structure", { let xml = good(); let digest = cut(&xml, "<ds:DigestValue>", "</ds:DigestValue>").to_owned(); edit(&xml, &digest, &digest.repeat(2)) };
    comment_in_the_digest: "comment", edit(&good(), "<ds:DigestValue>", "<ds:DigestValue><!-- x -->");

    xslt: "transforms", with_transforms(&format!("{ENVELOPED}<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\"><xsl:stylesheet xmlns:xsl=\"http://www.w3.org/1999/XSL/Transform\" version=\"1.0\"/></ds:Transform>"));
    xpath: "transforms", with_transforms(&format!("{ENVELOPED}<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"><ds:XPath>self::text()</ds:XPath></ds:Transform>"));
    no_enveloped_transform: "transforms", with_transforms(&format!("<ds:Transform Algorithm=\"{EXCLUSIVE}\"/>"));
    only_the_enveloped_transform: "transforms", with_transforms(ENVELOPED);
    swapped_transforms: "transforms", with_transforms(&format!("<ds:Transform Algorithm=\"{EXCLUSIVE}\"/>{ENVELOPED}"));
    three_transforms: "transforms", with_transforms(&format!("{ENVELOPED}{ENVELOPED}<ds:Transform Algorithm=\"{EXCLUSIVE}\"/>"));
    inclusive_transform: "transforms", with_transforms(&format!("{ENVELOPED}<ds:Transform Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"/>"));
    transform_with_comments: "transforms", with_transforms(&format!("{ENVELOPED}<ds:Transform Algorithm=\"{EXCLUSIVE}WithComments\"/>"));
    inclusive_canonicalization: "canonicalization-method", with(&format!("CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\""), "CanonicalizationMethod Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"", "idp-rsa");
    two_references: "reference-count", {
        let template = signature_template("_assertion");
        let reference = cut(&template, "<ds:Reference", "</ds:Reference>").to_owned();
        let second = reference.replace("#_assertion", "#_response");
        finish(&placed(&template.replace(&reference, &format!("{reference}{second}"))), "idp-rsa")
    };
    no_reference: "reference-count", {
        let xml = good();
        edit(&xml, cut(&xml, "<ds:Reference", "</ds:Reference>"), "")
    };
    empty_uri: "reference", finish(&placed(&signature_template("_assertion").replace("URI=\"#_assertion\"", "URI=\"\"")), "idp-rsa");
    no_uri: "reference", edit(&good(), " URI=\"#_assertion\"", "");
    xpointer_uri: "reference", edit(&good(), "URI=\"#_assertion\"", "URI=\"#xpointer(id('_assertion'))\"");
    external_uri: "reference", edit(&good(), "URI=\"#_assertion\"", "URI=\"https://evil.example/x\"");
    reference_to_the_response: "reference", edit(&good(), "URI=\"#_assertion\"", "URI=\"#_response\"");
    object_in_the_signature: "signature-structure", edit(&good(), "</ds:Signature>", "<ds:Object/></ds:Signature>");
    manifest: "signature-structure", edit(&good(), "</ds:Signature>", "<ds:Object><ds:Manifest/></ds:Object></ds:Signature>");
    signature_without_value: "signature-structure", { let xml = good(); edit(&xml, cut(&xml, "<ds:SignatureValue>", "</ds:SignatureValue>"), "") };
    signed_info_twice: "signature-structure", { let xml = good(); let info = cut(&xml, "<ds:SignedInfo>", "</ds:SignedInfo>").to_owned(); edit(&xml, &info, &info.repeat(2)) };

    encrypted_assertion: "encrypted", { let xml = good(); edit(&xml, cut(&xml, "<saml:Assertion", "</saml:Assertion>"), "<saml:EncryptedAssertion><xenc:EncryptedData xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\"/></saml:EncryptedAssertion>") };
    encrypted_name: "encrypted", signed(Sign::Both, |xml| { let name = cut(&xml, "<saml:NameID", "</saml:NameID>").to_owned(); edit(&xml, &name, "<saml:EncryptedID/>") });
    encrypted_attribute: "encrypted", signed(Sign::Both, |xml| edit(&xml, "</saml:AttributeStatement>", "<saml:EncryptedAttribute/></saml:AttributeStatement>"));
}

const RSA: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";

fn good() -> String {
    signed(Sign::Assertion, |xml| xml)
}

fn placed(template: &str) -> String {
    unsigned()
        .replace("[response]", "")
        .replace("[assertion]", template)
}

fn with(from: &str, to: &str, key: &str) -> String {
    finish(
        &edit(&placed(&signature_template("_assertion")), from, to),
        key,
    )
}

/// A genuine signature with other transforms written in: they are refused before its value is looked at.
fn with_transforms(transforms: &str) -> String {
    let xml = good();
    let all = cut(&xml, "<ds:Transforms>", "</ds:Transforms>").to_owned();
    edit(
        &xml,
        &all,
        &format!("<ds:Transforms>{transforms}</ds:Transforms>"),
    )
}

/// Small as received, and many megabytes when each element repeats its namespace.
fn small_with_a_huge_form() -> String {
    let long = "u".repeat(100_000);
    let xml = edit(
        &good(),
        "<ds:SignatureMethod",
        &format!("{}<ds:SignatureMethod", "<l:x/>".repeat(2000)),
    );
    edit(
        &xml,
        "<samlp:Response",
        &format!("<samlp:Response xmlns:l=\"{long}\""),
    )
}

#[test]
fn the_corpus_begins_with_good_messages() {
    assert!(judge(&good()).is_ok());
}

#[test]
fn fields_that_are_no_base64() {
    use crate::fixture::{NOW, PROVIDER, SP, post, request_id};
    let id = request_id();
    let expected = custos_saml::Expected {
        request_id: &id,
        utc_ns: NOW,
    };
    let field = post(&good());
    for bad in [
        "<samlp:Response/>",
        "====",
        &field[1..],
        &format!("{field}="),
        &field.replace('A', "-"),
    ] {
        let code = SP.response(&PROVIDER, bad, &expected).unwrap_err().code();
        assert_eq!(code, "not-base64", "{bad}");
    }
    let too_long = "A".repeat((512 << 10) + 1);
    assert_eq!(
        SP.response(&PROVIDER, &too_long, &expected)
            .unwrap_err()
            .code(),
        "too-large"
    );
    assert_eq!(
        SP.response(&PROVIDER, "/////w==", &expected)
            .unwrap_err()
            .code(),
        "not-utf8"
    );
    assert_eq!(
        SP.response(&PROVIDER, "", &expected).unwrap_err().code(),
        "malformed-xml"
    );
}
