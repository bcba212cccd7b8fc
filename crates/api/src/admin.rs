//! What the calls work with.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use custos_session::{Gateway, Services};
use tokio_util::task::TaskTracker;

use crate::error::ApiError;
use crate::finding::Finding;
use crate::wire::ListenerStatus;

/// The admin calls of one gateway; clones share everything.
#[derive(Clone, Debug)]
pub struct Admin {
    inner: Arc<Inner>,
}

/// Fills a buffer with random bytes of cryptographic quality.
pub type Random = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// What an [`Admin`] is made from.
pub struct AdminSettings {
    /// What the gateway works with.
    pub services: Services,
    /// The gateway itself.
    pub gateway: Gateway,
    /// For nonces.
    pub random: Random,
    /// The user that the gateway runs as.
    pub own_uid: u32,
    /// Process id, for `status`.
    pub pid: u32,
    /// Version, for `status`.
    pub build: String,
    /// Name of the installation.
    pub cluster: String,
    /// Name of the node.
    pub node: String,
    /// Where evidence is.
    pub evidence_dir: PathBuf,
    /// Where clients connect.
    pub listeners: Vec<ListenerStatus>,
    /// CA file that verifies the listeners, where the gateway made its own.
    pub client_ca_file: Option<PathBuf>,
    /// What stands against the configuration; a reload puts others in their place.
    pub findings: Arc<Mutex<Vec<Finding>>>,
    /// Text of the user database (passwd(5)), for names of callers.
    pub passwd: String,
}

struct Inner {
    settings: AdminSettings,
    tasks: TaskTracker,
    started_mono_ns: u64,
}

impl std::fmt::Debug for AdminSettings {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("AdminSettings")
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.settings.fmt(out)
    }
}

impl Admin {
    /// The calls of this gateway.
    pub fn new(settings: AdminSettings) -> Self {
        let started_mono_ns = settings.services.clock.now().mono_ns;
        Self {
            inner: Arc::new(Inner {
                settings,
                tasks: TaskTracker::new(),
                started_mono_ns,
            }),
        }
    }

    pub(crate) fn settings(&self) -> &AdminSettings {
        &self.inner.settings
    }

    pub(crate) fn services(&self) -> &Services {
        &self.inner.settings.services
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        &self.inner.settings.gateway
    }

    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.inner.tasks
    }

    pub(crate) fn findings(&self) -> Vec<Finding> {
        let findings = self.inner.settings.findings.lock();
        findings.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn uptime_seconds(&self) -> u64 {
        let now = self.services().clock.now().mono_ns;
        now.saturating_sub(self.inner.started_mono_ns) / 1_000_000_000
    }

    /// Runs a call that changes something to its end, also when its caller goes away in the middle:
    /// what is on record must have been done, and what was done must be on record.
    pub(crate) async fn to_the_end<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.inner
            .tasks
            .spawn(call)
            .await
            .map_err(|_| ApiError::Internal("the call's task failed"))?
    }

    /// Runs what blocks for a disk access on a thread that may block.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Admin) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let admin = self.clone();
        self.inner
            .tasks
            .spawn_blocking(move || work(&admin))
            .await
            .map_err(|_| ApiError::Internal("the call's thread failed"))?
    }
}
