//! Connection credentials from issue to sign-in, by whole SCRAM exchanges on a real database.

mod issuing;
mod own_issuer;
mod sign_ins;
mod signing_in;
mod support;
