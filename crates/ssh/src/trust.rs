//! The one host key that a target has.

use std::sync::Arc;

use custos_session::UpstreamError;
use custos_ssh_wire::{SshKey, Trust};

/// The key that the resource was added with. A target with another one is another target.
pub(crate) struct Pinned(SshKey);

impl Pinned {
    /// `line`: the key as `ssh-keyscan` and `known_hosts` have it, without the host.
    pub(crate) fn new(line: Option<&str>) -> Result<Arc<Self>, UpstreamError> {
        let line = line.ok_or(UpstreamError::HostKeyUnknown)?;
        let key = SshKey::parse(line).map_err(|_| UpstreamError::HostKeyUnknown)?;
        Ok(Arc::new(Self(key)))
    }
}

impl Trust for Pinned {
    fn algorithms(&self) -> Vec<String> {
        let names: &[&str] = match self.0.kind() {
            "ssh-rsa" => &["rsa-sha2-512", "rsa-sha2-256"],
            kind => return vec![kind.to_owned()],
        };
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn judge(&self, _: &str, host_key: &[u8]) -> Option<SshKey> {
        (host_key == self.0.encode()).then(|| self.0.clone())
    }
}
