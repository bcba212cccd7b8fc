//! The local admin API: HTTP over a Unix socket, for whoever runs the gateway's host.
//!
//! The caller is known by the kernel (`SO_PEERCRED`), not by anything it sends: root and the gateway's own user are
//! served, everybody else gets 403. What is changed here, and each look into a recording, is itself on record *before*
//! the answer is given; when that record cannot be written, the call fails.
//!
//! | call | meaning |
//! |---|---|
//! | `GET /v1/status` | health, log, listeners |
//! | `GET`, `POST /v1/resources`, `DELETE /v1/resources/{protocol}/{name}` | targets |
//! | `GET`, `POST /v1/credentials`, `DELETE /v1/credentials/{id}` | connection credentials |
//! | `GET /v1/sign-ins`, `DELETE /v1/sign-ins/{id}` | who is signed in, and ending that |
//! | `GET /v1/keys`, `POST /v1/keys` | the keys that sign our tokens, and other ones |
//! | `GET /v1/administrators`, `DELETE /v1/administrators?issuer=&subject=` | who administers over the web |
//! | `GET /v1/sessions?limit=&live=`, `GET /v1/sessions/{id}` | sessions, newest first |
//! | `GET /v1/sessions/{id}/records`, `GET /v1/sessions/{id}/transcript` | a session's recording, as JSON lines |
//! | `POST /v1/sessions/{id}/cut` | ends a live session |
//!
//! **Invariant**: no answer, error or log line holds an upstream password; a connection credential's secret is in the
//! answer that issues it and nowhere else.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod admin;
mod administrators;
mod approvals;
mod caller;
mod credentials;
mod error;
mod finding;
mod keys;
mod peer;
mod record;
mod resources;
mod routes;
mod server;
mod sessions;
mod sign_ins;
mod status;
mod stream;
mod watch;
mod wire;

pub use admin::{Admin, AdminSettings, Random};
pub use caller::Caller;
pub use error::ApiError;
pub use finding::Finding;
pub use peer::Peer;
pub use server::{AdminSocket, SocketError};
pub use wire::{
    AdministratorRow, ChangeKeys, CredentialIssued, CredentialRow, Failure, KeyRow, KeysChanged,
    ListenerStatus, NewCredential, NewResource, SessionRow, SignInRow, Status,
};
