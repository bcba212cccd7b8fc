//! The client that is started for a connection.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitCode, ExitStatus};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use crate::commands::connect::quoted_for_shell;
use crate::failure::Failure;

/// What of the user's own environment would lead libpq elsewhere, or past the given password.
const MISLEADING: [&str; 6] = [
    "PGHOSTADDR",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGPASSFILE",
    "PGSSLROOTCERT",
    "PGREQUIRESSL",
];

/// A program and its arguments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Program {
    name: OsString,
    arguments: Vec<OsString>,
}

impl Program {
    /// What stands behind `--`. When that begins with an option, it is for the usual client; so is nothing.
    pub(crate) fn choose(given: Vec<OsString>, usual: &str) -> Self {
        let names_client = given
            .first()
            .is_some_and(|first| !first.as_encoded_bytes().starts_with(b"-"));
        let mut given = given.into_iter();
        let name = if names_client { given.next() } else { None };
        Self {
            name: name.unwrap_or_else(|| usual.into()),
            arguments: given.collect(),
        }
    }

    /// The same with OpenSSH's options: programs of OpenSSH take them before their arguments, others that start `ssh` from
    /// their environment. `usual_host`: where the usual client goes, which was named by nobody.
    pub(crate) fn with_ssh_options(
        given: Vec<OsString>,
        options: &[String],
        usual_host: &str,
    ) -> (Self, Vec<(&'static str, String)>) {
        let is_usual = given
            .first()
            .is_none_or(|first| first.as_encoded_bytes().starts_with(b"-"));
        let mut program = Self::choose(given, "ssh");
        let name = Path::new(&program.name).file_name();
        if !name.is_some_and(|name| name == "ssh" || name == "scp" || name == "sftp") {
            let words = options.iter().map(|option| quoted_for_shell(option));
            let words: Vec<_> = std::iter::once("ssh".to_owned()).chain(words).collect();
            let command = words.join(" ");
            let variables = ["GIT_SSH_COMMAND", "RSYNC_RSH"].map(|name| (name, command.clone()));
            return (program, variables.into());
        }
        let options = options.iter().map(OsString::from);
        program.arguments.splice(0..0, options);
        if is_usual {
            program.arguments.push(usual_host.into());
        }
        (program, Vec::new())
    }

    /// Runs it to its end with these variables, and ends as it ends: its exit code, or 128 and the signal.
    pub(crate) async fn run(&self, variables: &[(&str, String)]) -> Result<ExitCode, Failure> {
        let mut command = Command::new(&self.name);
        command.args(&self.arguments);
        for name in MISLEADING {
            command.env_remove(name);
        }
        for (name, value) in variables {
            command.env(name, value);
        }
        let mut signals = Signals::listen()?;
        let child = command
            .spawn()
            .with_context(|| format!("cannot start `{}`", self.name.display()))
            .map_err(|error| {
                Failure::new(error).hint(
                    "install it, name another client behind `--`, or use --print, --env or --write",
                )
            })?;
        Ok(exit_code(signals.pass_on_until_end(child).await?))
    }
}

/// Signals to this process, which do not end it while the client runs.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    quit: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
    /// Ctrl-C at a terminal reaches the client too, without our help.
    has_terminal: bool,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            has_terminal: File::open("/dev/tty").is_ok(),
        })
    }

    async fn pass_on_until_end(&mut self, mut child: Child) -> std::io::Result<ExitStatus> {
        let pid = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        loop {
            let received = tokio::select! {
                status = child.wait() => return status,
                _ = self.interrupt.recv() => (!self.has_terminal).then_some(Signal::INT),
                _ = self.quit.recv() => (!self.has_terminal).then_some(Signal::QUIT),
                _ = self.terminate.recv() => Some(Signal::TERM),
                _ = self.hangup.recv() => Some(Signal::HUP),
            };
            if let (Some(signal), Some(pid)) = (received, pid) {
                // It may have ended in this moment.
                let _ = kill_process(pid, signal);
            }
        }
    }
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let code = match (status.code(), status.signal()) {
        (Some(code), _) => code,
        (None, Some(signal)) => 128 + signal,
        (None, None) => 1,
    };
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(given: &[&str]) -> Program {
        Program::choose(given.iter().map(OsString::from).collect(), "psql")
    }

    fn program(name: &str, arguments: &[&str]) -> Program {
        Program {
            name: name.into(),
            arguments: arguments.iter().map(OsString::from).collect(),
        }
    }

    #[test]
    fn options_go_to_the_usual_client() {
        assert_eq!(chosen(&[]), program("psql", &[]));
        assert_eq!(
            chosen(&["-c", "select 1"]),
            program("psql", &["-c", "select 1"])
        );
        assert_eq!(chosen(&["pg_dump", "-s"]), program("pg_dump", &["-s"]));
        assert_eq!(chosen(&[""]), program("", &[]));
    }

    #[test]
    fn options_of_openssh_come_before_the_others() {
        let with = |given: &[&str]| {
            let given = given.iter().map(OsString::from).collect();
            Program::with_ssh_options(given, &["-o".to_owned(), "User=a b".to_owned()], "web1")
        };
        for (given, name, arguments) in [
            (&[][..], "ssh", &["-o", "User=a b", "web1"][..]),
            (&["-v"], "ssh", &["-o", "User=a b", "-v", "web1"]),
            (
                &["ssh", "web1", "id"],
                "ssh",
                &["-o", "User=a b", "web1", "id"],
            ),
            (
                &["/usr/bin/scp", "f", "web1:"],
                "/usr/bin/scp",
                &["-o", "User=a b", "f", "web1:"],
            ),
        ] {
            assert_eq!(with(given), (program(name, arguments), Vec::new()));
        }
        let (rsync, variables) = with(&["rsync", "f", "web1:"]);
        assert_eq!(rsync, program("rsync", &["f", "web1:"]));
        assert_eq!(variables[1], ("RSYNC_RSH", "ssh -o 'User=a b'".to_owned()));
    }

    #[test]
    fn it_ends_as_the_client_ends() {
        for (raw, code) in [(0, 0), (7 << 8, 7), (255 << 8, 255), (15, 143), (9, 137)] {
            let shown = format!("{:?}", exit_code(ExitStatus::from_raw(raw)));
            assert_eq!(shown, format!("{:?}", ExitCode::from(code)));
        }
    }
}
