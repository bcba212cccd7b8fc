//! What approvers sign with, without any I/O: SSH keys (SSHSIG) and passkeys (WebAuthn assertions).
//!
//! [`ApproverKey`] is an enrolled public key. [`ApproverKey::verify`] says whether a [`Signature`] over a statement is that
//! key's, made for this purpose, with a person at the key. Who owns the key, and whether her word counts, is not known here.
//!
//! The private keys never come here, and one signature has one spelling: armor or JSON that another program could read
//! otherwise is refused.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod approver;
mod assertion;
mod authenticator_data;
mod client_data;
mod ed25519;
mod encoding;
mod error;
mod passkey;
mod spki;
mod ssh;
mod ssh_material;
mod sshsig;

pub use approver::{
    APPROVAL_DOMAIN, APPROVAL_NAMESPACE, ApproverKey, Method, Signature, approval_challenge,
};
pub use assertion::{Assertion, MAX_ASSERTION_BYTES, MAX_CLIENT_DATA_BYTES, MAX_CREDENTIAL_BYTES};
pub use authenticator_data::Facts;
pub use error::SignatureError;
pub use passkey::PasskeyKey;
pub use spki::PasskeyAlgorithm;
pub use ssh::{MAX_KEY_LINE_BYTES, SshKey};
pub use sshsig::MAX_ARMOR_BYTES;
