//! What happened, for the record. Never holds a secret.

use custos_model::{Authentication, Principal, ResourceName, SignInId};

use crate::client::ClientId;
use crate::device::Purpose;
use crate::grant_type::GrantType;
use crate::reason::{ErrorCode, Reason};
use crate::refusal::Refusal;
use crate::scope::Scopes;
use crate::state::{GrantId, SignIn};

/// Something that the caller puts on record. Address and time are the caller's to add.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// An authorization code was given out.
    CodeIssued {
        /// To which client.
        client: ClientId,
        /// Of which sign-in.
        sign_in: SignInId,
        /// The grant that begins with it.
        grant: GrantId,
        /// What for.
        scopes: Scopes,
        /// How the person agreed.
        consent: Consent,
    },
    /// A code came a second time: its tokens are revoked.
    CodeReused {
        /// Whose code it was.
        client: ClientId,
        /// Of which sign-in.
        sign_in: SignInId,
        /// The grant, which is revoked now.
        grant: GrantId,
    },
    /// A machine signed in: its sign-in has begun.
    SignedIn(Box<SignedIn>),
    /// A person made a delegation token.
    Delegated(Box<Delegated>),
    /// A token was issued.
    TokenIssued(Box<TokenIssued>),
    /// A connection credential may be issued: the caller does it.
    CredentialAllowed {
        /// Who asked.
        client: ClientId,
        /// For whom.
        principal: Principal,
        /// The sign-in that it hangs on.
        sign_in: SignInId,
        /// For what.
        resource: ResourceName,
    },
    /// A used refresh token came again: it is in more than one pair of hands.
    RefreshReused {
        /// Whose token it was.
        client: ClientId,
        /// Of which sign-in.
        sign_in: SignInId,
        /// The family.
        grant: GrantId,
    },
    /// All tokens of a grant are revoked.
    GrantRevoked {
        /// Which.
        grant: GrantId,
        /// Of which sign-in.
        sign_in: SignInId,
        /// Why.
        because: Because,
    },
    /// A sign-in has ended: cut its sessions.
    SignInEnded {
        /// Which.
        sign_in: SignInId,
        /// Why.
        because: Because,
    },
    /// A device asks to be authorized.
    DeviceStarted {
        /// The client on it.
        client: ClientId,
        /// What for.
        purpose: Purpose,
    },
    /// A person was shown what a device asks for.
    DeviceShown {
        /// The client on it.
        client: ClientId,
        /// What a connection is to open.
        resource: Option<ResourceName>,
        /// Who looks at it.
        sign_in: SignInId,
    },
    /// A person let a device in.
    DeviceApproved {
        /// The client on it.
        client: ClientId,
        /// What a connection is to open.
        resource: Option<ResourceName>,
        /// Whose sign-in it gets.
        sign_in: SignInId,
        /// The grant that begins with it.
        grant: GrantId,
    },
    /// A person refused a device.
    DeviceDenied {
        /// The client on it.
        client: ClientId,
        /// What a connection is to open.
        resource: Option<ResourceName>,
        /// Who refused.
        sign_in: SignInId,
    },
    /// A person's entry or decision on the device page was refused.
    DevicePageRefused {
        /// The word for why: [`crate::DeviceRefusal::code`].
        reason: &'static str,
        /// Who tried.
        sign_in: SignInId,
    },
    /// A request was refused.
    Refused {
        /// Where.
        endpoint: Endpoint,
        /// The client, if it is a known one.
        client: Option<ClientId>,
        /// What the client was told.
        error: ErrorCode,
        /// Why.
        reason: Reason,
        /// Which parameter, or the verifier's own word.
        detail: Option<&'static str>,
    },
}

/// A sign-in has begun that no person opened in a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The sign-in.
    pub sign_in: SignIn,
    /// How whoever it is was authenticated.
    pub authentication: Authentication,
    /// The sign-ins that it hangs on: the agent's and the person's.
    pub parents: Vec<SignInId>,
}

/// A person lets an agent act for her.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegated {
    /// By which client.
    pub client: ClientId,
    /// The person.
    pub principal: Principal,
    /// Her sign-in, which the delegation ends with.
    pub sign_in: SignInId,
    /// The only agent that may use it: its client id.
    pub agent: ClientId,
    /// `jti` of the delegation token.
    pub token_id: String,
    /// Until when, UTC nanoseconds.
    pub expires_utc_ns: u64,
}

/// An access token was issued, perhaps with a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenIssued {
    /// By which grant.
    pub grant_type: GrantType,
    /// To which client.
    pub client: ClientId,
    /// For whom.
    pub principal: Principal,
    /// The sign-in that it hangs on.
    pub sign_in: SignInId,
    /// Of which grant.
    pub grant: GrantId,
    /// `jti`.
    pub token_id: String,
    /// What for.
    pub scopes: Scopes,
    /// Until when, UTC nanoseconds.
    pub expires_utc_ns: u64,
    /// Whether a refresh token came with it.
    pub refreshable: bool,
}

/// Why something was revoked or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Because {
    /// An authorization code was presented twice.
    CodeReused,
    /// A refresh token was used twice.
    RefreshReused,
    /// The client asked for it (RFC 7009).
    ClientRevoked,
}

/// How a person agreed to an authorization request (RFC 8252 section 8.6: never in silence).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Consent {
    /// Signed in for this very request, after being shown which client asks.
    SignedInForIt,
    /// Was signed in, and confirmed on a page that showed which client asks.
    Confirmed,
}

/// Where a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// RFC 6749 section 3.1.
    Authorization,
    /// RFC 6749 section 3.2.
    Token,
    /// RFC 8628 section 3.1.
    DeviceAuthorization,
    /// RFC 7009.
    Revocation,
    /// Whatever takes access tokens.
    Api,
}

impl Event {
    /// The word in records.
    pub fn code(&self) -> &'static str {
        match self {
            Self::CodeIssued { .. } => "code_issued",
            Self::CodeReused { .. } => "code_reused",
            Self::SignedIn(_) => "signed_in",
            Self::Delegated(_) => "delegated",
            Self::TokenIssued(_) => "token_issued",
            Self::CredentialAllowed { .. } => "credential_allowed",
            Self::RefreshReused { .. } => "refresh_reused",
            Self::GrantRevoked { .. } => "grant_revoked",
            Self::SignInEnded { .. } => "sign_in_ended",
            Self::DeviceStarted { .. } => "device_started",
            Self::DeviceShown { .. } => "device_shown",
            Self::DeviceApproved { .. } => "device_approved",
            Self::DeviceDenied { .. } => "device_denied",
            Self::DevicePageRefused { .. } => "device_page_refused",
            Self::Refused { .. } => "refused",
        }
    }

    pub(crate) fn refused(endpoint: Endpoint, client: Option<ClientId>, refusal: &Refusal) -> Self {
        Self::Refused {
            endpoint,
            client,
            error: refusal.error(),
            reason: refusal.reason(),
            detail: refusal.detail(),
        }
    }
}

impl Because {
    /// The word in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CodeReused => "code_reused",
            Self::RefreshReused => "refresh_reused",
            Self::ClientRevoked => "client_revoked",
        }
    }
}

impl Consent {
    /// The word in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignedInForIt => "signed_in",
            Self::Confirmed => "confirmed",
        }
    }
}

impl Endpoint {
    /// The word in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authorization => "authorization",
            Self::Token => "token",
            Self::DeviceAuthorization => "device_authorization",
            Self::Revocation => "revocation",
            Self::Api => "api",
        }
    }
}
