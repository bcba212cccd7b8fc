//! An OpenID Connect relying party (OpenID Connect Core 1.0, authorization code flow only), without any I/O:
//! requests and answers are values, time and random bytes are arguments. One provider for each value, any number of
//! values; every token goes through `custos-jwt`.
//!
//! [`RelyingParty::new`] → fetch [`RelyingParty::discovery_url`] → [`RelyingParty::discovered`] → [`Provider`].
//!
//! Sign-in: [`Provider::begin`] → the browser comes back → [`Callback::parse`] → [`Provider::callback`] → send the
//! request → [`TokenResponse::parse`] → [`Provider::signed_in`] → [`Provider::principal`].
//! Later: [`Provider::refresh_request`] → [`TokenResponse::parse`] → [`Provider::refreshed`];
//! [`Provider::userinfo_request`] → [`Provider::userinfo`]; [`Provider::logout_url`];
//! [`Provider::back_channel_logout`] → [`LogoutNotice`].
//!
//! # What is always so
//! - PKCE with S256 (RFC 7636), `state`, `nonce` and a value that binds the browser, each of 256 random bits.
//! - A sign-in belongs to one provider and one browser, is good for one callback and for ten minutes.
//! - `iss` of the callback (RFC 9207) is compared as an exact string before anything else in it is believed.
//! - Names of groups carry the provider's name (`okta:sre`); the key of a principal is issuer and subject.
//! - A wrong type is an error, never an absent value.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod authorization;
mod back_channel;
mod callback;
mod claim_path;
mod client_authentication;
mod discovery;
mod endpoint;
mod form;
mod http_request;
mod identity;
mod logout;
mod mapping;
mod members;
mod overage;
mod pending;
mod provider;
mod provider_error;
mod random;
mod refresh;
mod rejection;
mod return_path;
mod settings;
mod sign_in;
mod token_response;
mod userinfo;

pub use authorization::{Begun, Prompt, SignInRequest};
pub use back_channel::{LogoutNotice, LogoutRequest};
pub use callback::{Callback, CodeExchange, Redeeming};
pub use claim_path::{ClaimPath, ClaimPathError};
pub use client_authentication::ClientAuthentication;
pub use discovery::{Discovery, MAX_DISCOVERY_BYTES};
pub use http_request::{HttpRequest, Method};
pub use identity::Identity;
pub use mapping::{ClaimSource, GroupsClaim, MAX_GROUP_BYTES, MAX_GROUPS, MAX_NAME_BYTES, Mapping};
pub use pending::{MAX_PENDING, Pending};
pub use provider::Provider;
pub use provider_error::ProviderError;
pub use random::Random;
pub use refresh::{RefreshGrant, Refreshed};
pub use rejection::Rejection;
pub use return_path::ReturnPath;
pub use settings::{RelyingParty, Settings, SettingsError};
pub use sign_in::SignedIn;
pub use token_response::{MAX_TOKEN_RESPONSE_BYTES, TokenResponse};
pub use userinfo::MAX_USERINFO_BYTES;

/// Deepest nesting of objects and arrays in a provider's answer, the outermost object counted.
const MAX_JSON_DEPTH: usize = 16;

/// The one object with one meaning that `bytes` is, or nothing.
fn json(bytes: &[u8]) -> Option<serde_json::Map<String, serde_json::Value>> {
    custos_strict_json::object(bytes, custos_strict_json::Names::Exact, MAX_JSON_DEPTH).ok()
}
