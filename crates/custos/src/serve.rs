//! `custos serve`: up, reload, drain, down.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::account::private_file;
use crate::commands;
use crate::config::Config;
use crate::failure::Failure;
use crate::machine;
use crate::start::Running;
use crate::{logging, reload};

/// Where the administrator token is, in the state directory, when nobody sits at a terminal.
const TOKEN_FILE: &str = "administrator.token";

/// Runs a gateway until it is told to stop.
pub(crate) fn serve(file: &Path) -> Result<(), Failure> {
    let config = commands::config::load(file)?;
    run(config, None, async |_| Ok(()))
}

/// Runs a gateway; `ready` is called once when it is up.
pub(crate) fn run(
    config: Config,
    client_ca_file: Option<PathBuf>,
    ready: impl AsyncFnOnce(&Running) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let log = logging::start(config.log);
    machine::set_process_limits();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(async {
        let mut signals = Signals::new()?;
        let mut running = Running::start(config, log, client_ca_file).await?;
        if let Err(failure) = ready(&running).await {
            running.stop().await?;
            return Err(failure);
        }
        announce(&running);
        if let Err(failure) = offer_administration(&mut running) {
            running.stop().await?;
            return Err(failure);
        }
        until_stopped(running, &mut signals).await
    });
    // What is left are connections that nobody waits for.
    runtime.shutdown_background();
    result
}

async fn until_stopped(mut running: Running, signals: &mut Signals) -> Result<(), Failure> {
    loop {
        let order = tokio::select! {
            order = signals.next() => order,
            () = administration_taken(&running) => {
                forget_token(&running.config);
                continue;
            }
        };
        match order {
            Order::Stop(signal) => {
                tracing::info!(
                    signal,
                    "stopping: no new sessions, waiting for running operations"
                );
                break;
            }
            Order::Reload => reload::reload(&mut running).await,
        }
    }
    tokio::select! {
        stopped = running.stop() => {
            stopped?;
            tracing::info!("stopped");
            Ok(())
        }
        signal = signals.stop() => Err(Failure::new(anyhow::anyhow!("stopped at once by a second {signal}"))
            .hint("sessions that were open are closed as interrupted at the next start")),
    }
}

fn announce(running: &Running) {
    let config = &running.config;
    tracing::info!(
        node = %format_args!("{}/{}", config.cluster, config.node),
        evidence = %config.evidence_dir.display(),
        admin_socket = %config.admin_socket.display(),
        verifier_key = running.evidence.verifier_key(),
        "ready"
    );
}

/// Shows the administrator token, once: on standard error where that is a terminal, and otherwise, as standard error
/// is kept with the log then, in a file that only the gateway's own user reads.
fn offer_administration(running: &mut Running) -> Result<(), Failure> {
    let path = running.config.state_dir.join(TOKEN_FILE);
    let (Some(token), Some(web)) = (running.administrator_token.take(), &running.config.web) else {
        private_file::remove(&path)?;
        return Ok(());
    };
    let mut terminal = std::io::stderr().lock();
    let (what, shown) = if terminal.is_terminal() {
        private_file::remove(&path)?;
        ("this token", token.expose().to_owned())
    } else {
        let line = format!("{}\n", token.expose());
        private_file::write(&path, line.as_bytes())?;
        ("the token in this file", path.display().to_string())
    };
    writeln!(
        terminal,
        "\nThere is no administrator yet. Whoever signs in and enters {what} becomes one. It is good once, for 24\n\
         hours, and until the next start:\n\n    {shown}\n\n  {}/administrator\n  custos administrator claim --gateway {}\n",
        web.url, web.url,
    )?;
    Ok(())
}

/// Returns when somebody has used the administrator token.
async fn administration_taken(running: &Running) {
    match &running.console {
        Some(console) => console.administration_taken().await,
        None => std::future::pending().await,
    }
}

/// The token is used up, so that its file is of no use any more.
fn forget_token(config: &Config) {
    if let Err(failure) = private_file::remove(&config.state_dir.join(TOKEN_FILE)) {
        tracing::warn!(reason = %failure, "the file of the used administrator token is still there");
    }
}

/// What a signal asks for.
enum Order {
    Stop(&'static str),
    Reload,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.terminate.recv() => Order::Stop("SIGTERM"),
            _ = self.interrupt.recv() => Order::Stop("SIGINT"),
            _ = self.hangup.recv() => Order::Reload,
        }
    }

    /// The next order to stop; reloads are not listened to any more.
    async fn stop(&mut self) -> &'static str {
        loop {
            if let Order::Stop(signal) = self.next().await {
                return signal;
            }
        }
    }
}
