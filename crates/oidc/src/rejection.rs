//! Why a provider, or somebody who says to come from one, is refused.

use crate::provider_error::ProviderError;

/// Why a provider, or somebody who says to come from one, is refused. Nothing of a message is in the texts: names
/// are those of specifications or of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The discovery document is longer than 256 KiB.
    #[error("the discovery document is longer than 256 KiB")]
    DiscoveryTooLong,
    /// The discovery document is not one JSON object, or names a member twice.
    #[error("the discovery document is not one JSON object with each member once")]
    DiscoveryMalformed,
    /// A member of the discovery document is missing or has a wrong type.
    #[error("`{0}` of the discovery document is missing or has a wrong type")]
    DiscoveryMember(&'static str),
    /// The discovery document is another issuer's.
    #[error("the discovery document is that of another issuer")]
    DiscoveryIssuer,
    /// An endpoint is no absolute https URL of the form that is taken.
    #[error("`{0}` of the discovery document is not a URL that is taken")]
    DiscoveryEndpoint(&'static str),
    /// The provider does not say that it knows PKCE with S256.
    #[error("the provider does not offer PKCE with S256")]
    PkceNotOffered,
    /// No algorithm is both offered and allowed.
    #[error("the provider signs with no algorithm that is allowed")]
    AlgorithmsNotOffered,
    /// The authorization code flow, or its answer in a query, is not offered.
    #[error("the provider does not offer the authorization code flow")]
    CodeFlowNotOffered,
    /// The provider does not take the credential that the client has.
    #[error("the provider does not offer the client's authentication method")]
    ClientAuthenticationNotOffered,
    /// The return path could lead to another host.
    #[error("the return path is not a path of this host")]
    ReturnPath,
    /// A parameter of the request to the provider is not usable.
    #[error("`{0}` of the sign-in request is not usable")]
    RequestParameter(&'static str),
    /// The client's assertion could not be signed.
    #[error("the client's assertion could not be signed")]
    AssertionNotSigned,
    /// A query or form that is not percent-encoded as it must be, or too long.
    #[error("the parameters are malformed or too long")]
    ParametersMalformed,
    /// A parameter comes twice.
    #[error("a parameter comes twice")]
    ParameterDuplicate,
    /// The sign-in was begun in another browser.
    #[error("the sign-in was begun in another browser")]
    BrowserWrong,
    /// The sign-in was begun more than ten minutes ago, or in the future.
    #[error("the sign-in was begun more than ten minutes ago")]
    SignInExpired,
    /// The sign-in was begun at another provider.
    #[error("the sign-in was begun at another provider")]
    ProviderWrong,
    /// No `state`.
    #[error("the callback has no state")]
    StateMissing,
    /// The `state` of another sign-in.
    #[error("the callback has another state")]
    StateWrong,
    /// No `iss`, though the provider says that it sends it (RFC 9207 section 2.4).
    #[error("the callback does not say which issuer it is from")]
    CallbackIssuerMissing,
    /// The `iss` of another issuer.
    #[error("the callback is from another issuer")]
    CallbackIssuerWrong,
    /// Tokens in the callback, which only other flows have.
    #[error("the callback brings tokens, which were not asked for")]
    CallbackTokens,
    /// The provider answered with an error.
    #[error("the provider answered with the error `{}`", .0.as_str())]
    Provider(ProviderError),
    /// Neither a code nor an error, or both, or a code that is none.
    #[error("the callback has no usable code")]
    CodeMissing,
    /// The provider's answer is longer than it may be.
    #[error("the provider's answer is too long")]
    AnswerTooLong,
    /// The provider's answer is not one JSON object, or names a member twice.
    #[error("the provider's answer is not one JSON object with each member once")]
    AnswerMalformed,
    /// A member of the provider's answer is missing or has a wrong type.
    #[error("`{0}` of the provider's answer is missing or has a wrong type")]
    AnswerMember(&'static str),
    /// The provider could not answer now.
    #[error("the provider could not answer")]
    Unavailable,
    /// A status that an answer of its kind does not have.
    #[error("the provider answered with an unexpected status")]
    Status,
    /// The access token is not a bearer token.
    #[error("the access token is not a bearer token")]
    TokenType,
    /// No identity token came.
    #[error("the provider sent no identity token")]
    IdTokenMissing,
    /// The keys are those of another issuer.
    #[error("the keys are those of another issuer")]
    KeysWrong,
    /// A token is refused.
    #[error("a token of the provider is refused")]
    Token(#[from] custos_jwt::Rejection),
    /// The person was not authenticated in a way that was asked for.
    #[error("the person was not authenticated in a way that was asked for")]
    AuthenticationContext,
    /// A claim has a wrong type or a value that is not taken.
    #[error("the claim `{0}` is malformed")]
    ClaimMalformed(&'static str),
    /// The refreshed identity token is about somebody else.
    #[error("the refreshed identity token is about somebody else")]
    RefreshSubject,
    /// The refreshed identity token tells of another authentication.
    #[error("the refreshed identity token is from another authentication")]
    RefreshAuthentication,
    /// The provider has no userinfo endpoint.
    #[error("the provider has no userinfo endpoint")]
    UserinfoNotOffered,
    /// The userinfo answer is a token, which is not supported.
    #[error("the userinfo answer is signed or encrypted, which is not supported")]
    UserinfoSigned,
    /// The userinfo answer is not declared as JSON.
    #[error("the userinfo answer is not declared as JSON")]
    UserinfoType,
    /// The userinfo answer is about somebody else (OpenID Connect Core 5.3.2).
    #[error("the userinfo answer is about somebody else")]
    UserinfoSubject,
    /// The logout request has no logout token.
    #[error("the logout request has no logout token")]
    LogoutTokenMissing,
    /// Claims of another provider, or from another source than the configured one.
    #[error("the claims are not from the configured source")]
    ClaimsSource,
    /// None of the claims that can hold the name is there.
    #[error("none of the configured claims for the name is there")]
    NameMissing,
    /// The name has a wrong type, is empty, too long, or has control characters.
    #[error("the name is malformed")]
    NameMalformed,
    /// The name is an e-mail address that the provider did not verify.
    #[error("the name is an e-mail address that is not verified")]
    EmailNotVerified,
    /// The groups claim is not there.
    #[error("the groups claim is missing")]
    GroupsMissing,
    /// The groups claim is not a list of strings.
    #[error("the groups claim is not a list of strings")]
    GroupsMalformed,
    /// A group's name is empty, too long, or has control characters.
    #[error("the name of a group is malformed")]
    GroupMalformed,
    /// More than 512 groups.
    #[error("there are more than 512 groups")]
    GroupsTooMany,
    /// The provider left the groups out because there are too many (Entra ID's overage claim).
    #[error("the provider left the groups out because there are too many")]
    GroupsOverage,
}

impl Rejection {
    /// The word in records. Never changes its meaning.
    pub fn code(&self) -> &'static str {
        match self {
            Self::DiscoveryTooLong => "discovery_too_long",
            Self::DiscoveryMalformed => "discovery_malformed",
            Self::DiscoveryMember(_) => "discovery_member",
            Self::DiscoveryIssuer => "discovery_issuer",
            Self::DiscoveryEndpoint(_) => "discovery_endpoint",
            Self::PkceNotOffered => "pkce_not_offered",
            Self::AlgorithmsNotOffered => "algorithms_not_offered",
            Self::CodeFlowNotOffered => "code_flow_not_offered",
            Self::ClientAuthenticationNotOffered => "client_authentication_not_offered",
            Self::ReturnPath => "return_path",
            Self::RequestParameter(_) => "request_parameter",
            Self::AssertionNotSigned => "assertion_not_signed",
            Self::ParametersMalformed => "parameters_malformed",
            Self::ParameterDuplicate => "parameter_duplicate",
            Self::BrowserWrong => "browser_wrong",
            Self::SignInExpired => "sign_in_expired",
            Self::ProviderWrong => "provider_wrong",
            Self::StateMissing => "state_missing",
            Self::StateWrong => "state_wrong",
            Self::CallbackIssuerMissing => "callback_issuer_missing",
            Self::CallbackIssuerWrong => "callback_issuer_wrong",
            Self::CallbackTokens => "callback_tokens",
            Self::Provider(_) => "provider_error",
            Self::CodeMissing => "code_missing",
            Self::AnswerTooLong => "answer_too_long",
            Self::AnswerMalformed => "answer_malformed",
            Self::AnswerMember(_) => "answer_member",
            Self::Unavailable => "unavailable",
            Self::Status => "status",
            Self::TokenType => "token_type",
            Self::IdTokenMissing => "id_token_missing",
            Self::KeysWrong => "keys_wrong",
            Self::Token(error) => error.code(),
            Self::AuthenticationContext => "authentication_context",
            Self::ClaimMalformed(_) => "claim_malformed",
            Self::RefreshSubject => "refresh_subject",
            Self::RefreshAuthentication => "refresh_authentication",
            Self::UserinfoNotOffered => "userinfo_not_offered",
            Self::UserinfoSigned => "userinfo_signed",
            Self::UserinfoType => "userinfo_type",
            Self::UserinfoSubject => "userinfo_subject",
            Self::LogoutTokenMissing => "logout_token_missing",
            Self::ClaimsSource => "claims_source",
            Self::NameMissing => "name_missing",
            Self::NameMalformed => "name_malformed",
            Self::EmailNotVerified => "email_not_verified",
            Self::GroupsMissing => "groups_missing",
            Self::GroupsMalformed => "groups_malformed",
            Self::GroupMalformed => "group_malformed",
            Self::GroupsTooMany => "groups_too_many",
            Self::GroupsOverage => "groups_overage",
        }
    }

    /// Whether a refresh that is refused so ends the sign-in: the provider said no, or said something of the person that
    /// is not taken. What is wrong with the provider, or with our registration there, tells nothing of her.
    pub fn ends_sign_in(&self) -> bool {
        match self {
            Self::Provider(error) => error.is_about_person(),
            Self::Token(_) => !self.is_outage(),
            Self::IdTokenMissing
            | Self::ClaimMalformed(_)
            | Self::ClaimsSource
            | Self::RefreshSubject
            | Self::RefreshAuthentication
            | Self::UserinfoSubject
            | Self::NameMissing
            | Self::NameMalformed
            | Self::EmailNotVerified
            | Self::GroupsMissing
            | Self::GroupsMalformed
            | Self::GroupMalformed
            | Self::GroupsTooMany
            | Self::GroupsOverage => true,
            _ => false,
        }
    }

    /// Whether the provider only could not answer now.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unavailable => true,
            Self::Provider(error) => error.is_outage(),
            Self::Token(error) => matches!(
                error,
                custos_jwt::Rejection::KeysUnavailable
                    | custos_jwt::Rejection::KeysStale
                    | custos_jwt::Rejection::KeysExpired
            ),
            _ => false,
        }
    }
}
