//! Errors that a provider may answer with (RFC 6749 sections 4.1.2.1 and 5.2, OpenID Connect Core 3.1.2.6).

/// The error that a provider answered with. Words that no specification has are [`ProviderError::Other`]: a
/// provider's free text goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProviderError {
    /// The person or the provider said no.
    AccessDenied,
    /// Somebody must sign in at the provider first.
    LoginRequired,
    /// Somebody must do something at the provider first.
    InteractionRequired,
    /// An account must be chosen first.
    AccountSelectionRequired,
    /// Consent is needed first.
    ConsentRequired,
    /// The asked-for kind of authentication was not done.
    UnmetAuthenticationRequirements,
    /// The request has an error.
    InvalidRequest,
    /// The client's credential is wrong.
    InvalidClient,
    /// The code or refresh token is wrong, used, revoked or expired.
    InvalidGrant,
    /// The client may not do that.
    UnauthorizedClient,
    /// The grant type is not supported.
    UnsupportedGrantType,
    /// The response type is not supported.
    UnsupportedResponseType,
    /// A scope is wrong.
    InvalidScope,
    /// The access token is wrong, revoked or expired.
    InvalidToken,
    /// The provider broke.
    ServerError,
    /// The provider is overloaded.
    TemporarilyUnavailable,
    /// Something else.
    Other,
}

const WORDS: [(&str, ProviderError); 16] = [
    ("access_denied", ProviderError::AccessDenied),
    ("login_required", ProviderError::LoginRequired),
    ("interaction_required", ProviderError::InteractionRequired),
    (
        "account_selection_required",
        ProviderError::AccountSelectionRequired,
    ),
    ("consent_required", ProviderError::ConsentRequired),
    (
        "unmet_authentication_requirements",
        ProviderError::UnmetAuthenticationRequirements,
    ),
    ("invalid_request", ProviderError::InvalidRequest),
    ("invalid_client", ProviderError::InvalidClient),
    ("invalid_grant", ProviderError::InvalidGrant),
    ("unauthorized_client", ProviderError::UnauthorizedClient),
    (
        "unsupported_grant_type",
        ProviderError::UnsupportedGrantType,
    ),
    (
        "unsupported_response_type",
        ProviderError::UnsupportedResponseType,
    ),
    ("invalid_scope", ProviderError::InvalidScope),
    ("invalid_token", ProviderError::InvalidToken),
    ("server_error", ProviderError::ServerError),
    (
        "temporarily_unavailable",
        ProviderError::TemporarilyUnavailable,
    ),
];

impl ProviderError {
    pub(crate) fn of(word: &str) -> Self {
        let known = WORDS.iter().find(|(known, _)| *known == word);
        known.map_or(Self::Other, |(_, error)| *error)
    }

    /// The word of the specification, `other` for those of none.
    pub fn as_str(self) -> &'static str {
        let known = WORDS.iter().find(|(_, error)| *error == self);
        known.map_or("other", |(word, _)| word)
    }

    /// Whether it is said of the person or her grant, and not of the request, the client or the provider.
    pub(crate) fn is_about_person(self) -> bool {
        matches!(
            self,
            Self::AccessDenied
                | Self::LoginRequired
                | Self::InteractionRequired
                | Self::AccountSelectionRequired
                | Self::ConsentRequired
                | Self::UnmetAuthenticationRequirements
                | Self::InvalidGrant
        )
    }

    /// Whether the provider said that it cannot answer now, which says nothing about anybody's rights.
    pub(crate) fn is_outage(self) -> bool {
        matches!(self, Self::ServerError | Self::TemporarilyUnavailable)
    }
}
