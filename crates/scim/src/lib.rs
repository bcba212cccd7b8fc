//! A SCIM 2.0 service provider (RFC 7643, RFC 7644) for users, groups and their membership, without any I/O.
//!
//! Okta, Entra ID and OneLogin send requests to [`ServiceProvider::handle`]; it reads a [`Directory`], works out the
//! [`Change`]s, has them committed together, and gives back the answer and the changes. The caller authenticates the
//! provisioning source first, gives each source a directory of its own, and cuts sessions by [`Change::ends_access_of`].
//!
//! Kept of a user: `id`, `externalId`, `userName`, `active`, `displayName`, `name` (formatted, given, family), `emails`;
//! of a group: `id`, `externalId`, `displayName`, `members`. Everything else is ignored wherever it stands.
//! Nothing here joins people by e-mail.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod change;
mod directory;
mod discovery;
mod document;
mod email;
mod error;
mod expression;
mod filter;
mod group;
mod groups;
mod json;
mod patch;
mod path;
mod projection;
mod provider;
mod query;
mod request;
mod response;
mod user;
mod users;
mod value;

pub use change::Change;
pub use directory::{Committed, Directory, Listing, Page};
pub use email::Email;
pub use error::ScimError;
pub use expression::{AttributePath, Expression, Literal, Operator};
pub use filter::{Filter, GroupTerm, UserTerm};
pub use group::Group;
pub use path::PatchPath;
pub use provider::{Answer, ServiceProvider};
pub use request::Request;
pub use response::{CONTENT_TYPE, Response};
pub use user::{Name, User};
pub use value::folded;

/// Longest body that is looked at.
pub const MAX_BODY_BYTES: usize = 256 << 10;
/// Arrays and objects inside each other.
pub const MAX_JSON_DEPTH: usize = 10;
/// Longest query string, before it is decoded.
pub const MAX_QUERY_BYTES: usize = 8 << 10;
/// Longest filter, and longest path of a patch operation.
pub const MAX_FILTER_BYTES: usize = 1 << 10;
/// Parentheses and brackets inside each other.
pub const MAX_FILTER_DEPTH: usize = 8;
/// Operations of one PATCH.
pub const MAX_PATCH_OPERATIONS: usize = 1_000;
/// Members that one request may name.
pub const MAX_MEMBERS_PER_REQUEST: usize = 10_000;
/// Members of one group.
pub const MAX_GROUP_MEMBERS: usize = 100_000;
/// Members in one answer that lists groups.
pub const MAX_MEMBERS_LISTED: usize = 50_000;
/// Addresses of one user.
pub const MAX_EMAILS: usize = 32;
/// Longest kept text.
pub const MAX_TEXT_BYTES: usize = 256;
/// Resources in one answer at most.
pub const MAX_PAGE: u32 = 200;
/// Resources in one answer when the request does not say.
pub const DEFAULT_PAGE: u32 = 100;
