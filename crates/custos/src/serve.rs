//! `custos serve`: up, reload, drain, down.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::commands;
use crate::config::Config;
use crate::failure::Failure;
use crate::machine;
use crate::start::Running;
use crate::{logging, reload};

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
        offer_administration(&mut running)?;
        until_stopped(running, &mut signals).await
    });
    // What is left are connections that nobody waits for.
    runtime.shutdown_background();
    result
}

async fn until_stopped(mut running: Running, signals: &mut Signals) -> Result<(), Failure> {
    loop {
        match signals.next().await {
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

/// Shows the administrator token, once, on standard error and not through the log: whoever reads the console runs the
/// gateway's host.
fn offer_administration(running: &mut Running) -> std::io::Result<()> {
    let (Some(token), Some(web)) = (running.administrator_token.take(), &running.config.web) else {
        return Ok(());
    };
    writeln!(
        std::io::stderr().lock(),
        "\nThere is no administrator yet. Whoever signs in and enters this token becomes one. It is good once, for 24\n\
         hours, and until the next start:\n\n    {}\n\n  {}/administrator\n  custos administrator claim --gateway {}\n",
        token.expose(),
        web.url,
        web.url,
    )
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
