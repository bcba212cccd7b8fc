//! Child processes: started with their output in a file, stopped by process id when dropped.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};

use crate::clock;

/// How long a server may take to become ready.
pub(crate) const READY_LIMIT: Duration = Duration::from_secs(30);
/// How long a server may take to end after being asked to.
const STOP_LIMIT: Duration = Duration::from_secs(15);
/// Distance of two looks at a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The user that servers run as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// A running server. Dropping it asks the process to end, waits, and kills it if it does not.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    stop_signal: Signal,
    log: PathBuf,
}

impl Server {
    /// Starts `program`, which also ends (by `stop_signal`) if this process dies without cleaning up.
    pub(crate) fn start<A: AsRef<OsStr>>(
        program: &Path,
        arguments: impl IntoIterator<Item = A>,
        account: Option<Account>,
        stop_signal: Signal,
        log: PathBuf,
    ) -> anyhow::Result<Self> {
        let output =
            File::create(&log).with_context(|| format!("cannot create {}", log.display()))?;
        // setpriv executes the program in its own place, so the process id is the server's.
        let mut command = clean_command("setpriv".as_ref(), account);
        command
            .args(["--pdeathsig", signal_name(stop_signal), "--"])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone().context("cannot share the log file")?)
            .stderr(output);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Self {
            child,
            stop_signal,
            log,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `ready` answers with a value; fails with the server's output when it ends or takes too long.
    pub(crate) fn wait_until<T>(
        &mut self,
        mut ready: impl FnMut() -> Option<T>,
    ) -> anyhow::Result<T> {
        let started = clock::now();
        loop {
            if let Some(value) = ready() {
                return Ok(value);
            }
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("the server ended ({status}):\n{}", self.output());
            }
            anyhow::ensure!(
                started.elapsed() < READY_LIMIT,
                "the server was not ready after {READY_LIMIT:?}:\n{}",
                self.output()
            );
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    /// What the server wrote to stdout and stderr.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_else(|error| format!("(no output: {error})"))
    }

    fn stop(&mut self) -> std::io::Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            kill_process(pid, self.stop_signal)?;
        }
        let asked = clock::now();
        while asked.elapsed() < STOP_LIMIT {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!(
                "warning: process {} was not stopped: {error}",
                self.child.id()
            );
        }
    }
}

/// A command without the caller's PostgreSQL and Custos settings, as `account` where one is given.
pub(crate) fn clean_command(program: &OsStr, account: Option<Account>) -> Command {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(program);
    for variable in [
        "PGHOST",
        "PGPORT",
        "PGUSER",
        "PGDATABASE",
        "PGPASSWORD",
        "PGPASSFILE",
        "PGSERVICE",
        "PGOPTIONS",
        "CUSTOS_CONFIG",
        "CUSTOS_MASTER_KEY",
        "CUSTOS_SOCKET",
    ] {
        command.env_remove(variable);
    }
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
    command
}

/// Runs a command to its end and returns its stdout; fails with its stderr.
pub(crate) fn output_of(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    anyhow::ensure!(
        output.status.success(),
        "{} failed ({}): {}",
        command.get_program().display(),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// An address on loopback that was free a moment ago.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on loopback")?;
    Ok(listener.local_addr()?)
}

/// Whether something accepts connections there.
pub(crate) fn accepts(address: SocketAddr) -> Option<()> {
    TcpStream::connect(address).ok().map(drop)
}

fn signal_name(signal: Signal) -> &'static str {
    if signal == Signal::INT { "INT" } else { "TERM" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_server_is_gone() {
        let directory = tempfile::tempdir().expect("directory");
        let log = directory.path().join("log");
        let server =
            Server::start("sleep".as_ref(), ["600"], None, Signal::TERM, log).expect("sleep");
        let proc_entry = PathBuf::from(format!("/proc/{}", server.pid()));
        assert!(proc_entry.exists());
        drop(server);
        assert!(!proc_entry.exists());
    }

    #[test]
    fn a_server_that_ends_early_shows_its_output() {
        let directory = tempfile::tempdir().expect("directory");
        let log = directory.path().join("log");
        let mut server = Server::start(
            "sh".as_ref(),
            ["-c", "echo no such thing"],
            None,
            Signal::TERM,
            log,
        )
        .expect("sh");
        let error = server.wait_until(|| None::<()>).expect_err("it ends");
        assert!(error.to_string().contains("no such thing"), "{error}");
    }
}
