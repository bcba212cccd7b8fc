//! Signature wrapping: the eight positions of Somorovsky et al., "On Breaking SAML" (2012), and relatives that keep to
//! one assertion.

use crate::fixture::{Sign, cases, cut, edit, signed};

cases! {
    xsw1_response_in_its_signature: "assertion-count", {
        let xml = response_signed();
        let (signature, original) = (signature(&xml), without_signature(&xml));
        let wrapped = signature.replace("</ds:Signature>", &format!("{}</ds:Signature>", root(&original)));
        edit(&forged_response(&xml), "[here]", &wrapped)
    };
    xsw2_response_before_its_signature: "assertion-count", {
        let xml = response_signed();
        let wrapped = format!("{}{}", root(&without_signature(&xml)), signature(&xml));
        edit(&forged_response(&xml), "[here]", &wrapped)
    };
    xsw3_forged_assertion_first: "assertion-count", {
        let xml = assertion_signed();
        edit(&xml, "<saml:Assertion", &format!("{}<saml:Assertion", forged_assertion(&xml)))
    };
    xsw4_assertion_inside_the_forged_one: "assertion-count", {
        let xml = assertion_signed();
        let forged = forged_assertion(&xml).replace("</saml:Assertion>", &format!("{}</saml:Assertion>", assertion(&xml)));
        edit(&xml, assertion(&xml), &forged)
    };
    xsw5_signature_in_the_forged_one: "assertion-count", {
        let xml = assertion_signed();
        let both = format!("{}{}", forged_with_signature(&xml), without_signature(assertion(&xml)));
        edit(&xml, assertion(&xml), &both)
    };
    xsw6_assertion_in_the_forged_ones_signature: "assertion-count", {
        let xml = assertion_signed();
        let original = format!("{}</ds:Signature>", without_signature(assertion(&xml)));
        edit(&xml, assertion(&xml), &forged_with_signature(&xml).replace("</ds:Signature>", &original))
    };
    xsw7_forged_one_in_extensions: "assertion-count", {
        let xml = assertion_signed();
        let extensions = format!("<samlp:Extensions>{}</samlp:Extensions><saml:Assertion", forged_assertion(&xml));
        edit(&xml, "<saml:Assertion", &extensions)
    };
    xsw8_assertion_in_an_object: "assertion-count", {
        let xml = assertion_signed();
        let object = format!("<ds:Object>{}</ds:Object></ds:Signature>", without_signature(assertion(&xml)));
        edit(&xml, assertion(&xml), &forged_with_signature(&xml).replace("</ds:Signature>", &object))
    };
    the_only_assertion_in_extensions: "assertion-placement", {
        let xml = assertion_signed();
        let hidden = format!("<samlp:Extensions>{}</samlp:Extensions>", assertion(&xml));
        edit(&xml, assertion(&xml), &hidden)
    };
    the_only_assertion_in_another_response: "assertion-placement", {
        let xml = assertion_signed();
        let status = cut(&xml, "<samlp:Status>", "</samlp:Status>");
        let outer = format!("<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_outer\" Version=\"2.0\">{status}{}</samlp:Response>", root(&xml));
        outer
    };
    signature_moved_to_the_response: "reference", {
        let xml = assertion_signed();
        let moved = format!("{}<samlp:Status>", signature(&xml));
        edit(&without_signature(&xml), "<samlp:Status>", &moved)
    };
    signature_in_the_subject: "signature-placement", {
        let xml = assertion_signed();
        let moved = format!("<saml:Subject>{}", signature(&xml));
        edit(&without_signature(&xml), "<saml:Subject>", &moved)
    };
    signature_behind_the_subject: "signature-placement", {
        let xml = assertion_signed();
        let moved = format!("</saml:Subject>{}", signature(&xml));
        edit(&without_signature(&xml), "</saml:Subject>", &moved)
    };
    two_signatures_of_one_element: "signature-placement", {
        let xml = assertion_signed();
        edit(&xml, signature(&xml), &signature(&xml).repeat(2))
    };
    three_signatures: "signature-count", {
        let xml = signed(Sign::Both, |xml| xml);
        edit(&xml, signature(&xml), &signature(&xml).repeat(2))
    };
    two_different_assertions: "assertion-count", {
        signed(Sign::Response, |xml| {
            let second = assertion(&xml).replace("_assertion", "_second").replace("[assertion]", "").replace("alice", "bob");
            edit(&xml, "</samlp:Response>", &format!("{second}</samlp:Response>"))
        })
    };
    changed_assertion_in_a_signed_response: "digest-mismatch", edit(&response_signed(), ">alice<", ">mallory<");
    changed_assertion: "digest-mismatch", edit(&assertion_signed(), ">alice<", ">mallory<");
    changed_response_around_two_signatures: "digest-mismatch", edit(&signed(Sign::Both, |xml| xml), "ID=\"_response\" Version=\"2.0\" IssueInstant=\"2026-11-21T12:00:00Z\"", "ID=\"_response\" Version=\"2.0\" IssueInstant=\"2026-11-21T12:00:01Z\"");
    another_id: "reference", edit(&assertion_signed(), "ID=\"_assertion\"", "ID=\"_other\"");
    duplicate_id: "duplicate-id", edit(&assertion_signed(), "<saml:Subject>", "<saml:Subject ID=\"_assertion\">");
    duplicate_id_in_lower_case: "duplicate-id", edit(&assertion_signed(), "<samlp:Status>", "<samlp:Status Id=\"_assertion\">");
    forged_with_the_same_id: "duplicate-id", {
        let xml = assertion_signed();
        let forged = assertion(&without_signature(&xml)).replace(">alice<", ">mallory<");
        edit(&xml, "<saml:Assertion", &format!("{forged}<saml:Assertion"))
    };
    an_assertion_in_another_namespace: "structure", {
        let xml = assertion_signed();
        let forged = forged_assertion(&xml).replace("<saml:Assertion", "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:1.0:assertion\"");
        edit(&xml, "<saml:Assertion", &format!("{forged}<saml:Assertion"))
    };
}

fn assertion_signed() -> String {
    signed(Sign::Assertion, |xml| xml)
}

fn response_signed() -> String {
    signed(Sign::Response, |xml| xml)
}

fn assertion(xml: &str) -> &str {
    cut(xml, "<saml:Assertion", "</saml:Assertion>")
}

fn signature(xml: &str) -> &str {
    cut(xml, "<ds:Signature ", "</ds:Signature>")
}

fn without_signature(xml: &str) -> String {
    xml.replace(signature(xml), "")
}

fn root(xml: &str) -> &str {
    cut(xml, "<samlp:Response", "</samlp:Response>")
}

/// Somebody else's assertion, without a signature.
fn forged_assertion(xml: &str) -> String {
    assertion(&without_signature(xml))
        .replace(">alice<", ">mallory<")
        .replace("_assertion", "_forged")
}

/// The same around the genuine signature.
fn forged_with_signature(xml: &str) -> String {
    let forged = forged_assertion(xml);
    let issuer = "</saml:Issuer>";
    forged.replace(issuer, &format!("{issuer}{}", signature(xml)))
}

/// A response of the attacker, with a place for what was signed.
fn forged_response(xml: &str) -> String {
    without_signature(root(xml))
        .replace(">alice<", ">mallory<")
        .replace("\"_response\"", "\"_forged\"")
        .replace("\"_assertion\"", "\"_forged_assertion\"")
        .replacen("</saml:Issuer>", "</saml:Issuer>[here]", 1)
}
