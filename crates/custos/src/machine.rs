//! What the machine gives: time, randomness, limits of the process, names of users.

use std::path::Path;
use std::time::{Instant as StdInstant, SystemTime, UNIX_EPOCH};

use custos_model::{Clock, Instant};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The machine's clocks.
#[derive(Debug)]
pub(crate) struct SystemClock {
    started: StdInstant,
}

impl SystemClock {
    /// Counts monotonic time from now.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that others are given"
    )]
    pub(crate) fn start() -> Self {
        Self {
            started: StdInstant::now(),
        }
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that others are given"
    )]
    fn now(&self) -> Instant {
        // A clock before 1970 shows as 1970; `custos doctor` complains about such clocks.
        let utc = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Instant {
            utc_ns: u64::try_from(utc.as_nanos()).unwrap_or(u64::MAX),
            mono_ns: u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX),
        }
    }
}

/// Fills the buffer with random bytes of cryptographic quality.
///
/// # Panics
/// When the operating system has none to give; nothing safe can be done then.
pub(crate) fn random(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).expect("the operating system gives random bytes");
}

/// No core dumps, which would hold keys; and as many open files as the machine allows.
pub(crate) fn set_process_limits() {
    if let Err(error) = setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    ) {
        tracing::warn!(%error, "core dumps could not be turned off");
    }
    let files = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: files.maximum,
            ..files
        },
    ) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}

/// The user that this process runs as.
pub(crate) fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Text of the user database, for names; empty when it cannot be read.
pub(crate) fn passwd() -> String {
    std::fs::read_to_string("/etc/passwd").unwrap_or_default()
}

/// An environment variable that is set and not empty.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Makes a directory that only its owner can enter; one that exists stays as it is.
pub(crate) fn private_directory(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}
