//! A `samlp:Response` by HTTP-POST (SAML bindings, section 3.5; SAML profiles, section 4.1.4).
//!
//! The received text is used for three things only: to see that its form is the profile's, to make the bytes that
//! were signed, and, when the response itself is not signed, to refuse it. All that an [`Assertion`] holds is read
//! from signed bytes.

use crate::assertion::{self, Checks};
use crate::document::{Document, Node};
use crate::element::{Children, attribute, is, text};
use crate::encoding::decode_base64;
use crate::names::{ASSERTION, ENCRYPTION, PROTOCOL, SIGNATURE, STATUS_SUCCESS};
use crate::shape::MESSAGE;
use crate::signature::{self, is_id};
use crate::{Assertion, Metadata, Rejection, RequestId, ServiceProvider, SignatureError, XmlError};

/// What a response must answer.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The ID of the request that the same browser was sent away with.
    pub request_id: &'a RequestId,
    /// Nanoseconds since 1970.
    pub utc_ns: u64,
}

impl ServiceProvider {
    /// Verifies the form field `SAMLResponse`. The caller hands the assertion to [`crate::ReplayCache::use_once`]
    /// and forgets the request before it does anything else with it.
    ///
    /// # Errors
    /// See [`Rejection`]. Everything is refused that is not listed in the crate's profile.
    pub fn response(
        &self,
        idp: &Metadata,
        form_field: &str,
        expected: &Expected<'_>,
    ) -> Result<Assertion, Rejection> {
        let bytes = read_form_field(form_field)?;
        if !idp.is_valid_at(expected.utc_ns) {
            return Err(Rejection::MetadataExpired);
        }
        let document = Document::parse_bytes(&bytes, &MESSAGE)?;
        let assertion = check_form(&document)?;

        let signed = Signed::verify(&document, assertion, idp)?;
        let checks = Checks {
            idp: idp.entity_id(),
            audience: &self.entity_id,
            recipient: self.assertion_consumer.as_str(),
            request_id: expected.request_id.as_str(),
            utc_ns: expected.utc_ns,
        };
        let Some(response) = &signed.response else {
            check_response(document.root(), &checks)?;
            return read_signed_assertion(&signed, &checks);
        };
        let response = Document::parse(response, &MESSAGE.canonical())?;
        check_response(response.root(), &checks)?;
        if signed.assertion.is_some() {
            return read_signed_assertion(&signed, &checks);
        }
        assertion::read(only_assertion(&response)?, &checks)
    }
}

fn read_signed_assertion(signed: &Signed, checks: &Checks<'_>) -> Result<Assertion, Rejection> {
    let canonical = signed.assertion.as_deref().ok_or(SignatureError::Missing)?;
    let document = Document::parse(canonical, &MESSAGE.canonical())?;
    assertion::read(document.root(), checks)
}

/// Base64 of at most 256 KiB.
pub(crate) fn read_form_field(form_field: &str) -> Result<Vec<u8>, Rejection> {
    // Four characters for three bytes, and as much again for line breaks.
    if form_field.len() > MESSAGE.bytes * 2 {
        return Err(XmlError::TooLarge.into());
    }
    decode_base64(form_field).ok_or(Rejection::NotBase64)
}

/// The form of the whole document, before anything in it is believed. Returns the assertion.
fn check_form<'a>(document: &'a Document<'_>) -> Result<Node<'a>, Rejection> {
    let root = document.root();
    if !is(root, PROTOCOL, "Response") {
        return Err(Rejection::Kind);
    }
    check_version(root)?;
    check_status(root)?;
    if document.elements().any(is_encrypted) {
        return Err(Rejection::Encrypted);
    }
    only_assertion(document)
}

/// SAML core, section 4: what it says must be understood as version 2.0 says it.
pub(crate) fn check_version(message: Node<'_>) -> Result<(), Rejection> {
    match attribute(message, "Version") {
        Some("2.0") => Ok(()),
        _ => Err(Rejection::Version),
    }
}

/// SAML core, section 3.2.2.
fn check_status(response: Node<'_>) -> Result<(), Rejection> {
    let mut all = response
        .children()
        .filter(|node| is(*node, PROTOCOL, "Status"));
    let (Some(status), None) = (all.next(), all.next()) else {
        return Err(Rejection::Structure);
    };
    let mut children = Children::of(status).ok_or(Rejection::Structure)?;
    let code = children
        .take(PROTOCOL, "StatusCode")
        .ok_or(Rejection::Structure)?;
    match attribute(code, "Value") {
        Some(STATUS_SUCCESS) => Ok(()),
        _ => Err(Rejection::Status),
    }
}

/// The encrypted kinds of SAML core, sections 2.2.4, 2.3.4 and 2.7.3.2, and of XML Encryption.
pub(crate) fn is_encrypted(node: Node<'_>) -> bool {
    let tag = node.tag_name();
    match tag.namespace() {
        Some(ASSERTION) => tag.name().starts_with("Encrypted"),
        Some(ENCRYPTION) => true,
        _ => false,
    }
}

fn only_assertion<'a>(document: &'a Document<'_>) -> Result<Node<'a>, Rejection> {
    let mut all = document
        .elements()
        .filter(|node| is(*node, ASSERTION, "Assertion"));
    let (Some(only), None) = (all.next(), all.next()) else {
        return Err(Rejection::AssertionCount);
    };
    if only.parent_element() != Some(document.root()) {
        return Err(Rejection::AssertionPlacement);
    }
    Ok(only)
}

/// The canonical forms that were signed: of the response, of the assertion or of both.
struct Signed {
    response: Option<String>,
    assertion: Option<String>,
}

impl Signed {
    /// Verifies every signature in the document. One of the two is certain to be there afterwards.
    fn verify(
        document: &Document<'_>,
        assertion: Node<'_>,
        idp: &Metadata,
    ) -> Result<Self, SignatureError> {
        let signatures = signature::all(document);
        match signatures.len() {
            0 => return Err(SignatureError::Missing),
            1 | 2 => {}
            _ => return Err(SignatureError::Count),
        }
        // The places first, so that nothing is computed for a document that wraps.
        let root = document.root();
        let (mut of_response, mut of_assertion) = (None, None);
        for signature in signatures {
            let slot = match signature.parent_element() {
                Some(parent) if parent == root => &mut of_response,
                Some(parent) if parent == assertion => &mut of_assertion,
                _ => return Err(SignatureError::Placement),
            };
            if slot.replace(signature).is_some() || !follows_issuer(signature) {
                return Err(SignatureError::Placement);
            }
        }
        let verify = |signature| signature::verify(document, signature, idp.keys());
        Ok(Self {
            response: of_response.map(verify).transpose()?,
            assertion: of_assertion.map(verify).transpose()?,
        })
    }
}

/// SAML core, sections 2.3.3 and 3.2.2: a signature is the first child, but for the issuer.
fn follows_issuer(signature: Node<'_>) -> bool {
    let mut before = signature.prev_siblings().skip(1).filter(Node::is_element);
    before
        .next()
        .is_none_or(|node| is(node, ASSERTION, "Issuer"))
        && before.next().is_none()
}

/// The parts of a response around the assertion. The signature is gone when it was signed itself.
fn check_response(response: Node<'_>, checks: &Checks<'_>) -> Result<(), Rejection> {
    if !is(response, PROTOCOL, "Response") {
        return Err(Rejection::Kind);
    }
    check_version(response)?;
    check_status(response)?;
    if !attribute(response, "ID").is_some_and(is_id) {
        return Err(Rejection::Structure);
    }
    let mut children = Children::of(response).ok_or(Rejection::Structure)?;
    if let Some(issuer) = children.take(ASSERTION, "Issuer") {
        checks.issuer(issuer)?;
    }
    children.take(SIGNATURE, "Signature");
    let order = [(PROTOCOL, "Status"), (ASSERTION, "Assertion")];
    if order
        .iter()
        .any(|(namespace, name)| children.take(namespace, name).is_none())
        || !children.finished()
    {
        return Err(Rejection::Structure);
    }
    if attribute(response, "Destination") != Some(checks.recipient) {
        return Err(Rejection::Destination);
    }
    if attribute(response, "InResponseTo") != Some(checks.request_id) {
        return Err(Rejection::InResponseTo);
    }
    checks.issued(response)
}

/// Whether this is the name of the entity, as an issuer (SAML core, section 2.2.5).
pub(crate) fn is_issuer(issuer: Node<'_>, entity_id: &str) -> bool {
    let format = attribute(issuer, "Format");
    text(issuer) == Some(entity_id)
        && format.is_none_or(|format| format == crate::names::ENTITY_FORMAT)
}
