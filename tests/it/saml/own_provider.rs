//! A provider whose key the test has, so that it can say anything. `xmlsec1` signs.
//!
//! Its keys are those of `crates/saml/tests/data/keys`; the messages there are of one moment and one request, so new ones
//! are made here.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_model::Rfc3339;
use custos_testkit::{Browser, Form, PATIENCE, now_utc, root, run};
use flate2::read::DeflateDecoder;

use super::world::World;

pub(crate) const IDP: &str = "https://idp.example/metadata";
pub(crate) const LOGOUT: &str = "https://idp.example/slo";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// The provider's metadata with one of the keys.
pub(crate) fn metadata(key: &str) -> String {
    let certificate = certificate(key);
    format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{IDP}\">\
         <md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
         <md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data>\
         <ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>\
         <md:SingleLogoutService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"{LOGOUT}\"/>\
         <md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"https://idp.example/sso\"/>\
         </md:IDPSSODescriptor></md:EntityDescriptor>"
    )
}

/// The certificate of a key, base64 in one line.
pub(crate) fn certificate(key: &str) -> String {
    let text = std::fs::read_to_string(key_file(&format!("{key}.crt"))).expect("it is there");
    text.lines().filter(|line| !line.starts_with('-')).collect()
}

fn key_file(name: &str) -> PathBuf {
    root().join(format!("crates/saml/tests/data/keys/{name}.pem"))
}

/// What a gateway asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The request's ID.
    pub(crate) id: String,
    pub(crate) relay_state: String,
    /// Our addresses, without what stands behind the provider's name.
    pub(crate) gateway: String,
    now: Duration,
}

/// A browser that was sent to the provider `own`, and what it was sent with.
pub(crate) fn ask(world: &World) -> (Browser, Asked) {
    let mut browser = Browser::new();
    let url = browser.redirect(&format!("{}/sign-in/own", world.url));
    let query = url.split_once('?').expect("it has a query").1;
    let parameters: BTreeMap<&str, String> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name, percent_decoded(value)))
        .collect();
    assert!(parameters.contains_key("Signature"), "{url}");
    let compressed = STANDARD.decode(&parameters["SAMLRequest"]).expect("base64");
    let mut request = String::new();
    DeflateDecoder::new(compressed.as_slice())
        .read_to_string(&mut request)
        .expect("one stream of text");
    let asked = Asked {
        id: cut(&request, " ID=\"", "\" ")
            .split('"')
            .nth(1)
            .expect("an ID")
            .to_owned(),
        relay_state: parameters["RelayState"].clone(),
        gateway: format!("{}/saml/own", world.url),
        now: now_utc(),
    };
    (browser, asked)
}

impl Asked {
    /// So many seconds from when it was asked, as messages say it.
    pub(crate) fn time(&self, seconds: i64) -> String {
        let seconds = i64::try_from(self.now.as_secs()).expect("a time of our days") + seconds;
        let seconds = u64::try_from(seconds).expect("it is past 1970");
        Rfc3339(seconds * 1_000_000_000).to_string()
    }

    /// A response as it should be, not signed: for alice of analysts.
    pub(crate) fn unsigned(&self) -> String {
        let Self { id, gateway, .. } = self;
        format!(
            "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" \
             ID=\"_response\" Version=\"2.0\" IssueInstant=\"{now}\" Destination=\"{gateway}/acs\" InResponseTo=\"{id}\">\
             <saml:Issuer>{IDP}</saml:Issuer>[response]\
             <samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>\
             <saml:Assertion ID=\"_assertion{id}\" Version=\"2.0\" IssueInstant=\"{now}\"><saml:Issuer>{IDP}</saml:Issuer>[assertion]\
             <saml:Subject><saml:NameID Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">alice</saml:NameID>\
             <saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData \
             NotOnOrAfter=\"{soon}\" Recipient=\"{gateway}/acs\" InResponseTo=\"{id}\"/></saml:SubjectConfirmation></saml:Subject>\
             <saml:Conditions NotBefore=\"{now}\" NotOnOrAfter=\"{later}\">\
             <saml:AudienceRestriction><saml:Audience>{gateway}/metadata</saml:Audience></saml:AudienceRestriction></saml:Conditions>\
             <saml:AuthnStatement AuthnInstant=\"{now}\" SessionNotOnOrAfter=\"{end}\" SessionIndex=\"_session\">\
             <saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext>\
             </saml:AuthnStatement><saml:AttributeStatement>\
             <saml:Attribute Name=\"uid\"><saml:AttributeValue>alice</saml:AttributeValue></saml:Attribute>\
             <saml:Attribute Name=\"groups\"><saml:AttributeValue>analysts</saml:AttributeValue></saml:Attribute>\
             </saml:AttributeStatement></saml:Assertion></samlp:Response>",
            now = self.time(0),
            soon = self.time(120),
            later = self.time(180),
            end = self.time(600),
        )
    }

    /// The same with the assertion signed.
    pub(crate) fn signed(&self, change: impl FnOnce(String) -> String) -> String {
        self.signed_with("idp-rsa", "rsa-sha256", change)
    }

    /// The same with another key or algorithm.
    pub(crate) fn signed_with(
        &self,
        key: &str,
        algorithm: &str,
        change: impl FnOnce(String) -> String,
    ) -> String {
        let template = template(&format!("_assertion{}", self.id), algorithm);
        let xml = change(self.unsigned());
        let xml = xml
            .replace("[response]", "")
            .replace("[assertion]", &template);
        sign(&xml, "Assertion", key)
    }

    /// The same with the response signed.
    pub(crate) fn response_signed(&self, change: impl FnOnce(String) -> String) -> String {
        let template = template("_response", "rsa-sha256");
        let xml = change(self.unsigned());
        let xml = xml
            .replace("[response]", &template)
            .replace("[assertion]", "");
        sign(&xml, "Response", "idp-rsa")
    }

    /// The form that brings a message to the gateway.
    pub(crate) fn form(&self, xml: &str) -> Form {
        let field = |name: &str, value: String| (name.to_owned(), value);
        Form {
            url: format!("{}/acs", self.gateway),
            fields: vec![
                field("SAMLResponse", STANDARD.encode(xml)),
                field("RelayState", self.relay_state.clone()),
            ],
        }
    }
}

/// A signed logout request of the provider, by HTTP-POST.
pub(crate) fn logout_request(world: &World, key: Option<&str>, name: &str, session: &str) -> Form {
    changed_logout_request(world, key, name, session, |xml| xml)
}

/// The same with a change before it is signed.
pub(crate) fn changed_logout_request(
    world: &World,
    key: Option<&str>,
    name: &str,
    session: &str,
    change: impl FnOnce(String) -> String,
) -> Form {
    let now = Rfc3339(u64::try_from(now_utc().as_nanos()).expect("our days")).to_string();
    let id = format!("_logout{}", now.replace([':', '.'], "-"));
    let template = key.map(|_| template(&id, "rsa-sha256")).unwrap_or_default();
    let xml = format!(
        "<samlp:LogoutRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" \
         ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{now}\" Destination=\"{url}/saml/own/slo\"><saml:Issuer>{IDP}</saml:Issuer>{template}\
         <saml:NameID Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">{name}</saml:NameID>\
         <samlp:SessionIndex>{session}</samlp:SessionIndex></samlp:LogoutRequest>",
        url = world.url
    );
    let xml = change(xml);
    let xml = key.map_or_else(|| xml.clone(), |key| sign(&xml, "LogoutRequest", key));
    let field = |name: &str, value: String| (name.to_owned(), value);
    Form {
        url: format!("{}/saml/own/slo", world.url),
        fields: vec![
            field("SAMLRequest", STANDARD.encode(xml)),
            field("RelayState", "r/1".to_owned()),
        ],
    }
}

/// A signature still to be made, over the element with this ID.
fn template(id: &str, algorithm: &str) -> String {
    let family = if algorithm == "rsa-sha1" {
        "2000/09/xmldsig"
    } else {
        "2001/04/xmldsig-more"
    };
    format!(
        "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>\
         <ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\"/>\
         <ds:SignatureMethod Algorithm=\"http://www.w3.org/{family}#{algorithm}\"/>\
         <ds:Reference URI=\"#{id}\"><ds:Transforms>\
         <ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>\
         <ds:Transform Algorithm=\"{EXCLUSIVE}\"/></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue></ds:DigestValue></ds:Reference>\
         </ds:SignedInfo><ds:SignatureValue></ds:SignatureValue></ds:Signature>"
    )
}

fn sign(xml: &str, parent: &str, key: &str) -> String {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let (from, to) = (directory.path().join("from"), directory.path().join("to"));
    std::fs::write(&from, xml).expect("the disk has room");
    let mut command = Command::new("xmlsec1");
    command.arg("--sign").arg("--output").arg(&to);
    // The attack: what everybody knows, the certificate, as the secret of an HMAC.
    if xml.contains("#hmac-") {
        command
            .arg("--hmackey")
            .arg(key_file(&format!("{key}.crt")));
    } else {
        let file = key_file(&format!("{key}.key"));
        command.arg("--privkey-pem").arg(file);
    }
    for name in [
        "protocol:Response",
        "protocol:LogoutRequest",
        "assertion:Assertion",
    ] {
        let name = format!("urn:oasis:names:tc:SAML:2.0:{name}");
        command.arg("--id-attr:ID").arg(name);
    }
    let place = format!("//*[local-name()='{parent}']/*[local-name()='Signature']");
    run(command.arg("--node-xpath").arg(place).arg(&from), PATIENCE).success();
    std::fs::read_to_string(to).expect("it was written")
}

/// From the first `from` to the first `to` behind it, both included.
pub(crate) fn cut<'a>(xml: &'a str, from: &str, to: &str) -> &'a str {
    let start = xml
        .find(from)
        .unwrap_or_else(|| panic!("no {from} in {xml}"));
    let length = xml[start..]
        .find(to)
        .unwrap_or_else(|| panic!("no {to} in {xml}"));
    &xml[start..start + length + to.len()]
}

/// Replaces what must be there.
pub(crate) fn edit(xml: &str, from: &str, to: &str) -> String {
    assert!(xml.contains(from), "{from} is not in {xml}");
    xml.replace(from, to)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next().expect("a digit")).to_digit(16);
                let (high, low) = (digit().expect("a digit"), digit().expect("a digit"));
                u8::try_from(high << 4 | low).expect("a byte")
            }
            other => other,
        });
    }
    String::from_utf8(decoded).expect("text")
}
