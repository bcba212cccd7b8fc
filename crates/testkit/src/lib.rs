//! What end-to-end tests and benchmarks stand on: real servers, the real binary, stock clients.
//!
//! Everything runs on loopback, on free ports, in directories of its own, and is ended when its value is dropped.
//! Nothing here sleeps for a fixed time; [`wait_for`] looks for a condition.
//!
//! | type | is |
//! |---|---|
//! | [`Postgres`] | a PostgreSQL server, 15 or 18 |
//! | [`Sshd`] | an OpenSSH server |
//! | [`SimpleSaml`] | a SAML identity provider: SimpleSAMLphp |
//! | [`Custos`] | the gateway, as the built binary, with its state in a temporary directory |
//! | [`Client`] | a stock client (psql, psycopg, …) pointed at one of the two |
//! | [`Evidence`] | the records of a gateway, read from its log without the gateway's code |
//! | [`OidcProviderServer`] | an OpenID provider that we did not write |
//! | [`Chromium`], [`Passkey`] | a real browser, driven through signing in, and through signing |
//! | [`Laptop`] | somebody's own machine, with the command line |
//! | [`Person`] | somebody with a laptop and an SSH key, who asks or approves |
//! | [`Psql`] | her psql, which may wait for people |
//! | [`Wire`] | a PostgreSQL connection by hand, for bytes that no stock client sends |
//! | [`Dice`] | numbers from a seed, for what is made at random |
#![expect(
    clippy::disallowed_methods,
    reason = "test code meets the real world: it reads the clock and the environment"
)]

mod approvers;
mod browser;
mod certificates;
mod chromium;
mod client;
mod custos;
mod dice;
mod evidence;
mod fake;
mod laptop;
mod oidc_provider;
mod postgres;
mod process;
mod pty;
mod relay;
mod settings;
mod simple_saml;
mod sshd;
mod target_log;
mod wait;
mod wire;
mod workspace;

pub use approvers::{
    APPROVAL_NAMESPACE, Answer, Person, Psql, ToSign, fingerprint, sign, verify_with_ssh_keygen,
};
pub use browser::{Browser, Form, Page};
pub use certificates::{Authority, Pair};
pub use chromium::{Chromium, Passkey};
pub use client::{Client, Endpoint};
pub use custos::{Credential, Custos, Stopped};
pub use dice::Dice;
pub use evidence::Evidence;
pub use fake::FakeServer;
pub use laptop::Laptop;
pub use oidc_provider::OidcProviderServer;
pub use postgres::{Postgres, PostgresOptions, Version};
pub use process::{Finished, Running, free_port, resident_bytes, run, signal, start};
pub use pty::Terminal;
pub use relay::Relay;
pub use settings::Settings;
pub use simple_saml::SimpleSaml;
pub use sshd::Sshd;
pub use wait::{Deadline, now_utc, wait_for};
pub use wire::{Message, Wire};
pub use workspace::{cache, clients, custos_binary, root, target_directory};

/// How long a test waits for anything before it calls it broken. Long, because test machines are slow.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
