//! `ds:SignedInfo`, read from the very bytes that the signature is over (XML Signature, sections 4.3 to 4.4).

use aws_lc_rs::digest;

use crate::SignatureError;
use crate::algorithm::{self, SignatureAlgorithm};
use crate::c14n::PrefixList;
use crate::document::{Document, Node};
use crate::element::{Children, attribute, only_child, text};
use crate::encoding::decode_base64;
use crate::names::{ENVELOPED_SIGNATURE, EXCLUSIVE_C14N, SIGNATURE};
use crate::shape::Limits;

#[derive(Debug)]
pub(crate) struct SignedInfo {
    pub(crate) algorithm: SignatureAlgorithm,
    /// The ID that is referred to.
    pub(crate) id: String,
    /// Of the exclusive canonicalization among the transforms.
    pub(crate) prefixes: PrefixList,
    pub(crate) digest_algorithm: &'static digest::Algorithm,
    pub(crate) digest: Vec<u8>,
}

impl SignedInfo {
    /// `canonical`: what [`canonicalization`] of the element gives.
    pub(crate) fn parse(canonical: &str, limits: &Limits) -> Result<Self, SignatureError> {
        let document = Document::parse(canonical, &limits.canonical())?;
        let mut children = Children::of(document.root()).ok_or(SignatureError::Structure)?;
        let method = children.take(SIGNATURE, "CanonicalizationMethod");
        exclusive(
            method.ok_or(SignatureError::Structure)?,
            SignatureError::Canonicalization,
        )?;
        let method = children.take(SIGNATURE, "SignatureMethod");
        let algorithm = signature_method(method.ok_or(SignatureError::Structure)?)?;
        let references = children.take_all(SIGNATURE, "Reference");
        let [reference] = references.as_slice() else {
            return Err(SignatureError::ReferenceCount);
        };
        if !children.finished() {
            return Err(SignatureError::Structure);
        }

        let uri = attribute(*reference, "URI").ok_or(SignatureError::Reference)?;
        let id = uri.strip_prefix('#').ok_or(SignatureError::Reference)?;
        let mut children = Children::of(*reference).ok_or(SignatureError::Structure)?;
        let transforms = children.take(SIGNATURE, "Transforms");
        let prefixes = read_transforms(transforms.ok_or(SignatureError::Transforms)?)?;
        let method = children.take(SIGNATURE, "DigestMethod");
        let digest_algorithm = digest_method(method.ok_or(SignatureError::Structure)?)?;
        let value = children.take(SIGNATURE, "DigestValue").and_then(text);
        let digest = value
            .and_then(decode_base64)
            .ok_or(SignatureError::Structure)?;
        if !children.finished() {
            return Err(SignatureError::Structure);
        }
        Ok(Self {
            algorithm,
            id: id.to_owned(),
            prefixes,
            digest_algorithm,
            digest,
        })
    }
}

/// How `SignedInfo` itself is canonicalized: the one thing that must be known before its bytes are.
pub(crate) fn canonicalization(signed_info: Node<'_>) -> Result<PrefixList, SignatureError> {
    let mut children = Children::of(signed_info).ok_or(SignatureError::Structure)?;
    let method = children.take(SIGNATURE, "CanonicalizationMethod");
    exclusive(
        method.ok_or(SignatureError::Structure)?,
        SignatureError::Canonicalization,
    )
}

fn signature_method(node: Node<'_>) -> Result<SignatureAlgorithm, SignatureError> {
    // An HMACOutputLength, or parameters of RSA-PSS.
    if node.has_children() {
        return Err(SignatureError::Structure);
    }
    attribute(node, "Algorithm")
        .and_then(SignatureAlgorithm::from_uri)
        .ok_or(SignatureError::Algorithm)
}

fn digest_method(node: Node<'_>) -> Result<&'static digest::Algorithm, SignatureError> {
    if node.has_children() {
        return Err(SignatureError::Structure);
    }
    attribute(node, "Algorithm")
        .and_then(algorithm::digest)
        .ok_or(SignatureError::DigestAlgorithm)
}

/// SAML core, section 5.4.4.
fn read_transforms(node: Node<'_>) -> Result<PrefixList, SignatureError> {
    let mut children = Children::of(node).ok_or(SignatureError::Transforms)?;
    let transforms = children.take_all(SIGNATURE, "Transform");
    let ([enveloped, canonicalization], true) = (transforms.as_slice(), children.finished()) else {
        return Err(SignatureError::Transforms);
    };
    if attribute(*enveloped, "Algorithm") != Some(ENVELOPED_SIGNATURE) || enveloped.has_children() {
        return Err(SignatureError::Transforms);
    }
    exclusive(*canonicalization, SignatureError::Transforms)
}

/// A method that must be exclusive canonicalization without comments, with or without a prefix list.
fn exclusive(method: Node<'_>, error: SignatureError) -> Result<PrefixList, SignatureError> {
    if attribute(method, "Algorithm") != Some(EXCLUSIVE_C14N) {
        return Err(error);
    }
    if Children::of(method).is_some_and(Children::finished) {
        return Ok(PrefixList::default());
    }
    let list = only_child(method, EXCLUSIVE_C14N, "InclusiveNamespaces").ok_or(error)?;
    if list.has_children() {
        return Err(error);
    }
    attribute(list, "PrefixList")
        .and_then(PrefixList::parse)
        .ok_or(error)
}
