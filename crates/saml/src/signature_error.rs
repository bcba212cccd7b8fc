//! Why a message or metadata is not signed as it must be.

use crate::XmlError;

/// Why a message or metadata is not signed as it must be. The texts hold nothing of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no signature.
    #[error("it is not signed")]
    Missing,
    /// More signatures than the profile has places for.
    #[error("it has too many signatures")]
    Count,
    /// A signature that does not stand in what it signs, or at another place than the schema's.
    #[error("a signature is not at its place")]
    Placement,
    /// The signature's own elements are not those of the profile.
    #[error("a signature has missing or unexpected parts")]
    Structure,
    /// Another canonicalization of `SignedInfo` than exclusive without comments.
    #[error("a signature uses another canonicalization than exclusive C14N")]
    Canonicalization,
    /// Not RSA or ECDSA with SHA-256 or better.
    #[error("the signature algorithm is not accepted")]
    Algorithm,
    /// Not exactly one reference.
    #[error("a signature has not exactly one reference")]
    ReferenceCount,
    /// The reference is not to the element that the signature stands in.
    #[error("a signature refers to something else than what it stands in")]
    Reference,
    /// Other transforms than enveloped-signature and exclusive canonicalization, in this order.
    #[error("a signature has other transforms than enveloped-signature and exclusive C14N")]
    Transforms,
    /// Not SHA-256, SHA-384 or SHA-512.
    #[error("the digest algorithm is not accepted")]
    DigestAlgorithm,
    /// No key of the metadata made this signature.
    #[error("no known key made the signature")]
    Value,
    /// The signed element was changed.
    #[error("the digest does not match what was signed")]
    Digest,
    /// The certificate inside metadata is not the pinned one.
    #[error("the signature's certificate is not the pinned one")]
    Pin,
    /// The canonical form could not be made or read.
    #[error("the canonical form cannot be read")]
    Xml(#[from] XmlError),
}

impl SignatureError {
    /// A word that stays the same, for records and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "unsigned",
            Self::Count => "signature-count",
            Self::Placement => "signature-placement",
            Self::Structure => "signature-structure",
            Self::Canonicalization => "canonicalization-method",
            Self::Algorithm => "signature-algorithm",
            Self::ReferenceCount => "reference-count",
            Self::Reference => "reference",
            Self::Transforms => "transforms",
            Self::DigestAlgorithm => "digest-algorithm",
            Self::Value => "signature-invalid",
            Self::Digest => "digest-mismatch",
            Self::Pin => "certificate-pin",
            Self::Xml(error) => error.code(),
        }
    }
}
