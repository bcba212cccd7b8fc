//! Why a token is refused.

use custos_strict_json::JsonError;

/// A part of a token that is JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Header,
    Claims,
}

/// Why a token is refused. Nothing of the token is in its text: names are those of specifications or of the
/// issuer's record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Longer than 16 KiB.
    #[error("the token is longer than 16 KiB")]
    TokenTooLong,
    /// Not three parts: an encrypted token has five.
    #[error("the token has not exactly three parts")]
    TokenParts,
    /// A part is not unpadded base64url in its one spelling.
    #[error("a part of the token is not canonical base64url")]
    TokenEncoding,
    /// The third part is empty.
    #[error("the token has no signature")]
    SignatureMissing,
    /// The header is longer than 2 KiB.
    #[error("the header is longer than 2 KiB")]
    HeaderTooLong,
    /// The header is not a JSON object.
    #[error("the header is not a JSON object")]
    HeaderMalformed,
    /// The header names a member twice.
    #[error("the header names a member twice")]
    HeaderDuplicate,
    /// The header is nested too deeply.
    #[error("the header is nested too deeply")]
    HeaderTooDeep,
    /// The header has a member that would change how the token is read or which key is used.
    #[error("the header has the member `{0}`")]
    HeaderForbidden(&'static str),
    /// A header member has a wrong type or length.
    #[error("the header member `{0}` is malformed")]
    HeaderMember(&'static str),
    /// The content is said to be a token itself.
    #[error("tokens inside tokens are not taken")]
    NestedToken,
    /// The claims are not a JSON object.
    #[error("the claims are not a JSON object")]
    ClaimsMalformed,
    /// An object among the claims names a member twice.
    #[error("the claims name a member twice")]
    ClaimsDuplicate,
    /// The claims are nested too deeply.
    #[error("the claims are nested too deeply")]
    ClaimsTooDeep,
    /// No `alg`.
    #[error("the header has no `alg`")]
    AlgorithmMissing,
    /// `alg` is `none`.
    #[error("the token says that it is not signed")]
    AlgorithmNone,
    /// `alg` is an HMAC.
    #[error("the token says that it is signed with a shared secret")]
    AlgorithmSymmetric,
    /// `alg` is not one that can be verified.
    #[error("the signature algorithm is not supported")]
    AlgorithmUnknown,
    /// The issuer's record does not allow this algorithm.
    #[error("the signature algorithm is not allowed for this issuer")]
    AlgorithmNotAllowed,
    /// The issuer's record has no rule for this class.
    #[error("tokens of this class are not taken from this issuer")]
    ClassNotAccepted,
    /// `typ` is missing and the class needs it.
    #[error("the header has no `typ`")]
    TypeMissing,
    /// `typ` is that of another class.
    #[error("the `typ` of the header is not that of this class of tokens")]
    TypeWrong,
    /// The issuer has no such key.
    #[error("the issuer has no such key")]
    KeyUnknown,
    /// The key of that name is not for this algorithm.
    #[error("the key is not for the token's algorithm")]
    KeyUnsuitable,
    /// Several keys have that name and could be meant.
    #[error("several keys of the issuer have the same name")]
    KeyAmbiguous,
    /// The token names no key and several could be meant.
    #[error("the token names no key, and the issuer has several")]
    KeyNotNamed,
    /// The issuer's keys could not be fetched yet.
    #[error("the issuer's keys are not known yet")]
    KeysUnavailable,
    /// The issuer's keys were last fetched too long ago for a new login.
    #[error("the issuer's keys are too old for a new login")]
    KeysStale,
    /// The issuer's keys were last fetched too long ago for anything.
    #[error("the issuer's keys are too old")]
    KeysExpired,
    /// The signature is not the key's over this token.
    #[error("the signature is wrong")]
    SignatureWrong,
    /// A claim that the class needs is missing.
    #[error("the claim `{0}` is missing")]
    ClaimMissing(&'static str),
    /// A claim that the issuer's record needs is missing.
    #[error("the claim `{0}` is missing, which is required of this issuer")]
    RequiredClaimMissing(String),
    /// A claim has a wrong JSON type or a value out of its range. Fractional dates are refused too.
    #[error("the claim `{0}` is malformed")]
    ClaimMalformed(&'static str),
    /// `iss` is not the issuer.
    #[error("the token is from another issuer")]
    IssuerWrong,
    /// `aud` does not name the recipient.
    #[error("the token is for somebody else")]
    AudienceWrong,
    /// `aud` also names somebody whom the issuer's record does not.
    #[error("the token is also for somebody who is not trusted")]
    AudienceUntrusted,
    /// `aud` is a list where the class needs one string.
    #[error("the audience is a list where one string is needed")]
    AudienceList,
    /// Several audiences, and no `azp`.
    #[error("the token has several audiences and no authorized party")]
    AuthorizedPartyMissing,
    /// `azp` is another client.
    #[error("the token was issued to another client")]
    AuthorizedPartyWrong,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is to come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` is to come.
    #[error("the token was issued in the future")]
    IssuedInFuture,
    /// `exp` is not after `iat`.
    #[error("the token expires before it was issued")]
    ExpiresBeforeIssue,
    /// `iat` is longer ago than the class allows.
    #[error("the token was issued too long ago")]
    TooOld,
    /// From `iat` to `exp` is longer than the class allows.
    #[error("the token lives too long")]
    LivesTooLong,
    /// `nonce` is missing.
    #[error("the token has no nonce")]
    NonceMissing,
    /// `nonce` is that of another login.
    #[error("the nonce is wrong")]
    NonceWrong,
    /// `nonce` where it is forbidden.
    #[error("the token has a nonce, which its class forbids")]
    NonceForbidden,
    /// `at_hash` is that of another access token.
    #[error("the token belongs to another access token")]
    AccessTokenWrong,
    /// `auth_time` is longer ago than was asked for.
    #[error("the person signed in too long ago")]
    LoginTooOld,
    /// `auth_time` is to come.
    #[error("the person signed in in the future")]
    LoginInFuture,
    /// `events` does not hold what the class needs.
    #[error("the events of the token are not those of its class")]
    EventsWrong,
    /// `events` where it is forbidden.
    #[error("the token has events, which its class forbids")]
    EventsForbidden,
    /// Neither `sub` nor `sid`.
    #[error("the token names neither a subject nor a session")]
    NobodyNamed,
    /// `sub` of a client assertion is not the client.
    #[error("the subject of the assertion is not the client")]
    SubjectNotClient,
    /// The token was used before.
    #[error("the token was used before")]
    Replayed,
    /// No room to remember that the token is used.
    #[error("too many single-use tokens are in use")]
    ReplayCacheFull,
}

impl Rejection {
    pub(crate) fn json(part: Part, error: JsonError) -> Self {
        match (part, error) {
            (Part::Header, JsonError::Malformed) => Self::HeaderMalformed,
            (Part::Header, JsonError::Duplicate) => Self::HeaderDuplicate,
            (Part::Header, JsonError::TooDeep) => Self::HeaderTooDeep,
            (Part::Claims, JsonError::Malformed) => Self::ClaimsMalformed,
            (Part::Claims, JsonError::Duplicate) => Self::ClaimsDuplicate,
            (Part::Claims, JsonError::TooDeep) => Self::ClaimsTooDeep,
        }
    }

    /// The word in records. Never changes its meaning.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TokenTooLong => "token_too_long",
            Self::TokenParts => "token_parts",
            Self::TokenEncoding => "token_encoding",
            Self::SignatureMissing => "signature_missing",
            Self::HeaderTooLong => "header_too_long",
            Self::HeaderMalformed => "header_malformed",
            Self::HeaderDuplicate => "header_duplicate",
            Self::HeaderTooDeep => "header_too_deep",
            Self::HeaderForbidden(_) => "header_forbidden",
            Self::HeaderMember(_) => "header_member",
            Self::NestedToken => "nested_token",
            Self::ClaimsMalformed => "claims_malformed",
            Self::ClaimsDuplicate => "claims_duplicate",
            Self::ClaimsTooDeep => "claims_too_deep",
            Self::AlgorithmMissing => "algorithm_missing",
            Self::AlgorithmNone => "algorithm_none",
            Self::AlgorithmSymmetric => "algorithm_symmetric",
            Self::AlgorithmUnknown => "algorithm_unknown",
            Self::AlgorithmNotAllowed => "algorithm_not_allowed",
            Self::ClassNotAccepted => "class_not_accepted",
            Self::TypeMissing => "type_missing",
            Self::TypeWrong => "type_wrong",
            Self::KeyUnknown => "key_unknown",
            Self::KeyUnsuitable => "key_unsuitable",
            Self::KeyAmbiguous => "key_ambiguous",
            Self::KeyNotNamed => "key_not_named",
            Self::KeysUnavailable => "keys_unavailable",
            Self::KeysStale => "keys_stale",
            Self::KeysExpired => "keys_expired",
            Self::SignatureWrong => "signature_wrong",
            Self::ClaimMissing(_) => "claim_missing",
            Self::RequiredClaimMissing(_) => "required_claim_missing",
            Self::ClaimMalformed(_) => "claim_malformed",
            Self::IssuerWrong => "issuer_wrong",
            Self::AudienceWrong => "audience_wrong",
            Self::AudienceUntrusted => "audience_untrusted",
            Self::AudienceList => "audience_list",
            Self::AuthorizedPartyMissing => "authorized_party_missing",
            Self::AuthorizedPartyWrong => "authorized_party_wrong",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedInFuture => "issued_in_future",
            Self::ExpiresBeforeIssue => "expires_before_issue",
            Self::TooOld => "too_old",
            Self::LivesTooLong => "lives_too_long",
            Self::NonceMissing => "nonce_missing",
            Self::NonceWrong => "nonce_wrong",
            Self::NonceForbidden => "nonce_forbidden",
            Self::AccessTokenWrong => "access_token_wrong",
            Self::LoginTooOld => "login_too_old",
            Self::LoginInFuture => "login_in_future",
            Self::EventsWrong => "events_wrong",
            Self::EventsForbidden => "events_forbidden",
            Self::NobodyNamed => "nobody_named",
            Self::SubjectNotClient => "subject_not_client",
            Self::Replayed => "replayed",
            Self::ReplayCacheFull => "replay_cache_full",
        }
    }
}
