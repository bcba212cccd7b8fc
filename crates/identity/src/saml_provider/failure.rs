//! Why signing in or out with a SAML provider failed.

use custos_fetch::FetchError;
use custos_saml::{MetadataError, Rejection, ServiceProviderError};

/// Why signing in or out with a SAML provider failed: for the record. The texts hold nothing of a message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SamlFailure {
    /// What the provider sent is refused.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// No field `SAMLResponse` or `SAMLRequest`, or several.
    #[error("the form is not one of the HTTP-POST binding")]
    Form,
    /// It answers no request that waits here: never made, too late, or begun by the provider, which is not taken.
    #[error("the response answers no request that waits here")]
    Unsolicited,
    /// The request that it answers was answered before.
    #[error("the request was answered already")]
    AlreadyAnswered,
    /// The verified response was not fetched by a browser in time, or twice.
    #[error("the verified response is no longer kept")]
    AnswerGone,
    /// Another browser began the sign-in.
    #[error("another browser began this sign-in")]
    BrowserWrong,
    /// The provider ended the session in the meantime.
    #[error("the provider has ended the session already")]
    LoggedOut,
    /// As many requests as may be are being signed.
    #[error("too many requests to the identity provider are under way")]
    Busy,
    /// The name is another one at each sign-in, so that it identifies nobody (SAML core, section 8.3.8).
    #[error("the name identifier is transient")]
    TransientName,
    /// The name was made by or for somebody else (SAML core, section 2.2.2).
    #[error("the name identifier is qualified for another party")]
    QualifiedName,
    /// None of the attributes that give the login name is there.
    #[error("the assertion has no attribute with a name")]
    NameMissing,
    /// The login name would not show what it is.
    #[error("the name in the assertion is not accepted")]
    NameMalformed,
    /// No attribute with groups, and it is not optional.
    #[error("the assertion has no attribute with groups")]
    GroupsMissing,
    /// A group's name would not show what it is.
    #[error("a group in the assertion is not accepted")]
    GroupMalformed,
    /// More than 512.
    #[error("the assertion names too many groups")]
    GroupsTooMany,
    /// The provider's metadata was never there.
    #[error("the identity provider's metadata is not there")]
    MetadataUnavailable,
    /// The provider's metadata cannot be fetched.
    #[error("the identity provider's metadata cannot be fetched")]
    Fetch(#[source] FetchError),
    /// The address of the metadata answered, but not with a document.
    #[error("the address of the metadata answered with status {0}")]
    Status(u16),
    /// What was fetched is refused.
    #[error("the identity provider's metadata is refused")]
    Metadata(#[source] MetadataError),
    /// No request or response could be made.
    #[error("no message to the identity provider could be made")]
    Message(#[from] ServiceProviderError),
}

impl SamlFailure {
    /// A stable word for records and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rejected(rejection) => rejection.code(),
            Self::Form => "form",
            Self::Unsolicited => "unsolicited",
            Self::AlreadyAnswered => "already-answered",
            Self::AnswerGone => "answer-gone",
            Self::BrowserWrong => "browser_wrong",
            Self::LoggedOut => "logged-out",
            Self::Busy => "busy",
            Self::TransientName => "name-id-transient",
            Self::QualifiedName => "name-id-qualified",
            Self::NameMissing => "name_missing",
            Self::NameMalformed => "name_malformed",
            Self::GroupsMissing => "groups_missing",
            Self::GroupMalformed => "group_malformed",
            Self::GroupsTooMany => "groups_too_many",
            Self::MetadataUnavailable => "metadata-unavailable",
            Self::Fetch(error) => error.code(),
            Self::Status(_) => "status-code",
            Self::Metadata(_) => "metadata",
            Self::Message(_) => "message",
        }
    }

    /// Whether trying again later may help.
    pub fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Busy
                | Self::MetadataUnavailable
                | Self::Fetch(_)
                | Self::Status(_)
                | Self::Metadata(_)
                | Self::Message(_)
                | Self::Rejected(Rejection::MetadataExpired | Rejection::ReplayCacheFull)
        )
    }
}
