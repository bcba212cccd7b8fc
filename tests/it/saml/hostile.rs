//! Responses that must not sign anybody in, at a running gateway, each with its reason on record.

use custos_testkit::{Browser, SimpleSaml};

use super::own_provider::{Asked, IDP, ask, certificate, cut, edit, metadata};
use super::world::{Setup, World, failures, provider};

#[test]
fn a_response_is_good_once_and_in_its_browser_only() {
    let world = World::new(&Setup::default());
    // In a browser that began a sign-in of its own: whoever sends somebody such a form wants her signed in as him.
    let (_, response) = world.response_for("alice");
    let mut other = Browser::new();
    other.redirect(&format!("{}/sign-in/corp", world.url));
    assert_eq!(other.send(&response).status, 400);
    let home = other.open(&world.url).text();
    assert!(home.contains("Sign in with"), "{home}");
    // In the right one, but the other one had it already.
    let (mut browser, response) = world.response_for("alice");
    assert_eq!(browser.send(&response).status, 200);
    assert_eq!(browser.send(&response).status, 400);
    // In a browser without our cookie; and the page behind it is good once.
    let (mut browser, response) = world.response_for("alice");
    let page = Browser::new().post(&response.url, &response.encoded());
    assert_eq!(page.status, 303, "{}", page.text());
    let to = page.header("location").expect("it leads on").to_owned();
    assert_eq!(
        Browser::new().open(&format!("{}{to}", world.url)).status,
        400
    );
    assert_eq!(browser.open(&format!("{}{to}", world.url)).status, 400);
    let stopped = world.custos.finish();
    let handle = to.split('=').next_back().expect("a handle");
    for secret in [
        handle,
        response.value("RelayState"),
        response.value("SAMLResponse"),
    ] {
        assert!(!stopped.log.contains(secret), "{}", stopped.log);
    }
    let evidence = stopped.evidence;
    let expected = [
        "browser_wrong",
        "already-answered",
        "browser_wrong",
        "answer-gone",
    ];
    assert_eq!(failures(&evidence), expected, "{evidence}");
    assert_eq!(evidence.of_type("sign_in.started").count(), 1);
}

#[test]
fn a_response_answers_its_own_request_only() {
    let world = World::new(&Setup::default());
    let (_, of_another) = world.response_for("alice");
    let (mut browser, own) = world.response_for("bob");
    let mut mixed = own.clone();
    mixed.set("SAMLResponse", of_another.value("SAMLResponse"));
    assert_eq!(browser.send(&mixed).status, 400);
    // Begun by the provider.
    let mut browser = Browser::new();
    let entity_id = format!("{}/saml/corp/metadata", world.url);
    browser.open(&SimpleSaml::shared().unasked_url(&entity_id));
    let unasked = SimpleSaml::shared().sign_in(&mut browser, "alice");
    assert_eq!(browser.send(&unasked).status, 400);
    // For a request that waits, but not an answer to it.
    let (mut browser, waiting) = world.response_for("alice");
    let mut smuggled = waiting.clone();
    smuggled.set("SAMLResponse", unasked.value("SAMLResponse"));
    assert_eq!(browser.send(&smuggled).status, 400);
    let nothing = Browser::new().post(&own.url, "RelayState=x").status;
    assert_eq!(nothing, 400);
    let evidence = world.custos.finish().evidence;
    let expected = ["in-response-to", "unsolicited", "in-response-to", "form"];
    assert_eq!(failures(&evidence), expected, "{evidence}");
    assert_eq!(evidence.of_type("sign_in.started").count(), 0);
}

/// A message, and the word for why it is refused.
type Case = (&'static str, fn(&Asked) -> String);

/// Genuinely signed, and wrong.
const WRONG: &[Case] = &[
    ("audience", |asked| {
        asked.signed(|xml| edit(&xml, "/metadata</saml:Audience>", "/other</saml:Audience>"))
    }),
    ("audience", |asked| {
        asked.signed(|xml| {
            without(
                &xml,
                "<saml:AudienceRestriction>",
                "</saml:AudienceRestriction>",
            )
        })
    }),
    ("recipient", |asked| {
        asked.signed(|xml| edit(&xml, "Recipient=\"", "Recipient=\"https://other.example/"))
    }),
    ("destination", |asked| {
        asked.response_signed(|xml| {
            edit(
                &xml,
                "Destination=\"",
                "Destination=\"https://other.example/",
            )
        })
    }),
    ("destination", |asked| {
        edit(
            &asked.signed(|xml| xml),
            "Destination=\"",
            "Destination=\"https://other.example/",
        )
    }),
    ("in-response-to", |asked| {
        asked.response_signed(|xml| {
            edit(
                &xml,
                &format!("InResponseTo=\"{}\"/>", asked.id),
                "InResponseTo=\"_other\"/>",
            )
        })
    }),
    ("issuer", |asked| {
        asked.signed(|xml| edit(&xml, IDP, "https://other.example/idp"))
    }),
    ("expired", |asked| {
        asked.signed(|xml| edit(&xml, &asked.time(120), &asked.time(-70)))
    }),
    ("expired", |asked| {
        asked.signed(|xml| edit(&xml, &asked.time(180), &asked.time(-70)))
    }),
    ("not-yet-valid", |asked| {
        asked.signed(|xml| {
            edit(
                &xml,
                &format!("NotBefore=\"{}", asked.time(0)),
                &format!("NotBefore=\"{}", asked.time(90)),
            )
        })
    }),
    ("session-expired", |asked| {
        asked.signed(|xml| edit(&xml, &asked.time(600), &asked.time(-70)))
    }),
    // Within the allowance for clocks, but nobody could do anything with it.
    ("session-expired", |asked| {
        asked.signed(|xml| edit(&xml, &asked.time(600), &asked.time(-30)))
    }),
    ("status", |asked| {
        asked.response_signed(|xml| edit(&xml, "status:Success", "status:Responder"))
    }),
    ("condition", |asked| {
        asked.signed(|xml| {
            edit(
                &xml,
                "</saml:Conditions>",
                "<saml:ProxyRestriction Count=\"0\"/></saml:Conditions>",
            )
        })
    }),
    ("subject-confirmation", |asked| {
        asked.signed(|xml| edit(&xml, "cm:bearer", "cm:holder-of-key"))
    }),
    ("authn-statement", |asked| {
        asked.signed(|xml| without(&xml, "<saml:AuthnStatement", "</saml:AuthnStatement>"))
    }),
    ("name-id", |asked| {
        asked.signed(|xml| edit(&xml, ">alice</saml:NameID>", ">alice </saml:NameID>"))
    }),
    ("name-id-transient", |asked| {
        asked.signed(|xml| edit(&xml, "nameid-format:persistent", "nameid-format:transient"))
    }),
    ("name-id-qualified", |asked| {
        asked.signed(|xml| {
            edit(
                &xml,
                "<saml:NameID ",
                "<saml:NameID SPNameQualifier=\"https://other.example\" ",
            )
        })
    }),
    ("name_missing", |asked| {
        asked.signed(|xml| edit(&xml, "Name=\"uid\"", "Name=\"cn\""))
    }),
    ("name_malformed", |asked| {
        asked.signed(|xml| {
            edit(
                &xml,
                ">alice</saml:AttributeValue>",
                ">ali\u{202e}ce</saml:AttributeValue>",
            )
        })
    }),
    ("groups_missing", |asked| {
        asked.signed(|xml| edit(&xml, "Name=\"groups\"", "Name=\"roles\""))
    }),
    ("group_malformed", |asked| {
        asked.signed(|xml| edit(&xml, ">analysts<", "> analysts<"))
    }),
];

/// Not what the provider signed.
const FORGED: &[Case] = &[
    ("unsigned", |asked| {
        asked
            .unsigned()
            .replace("[response]", "")
            .replace("[assertion]", "")
    }),
    ("unsigned", |asked| {
        let xml = good(asked);
        without(&xml, "<ds:Signature ", "</ds:Signature>")
    }),
    ("digest-mismatch", |asked| {
        edit(&good(asked), ">analysts<", ">dba<")
    }),
    ("digest-mismatch", |asked| {
        edit(&good(asked), ">alice</saml:NameID>", ">bob</saml:NameID>")
    }),
    ("signature-invalid", |asked| {
        asked.signed_with("other-rsa", "rsa-sha256", |xml| xml)
    }),
    ("signature-invalid", |asked| {
        asked.signed_with("weak-rsa", "rsa-sha256", |xml| xml)
    }),
    ("signature-invalid", |asked| {
        let own = format!(
            "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>",
            certificate("other-rsa")
        );
        edit(
            &asked.signed_with("other-rsa", "rsa-sha256", |xml| xml),
            "</ds:Signature>",
            &own,
        )
    }),
    ("signature-algorithm", |asked| {
        asked.signed_with("idp-rsa", "rsa-sha1", |xml| xml)
    }),
    ("signature-algorithm", |asked| {
        asked.signed_with("idp-rsa", "hmac-sha256", |xml| xml)
    }),
    ("signature-invalid", |asked| {
        let xml = good(asked);
        edit(
            &xml,
            cut(&xml, "<ds:SignatureValue>", "</ds:SignatureValue>"),
            "<ds:SignatureValue></ds:SignatureValue>",
        )
    }),
    ("reference", |asked| {
        edit(&good(asked), "URI=\"#_assertion", "URI=\"#_response")
    }),
    ("reference", |asked| {
        let xml = good(asked);
        edit(&xml, cut(&xml, " URI=\"#", "\">"), " URI=\"\">")
    }),
    ("reference-count", |asked| {
        let xml = good(asked);
        let one = cut(&xml, "<ds:Reference", "</ds:Reference>").to_owned();
        edit(&xml, &one, &one.repeat(2))
    }),
    ("transforms", |asked| {
        edit(
            &good(asked),
            "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
            "http://www.w3.org/TR/1999/REC-xslt-19991116",
        )
    }),
    ("comment", |asked| {
        edit(
            &good(asked),
            ">alice</saml:NameID>",
            ">ali<!-- x -->ce</saml:NameID>",
        )
    }),
    ("processing-instruction", |asked| {
        edit(
            &good(asked),
            ">alice</saml:NameID>",
            ">ali<?x y?>ce</saml:NameID>",
        )
    }),
    ("dtd", |asked| {
        edit(
            &good(asked),
            "<samlp:Response",
            "<!DOCTYPE r [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><samlp:Response",
        )
    }),
    ("too-complex", |asked| {
        edit(
            &good(asked),
            "<saml:Subject>",
            &format!("{}<saml:Subject>", "<x>".repeat(100)),
        )
    }),
    ("encrypted", |asked| {
        let xml = good(asked);
        edit(
            &xml,
            cut(&xml, "<saml:Assertion", "</saml:Assertion>"),
            "<saml:EncryptedAssertion/>",
        )
    }),
    ("malformed-xml", |asked| {
        edit(&good(asked), "</samlp:Response>", "")
    }),
    ("kind", |asked| {
        edit(&good(asked), "samlp:Response", "samlp:ArtifactResponse")
    }),
];

/// Signature wrapping (Somorovsky et al., "On Breaking SAML", 2012): what is signed, and beside it what is meant.
const WRAPPED: &[Case] = &[
    ("assertion-count", |asked| {
        let xml = good(asked);
        edit(
            &xml,
            "<saml:Assertion",
            &format!("{}<saml:Assertion", forged(&xml)),
        )
    }),
    ("assertion-count", |asked| {
        let xml = good(asked);
        edit(
            &xml,
            "</samlp:Response>",
            &format!("{}</samlp:Response>", forged(&xml)),
        )
    }),
    ("assertion-count", |asked| {
        let xml = good(asked);
        let around = forged(&xml).replace(
            "</saml:Assertion>",
            &format!("{}</saml:Assertion>", assertion(&xml)),
        );
        edit(&xml, assertion(&xml), &around)
    }),
    ("assertion-count", |asked| {
        let xml = good(asked);
        let original = without(assertion(&xml), "<ds:Signature ", "</ds:Signature>");
        let object = format!("<ds:Object>{original}</ds:Object></ds:Signature>");
        let forged = assertion(&xml)
            .replace(">alice<", ">bob<")
            .replace("_assertion", "_forged")
            .replace("#_forged", "#_assertion");
        edit(
            &xml,
            assertion(&xml),
            &forged.replace("</ds:Signature>", &object),
        )
    }),
    ("assertion-count", |asked| {
        let xml = good(asked);
        edit(
            &xml,
            "<saml:Assertion",
            &format!(
                "<samlp:Extensions>{}</samlp:Extensions><saml:Assertion",
                forged(&xml)
            ),
        )
    }),
    ("assertion-placement", |asked| {
        let xml = good(asked);
        edit(
            &xml,
            assertion(&xml),
            &format!("<samlp:Extensions>{}</samlp:Extensions>", assertion(&xml)),
        )
    }),
    ("assertion-count", |asked| {
        let xml = asked.response_signed(|xml| xml);
        edit(
            &xml,
            "</samlp:Response>",
            &format!("{}</samlp:Response>", forged(&xml)),
        )
    }),
];

fn good(asked: &Asked) -> String {
    asked.signed(|xml| xml)
}

fn assertion(xml: &str) -> &str {
    cut(xml, "<saml:Assertion", "</saml:Assertion>")
}

/// An assertion for somebody else, with an ID of its own.
fn forged(xml: &str) -> String {
    let assertion = assertion(xml);
    let bare = if assertion.contains("<ds:Signature ") {
        without(assertion, "<ds:Signature ", "</ds:Signature>")
    } else {
        assertion.to_owned()
    };
    bare.replace(">alice<", ">bob<")
        .replace("_assertion", "_forged")
}

fn without(xml: &str, from: &str, to: &str) -> String {
    xml.replace(cut(xml, from, to), "")
}

#[test]
fn hostile_responses_sign_nobody_in() {
    let world = own_world();
    let cases: Vec<&Case> = WRONG.iter().chain(FORGED).chain(WRAPPED).collect();
    assert!(cases.len() >= 50, "{}", cases.len());
    for (code, make) in &cases {
        let (mut browser, asked) = ask(&world);
        let page = browser.send(&asked.form(&make(&asked)));
        assert_eq!(page.status, 400, "{code}: {}", page.text());
        assert!(!page.text().contains(code), "it is not told why: {code}");
    }
    // What is not even a message; and after all that, a good one of each form.
    let (mut browser, asked) = ask(&world);
    let mut form = asked.form("");
    form.set("SAMLResponse", "<samlp:Response/>");
    assert_eq!(browser.send(&form).status, 400);
    for make in [good, |asked: &Asked| asked.response_signed(|xml| xml)] {
        let (mut browser, asked) = ask(&world);
        let page = browser.send(&asked.form(&make(&asked)));
        assert!(page.text().contains("You are signed in"), "{}", page.text());
    }
    let evidence = world.custos.finish().evidence;
    let mut expected: Vec<&str> = cases.iter().map(|(code, _)| *code).collect();
    expected.push("not-base64");
    assert_eq!(failures(&evidence), expected, "{evidence}");
    let begun: Vec<_> = evidence.of_type("sign_in.started").collect();
    assert_eq!(begun.len(), 2, "{evidence}");
    assert!(
        begun
            .iter()
            .all(|record| record["actor"]["sub"] == "persistent:alice")
    );
}

/// A world with the provider `own`.
pub(crate) fn own_world() -> World {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let file = directory.path().join("own.xml");
    std::fs::write(&file, metadata("idp-rsa")).expect("the disk has room");
    let own = provider("own", &format!("metadata_file = \"{}\"", file.display()));
    World::with(&Setup::default(), &own, directory)
}

#[test]
fn a_sign_in_lasts_as_long_as_the_provider_lets_it() {
    let world = own_world();
    let (mut browser, asked) = ask(&world);
    let page = browser.send(&asked.form(&good(&asked)));
    assert!(page.text().contains("You are signed in"), "{}", page.text());
    assert!(page.text().contains("9 min"), "{}", page.text());
    let evidence = world.custos.finish().evidence;
    let begun = evidence.only("sign_in.started");
    let expires = begun["detail"]["expires"].as_str().expect("a time");
    let at = |seconds| asked.time(seconds);
    assert!(
        at(599).as_str() < expires && expires < at(605).as_str(),
        "{begun}"
    );
}
