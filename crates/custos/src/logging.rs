//! The gateway's own log, on standard error.

use std::io::{self, IsTerminal as _};

use tracing::Level;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt, reload};

use crate::config;

/// Lets the level be changed later.
#[derive(Clone, Debug)]
pub(crate) struct LogLevel(reload::Handle<EnvFilter, Registry>);

impl LogLevel {
    /// From now on, at least this severe.
    pub(crate) fn set(&self, level: Level) {
        if let Err(error) = self.0.reload(filter(level)) {
            tracing::warn!(%error, "the log level could not be changed");
        }
    }
}

/// Starts logging for the whole process.
pub(crate) fn start(log: config::Log) -> LogLevel {
    let (filter, handle) = reload::Layer::new(filter(log.level));
    let lines = fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    let lines = if log.json {
        lines.json().boxed()
    } else {
        lines.boxed()
    };
    // Fails only when somebody else in this process was first; then that one logs.
    let _ = tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init();
    LogLevel(handle)
}

/// Libraries below us only speak up when something is wrong.
fn filter(level: Level) -> EnvFilter {
    EnvFilter::new(format!("warn,custos={}", level.to_string().to_lowercase()))
}
