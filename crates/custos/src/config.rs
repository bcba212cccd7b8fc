//! The configuration file: read whole, checked whole, before anything else happens.

mod effective;
mod keys;
mod listeners;
mod machine_keys;
mod machines;
mod policy;
mod problem;
mod providers;
mod provisioning;
mod read;
mod reference;
mod units;
mod walk;
mod web;
mod webhooks;
mod workloads;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use custos_console::Group;
use custos_identity::Workload;
use custos_policy::Policy;
use custos_session::Limits;

pub(crate) use effective::{Difference, Effective};
pub(crate) use keys::Change;
pub(crate) use listeners::Listener;
pub(crate) use machines::{Machine, Proof as MachineProof};
pub(crate) use problem::Problems;
pub(crate) use providers::{Metadata as SamlMetadata, Provider, ProviderKind, Saml};
pub(crate) use provisioning::Provisioning;
pub(crate) use reference::markdown as reference;
pub(crate) use units::{parse_duration, show_duration, show_size};
pub(crate) use web::Web;
pub(crate) use webhooks::Webhook;
pub(crate) use workloads::{Issuer as WorkloadIssuer, Keys as WorkloadKeys, Reach};

/// The largest configuration file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A whole, checked configuration.
#[derive(Debug)]
pub(crate) struct Config {
    /// The file that it came from.
    pub(crate) file: PathBuf,
    /// Name of the installation.
    pub(crate) cluster: String,
    /// Name of this node.
    pub(crate) node: String,
    /// Control state.
    pub(crate) state_dir: PathBuf,
    /// Evidence.
    pub(crate) evidence_dir: PathBuf,
    /// Socket of the local admin API.
    pub(crate) admin_socket: PathBuf,
    /// File of the master key.
    pub(crate) master_key_file: PathBuf,
    /// How long a stop waits for running operations.
    pub(crate) drain_timeout: Duration,
    /// The gateway's own log.
    pub(crate) log: Log,
    /// Bounds of what clients may take.
    pub(crate) limits: Limits,
    /// Where clients connect.
    pub(crate) listeners: Vec<Listener>,
    /// Where people sign in; `None`: nowhere.
    pub(crate) web: Option<Web>,
    /// Who people sign in with.
    pub(crate) providers: Vec<Provider>,
    /// Whose people a directory tells.
    pub(crate) provisioning: Vec<Provisioning>,
    /// Groups made of the providers' groups.
    pub(crate) groups: Vec<Group>,
    /// Whose tokens machines present.
    pub(crate) workload_issuers: Vec<WorkloadIssuer>,
    /// Machine identities.
    pub(crate) workloads: Vec<Workload>,
    /// Machines with a key or a secret of their own.
    pub(crate) machines: Vec<Machine>,
    /// Who is told of requests for approval.
    pub(crate) webhooks: Vec<Webhook>,
    /// Who may open what.
    pub(crate) policy: Arc<Policy>,
    /// Where its documents are; `None`: it has access rules.
    pub(crate) policy_files: Option<PathBuf>,
    /// How many access rules there are.
    pub(crate) access_rules: usize,
    /// Every key with its value, defaults filled in.
    pub(crate) effective: Effective,
}

/// How the gateway logs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log {
    /// At least this severe.
    pub(crate) level: tracing::Level,
    /// JSON objects instead of lines for people.
    pub(crate) json: bool,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file could not be read.
    #[error("cannot read configuration file {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file has problems; all of them.
    #[error("{} has {}\n\n{_0}", _0.file().display(), count(_0.count()))]
    Problems(Problems),
}

impl Config {
    /// Reads and checks the file and the certificates that it names.
    pub(crate) fn load(file: &Path) -> Result<Self, ConfigError> {
        let failed = |source| ConfigError::Read {
            file: file.to_owned(),
            source,
        };
        if std::fs::metadata(file).map_err(failed)?.len() > FILE_BYTES_MAX {
            return Err(failed(std::io::Error::other("file is larger than 1 MiB")));
        }
        let source = std::fs::read_to_string(file).map_err(failed)?;
        Self::parse(file, &source).map_err(ConfigError::Problems)
    }

    /// The same from text. Relative paths count from the directory of `file`.
    pub(crate) fn parse(file: &Path, source: &str) -> Result<Self, Problems> {
        read::config(file, source)
    }
}

fn count(problems: usize) -> String {
    if problems == 1 {
        "1 problem".to_owned()
    } else {
        format!("{problems} problems")
    }
}

#[cfg(test)]
mod tests;
