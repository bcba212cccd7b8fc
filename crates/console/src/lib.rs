//! The public web address: pages that people sign in with, the authorization server's endpoints, and the calls of the
//! command line.
//!
//! Pages are rendered here, without scripts, so that nothing but this program and a browser is needed to sign in.
//!
//! | path | who asks |
//! |---|---|
//! | `/`, `/sign-in`, `/sign-in/NAME`, `/sign-out`, `/device` | browsers of people |
//! | `/oidc/NAME/callback`, `/oidc/NAME/backchannel-logout` | browsers on their way back, and providers |
//! | `/saml/NAME/metadata`, `/saml/NAME/acs`, `/saml/NAME/continue`, `/saml/NAME/slo` | the same for SAML providers |
//! | `/oauth/…`, `/.well-known/…` | clients: RFC 6749, 7009, 7636, 8414, 8628, 8693 |
//! | `/administrator` | the first administrator, once |
//! | `/v1/…` | the command line, with an access token |
//! | `/scim/v2/NAME/…` | provisioning sources, with their own token: RFC 7643, 7644 |
//!
//! **Invariant**: a sign-in, a token and a credential are given out when their record is on disk, not before.
//! **Invariant**: what a browser may do is decided by its cookie and, for changes, by a token in the form.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod administration;
mod administrator;
mod answers;
mod approvers;
mod authorize;
mod browser;
mod certificates;
mod check;
mod console;
mod device;
mod end;
mod groups;
mod headers;
mod home;
mod my;
mod page;
mod provider_logout;
mod provisioning;
mod record;
mod regroup;
mod request_page;
mod requests;
mod routes;
mod saml;
mod server;
mod settle;
mod sign_in;
mod sources;
mod token;

pub use administrator::OfferError;
pub use console::{
    Console, ConsoleSettings, Entrance, OpenIdProvider, Provider, Random, WebProvider,
};
pub use groups::{Group, Groups};
pub use my::host;
pub use provisioning::{MatchedBy, ProvisioningSettings};
pub use server::{WebCertificate, WebError, WebListener};
