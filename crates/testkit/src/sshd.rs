//! A real OpenSSH server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::postgres::SUPERVISE;
use crate::process::{Running, free_port, run, start};
use crate::wait::wait_for;
use crate::{Custos, PATIENCE};

/// A running server on 127.0.0.1, in which the user of the tests is an account. It stops when it is dropped or the test
/// process ends, however it ends.
#[derive(Debug)]
pub struct Sshd {
    directory: PathBuf,
    port: u16,
    supervisor: Running,
}

impl Sshd {
    /// The one server of this process.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Sshd> = OnceLock::new();
        SHARED.get_or_init(|| Self::start_with(""))
    }

    /// A server of its own; `settings` are further lines of its configuration, which count before the usual ones.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_with(settings: &str) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("custos-sshd-")
            .tempdir()
            .expect("/tmp can be written")
            .keep();
        let host_key = directory.join("host_key");
        new_key(&host_key, "ed25519");
        for kind in ["ed25519", "ecdsa", "rsa"] {
            new_key(&directory.join(kind), kind);
        }
        let public = |kind| read(&directory.join(kind).with_extension("pub"));
        let authorized = ["ed25519", "ecdsa", "rsa"].map(public).concat();
        write(&directory.join("authorized_keys"), &authorized);
        let port = free_port();
        let text = format!(
            "{settings}\nPort {port}\nListenAddress 127.0.0.1\nHostKey {host_key}\nPidFile none\n\
             AuthorizedKeysFile {directory}/authorized_keys\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxSessions 64\nMaxStartups 100\n\
             AcceptEnv LANG LC_*\nPrintMotd no\nLogLevel VERBOSE\nSubsystem sftp /usr/lib/openssh/sftp-server\n",
            host_key = host_key.display(),
            directory = directory.display(),
        );
        let file = directory.join("sshd_config");
        write(&file, &text);
        // Where it is started by root it wants this directory.
        let _ = std::fs::create_dir_all("/run/sshd");
        let log = directory.join("log");
        let mut supervisor = start(
            Command::new("sh")
                .args(["-c", SUPERVISE, "sh", "/usr/sbin/sshd", "-D", "-f"])
                .arg(&file)
                .arg("-E")
                .arg(&log)
                .env("CUSTOS_TEST_DIRECTORY", &directory),
        );
        wait_for("sshd to be ready", PATIENCE, || {
            let said = || std::fs::read_to_string(&log).unwrap_or_default();
            assert!(supervisor.is_running(), "{}{}", supervisor.stderr(), said());
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Self {
            directory,
            port,
            supervisor,
        }
    }

    /// Its TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its host key: type and base64.
    pub fn host_key(&self) -> String {
        let line = read(&self.directory.join("host_key.pub"));
        let words: Vec<&str> = line.split_whitespace().take(2).collect();
        words.join(" ")
    }

    /// The account that its keys are for.
    pub fn account() -> String {
        run(Command::new("id").arg("-un"), PATIENCE)
            .success()
            .trim_end()
            .to_owned()
    }

    /// A private key that it takes: `ed25519`, `ecdsa` or `rsa` (PKCS#8).
    pub fn key(&self, kind: &str) -> PathBuf {
        self.directory.join(kind)
    }

    /// Its own log.
    pub fn log(&self) -> String {
        read(&self.directory.join("log"))
    }

    /// An `ssh` command that goes to it directly.
    pub fn ssh(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("ssh");
        options(&mut command, &self.directory);
        command.arg("-i").arg(self.key("ed25519"));
        command.args(["-p", &self.port.to_string(), "127.0.0.1"]);
        command.args(arguments);
        command
    }

    /// Its process id's supervisor; for what is measured.
    pub fn is_running(&mut self) -> bool {
        self.supervisor.is_running()
    }
}

/// Options of a client that keeps nothing and asks nothing.
fn options(command: &mut Command, directory: &Path) {
    command
        .args(["-F", "none", "-o", "StrictHostKeyChecking=accept-new"])
        .arg("-o")
        .arg(format!(
            "UserKnownHostsFile={}/known_hosts",
            directory.display()
        ))
        .args(["-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR"]);
}

impl Custos {
    /// Adds an SSH server as a resource, whose key the gateway signs in with.
    #[track_caller]
    pub fn add_ssh(&self, name: &str, server: &Sshd, key: &str, options: &[&str]) {
        let (port, key) = (server.port().to_string(), server.key(key));
        let (account, host_key) = (Sshd::account(), server.host_key());
        let mut arguments = vec![
            "resource",
            "add",
            name,
            "--host",
            "127.0.0.1",
            "--port",
            &port,
        ];
        arguments.extend(["--account", &account, "--host-key", &host_key, "--key-file"]);
        arguments.push(key.to_str().expect("paths here are text"));
        arguments.extend(options);
        self.cli(&arguments).success();
    }

    /// A client command (`ssh`, `scp`, `sftp`, …) whose password is the credential, without a host.
    pub fn ssh_client(&self, program: &str, secret: &str) -> Command {
        let answer =
            self.write_private("askpass", "#!/bin/sh\nprintf '%s\\n' \"$CUSTOS_SECRET\"\n");
        make_executable(&answer);
        let mut command = Command::new(program);
        options(&mut command, self.directory());
        command
            .env("SSH_ASKPASS", answer)
            .env("SSH_ASKPASS_REQUIRE", "force")
            .env("CUSTOS_SECRET", secret);
        command
    }

    /// `ssh NAME+TARGET@gateway` with a credential, and what stands after the host.
    pub fn ssh(&self, credential: &crate::Credential, target: &str, arguments: &[&str]) -> Command {
        let mut command = self.ssh_client("ssh", &credential.secret);
        command.args(["-p", &self.ssh_address().port().to_string()]);
        command.arg(format!("{}+{target}@127.0.0.1", credential.principal));
        command.args(arguments);
        command
    }
}

fn make_executable(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(file, mode).expect("it is our own file");
}

fn new_key(file: &Path, kind: &str) {
    let mut command = Command::new("ssh-keygen");
    command
        .args(["-q", "-t", kind, "-N", "", "-C", "test", "-f"])
        .arg(file);
    if kind == "rsa" {
        command.args(["-b", "2048", "-m", "PKCS8"]);
    }
    run(&mut command, PATIENCE).success();
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).expect("it can be read")
}

fn write(file: &Path, text: &str) {
    std::fs::write(file, text).expect("the directory can be written");
}
