//! Why a message is refused.

use crate::{SignatureError, XmlError};

/// Why a message is refused. The texts hold nothing of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The form field or query parameter is not canonical base64.
    #[error("the message is not base64")]
    NotBase64,
    /// The query string has missing, repeated or unknown parameters.
    #[error("the query string is not one of the HTTP-Redirect binding")]
    Query,
    /// The parameter is not one DEFLATE stream of at most 64 KiB.
    #[error("the message is not compressed as it must be, or too long")]
    Inflate,
    /// Not a document that is read here.
    #[error("the message cannot be read")]
    Xml(#[from] XmlError),
    /// Not signed as it must be.
    #[error("the message's signature is not accepted")]
    Signature(#[from] SignatureError),
    /// The root is another element.
    #[error("the message is of another kind")]
    Kind,
    /// Another version than 2.0.
    #[error("the message is not of SAML 2.0")]
    Version,
    /// An element or attribute is missing, or stands where the profile has none.
    #[error("the message has missing or unexpected parts")]
    Structure,
    /// Something encrypted, which is not supported.
    #[error("the message has an encrypted part, which is not supported")]
    Encrypted,
    /// The identity provider says that it did not sign the person in.
    #[error("the identity provider did not sign the person in")]
    Status,
    /// Not exactly one assertion in the whole document.
    #[error("the message has not exactly one assertion")]
    AssertionCount,
    /// The assertion is not a child of the response.
    #[error("the assertion is not at its place")]
    AssertionPlacement,
    /// From another identity provider.
    #[error("the message is from another identity provider")]
    Issuer,
    /// Sent to another address.
    #[error("the message is for another address")]
    Destination,
    /// Not an answer to this request.
    #[error("the message does not answer the request")]
    InResponseTo,
    /// For another service provider.
    #[error("the assertion is for another service provider")]
    Audience,
    /// To be delivered to another address.
    #[error("the assertion is for another address")]
    Recipient,
    /// Not confirmed by exactly one bearer confirmation as the profile has it.
    #[error("the subject is not confirmed as a bearer")]
    SubjectConfirmation,
    /// A condition that is not understood (SAML core, section 2.5.1.1).
    #[error("the assertion has a condition that is not understood")]
    Condition,
    /// A time that is not written in UTC.
    #[error("a time is not written as SAML demands")]
    Time,
    /// From the future, by more than the 60 seconds that clocks may differ.
    #[error("the message is not valid yet")]
    NotYetValid,
    /// Too old, by more than the 60 seconds that clocks may differ.
    #[error("the message is no longer valid")]
    Expired,
    /// The session at the identity provider has ended.
    #[error("the session at the identity provider has ended")]
    SessionExpired,
    /// No name identifier, or one that could be taken for another.
    #[error("the name identifier is not accepted")]
    NameId,
    /// Not exactly one authentication statement.
    #[error("the assertion has not exactly one authentication statement")]
    AuthnStatement,
    /// Too many attributes or values, or a value that is not plain text.
    #[error("the attributes are not accepted")]
    Attribute,
    /// The metadata's `validUntil` has passed.
    #[error("the identity provider's metadata is no longer valid")]
    MetadataExpired,
    /// This assertion was used already.
    #[error("the assertion was used already")]
    Replayed,
    /// No room to remember that an assertion was used.
    #[error("too many assertions are remembered")]
    ReplayCacheFull,
}

impl Rejection {
    /// A word that stays the same, for records and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotBase64 => "not-base64",
            Self::Query => "query",
            Self::Inflate => "inflate",
            Self::Xml(error) => error.code(),
            Self::Signature(error) => error.code(),
            Self::Kind => "kind",
            Self::Version => "version",
            Self::Structure => "structure",
            Self::Encrypted => "encrypted",
            Self::Status => "status",
            Self::AssertionCount => "assertion-count",
            Self::AssertionPlacement => "assertion-placement",
            Self::Issuer => "issuer",
            Self::Destination => "destination",
            Self::InResponseTo => "in-response-to",
            Self::Audience => "audience",
            Self::Recipient => "recipient",
            Self::SubjectConfirmation => "subject-confirmation",
            Self::Condition => "condition",
            Self::Time => "time",
            Self::NotYetValid => "not-yet-valid",
            Self::Expired => "expired",
            Self::SessionExpired => "session-expired",
            Self::NameId => "name-id",
            Self::AuthnStatement => "authn-statement",
            Self::Attribute => "attribute",
            Self::MetadataExpired => "metadata-expired",
            Self::Replayed => "replayed",
            Self::ReplayCacheFull => "replay-cache-full",
        }
    }
}
