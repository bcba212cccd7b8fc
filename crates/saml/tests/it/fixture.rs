//! A service provider and an identity provider, and messages that `xmlsec1` signs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_saml::{
    Assertion, Expected, Metadata, MetadataOptions, Rejection, RequestId, ServiceProvider,
    Settings, Transport,
};

pub(crate) const GATEWAY: &str = "https://gateway.example/saml";
pub(crate) const CONSUMER: &str = "https://gateway.example/saml/acs";
pub(crate) const LOGOUT: &str = "https://gateway.example/saml/logout";
pub(crate) const IDP: &str = "https://idp.example/metadata";
pub(crate) const SECOND: u64 = 1_000_000_000;
/// 2026-11-21T12:00:30Z; messages are of half a minute before.
pub(crate) const NOW: u64 = 1_795_262_430 * SECOND;

pub(crate) const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
pub(crate) const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
pub(crate) const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

pub(crate) static SP: LazyLock<ServiceProvider> = LazyLock::new(|| service_provider("sp-rsa"));
/// Trusts the keys `idp-rsa`, `idp-p256` and `idp-p384`.
pub(crate) static PROVIDER: LazyLock<Metadata> = LazyLock::new(|| {
    let metadata = idp_metadata(&["idp-rsa", "idp-p256", "idp-p384"]);
    Metadata::parse(metadata.as_bytes(), &options()).unwrap()
});

pub(crate) fn options() -> MetadataOptions<'static> {
    MetadataOptions {
        utc_ns: NOW,
        ..MetadataOptions::default()
    }
}

pub(crate) fn request_id() -> RequestId {
    RequestId::from_random([0xa5; 20])
}

pub(crate) fn service_provider(key: &str) -> ServiceProvider {
    ServiceProvider::new(&Settings {
        entity_id: GATEWAY,
        assertion_consumer_url: CONSUMER,
        logout_url: Some(LOGOUT),
        signing_key_pkcs8: &der(&format!("{key}.key")),
        certificate_der: &der(&format!("{key}.crt")),
        name_id_format: None,
        transport: Transport::Https,
    })
    .unwrap()
}

pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

/// What is in a PEM file of `tests/data/keys`.
pub(crate) fn der(name: &str) -> Vec<u8> {
    STANDARD.decode(pem_body(name)).unwrap()
}

/// The base64 of a PEM file of `tests/data/keys`, in one line.
pub(crate) fn pem_body(name: &str) -> String {
    let text = std::fs::read_to_string(data(&format!("keys/{name}.pem"))).unwrap();
    text.lines().filter(|line| !line.starts_with('-')).collect()
}

pub(crate) fn key_descriptor(key: &str, usage: &str) -> String {
    format!(
        "<md:KeyDescriptor{usage}><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>{}\
         </ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>",
        pem_body(&format!("{key}.crt"))
    )
}

pub(crate) fn idp_metadata(keys: &[&str]) -> String {
    let keys: String = keys
        .iter()
        .map(|key| key_descriptor(key, " use=\"signing\""))
        .collect();
    format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" ID=\"_m\" entityID=\"{IDP}\">\
         <md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys}\
         <md:SingleLogoutService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"https://idp.example/slo\"/>\
         <md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>\
         <md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"https://idp.example/post\"/>\
         <md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"https://idp.example/sso\"/>\
         </md:IDPSSODescriptor></md:EntityDescriptor>"
    )
}

/// A signature still to be made, over the element with this ID.
pub(crate) fn signature_template(id: &str) -> String {
    format!(
        "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>\
         <ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\"/><ds:SignatureMethod Algorithm=\"{RSA_SHA256}\"/>\
         <ds:Reference URI=\"#{id}\"><ds:Transforms>\
         <ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>\
         <ds:Transform Algorithm=\"{EXCLUSIVE}\"/></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"{SHA256}\"/><ds:DigestValue></ds:DigestValue></ds:Reference></ds:SignedInfo>\
         <ds:SignatureValue></ds:SignatureValue></ds:Signature>"
    )
}

/// A response as it should be, with the places of its signatures marked.
pub(crate) fn unsigned() -> String {
    format!(
        "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" \
         ID=\"_response\" Version=\"2.0\" IssueInstant=\"2026-11-21T12:00:00Z\" Destination=\"{CONSUMER}\" InResponseTo=\"{request}\">\
         <saml:Issuer>{IDP}</saml:Issuer>[response]\
         <samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>\
         <saml:Assertion xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         ID=\"_assertion\" Version=\"2.0\" IssueInstant=\"2026-11-21T12:00:00Z\"><saml:Issuer>{IDP}</saml:Issuer>[assertion]\
         <saml:Subject><saml:NameID Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">alice</saml:NameID>\
         <saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData \
         NotOnOrAfter=\"2026-11-21T12:05:00Z\" Recipient=\"{CONSUMER}\" InResponseTo=\"{request}\"/></saml:SubjectConfirmation></saml:Subject>\
         <saml:Conditions NotBefore=\"2026-11-21T11:59:30Z\" NotOnOrAfter=\"2026-11-21T12:10:00Z\">\
         <saml:AudienceRestriction><saml:Audience>{GATEWAY}</saml:Audience></saml:AudienceRestriction></saml:Conditions>\
         <saml:AuthnStatement AuthnInstant=\"2026-11-21T11:58:00Z\" SessionNotOnOrAfter=\"2026-11-21T20:00:00Z\" SessionIndex=\"_s1\">\
         <saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext>\
         </saml:AuthnStatement><saml:AttributeStatement>\
         <saml:Attribute Name=\"groups\"><saml:AttributeValue xsi:type=\"xs:string\">sre</saml:AttributeValue>\
         <saml:AttributeValue xsi:type=\"xs:string\">R&amp;D \"lab\"</saml:AttributeValue></saml:Attribute>\
         <saml:Attribute Name=\"mail\"><saml:AttributeValue>alice@example.com</saml:AttributeValue></saml:Attribute>\
         </saml:AttributeStatement></saml:Assertion></samlp:Response>",
        request = request_id().as_str()
    )
}

/// Replaces what must be there.
pub(crate) fn edit(xml: &str, from: &str, to: &str) -> String {
    assert!(xml.contains(from), "{from} is not in the message");
    xml.replace(from, to)
}

/// Which of the two signatures a message gets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Neither,
    Assertion,
    Response,
    Both,
}

impl Sign {
    /// Puts signatures still to be made at their places.
    pub(crate) fn templates(self, xml: &str) -> String {
        let template = |wanted: &[Self], id| {
            if wanted.contains(&self) {
                signature_template(id)
            } else {
                String::new()
            }
        };
        xml.replace(
            "[response]",
            &template(&[Self::Response, Self::Both], "_response"),
        )
        .replace(
            "[assertion]",
            &template(&[Self::Assertion, Self::Both], "_assertion"),
        )
    }
}

/// A message made from [`unsigned`], signed with `idp-rsa`.
pub(crate) fn signed(sign: Sign, change: impl Fn(String) -> String) -> String {
    finish(&sign.templates(&change(unsigned())), "idp-rsa")
}

/// What `xmlsec1` signed already, by key and template: tests share many messages.
static FINISHED: Mutex<BTreeMap<(String, String), String>> = Mutex::new(BTreeMap::new());

/// Makes the signatures whose templates stand in the text, the inner one first.
pub(crate) fn finish(xml: &str, key: &str) -> String {
    let index = (key.to_owned(), xml.to_owned());
    if let Some(known) = FINISHED.lock().unwrap().get(&index) {
        return known.clone();
    }
    let mut xml = xml.to_owned();
    for parent in ["Assertion", "Response", "LogoutRequest", "EntityDescriptor"] {
        if has_template(&xml, parent) {
            let place = format!(
                "//*[local-name()='{parent}']/*[local-name()='Signature'][.//*[local-name()='DigestValue' and not(text())]]"
            );
            xml = xmlsec1_sign(&xml, &place, key);
        }
    }
    FINISHED.lock().unwrap().insert(index, xml.clone());
    xml
}

fn has_template(xml: &str, parent: &str) -> bool {
    let document = roxmltree::Document::parse(xml).unwrap();
    document.descendants().any(|node| {
        node.tag_name().name() == "DigestValue"
            && !node.has_children()
            && node
                .ancestors()
                .find(|above| above.tag_name().name() == "Signature")
                .and_then(|signature| signature.parent())
                .is_some_and(|above| above.tag_name().name() == parent)
    })
}

pub(crate) const ID_ATTRIBUTES: [&str; 4] = [
    "urn:oasis:names:tc:SAML:2.0:protocol:Response",
    "urn:oasis:names:tc:SAML:2.0:protocol:LogoutRequest",
    "urn:oasis:names:tc:SAML:2.0:assertion:Assertion",
    "urn:oasis:names:tc:SAML:2.0:metadata:EntityDescriptor",
];

fn xmlsec1_sign(xml: &str, place: &str, key: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let (template, output) = (
        directory.path().join("template.xml"),
        directory.path().join("signed.xml"),
    );
    std::fs::write(&template, xml).unwrap();
    let mut command = Command::new("xmlsec1");
    command.arg("--sign").arg("--output").arg(&output);
    // The attack: what everybody knows, the certificate, as the secret of an HMAC.
    if xml.contains("#hmac-") {
        command
            .arg("--hmackey")
            .arg(data(&format!("keys/{key}.crt.pem")));
    } else {
        command
            .arg("--privkey-pem")
            .arg(data(&format!("keys/{key}.key.pem")));
    }
    for name in ID_ATTRIBUTES {
        command.arg("--id-attr:ID").arg(name);
    }
    let result = command
        .arg("--node-xpath")
        .arg(place)
        .arg(&template)
        .output();
    let result = result.expect("xmlsec1 is installed");
    assert!(
        result.status.success(),
        "{}",
        String::from_utf8_lossy(&result.stderr)
    );
    std::fs::read_to_string(output).unwrap()
}

pub(crate) fn post(xml: &str) -> String {
    STANDARD.encode(xml)
}

pub(crate) fn judge(xml: &str) -> Result<Assertion, Rejection> {
    judge_at(xml, NOW)
}

pub(crate) fn judge_at(xml: &str, utc_ns: u64) -> Result<Assertion, Rejection> {
    let request_id = request_id();
    SP.response(
        &PROVIDER,
        &post(xml),
        &Expected {
            request_id: &request_id,
            utc_ns,
        },
    )
}

/// The stable word for the outcome.
pub(crate) fn verdict(xml: &str) -> &'static str {
    judge(xml).map_or_else(Rejection::code, |_| "accepted")
}

/// From the first `from` to the first `to` behind it, both included.
pub(crate) fn cut<'a>(xml: &'a str, from: &str, to: &str) -> &'a str {
    let start = xml.find(from).unwrap();
    let end = start + xml[start..].find(to).unwrap() + to.len();
    &xml[start..end]
}

/// Test functions, one for each message, and a list of them all.
macro_rules! cases {
    ($($name:ident: $code:literal, $message:expr;)*) => {
        $(#[test]
        fn $name() {
            assert_eq!(crate::fixture::verdict(&$message), $code);
        })*

        pub(crate) fn all() -> Vec<(&'static str, String)> {
            vec![$((stringify!($name), $message)),*]
        }
    };
}
pub(crate) use cases;
