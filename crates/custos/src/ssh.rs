//! What the gateway proves itself with to SSH clients.

use std::sync::Arc;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_identity::HostAuthority;
use custos_model::{Clock, Secret};
use custos_session::Services;
use custos_ssh::HostCertificates;
use custos_ssh_wire::{PrivateKey, SshKey};
use custos_store::Store;
use zeroize::Zeroizing;

use crate::config::Config;
use crate::failure::Failure;
use crate::machine;

/// Certificates of the gateway's own authority.
pub(crate) struct Certificates {
    authority: HostAuthority,
    clock: Arc<dyn Clock>,
}

impl Certificates {
    pub(crate) fn new(services: &Services) -> Self {
        Self {
            authority: services.host_authority.clone(),
            clock: Arc::clone(&services.clock),
        }
    }
}

impl HostCertificates for Certificates {
    fn certificate(&self, key: &SshKey, names: &[String]) -> Option<Vec<u8>> {
        if names.is_empty() {
            return None;
        }
        let made = self.authority.certificate(key, names, self.clock.now());
        made.inspect_err(|error| tracing::warn!(%error, "no certificate for the SSH host key"))
            .ok()
    }
}

/// The names by which clients know the gateway: the host of its web address, which `custos ssh-config` writes.
pub(crate) fn own_names(config: &Config) -> Vec<String> {
    let hosts = config.web.iter().map(|web| custos_console::host(&web.url));
    hosts.map(str::to_ascii_lowercase).collect()
}

/// What SSH clients know this gateway by: made once, and kept encrypted with the control state.
pub(crate) fn host_key(store: &Store) -> Result<PrivateKey, Failure> {
    let make = || {
        let mut seed = Zeroizing::new([0; 32]);
        machine::random(seed.as_mut_slice());
        Secret::new(STANDARD.encode(seed.as_slice()))
    };
    let kept = store
        .secret_or_create("ssh.host_key", make, machine::random)
        .context("cannot read the SSH host key")?;
    let seed = STANDARD.decode(kept.expose()).ok().map(Zeroizing::new);
    let seed: Option<Zeroizing<[u8; 32]>> = seed
        .and_then(|seed| seed.as_slice().try_into().ok())
        .map(Zeroizing::new);
    let seed = seed.context("the SSH host key in the control state is damaged")?;
    Ok(PrivateKey::from_seed(&seed).context("cannot use the SSH host key")?)
}
