//! A strict SAML 2.0 service provider, without any I/O: messages in, messages out, time and random bytes as arguments.
//!
//! [`Metadata::parse`] → [`ServiceProvider::new`] → [`ServiceProvider::authn_request`] →
//! [`ServiceProvider::response`] → [`ReplayCache::use_once`].
//! Logout: [`ServiceProvider::logout_request_by_redirect`] or [`ServiceProvider::logout_request_by_post`] →
//! [`ServiceProvider::logout_response`].
//!
//! # Profile
//! A closed list: whatever is not on it is refused.
//! - Responses come by HTTP-POST and answer a request of ours; requests go out by HTTP-Redirect, always signed.
//! - At most 256 KiB of UTF-8; no document type, comment or processing instruction; every ID once; at most 32 levels,
//!   8192 elements, 64 attributes an element and 48 namespace declarations in scope.
//! - One assertion in the whole document, a child of the response. One or two signatures, each the child of the
//!   response or assertion that it signs, right behind the issuer.
//! - One reference, to that parent's ID; transforms exactly enveloped-signature and exclusive C14N; RSA (2048 bits
//!   and more) with SHA-256, SHA-384 or SHA-512, ECDSA on P-256 with SHA-256 and on P-384 with SHA-384; digests
//!   SHA-256, SHA-384, SHA-512.
//! - Keys come from [`Metadata`] alone; a `KeyInfo` in a message is ignored.
//! - What an [`Assertion`] holds is read from the canonical bytes that were signed, which are parsed again.
//! - Encrypted assertions, names and attributes are refused ([`Rejection::Encrypted`]): not built.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod algorithm;
mod assertion;
mod attributes;
mod authn;
pub mod c14n;
mod conditions;
mod document;
mod element;
mod encoding;
mod endpoint;
mod key;
mod logout;
mod metadata;
mod name_id;
mod names;
mod redirect;
mod rejection;
mod replay;
mod request_id;
mod response;
mod service_provider;
mod shape;
mod signature;
mod signature_error;
mod signed_info;
mod signing_key;
mod subject;
mod time;
mod write;
mod xml_error;

pub use assertion::Assertion;
pub use attributes::Attribute;
pub use authn::AuthnStatement;
pub use endpoint::{Endpoint, Transport};
pub use key::KeyError;
pub use logout::{LogoutRequest, LogoutStatus};
pub use metadata::{Metadata, MetadataError, MetadataOptions};
pub use name_id::{NameId, NameIdFormat};
pub use rejection::Rejection;
pub use replay::ReplayCache;
pub use request_id::RequestId;
pub use response::Expected;
pub use service_provider::{ServiceProvider, ServiceProviderError, Settings};
pub use signature_error::SignatureError;
pub use xml_error::XmlError;
