//! What a node's evidence writer is told.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where evidence goes, who writes it, and the writer's bounds. [`Settings::new`] has the defaults.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The evidence directory (`docs/evidence-format.md` section 1); created when absent.
    pub dir: PathBuf,
    /// File of the node's Ed25519 seed; created with mode 0600 for a new log, refused when others can read it.
    pub key_file: PathBuf,
    /// Name of the cluster, `[a-z0-9][a-z0-9.-]{0,62}`.
    pub cluster: String,
    /// Name of this node, same alphabet.
    pub node: String,
    /// The running build, for `gw.build`.
    pub build: String,
    /// Lower-case hex SHA-256 of the configuration in force, for `gw.config`.
    pub config_digest: String,
    /// Lower-case hex SHA-256 of the policy in force, for `gw.policy`.
    pub policy_digest: String,
    /// Length of one write-ahead file.
    pub wal_file_bytes: u64,
    /// Size on disk at which a segment is closed.
    pub segment_bytes: u64,
    /// Age at which a segment is closed.
    pub segment_age: Duration,
    /// Longest time between two checkpoints while records arrive; at most a second is promised outside.
    pub checkpoint_interval: Duration,
    /// Time between heartbeats; the format promises 60 s.
    pub heartbeat_interval: Duration,
    /// Time after which records are fsynced although nobody waits for it.
    pub buffered_sync_interval: Duration,
    /// Time between two attempts while the disk refuses.
    pub retry_interval: Duration,
    /// Bytes between the appenders and the log above which [`crate::Evidence::room`] waits; twice this is the hard limit.
    pub queue_bytes: usize,
}

impl Settings {
    /// The defaults for a node; the key lies beside the evidence directory as `log.key`.
    pub fn new(dir: impl Into<PathBuf>, cluster: &str, node: &str, build: &str) -> Self {
        let dir = dir.into();
        let key_file = dir.parent().unwrap_or(Path::new("")).join("log.key");
        Self {
            dir,
            key_file,
            cluster: cluster.to_owned(),
            node: node.to_owned(),
            build: build.to_owned(),
            config_digest: "0".repeat(64),
            policy_digest: "0".repeat(64),
            wal_file_bytes: 64 << 20,
            segment_bytes: 8 << 20,
            segment_age: Duration::from_mins(1),
            checkpoint_interval: Duration::from_millis(500),
            heartbeat_interval: Duration::from_mins(1),
            buffered_sync_interval: Duration::from_millis(50),
            retry_interval: Duration::from_millis(200),
            queue_bytes: 32 << 20,
        }
    }
}
