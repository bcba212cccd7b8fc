//! What is known of an identity provider (SAML metadata, sections 2.3 and 2.4).

use aws_lc_rs::digest;

use crate::document::{Document, Node};
use crate::element::{Children, attribute, is, text};
use crate::endpoint::{Endpoint, Transport};
use crate::key::VerifyingKey;
use crate::name_id::{NameIdFormat, plain};
use crate::names::{METADATA as NAMESPACE, PROTOCOL, REDIRECT_BINDING, SIGNATURE};
use crate::shape::METADATA as LIMITS;
use crate::{KeyError, SignatureError, XmlError, signature, time};

/// Longest `entityID`, in bytes (SAML core, section 8.3.6).
pub(crate) const ENTITY_ID_BYTES_MAX: usize = 1024;
const CERTIFICATES_MAX: usize = 16;
const NAME_ID_FORMATS_MAX: usize = 32;

/// An identity provider as its metadata describes it. Its keys are the only ones that are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    entity_id: String,
    sso: Endpoint,
    logout: Option<Endpoint>,
    logout_response: Option<Endpoint>,
    keys: Vec<VerifyingKey>,
    name_id_formats: Vec<NameIdFormat>,
    valid_until: Option<u64>,
}

/// How metadata is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct MetadataOptions<'a> {
    /// Which entity of an `EntitiesDescriptor`. Without it there must be exactly one entity.
    pub entity_id: Option<&'a str>,
    /// Whether addresses may be plain HTTP on loopback.
    pub transport: Transport,
    /// SHA-256 of the certificate that must have signed the metadata. Without it a signature is not looked at: then
    /// the way by which the metadata came must be trusted, like a file that an operator put there.
    pub signed_by: Option<[u8; 32]>,
    /// Nanoseconds since 1970.
    pub utc_ns: u64,
}

/// Why metadata is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// Not a document that is read here; the limit is 1 MiB.
    #[error("the metadata cannot be read")]
    Xml(#[from] XmlError),
    /// It must be signed by a pinned certificate, and is not.
    #[error("the metadata's signature is not accepted")]
    Signature(#[from] SignatureError),
    /// No `EntityDescriptor` of this name, or without a name to choose by more than one.
    #[error("the metadata does not describe exactly the entity that is asked for")]
    Entity,
    /// Not exactly one `IDPSSODescriptor` for SAML 2.0, or parts that contradict the schema.
    #[error("the metadata does not describe one SAML 2.0 identity provider")]
    Role,
    /// `validUntil` has passed or is no time.
    #[error("the metadata is no longer valid")]
    Expired,
    /// No single sign-on address for HTTP-Redirect, or an address that browsers are not sent to.
    #[error("the metadata has no single sign-on address for HTTP-Redirect that can be used")]
    Location,
    /// No certificate for signing: nothing could be verified.
    #[error("the metadata has no signing certificate")]
    NoCertificate,
    /// More than 16 certificates.
    #[error("the metadata has more than 16 signing certificates")]
    TooManyCertificates,
    /// A signing certificate whose key cannot be used.
    #[error("a signing certificate cannot be used")]
    Certificate(#[from] KeyError),
}

impl Metadata {
    /// Reads an `EntityDescriptor`, or one out of an `EntitiesDescriptor` that is not nested.
    ///
    /// # Errors
    /// Anything that is missing or not understood: an identity provider without a usable signing key is never made.
    pub fn parse(bytes: &[u8], options: &MetadataOptions<'_>) -> Result<Self, MetadataError> {
        let document = Document::parse_bytes(bytes, &LIMITS)?;
        let Some(pin) = options.signed_by else {
            return read_root(document.root(), options);
        };
        let signature = signature::only_signature(&document)?;
        let certificate = signature::certificate(signature)?;
        if digest::digest(&digest::SHA256, &certificate).as_ref() != pin {
            return Err(SignatureError::Pin.into());
        }
        let key = VerifyingKey::from_certificate(&certificate)?;
        let canonical = signature::verify(&document, signature, &[key])?;
        let document = Document::parse(&canonical, &LIMITS.canonical())?;
        read_root(document.root(), options)
    }

    /// The name by which the provider is known; compare issuers with it.
    pub fn entity_id(&self) -> &str {
        &self.entity_id
    }

    /// Where browsers are sent to sign in, by HTTP-Redirect.
    pub fn sso_location(&self) -> &Endpoint {
        &self.sso
    }

    /// Where logout requests are sent, by HTTP-Redirect.
    pub fn logout_location(&self) -> Option<&Endpoint> {
        self.logout.as_ref()
    }

    /// Where logout responses are sent, by HTTP-Redirect.
    pub(crate) fn logout_response_location(&self) -> Option<&Endpoint> {
        self.logout_response.as_ref().or(self.logout.as_ref())
    }

    /// The name identifier formats that the provider lists.
    pub fn name_id_formats(&self) -> &[NameIdFormat] {
        &self.name_id_formats
    }

    /// Until when it may be used, in nanoseconds since 1970. Messages are refused afterwards.
    pub fn valid_until(&self) -> Option<u64> {
        self.valid_until
    }

    /// SHA-256 of each signing key in hexadecimal, for people who compare them and for records of changes.
    pub fn key_fingerprints(&self) -> Vec<String> {
        self.keys.iter().map(VerifyingKey::fingerprint).collect()
    }

    pub(crate) fn keys(&self) -> &[VerifyingKey] {
        &self.keys
    }

    pub(crate) fn is_valid_at(&self, utc_ns: u64) -> bool {
        self.valid_until.is_none_or(|until| utc_ns < until)
    }
}

fn read_root(root: Node<'_>, options: &MetadataOptions<'_>) -> Result<Metadata, MetadataError> {
    if is(root, NAMESPACE, "EntityDescriptor") {
        return read_entity(root, None, options);
    }
    if !is(root, NAMESPACE, "EntitiesDescriptor") {
        return Err(MetadataError::Entity);
    }
    let until = valid_until(root, options.utc_ns)?;
    let entities: Vec<Node<'_>> = root
        .children()
        .filter(|node| is(*node, NAMESPACE, "EntityDescriptor"))
        .filter(|node| {
            options
                .entity_id
                .is_none_or(|wanted| attribute(*node, "entityID") == Some(wanted))
        })
        .collect();
    match entities.as_slice() {
        [only] => read_entity(*only, until, options),
        _ => Err(MetadataError::Entity),
    }
}

fn read_entity(
    node: Node<'_>,
    until: Option<u64>,
    options: &MetadataOptions<'_>,
) -> Result<Metadata, MetadataError> {
    let entity_id = attribute(node, "entityID")
        .and_then(|id| plain(id, ENTITY_ID_BYTES_MAX))
        .filter(|id| options.entity_id.is_none_or(|wanted| wanted == *id))
        .ok_or(MetadataError::Entity)?;
    let role = role(node)?;
    let valid_until = [
        until,
        valid_until(node, options.utc_ns)?,
        valid_until(role, options.utc_ns)?,
    ]
    .into_iter()
    .flatten()
    .min();
    let keys = signing_keys(role)?;
    let sso = endpoint(role, "SingleSignOnService", "Location", options.transport)?;
    let formats = role
        .children()
        .filter(|child| is(*child, NAMESPACE, "NameIDFormat"));
    Ok(Metadata {
        entity_id: entity_id.to_owned(),
        sso: sso.ok_or(MetadataError::Location)?,
        logout: endpoint(role, "SingleLogoutService", "Location", options.transport)?,
        logout_response: endpoint(
            role,
            "SingleLogoutService",
            "ResponseLocation",
            options.transport,
        )?,
        keys,
        name_id_formats: formats
            .filter_map(text)
            .map(|uri| NameIdFormat::from_uri(uri.trim()))
            .take(NAME_ID_FORMATS_MAX)
            .collect(),
        valid_until,
    })
}

/// Section 2.4.3. Other roles of the same entity are not looked at.
fn role(entity: Node<'_>) -> Result<Node<'_>, MetadataError> {
    let children = Children::of(entity).ok_or(MetadataError::Role)?;
    let mut roles = children
        .rest()
        .filter(|node| is(*node, NAMESPACE, "IDPSSODescriptor"))
        .filter(|node| {
            let protocols = attribute(*node, "protocolSupportEnumeration").unwrap_or_default();
            protocols
                .split_ascii_whitespace()
                .any(|protocol| protocol == PROTOCOL)
        });
    match (roles.next(), roles.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(MetadataError::Role),
    }
}

/// Section 2.4.1.1: a key without `use` serves for both.
fn signing_keys(role: Node<'_>) -> Result<Vec<VerifyingKey>, MetadataError> {
    let mut keys = Vec::new();
    for descriptor in role
        .children()
        .filter(|node| is(*node, NAMESPACE, "KeyDescriptor"))
    {
        match attribute(descriptor, "use") {
            Some("encryption") => continue,
            Some("signing") | None => {}
            Some(_) => return Err(MetadataError::Role),
        }
        if keys.len() == CERTIFICATES_MAX {
            return Err(MetadataError::TooManyCertificates);
        }
        let mut children = Children::of(descriptor).ok_or(MetadataError::Role)?;
        let certificate = children
            .take(SIGNATURE, "KeyInfo")
            .and_then(signature::key_info_certificate)
            .ok_or(KeyError::Malformed)?;
        keys.push(VerifyingKey::from_certificate(&certificate)?);
    }
    if keys.is_empty() {
        return Err(MetadataError::NoCertificate);
    }
    Ok(keys)
}

/// The first service of this kind for HTTP-Redirect, and its address in this attribute.
fn endpoint(
    role: Node<'_>,
    service: &str,
    name: &str,
    transport: Transport,
) -> Result<Option<Endpoint>, MetadataError> {
    let redirect = role.children().find(|node| {
        is(*node, NAMESPACE, service) && attribute(*node, "Binding") == Some(REDIRECT_BINDING)
    });
    redirect
        .and_then(|node| attribute(node, name))
        .map(|url| Endpoint::parse(url, transport).ok_or(MetadataError::Location))
        .transpose()
}

fn valid_until(node: Node<'_>, utc_ns: u64) -> Result<Option<u64>, MetadataError> {
    let Some(text) = attribute(node, "validUntil") else {
        return Ok(None);
    };
    match time::parse(text) {
        Some(until) if utc_ns < until => Ok(Some(until)),
        _ => Err(MetadataError::Expired),
    }
}
