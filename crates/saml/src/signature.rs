//! Enveloped signatures. What is read afterwards is read from the bytes that this module returns, and from nothing else.

use aws_lc_rs::digest;

use crate::SignatureError;
use crate::c14n::canonicalize;
use crate::document::{Document, Node};
use crate::element::{Children, attribute, text};
use crate::encoding::decode_base64;
use crate::key::VerifyingKey;
use crate::names::SIGNATURE;
use crate::signed_info::{SignedInfo, canonicalization};

/// Longest ID, in bytes.
const ID_BYTES_MAX: usize = 256;

/// All `ds:Signature` elements, wherever they stand.
pub(crate) fn all<'a>(document: &'a Document<'_>) -> Vec<Node<'a>> {
    document
        .elements()
        .filter(|node| node.has_tag_name((SIGNATURE, "Signature")))
        .collect()
}

/// Verifies the signature with one of the keys and returns the canonical form of the element that it stands in,
/// without the signature: the bytes whose digest was signed.
///
/// # Errors
/// Whatever of the profile does not hold, the signature's form first, then its value, then the digest.
pub(crate) fn verify(
    document: &Document<'_>,
    signature: Node<'_>,
    keys: &[VerifyingKey],
) -> Result<String, SignatureError> {
    let signed = signature
        .parent_element()
        .ok_or(SignatureError::Placement)?;
    let parts = Parts::read(signature)?;
    let method = canonicalization(parts.signed_info)?;
    let bytes = canonicalize(document, parts.signed_info, None, &method)?;
    let info = SignedInfo::parse(&bytes, &document.limits)?;
    let id = attribute(signed, "ID").filter(|id| is_id(id));
    if id != Some(info.id.as_str()) {
        return Err(SignatureError::Reference);
    }
    let verifies =
        |key: &VerifyingKey| key.verifies(info.algorithm, bytes.as_bytes(), &parts.value);
    if !keys.iter().any(verifies) {
        return Err(SignatureError::Value);
    }
    let canonical = canonicalize(document, signed, Some(signature.id()), &info.prefixes)?;
    let actual = digest::digest(info.digest_algorithm, canonical.as_bytes());
    if actual.as_ref() != info.digest {
        return Err(SignatureError::Digest);
    }
    Ok(canonical)
}

/// The only certificate in the signature's `KeyInfo`. It says nothing about whom to trust; metadata may be pinned to
/// its fingerprint.
pub(crate) fn certificate(signature: Node<'_>) -> Result<Vec<u8>, SignatureError> {
    let key_info = Parts::read(signature)?
        .key_info
        .ok_or(SignatureError::Pin)?;
    key_info_certificate(key_info).ok_or(SignatureError::Pin)
}

/// The only certificate in a `ds:KeyInfo`: of several, all but one are of authorities, whose keys sign no messages.
pub(crate) fn key_info_certificate(key_info: Node<'_>) -> Option<Vec<u8>> {
    let mut certificates = key_info
        .descendants()
        .filter(|node| node.has_tag_name((SIGNATURE, "X509Certificate")));
    let only = certificates
        .next()
        .filter(|_| certificates.next().is_none())?;
    decode_base64(text(only)?)
}

struct Parts<'a> {
    signed_info: Node<'a>,
    value: Vec<u8>,
    key_info: Option<Node<'a>>,
}

impl<'a> Parts<'a> {
    /// XML Signature, section 4.1. An `Object` could carry another message, and is refused.
    fn read(signature: Node<'a>) -> Result<Self, SignatureError> {
        let mut children = Children::of(signature).ok_or(SignatureError::Structure)?;
        let signed_info = children.take(SIGNATURE, "SignedInfo");
        let value = children.take(SIGNATURE, "SignatureValue").and_then(text);
        let key_info = children.take(SIGNATURE, "KeyInfo");
        if !children.finished() {
            return Err(SignatureError::Structure);
        }
        Ok(Self {
            signed_info: signed_info.ok_or(SignatureError::Structure)?,
            value: value
                .and_then(decode_base64)
                .ok_or(SignatureError::Structure)?,
            key_info,
        })
    }
}

/// The ASCII part of `xs:ID`: so a reference can be nothing but a bare name.
pub(crate) fn is_id(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        && text.len() <= ID_BYTES_MAX
}

/// The only signature of a document whose root is signed.
pub(crate) fn only_signature<'a>(document: &'a Document<'_>) -> Result<Node<'a>, SignatureError> {
    match all(document).as_slice() {
        [] => Err(SignatureError::Missing),
        [only] if only.parent_element() == Some(document.root()) => Ok(*only),
        [_] => Err(SignatureError::Placement),
        _ => Err(SignatureError::Count),
    }
}

#[cfg(test)]
mod tests {
    use super::is_id;

    #[test]
    fn ids_are_bare_names() {
        for good in ["_a", "a-b.c_9", "Z"] {
            assert!(is_id(good), "{good}");
        }
        for bad in [
            "",
            "9a",
            "-a",
            "a b",
            "a#b",
            "xpointer(/)",
            "a\u{e9}",
            &"a".repeat(257),
        ] {
            assert!(!is_id(bad), "{bad}");
        }
    }
}
