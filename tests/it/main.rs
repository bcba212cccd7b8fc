//! The real binary, real servers, stock clients. `scripts/test` installs what they need.
//!
//! Every test that ran a gateway ends with `Custos::finish`, which stops it and has two verifiers check its evidence.
#![expect(
    clippy::disallowed_methods,
    reason = "tests meet the real world: they read the clock and the environment"
)]

mod access;
mod administrator;
mod approvals;
mod browser;
mod canary;
mod delegation;
mod handshake;
mod hostile;
mod inner_addresses;
mod lifecycle;
mod machines;
mod matrix;
mod outages;
mod pages;
mod policy;
mod protocol;
mod provisioning;
mod psql;
mod revocation;
mod saml;
mod sign_in;
mod ssh;
mod upstream;
mod upstream_login;
mod web;
mod workloads;
