//! What crosses the socket, as JSON. The command line uses the same types.

use std::path::PathBuf;

use custos_model::{Principal, PrincipalKind, ResourceName, Secret, SignInId};
use custos_store::{CredentialId, Resource, SourceNetwork};
use serde::{Deserialize, Serialize};

use crate::finding::Finding;

/// A target to add: `{"resource": {…}, "password": "…"}`.
#[derive(Clone, Debug)]
pub struct NewResource {
    /// Its definition.
    pub resource: Resource,
    /// The gateway's own password there.
    pub password: Secret,
}

/// A connection credential to issue.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCredential {
    /// Login name, 1 to 63 bytes.
    pub principal: String,
    /// Person, workload or agent.
    pub kind: PrincipalKind,
    /// Groups that access rules can name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// For whom an agent acts, nearest first: login names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_behalf_of: Vec<String>,
    /// The one resource that it opens.
    pub resource: ResourceName,
    /// How long, in seconds; at most an hour.
    pub ttl_seconds: u64,
    /// Where it may be used from; empty: anywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source_networks: Vec<SourceNetwork>,
}

/// The answer to issuing a credential: the only time that the secret is told.
#[derive(Debug, Serialize, Deserialize)]
pub struct CredentialIssued {
    /// Its public name.
    pub id: CredentialId,
    /// The login name that goes with it.
    pub principal: String,
    /// What it opens.
    pub resource: ResourceName,
    /// What the client presents as password.
    pub secret: String,
    /// Until when, RFC 3339 UTC.
    pub expires: String,
}

/// A credential in a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct CredentialRow {
    /// Its public name.
    pub id: CredentialId,
    /// Whom it signs in.
    pub principal: Principal,
    /// What it opens.
    pub resource: ResourceName,
    /// `valid`, `expired` or `revoked`.
    pub state: String,
    /// Since when, RFC 3339 UTC.
    pub issued: String,
    /// Until when, RFC 3339 UTC.
    pub expires: String,
    /// Where it may be used from; empty: anywhere.
    pub source_networks: Vec<SourceNetwork>,
}

/// A sign-in in a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct SignInRow {
    /// Its public name.
    pub id: SignInId,
    /// `live`, `expired` or `ended`.
    pub state: String,
    /// Who signed in.
    pub principal: Principal,
    /// With which provider.
    pub provider: String,
    /// Since when, RFC 3339 UTC.
    pub started: String,
    /// Until when, RFC 3339 UTC.
    pub expires: String,
}

/// A key that signs our tokens, in a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct KeyRow {
    /// `kid`: its RFC 7638 thumbprint.
    pub id: String,
    /// `current`, `next` or `retired`.
    pub state: String,
    /// Since when it signs or is published, RFC 3339 UTC.
    pub since: Option<String>,
    /// Until when its last tokens are taken, RFC 3339 UTC.
    pub until: Option<String>,
}

/// Other keys to sign with.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeKeys {
    /// Replace all of them at once; what was signed before is refused.
    pub now: bool,
}

/// The answer to a change of keys.
#[derive(Debug, Serialize, Deserialize)]
pub struct KeysChanged {
    /// The key that signs now.
    pub signs: String,
    /// New keys.
    pub added: Vec<String>,
    /// Keys that are gone.
    pub removed: Vec<String>,
}

/// An administrator in a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct AdministratorRow {
    /// Who vouches for her.
    pub issuer: String,
    /// The issuer's name for her.
    pub subject: String,
    /// Her name when she became one.
    pub name: String,
    /// Since when, RFC 3339 UTC.
    pub since: String,
}

/// A session in a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct SessionRow {
    /// The session.
    pub id: String,
    /// `live`, `ended` or `open` (no end on record yet, and not live in this gateway).
    pub state: String,
    /// When it began, RFC 3339 UTC.
    pub started: String,
    /// When it ended, where it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// Login name; empty while unauthenticated.
    pub principal: String,
    /// Kind of principal, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What it opened; empty while unauthenticated.
    pub resource: String,
    /// Database there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Where the client is.
    pub source: String,
    /// Operations so far, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<u64>,
    /// How it ended: `ok`, `denied`, `failed` or `interrupted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Seconds without a request or response, of a live session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_seconds: Option<u64>,
}

/// How the gateway is.
#[derive(Debug, Serialize, Deserialize)]
pub struct Status {
    /// `good`, or what is failing.
    pub health: String,
    /// Version of the running program.
    pub build: String,
    /// `cluster/node`.
    pub node: String,
    /// Process id.
    pub pid: u32,
    /// Seconds since the start.
    pub uptime_seconds: u64,
    /// Where evidence goes.
    pub evidence_dir: String,
    /// The key that verifies the log; keep a copy away from this machine.
    pub verifier_key: String,
    /// Records in this month's log.
    pub tree_size: u64,
    /// Records that the last checkpoint covers.
    pub checkpoint_size: u64,
    /// Age of the last checkpoint in milliseconds; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_age_ms: Option<u64>,
    /// Bytes in the write-ahead log.
    pub wal_bytes: u64,
    /// Bytes that wait for the log.
    pub pending_bytes: u64,
    /// Sessions that are live now.
    pub live_sessions: usize,
    /// Where clients connect.
    pub listeners: Vec<ListenerStatus>,
    /// What stands against the configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// CA file that verifies the listeners, where the gateway made its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ca_file: Option<PathBuf>,
}

/// A listener of the running gateway.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ListenerStatus {
    /// Its name.
    pub name: String,
    /// What it speaks.
    pub protocol: String,
    /// Where, with the port that was bound.
    pub address: String,
    /// `required` or `off`; `ssh` where the protocol encrypts by itself.
    pub tls: String,
    /// The public key that SSH clients know it by: type and base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<String>,
}

/// An answer that is an error.
#[derive(Debug, Serialize, Deserialize)]
pub struct Failure {
    /// A stable word.
    pub code: String,
    /// What was attempted and did not work.
    pub error: String,
    /// Why, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
}
