//! The control database through its public interface and through the bytes of its files.

mod administrators;
mod canary;
mod credentials;
mod files;
mod outbox;
mod saml_metadata;
mod sign_ins;
mod support;
mod tamper;
