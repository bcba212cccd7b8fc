//! A small OpenID provider for `custos dev` and for tests: a newcomer signs in through the ordinary relying-party path
//! without an account anywhere.
//!
//! It is not for real use, and cannot be put to it: [`Provider::serve`] refuses a socket that is not bound to the
//! issuer's own loopback address, [`Settings`] refuse an issuer or a client elsewhere, and each request from another
//! host, for another host or through a proxy is refused (`guard`). State is in bounded memory and ends with the
//! process.
//!
//! | endpoint | specification |
//! |---|---|
//! | `GET /.well-known/openid-configuration`, `GET /keys` | OpenID Connect Discovery 1.0, RFC 8414, RFC 7517 |
//! | `GET /authorize`, `POST /sign-in` | OpenID Connect Core 3.1.2, RFC 7636 (S256 only), RFC 9207 |
//! | `POST /token` | OpenID Connect Core 3.1.3 and 12, RFC 6749 |
//! | `GET`, `POST /userinfo` | OpenID Connect Core 5.3 |
//! | `GET`, `POST /end-session`, `POST /sign-out` | RP-Initiated Logout 1.0 |
//!
//! There is no consent: all claims are in every identity token, whatever scopes were asked for. A refresh token is
//! issued for the scope `offline_access`, and lives no longer than the browser session that it came from.
//!
//! **Invariant**: what is secret (codes, tokens, cookies, passwords) is kept as its hash only.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod answer;
mod authorize;
mod claims;
mod client_auth;
mod code;
mod cookie;
mod discovery;
mod end_session;
mod guard;
mod issuer;
mod logout;
mod memory;
mod opaque;
mod page;
mod parameters;
mod person;
mod provider;
mod redirect;
mod refresh;
mod request;
mod serve;
mod settings;
mod shelf;
mod sign_in;
mod token;
mod tries;
mod userinfo;

pub use logout::LogoutNotice;
pub use person::{Person, SEED_BYTES, seeded, subject};
pub use provider::{ChangeError, Provider};
pub use serve::ServeError;
pub use settings::{Client, Random, Settings, SettingsError};
