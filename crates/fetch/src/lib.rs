//! The one HTTP client that goes out: to issuers for discovery documents, key sets, token endpoints and metadata, and to
//! those who want to be told of something.
//!
//! What it asks for is named by documents that come from outside, so it is also the guard against requests to places
//! that such a document must not reach (server-side request forgery):
//! - the name is resolved once, every address of the answer is checked, and one of exactly these is connected to;
//!   one refused address refuses the whole answer ([`AddressClass`], [`Settings::networks`]);
//! - `https` with a verified certificate, or `http` to a loopback address where [`Settings::loopback`] says so;
//! - HTTP/1.1, `GET` and `POST`, one connection for each request; no redirects, no proxy, no cookies, no
//!   decompression;
//! - a limit of bytes for each answer, 64 KiB for its header, and one deadline for everything together.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod address;
mod client;
mod error;
mod exchange;
mod guard;
mod network;
mod request;
mod resolve;
mod target;
mod tls;

pub use address::AddressClass;
pub use client::{Client, Settings};
pub use error::FetchError;
pub use network::{Network, NetworkError};
pub use request::{Method, Receipt, Request, Response};
pub use resolve::{Resolve, Resolved, SystemResolver};
