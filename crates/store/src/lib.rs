//! Control state of a gateway node: resources, sign-ins, connection credentials, provisioned people and small secrets, in
//! one database file.
//!
//! Whatever would let somebody in is sealed with AES-256-GCM under a key that is not in the file, and sealed *to its
//! place*: a password belongs to one definition of one resource, a credential to one id. So a copy of the file is worth
//! nothing without the master key, and an edited file is refused instead of obeyed.
//!
//! All calls block for the time of a local disk access; writes wait for the disk (`synchronous=FULL`).
//!
//! **Invariant**: nothing secret is in an error, in a `Debug` text, or in clear in the file, its journal or its index.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod administrators;
mod credential;
mod credentials;
mod database;
mod error;
mod hex;
mod kept;
mod master_key;
mod network;
mod outbox;
mod owed;
mod provider_sessions;
mod provisioned;
mod refresh_tokens;
mod resource;
mod resources;
mod saml_metadata;
mod schema;
mod seal;
mod secrets;
mod sign_ins;

pub use administrators::{Administrator, Claim};
pub use credential::{CredentialId, CredentialIdError, StoredCredential, StoredVerifier};
pub use credentials::CANDIDATES_MAX;
pub use database::Store;
pub use error::StoreError;
pub use kept::Shelf;
pub use master_key::MasterKey;
pub use network::{SourceNetwork, SourceNetworkError};
pub use outbox::{OutboxEntry, Outgoing};
pub use provider_sessions::StoredProviderSession;
pub use provisioned::{
    PROVISIONED_GROUPS_MAX, PROVISIONED_USERS_MAX, PersonKey, ProvisionedDirectory,
    ProvisionedPerson,
};
pub use refresh_tokens::{StoredRefreshToken, TokenStored};
pub use resource::{Durability, Resource, ResourceProblem, UnknownWord, UpstreamTls};
pub use sign_ins::{SignInsOf, StoredSignIn};
