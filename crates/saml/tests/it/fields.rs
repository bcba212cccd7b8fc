//! Well-signed responses that say the wrong thing, or say it at the wrong time.

use custos_saml::Rejection;

use crate::fixture::{
    CONSUMER, GATEWAY, IDP, NOW, SECOND, Sign, cases, cut, edit, judge_at, request_id, signed,
};

cases! {
    wrong_audience: "audience", both(&format!("<saml:Audience>{GATEWAY}<"), "<saml:Audience>https://other.example<");
    no_audience: "audience", without("<saml:AudienceRestriction>", "</saml:AudienceRestriction>");
    one_restriction_of_two_for_us: "audience", both("</saml:Conditions>", "<saml:AudienceRestriction><saml:Audience>urn:other</saml:Audience></saml:AudienceRestriction></saml:Conditions>");
    audience_with_space: "audience", both(&format!("{GATEWAY}</saml:Audience>"), &format!("{GATEWAY} </saml:Audience>"));
    wrong_recipient: "recipient", both(&format!("Recipient=\"{CONSUMER}\""), "Recipient=\"https://other.example/acs\"");
    no_recipient: "recipient", both(&format!("Recipient=\"{CONSUMER}\""), "");
    wrong_destination: "destination", both(&format!("Destination=\"{CONSUMER}\""), "Destination=\"https://other.example/acs\"");
    no_destination: "destination", both(&format!("Destination=\"{CONSUMER}\""), "");
    destination_outside_the_signature: "destination", edit(&signed(Sign::Assertion, |xml| xml), &format!("Destination=\"{CONSUMER}\""), "Destination=\"https://other.example/acs\"");
    answer_to_another_request: "in-response-to", both(request_id().as_str(), &format!("_{}", "0".repeat(40)));
    only_the_response_answers: "in-response-to", signed(Sign::Both, |xml| { let id = format!(" InResponseTo=\"{}\"/>", request_id().as_str()); edit(&xml, &id, "/>") });
    only_the_assertion_answers: "in-response-to", signed(Sign::Both, |xml| { let id = format!(" InResponseTo=\"{}\">", request_id().as_str()); edit(&xml, &id, ">") });
    wrong_issuer: "issuer", both(&format!("<saml:Issuer>{IDP}"), "<saml:Issuer>https://other.example/idp");
    wrong_issuer_of_the_assertion: "issuer", signed(Sign::Both, |xml| {
        let assertion = cut(&xml, "<saml:Assertion", "</saml:Assertion>").to_owned();
        edit(&xml, &assertion, &edit(&assertion, IDP, "https://other.example/idp"))
    });
    no_issuer_of_the_assertion: "structure", signed(Sign::Response, |xml| {
        let assertion = cut(&xml, "<saml:Assertion", "</saml:Assertion>").to_owned();
        edit(&xml, &assertion, &edit(&assertion, &format!("<saml:Issuer>{IDP}</saml:Issuer>"), ""))
    });
    issuer_of_another_format: "issuer", both("<saml:Issuer>", "<saml:Issuer Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\">");
    expired_confirmation: "expired", both("2026-11-21T12:05:00Z", "2026-11-21T11:59:30Z");
    expired_conditions: "expired", both("2026-11-21T12:10:00Z", "2026-11-21T11:59:30Z");
    not_yet_valid: "not-yet-valid", both("2026-11-21T11:59:30Z", "2026-11-21T12:01:31Z");
    issued_in_the_future: "not-yet-valid", both("IssueInstant=\"2026-11-21T12:00:00Z\"", "IssueInstant=\"2026-11-21T12:01:31Z\"");
    signed_in_in_the_future: "not-yet-valid", both("2026-11-21T11:58:00Z", "2026-11-21T12:01:31Z");
    session_has_ended: "session-expired", both("2026-11-21T20:00:00Z", "2026-11-21T11:59:30Z");
    no_conditions: "structure", without("<saml:Conditions", "</saml:Conditions>");
    no_not_before: "structure", both(" NotBefore=\"2026-11-21T11:59:30Z\"", "");
    no_end_of_conditions: "structure", both(" NotOnOrAfter=\"2026-11-21T12:10:00Z\"", "");
    no_end_of_confirmation: "structure", both(" NotOnOrAfter=\"2026-11-21T12:05:00Z\"", " ");
    local_time: "time", both("2026-11-21T12:10:00Z", "2026-11-21T14:10:00+02:00");
    unknown_condition: "condition", both("</saml:Conditions>", "<saml:ProxyRestriction Count=\"0\"/></saml:Conditions>");
    no_confirmation: "subject-confirmation", without("<saml:SubjectConfirmation ", "</saml:SubjectConfirmation>");
    holder_of_key: "subject-confirmation", both("cm:bearer", "cm:holder-of-key");
    two_confirmations: "subject-confirmation", signed(Sign::Both, |xml| { let one = cut(&xml, "<saml:SubjectConfirmation ", "</saml:SubjectConfirmation>").to_owned(); edit(&xml, &one, &one.repeat(2)) });
    confirmation_without_data: "subject-confirmation", signed(Sign::Both, |xml| { let data = cut(&xml, "<saml:SubjectConfirmationData", "/>").to_owned(); edit(&xml, &data, "") });
    confirmation_with_not_before: "subject-confirmation", both("<saml:SubjectConfirmationData ", "<saml:SubjectConfirmationData NotBefore=\"2026-11-21T11:59:30Z\" ");
    no_subject: "structure", without("<saml:Subject>", "</saml:Subject>");
    no_name: "name-id", without("<saml:NameID", "</saml:NameID>");
    empty_name: "name-id", both(">alice<", "><");
    name_with_space: "name-id", both(">alice<", ">alice <");
    name_with_control_character: "name-id", both(">alice<", ">ali&#x7f;ce<");
    name_in_parts: "name-id", both(">alice<", ">ali<saml:x/>ce<");
    long_name: "name-id", both(">alice<", &format!(">{}<", "a".repeat(1025)));
    no_authn_statement: "authn-statement", without("<saml:AuthnStatement", "</saml:AuthnStatement>");
    two_authn_statements: "authn-statement", signed(Sign::Both, |xml| { let one = cut(&xml, "<saml:AuthnStatement", "</saml:AuthnStatement>").to_owned(); edit(&xml, &one, &one.repeat(2)) });
    no_authn_context: "authn-statement", without("<saml:AuthnContext>", "</saml:AuthnContext>");
    no_authn_instant: "structure", both(" AuthnInstant=\"2026-11-21T11:58:00Z\"", "");
    another_statement: "structure", both("</saml:Assertion>", "<saml:AuthzDecisionStatement/></saml:Assertion>");
    advice: "structure", both("</saml:Conditions>", "</saml:Conditions><saml:Advice/>");
    attribute_with_elements: "attribute", both(">alice@example.com<", "><saml:NameID>mallory</saml:NameID><");
    attribute_without_name: "attribute", both(" Name=\"mail\"", "");
    too_many_names: "attribute", many(|number| format!("<saml:Attribute Name=\"n{number}\"/>"), 127);
    too_many_values: "attribute", signed(Sign::Both, |xml| edit(&xml, "</saml:Attribute>", &format!("{}</saml:Attribute>", "<saml:AttributeValue/>".repeat(2048))));
    long_value: "attribute", both(">alice@example.com<", &format!(">{}<", "a".repeat(8193)));
    not_successful: "status", both("status:Success", "status:Responder");
    not_successful_and_unsigned: "status", edit(&Sign::Neither.templates(&crate::fixture::unsigned()), "status:Success", "status:Requester");
    no_status: "structure", without("<samlp:Status>", "</samlp:Status>");
    two_statuses: "structure", both("<samlp:Status>", "<samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status><samlp:Status>");
    extensions: "structure", both("<samlp:Status>", "<samlp:Extensions/><samlp:Status>");
    text_between_elements: "structure", both("<samlp:Status>", "x<samlp:Status>");
    another_version: "version", both("ID=\"_response\" Version=\"2.0\"", "ID=\"_response\" Version=\"1.1\"");
    another_version_of_the_assertion: "version", both("ID=\"_assertion\" Version=\"2.0\"", "ID=\"_assertion\" Version=\"2.1\"");
    no_assertion: "assertion-count", without("<saml:Assertion", "</saml:Assertion>");
}

/// Both signed, with one thing changed before.
fn both(from: &str, to: &str) -> String {
    signed(Sign::Both, |xml| edit(&xml, from, to))
}

fn without(from: &str, to: &str) -> String {
    signed(Sign::Response, |xml| {
        let part = cut(&xml, from, to).to_owned();
        edit(&xml, &part, "")
    })
}

fn many(part: impl Fn(usize) -> String, count: usize) -> String {
    let parts: String = (0..count).map(part).collect();
    both(
        "</saml:AttributeStatement>",
        &format!("{parts}</saml:AttributeStatement>"),
    )
}

/// 60 seconds either way, and not a nanosecond more.
#[test]
fn clocks_may_differ_by_a_minute() {
    let xml = signed(Sign::Both, |xml| xml);
    let at = |seconds: i64, nanos: i64| {
        let utc_ns = i64::try_from(NOW).unwrap() + seconds * i64::try_from(SECOND).unwrap() + nanos;
        judge_at(&xml, u64::try_from(utc_ns).unwrap()).map(|_| ())
    };
    // The confirmation ends at 12:05:00, so the last moment is 12:06:00.
    assert_eq!(at(330, -1), Ok(()));
    assert_eq!(at(330, 0), Err(Rejection::Expired));
    // It was issued at 12:00:00, so the first moment is 11:59:00.
    assert_eq!(at(-90, 0), Ok(()));
    assert_eq!(at(-90, -1), Err(Rejection::NotYetValid));
}
