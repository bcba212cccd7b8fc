//! Connection credentials from issue to sign-in, by whole SCRAM exchanges on a real database; SAML providers by messages
//! of a real one.

mod device_sign_in;
mod host_authority;
mod issuing;
mod own_issuer;
mod saml;
mod sign_ins;
mod signing_in;
mod support;
