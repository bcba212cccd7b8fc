//! What must be accepted, and what is read from it.

use custos_saml::NameIdFormat;

use crate::fixture::{
    IDP, NOW, SECOND, Sign, cases, edit, finish, judge, post, signature_template, signed, unsigned,
};

cases! {
    both_signed: "accepted", signed(Sign::Both, |xml| xml);
    only_the_assertion_signed: "accepted", signed(Sign::Assertion, |xml| xml);
    only_the_response_signed: "accepted", signed(Sign::Response, |xml| xml);
    with_prefix_list: "accepted", message_with_prefix_list();
    with_default_in_the_prefix_list: "accepted", finish(&edit(&with_prefix_template("#default xs"), "<ds:Signature ", "<ds:Signature xmlns=\"urn:other\" "), "idp-rsa");
    rsa_sha384: "accepted", with_algorithms("rsa-sha384", "http://www.w3.org/2001/04/xmldsig-more#sha384", "idp-rsa");
    rsa_sha512: "accepted", with_algorithms("rsa-sha512", "http://www.w3.org/2001/04/xmlenc#sha512", "idp-rsa");
    ecdsa_p256: "accepted", with_algorithms("ecdsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha256", "idp-p256");
    ecdsa_p384: "accepted", with_algorithms("ecdsa-sha384", "http://www.w3.org/2001/04/xmldsig-more#sha384", "idp-p384");
    response_without_issuer: "accepted", signed(Sign::Both, |xml| xml.replacen(&format!("<saml:Issuer>{IDP}</saml:Issuer>"), "", 1));
    line_breaks_between_elements: "accepted", signed(Sign::Both, |xml| xml.replace("><", ">\n  <"));
    cdata: "accepted", edit(&signed(Sign::Both, |xml| xml), ">alice<", "><![CDATA[alice]]><");
    character_reference: "accepted", edit(&signed(Sign::Both, |xml| xml), ">alice<", ">&#97;lice<");
    unused_namespace: "accepted", edit(&signed(Sign::Both, |xml| xml), "<saml:Subject>", "<saml:Subject xmlns:x=\"urn:x\">");
    other_prefixes: "accepted", signed(Sign::Both, |xml| edit(&edit(&xml, "saml:", "a:"), ":saml=", ":a="));
    non_ascii: "accepted", signed(Sign::Both, |xml| edit(&xml, "\"lab\"", "\u{e9}\u{4e2d}\u{1f600}"));
    one_time_use: "accepted", signed(Sign::Both, |xml| edit(&xml, "</saml:Conditions>", "<saml:OneTimeUse/></saml:Conditions>"));
    one_of_several_audiences: "accepted", signed(Sign::Both, |xml| edit(&xml, "<saml:Audience>", "<saml:Audience>urn:other</saml:Audience><saml:Audience>"));
    key_info_is_ignored: "accepted", edit(&signed(Sign::Assertion, |xml| xml), "</ds:SignatureValue>", "</ds:SignatureValue><ds:KeyInfo><ds:KeyName>x</ds:KeyName></ds:KeyInfo>");
}

fn with_prefix_template(prefixes: &str) -> String {
    let list = format!(
        "<ec:InclusiveNamespaces xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"{prefixes}\"/>"
    );
    let exclusive = "Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>";
    let with_list = exclusive.replace("/>", &format!(">{list}</ds:Transform>"));
    let transform = format!("<ds:Transform {exclusive}");
    let template =
        signature_template("_assertion").replace(&transform, &format!("<ds:Transform {with_list}"));
    let method = format!("<ds:CanonicalizationMethod {exclusive}");
    let template = template.replace(
        &method,
        &format!(
            "<ds:CanonicalizationMethod {}",
            with_list.replace("ds:Transform", "ds:CanonicalizationMethod")
        ),
    );
    unsigned()
        .replace("[response]", "")
        .replace("[assertion]", &template)
}

fn message_with_prefix_list() -> String {
    let signed = finish(&with_prefix_template("xs"), "idp-rsa");
    assert!(signed.contains("PrefixList=\"xs\""));
    signed
}

pub(crate) fn with_algorithms(signature: &str, digest: &str, key: &str) -> String {
    let xml = Sign::Both.templates(&unsigned());
    let xml = edit(&xml, "rsa-sha256", signature);
    finish(
        &edit(&xml, "http://www.w3.org/2001/04/xmlenc#sha256", digest),
        key,
    )
}

#[test]
fn everything_is_read() {
    for sign in [Sign::Both, Sign::Assertion, Sign::Response] {
        let assertion = judge(&signed(sign, |xml| xml)).unwrap();
        assert_eq!(assertion.id, "_assertion");
        assert_eq!(assertion.issuer, IDP);
        assert_eq!(assertion.name_id.value, "alice");
        assert_eq!(assertion.name_id.format, NameIdFormat::Persistent);
        assert_eq!(assertion.name_id.name_qualifier, None);
        assert_eq!(assertion.authn.instant, NOW - 150 * SECOND);
        assert_eq!(assertion.authn.session_index.as_deref(), Some("_s1"));
        assert_eq!(
            assertion.authn.context_class.as_deref(),
            Some("urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport")
        );
        assert_eq!(assertion.not_on_or_after, NOW + 270 * SECOND);
        let [groups, mail] = assertion.attributes.as_slice() else {
            panic!("{:?}", assertion.attributes)
        };
        assert_eq!(
            (groups.name.as_str(), mail.name.as_str()),
            ("groups", "mail")
        );
        assert_eq!(groups.values, ["sre", "R&D \"lab\""]);
        assert_eq!(mail.values, ["alice@example.com"]);
    }
}

#[test]
fn attributes_of_one_name_are_one() {
    let xml = signed(Sign::Both, |xml| {
        edit(&xml, "Name=\"mail\"", "Name=\"groups\"")
    });
    let assertion = judge(&xml).unwrap();
    assert_eq!(assertion.attributes.len(), 1);
    assert_eq!(assertion.attributes[0].values.len(), 3);
}

#[test]
fn transient_names_and_qualifiers_are_reported() {
    let xml = signed(Sign::Both, |xml| {
        edit(
            &xml,
            "nameid-format:persistent\"",
            "nameid-format:transient\" NameQualifier=\"q\" SPNameQualifier=\"s\"",
        )
    });
    let name_id = judge(&xml).unwrap().name_id;
    assert_eq!(name_id.format, NameIdFormat::Transient);
    assert_eq!(
        (
            name_id.name_qualifier.as_deref(),
            name_id.sp_name_qualifier.as_deref()
        ),
        (Some("q"), Some("s"))
    );
}

#[test]
fn debug_shows_no_names() {
    let assertion = judge(&signed(Sign::Both, |xml| xml)).unwrap();
    let shown = format!(
        "{assertion:?} {:?} {:?}",
        assertion.name_id, assertion.attributes
    );
    assert!(!shown.contains("alice") && !shown.contains("sre") && shown.contains("groups"));
}

#[test]
fn base64_may_be_broken_into_lines() {
    let field = post(&signed(Sign::Both, |xml| xml));
    let lines: Vec<&str> = field
        .as_bytes()
        .chunks(76)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    let request_id = crate::fixture::request_id();
    let expected = custos_saml::Expected {
        request_id: &request_id,
        utc_ns: NOW,
    };
    let result =
        crate::fixture::SP.response(&crate::fixture::PROVIDER, &lines.join("\r\n"), &expected);
    assert!(result.is_ok());
}
