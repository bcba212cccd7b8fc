//! Who is asking: connection credentials, the short secrets that stock clients present as a password.
//!
//! A credential is bound to one principal and one resource and lives for at most an hour. Only what is needed to check it
//! is stored. Clients prove it by SCRAM-SHA-256, without sending it, or as a plain password inside TLS.
//!
//! **Invariant**: what a client can observe does not depend on whether a login name exists, nor on why it was refused.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod check;
mod credentials;
mod error;
mod issue;

pub use check::Login;
pub use credentials::{CredentialState, CredentialSummary, Credentials, ScramParameters};
pub use custos_store::{CredentialId, SourceNetwork};
pub use error::{IdentityError, LoginFailure};
pub use issue::{IssueRequest, Issued, SOURCE_NETWORKS_MAX, TTL_MAX, TTL_MIN};
