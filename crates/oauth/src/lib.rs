//! A small OAuth authorization server, without any I/O: requests in as bytes, answers out as typed values with the
//! RFCs' JSON and status. Time and random bytes are arguments, and whatever happens is returned as [`Event`]s, which
//! go on record before the answer goes out.
//!
//! | request | answered by |
//! |---|---|
//! | authorization (RFC 6749, 7636, 8252, 9207) | [`AuthorizationServer::authorize`], then [`AuthorizationServer::grant_code`] |
//! | device authorization (RFC 8628) | [`AuthorizationServer::authorize_device`] |
//! | its page | [`AuthorizationServer::show_device`], then [`AuthorizationServer::decide_device`] |
//! | token: codes, refresh, device codes, machine clients (RFC 7523), exchange (RFC 8693) | [`AuthorizationServer::token`] |
//! | revocation (RFC 7009) | [`AuthorizationServer::revoke`] |
//! | metadata (RFC 8414), keys | [`AuthorizationServer::metadata`], [`AuthorizationServer::key_set`] |
//! | an API request with an access token (RFC 6750, 9068) | [`AuthorizationServer::authenticate`] |
//!
//! Sign-ins and refresh tokens are the caller's to keep ([`SignIns`], [`RefreshTokens`]); codes live in bounded memory.
//! [`cookie`] has the browser's side: session cookie, form tokens, the way back after a sign-in.
//!
//! **Invariant**: nothing outlives its sign-in. **Invariant**: no secret is stored but as a hash, and none is shown by
//! `Debug` or `Display`. **Invariant**: an unknown client or redirect URI is answered with a page, never a redirect.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

use std::time::Duration;

mod access_token;
mod authorize;
mod base_url;
mod call;
mod client;
mod client_authentication;
mod code;
pub mod cookie;
mod delegation_token;
mod device;
mod event;
mod grant_type;
mod keys;
mod metadata;
mod opaque;
mod page_headers;
mod parameters;
mod pkce;
mod reason;
mod redirect_uri;
mod refusal;
mod revoke;
mod scope;
mod server;
mod state;
mod token;
mod token_response;

pub use access_token::AccessToken;
pub use authorize::{AuthorizeRefusal, AuthorizeRequest, MAX_STATE_BYTES, Redirect};
pub use base_url::{BaseUrl, BaseUrlError};
pub use call::{Call, Outcome};
pub use client::{
    COMMAND_LINE, CONNECTION, ClientError, ClientId, Clients, LIBPQ, MAX_MACHINE_CLIENTS,
    MachineClient, MachineProof, MachineSecret, WORKLOAD,
};
pub use device::{
    Decision, DeviceAuthorization, DeviceConfirmation, DeviceRefusal, Purpose, UserCode, Visitor,
    WaitingConnection,
};
pub use event::{Because, Consent, Delegated, Endpoint, Event, SignedIn, TokenIssued};
pub use grant_type::GrantType;
pub use keys::{KeyRing, KeyRingError, KeyTimes, RetiredKey};
pub use metadata::{
    AUTHORIZATION_PATH, DEVICE_AUTHORIZATION_PATH, DEVICE_PAGE_PATH, KEYS_PATH, REVOCATION_PATH,
    TOKEN_PATH,
};
pub use opaque::SecretHash;
pub use page_headers::page_headers;
pub use parameters::{MAX_FORM_BYTES, MAX_PARAMETERS, MAX_QUERY_BYTES, Parameters};
pub use reason::{ErrorCode, Reason};
pub use redirect_uri::RedirectUri;
pub use refusal::Refusal;
pub use scope::{Scope, Scopes};
pub use server::AuthorizationServer;
pub use state::{
    FoundRefreshToken, GrantId, NewSignIn, RefreshToken, RefreshTokens, Rotation, SignIn, SignIns,
    State, StateError, Workload, WorkloadVerifier,
};
pub use token_response::{
    ACCESS_TOKEN_TYPE, CONNECTION_CREDENTIAL_TYPE, CredentialDecision, DELEGATION_TOKEN_TYPE,
    TokenAnswer, TokenResponse,
};

/// Life of an access token.
pub const ACCESS_TOKEN_LIFE: Duration = Duration::from_mins(15);
/// How long a key signs access tokens.
pub const SIGNING_KEY_LIFE: Duration = Duration::from_hours(30 * 24);
/// How long a key is published at least before it signs.
pub const NEXT_KEY_PUBLISHED: Duration = Duration::from_hours(24);
/// Life of an authorization code.
pub const CODE_LIFE: Duration = Duration::from_mins(1);
/// Life of a device code and its user code.
pub const DEVICE_CODE_LIFE: Duration = Duration::from_mins(10);
/// Least time between two questions of a device.
pub const DEVICE_INTERVAL: Duration = Duration::from_secs(5);
/// How long a machine's sign-in lasts: what it opened may go on for so long.
pub const MACHINE_SIGN_IN_LIFE: Duration = Duration::from_hours(1);
/// Longest life of a connection credential.
pub const CREDENTIAL_LIFE_MAX: Duration = Duration::from_hours(1);
/// Life of a delegation token where nothing is said.
pub const DELEGATION_LIFE: Duration = Duration::from_hours(1);
/// Longest life of a delegation token; it never outlives the person's sign-in.
pub const DELEGATION_LIFE_MAX: Duration = Duration::from_hours(12);
/// Clock difference between nodes that is forgiven in our own tokens.
pub const CLOCK_SKEW: Duration = Duration::from_secs(10);
