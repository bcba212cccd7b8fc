//! Why a request is refused: the RFC's error code for the client, a finer word for the record.

/// Error codes of the protocols, as clients see them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// RFC 6749 sections 4.1.2.1 and 5.2.
    InvalidRequest,
    /// RFC 6749 section 5.2.
    InvalidClient,
    /// RFC 6749 section 5.2.
    InvalidGrant,
    /// RFC 6749 sections 4.1.2.1 and 5.2.
    UnauthorizedClient,
    /// RFC 6749 section 5.2.
    UnsupportedGrantType,
    /// RFC 6749 section 4.1.2.1.
    UnsupportedResponseType,
    /// RFC 6749 sections 4.1.2.1 and 5.2.
    InvalidScope,
    /// RFC 8707 section 2, RFC 8693 section 2.2.2.
    InvalidTarget,
    /// RFC 6749 section 4.1.2.1, RFC 8628 section 3.5.
    AccessDenied,
    /// RFC 6749 section 4.1.2.1.
    ServerError,
    /// RFC 6749 section 4.1.2.1.
    TemporarilyUnavailable,
    /// RFC 8628 section 3.5.
    AuthorizationPending,
    /// RFC 8628 section 3.5.
    SlowDown,
    /// RFC 8628 section 3.5.
    ExpiredToken,
    /// RFC 9101 section 6.3: this server takes no request objects.
    RequestNotSupported,
    /// RFC 9101 section 6.3.
    RequestUriNotSupported,
    /// RFC 6750 section 3.1.
    InvalidToken,
}

impl ErrorCode {
    /// The word in `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::AccessDenied => "access_denied",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::InvalidToken => "invalid_token",
        }
    }

    /// The status of an answer that is not a redirect.
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidClient | Self::InvalidToken => 401,
            Self::ServerError => 500,
            Self::TemporarilyUnavailable => 503,
            _ => 400,
        }
    }
}

macro_rules! reasons {
    ($($name:ident => $code:literal, $error:ident, $text:literal;)*) => {
        /// Why exactly. For the record; the client learns [`Reason::error`], and a text where that gives nothing away.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $(#[doc = $text] $name,)*
        }

        impl Reason {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word in records. Never changes its meaning.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What the client is told.
            pub fn error(self) -> ErrorCode {
                match self { $(Self::$name => ErrorCode::$error,)* }
            }

            /// What it means, in the characters that RFC 6749 allows in `error_description`.
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

reasons! {
    // Any endpoint.
    RequestTooLarge => "request_too_large", InvalidRequest, "the request is too large";
    TooManyParameters => "too_many_parameters", InvalidRequest, "the request has too many parameters";
    ParameterEncoding => "parameter_encoding", InvalidRequest, "a parameter is not form-encoded UTF-8, or has control characters";
    ParameterRepeated => "parameter_repeated", InvalidRequest, "a parameter is given more than once";
    ParameterMissing => "parameter_missing", InvalidRequest, "a parameter is missing";
    ParameterMalformed => "parameter_malformed", InvalidRequest, "a parameter is malformed";
    ScopeMalformed => "scope_malformed", InvalidScope, "the scope is malformed";
    ScopeNotAllowed => "scope_not_allowed", InvalidScope, "the client may not have this scope";
    ResourceNotOurs => "resource_not_ours", InvalidTarget, "the resource is not this server";
    ClientUnknown => "client_unknown", InvalidClient, "the client is not known";
    ClientGrant => "client_grant", UnauthorizedClient, "the client may not use this grant";
    SignInEnded => "sign_in_ended", InvalidGrant, "the sign-in has ended";
    PrincipalTooLarge => "principal_too_large", ServerError, "the principal does not fit into a token";
    StateFailed => "state_failed", ServerError, "the server's state cannot be used";
    SigningFailed => "signing_failed", ServerError, "a token cannot be signed";

    // Authorization endpoint.
    RedirectUri => "redirect_uri", InvalidRequest, "the redirect URI is not one of the client's";
    ResponseType => "response_type", UnsupportedResponseType, "only the response type code is supported";
    ResponseMode => "response_mode", InvalidRequest, "only the response mode query is supported";
    RequestObject => "request_object", RequestNotSupported, "request objects are not supported";
    RequestUri => "request_uri", RequestUriNotSupported, "pushed requests are not supported";
    ChallengeMissing => "challenge_missing", InvalidRequest, "a PKCE challenge is required";
    ChallengeMethod => "challenge_method", InvalidRequest, "only the PKCE method S256 is supported";
    ChallengeMalformed => "challenge_malformed", InvalidRequest, "the PKCE challenge is not a SHA-256 hash";
    SignInNotLive => "sign_in_not_live", AccessDenied, "nobody is signed in";
    PersonRefused => "person_refused", AccessDenied, "the person refused";
    TooManyCodes => "too_many_codes", TemporarilyUnavailable, "too many authorizations are under way";

    // Client authentication.
    ClientSecret => "client_secret", InvalidClient, "the client has no secret";
    ClientSecretMissing => "client_secret_missing", InvalidClient, "the client has to authenticate";
    ClientSecretWrong => "client_secret_wrong", InvalidClient, "the client secret is wrong";
    ClientSecretShort => "client_secret_short", InvalidClient, "the client secret has fewer than 32 characters";
    ClientSecretExpired => "client_secret_expired", InvalidClient, "the client secret has expired";
    ClientAssertionMissing => "client_assertion_missing", InvalidClient, "the client has to authenticate";
    ClientAssertionUnexpected => "client_assertion_unexpected", InvalidClient, "the client has no key";
    ClientAssertionType => "client_assertion_type", InvalidClient, "the type of the client assertion is not supported";
    ClientAssertionRejected => "client_assertion_rejected", InvalidClient, "the client assertion is not valid";

    // Token endpoint.
    GrantType => "grant_type", UnsupportedGrantType, "the grant type is not supported";
    CodeUnknown => "code_unknown", InvalidGrant, "the code is not known";
    CodeExpired => "code_expired", InvalidGrant, "the code has expired";
    CodeReused => "code_reused", InvalidGrant, "the code was presented before";
    CodeOtherClient => "code_other_client", InvalidGrant, "the code is another client's";
    CodeRedirectUri => "code_redirect_uri", InvalidGrant, "the redirect URI is not that of the authorization request";
    CodeVerifier => "code_verifier", InvalidGrant, "the PKCE verifier is not that of the challenge";
    RefreshUnknown => "refresh_unknown", InvalidGrant, "the refresh token is not known";
    RefreshReused => "refresh_reused", InvalidGrant, "the refresh token was used before";
    RefreshRevoked => "refresh_revoked", InvalidGrant, "the refresh token was revoked";
    RefreshExpired => "refresh_expired", InvalidGrant, "the refresh token has expired";
    RefreshOtherClient => "refresh_other_client", InvalidGrant, "the refresh token is another client's";

    // Device authorization.
    DeviceCodeUnknown => "device_code_unknown", InvalidGrant, "the device code is not known";
    DeviceCodeOtherClient => "device_code_other_client", InvalidGrant, "the device code is another client's";
    DevicePending => "device_pending", AuthorizationPending, "nobody has decided yet";
    DeviceSlowDown => "device_slow_down", SlowDown, "the client asks too often";
    DeviceDenied => "device_denied", AccessDenied, "the person refused";
    DeviceExpired => "device_expired", ExpiredToken, "the device code has expired";
    TooManyDeviceCodes => "too_many_device_codes", TemporarilyUnavailable, "too many devices are being authorized";
    TooManyFromNetwork => "too_many_from_network", TemporarilyUnavailable, "too many devices are being authorized from this network";

    // Token exchange.
    SubjectTokenType => "subject_token_type", InvalidRequest, "the type of the subject token is not supported";
    ActorTokenType => "actor_token_type", InvalidRequest, "the type of the actor token is not supported";
    RequestedTokenType => "requested_token_type", InvalidRequest, "the requested token type is not supported";
    SubjectTokenRejected => "subject_token_rejected", InvalidRequest, "the subject token is not valid";
    ActorTokenRejected => "actor_token_rejected", InvalidRequest, "the actor token is not valid";
    ActorMissing => "actor_missing", InvalidRequest, "an access token is exchanged for another only together with an actor token";
    ActorUnexpected => "actor_unexpected", InvalidRequest, "only a person's access token can have an actor";
    ActorNotAnAgent => "actor_not_an_agent", InvalidRequest, "the actor is not an agent that acts for itself";
    SubjectNotAPerson => "subject_not_a_person", InvalidRequest, "the subject token is not a person's own";
    MayActNotAnAgent => "may_act_not_an_agent", InvalidRequest, "the parameter may_act names no agent";
    MayActOther => "may_act_other", InvalidRequest, "the delegation is for another agent";
    AudienceUnsupported => "audience_unsupported", InvalidTarget, "name the target in the parameter resource";
    ResourceName => "resource_name", InvalidTarget, "the resource is not the name of a resource";

    // Use and revocation of access tokens.
    TokenRejected => "token_rejected", InvalidToken, "the access token is not valid";
    TokenRevoked => "token_revoked", InvalidToken, "the access token was revoked";
    TokenOtherClient => "token_other_client", UnauthorizedClient, "the token is another client's";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Reason;

    #[test]
    fn every_reason_has_a_word_and_a_lawful_text() {
        let codes: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            let lawful = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            assert!(reason.text().bytes().all(lawful), "{}", reason.code());
            let word = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            assert!(reason.code().bytes().all(word), "{}", reason.code());
        }
    }
}
