//! How the gateway is.

use custos_evidence::Health;

use crate::admin::Admin;
use crate::wire::Status;

impl Admin {
    /// Health, log and listeners at this moment.
    pub fn status(&self) -> Status {
        let settings = self.settings();
        let evidence = &self.services().evidence;
        let stats = evidence.stats();
        let health = match &*evidence.health().borrow() {
            Health::Good => "good".to_owned(),
            Health::Failing { what, .. } => format!("failing: {what}"),
        };
        Status {
            health,
            build: settings.build.clone(),
            node: format!("{}/{}", settings.cluster, settings.node),
            pid: settings.pid,
            uptime_seconds: self.uptime_seconds(),
            evidence_dir: settings.evidence_dir.display().to_string(),
            verifier_key: evidence.verifier_key().to_owned(),
            tree_size: stats.tree_size,
            checkpoint_size: stats.checkpoint_size,
            checkpoint_age_ms: u64::try_from(stats.checkpoint_age.as_millis()).ok(),
            wal_bytes: stats.wal_bytes,
            pending_bytes: stats.pending_bytes as u64,
            live_sessions: self.gateway().live().len(),
            listeners: settings.listeners.clone(),
            findings: self.findings(),
            client_ca_file: settings.client_ca_file.clone(),
        }
    }
}
