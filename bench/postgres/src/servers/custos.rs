//! Custos with one resource, one listener and one durability, set up through its own command line.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use rustix::process::Signal;

use super::NAME;
use crate::process::{Server, clean_command, free_address, output_of};

pub(super) const RESOURCE: &str = "postgres/bench";

#[derive(Debug)]
pub(crate) struct Custos {
    server: Server,
    program: PathBuf,
    socket: PathBuf,
    address: SocketAddr,
}

impl Custos {
    /// Starts a gateway in front of `upstream`; `durability` is `buffered` or `strict`. Without policy documents, an
    /// access rule lets everything pass.
    pub(crate) fn start(
        program: &Path,
        directory: &Path,
        upstream: SocketAddr,
        durability: &str,
        documents: Option<String>,
    ) -> anyhow::Result<Self> {
        let policy = if documents.is_some() { "-policy" } else { "" };
        let name = format!("custos-{durability}{policy}");
        let home = directory.join(&name);
        fs::create_dir(&home).with_context(|| format!("cannot create {}", home.display()))?;
        let address = free_address()?;
        let socket = home.join("admin.sock");
        let settings = home.join("custos.toml");
        let access = match documents {
            Some(text) => {
                fs::write(home.join("policy.yaml"), text)?;
                "policy = \"policy.yaml\"".to_owned()
            }
            None => format!(
                "[[access]]\nname = \"bench\"\nprincipals = [\"{NAME}\"]\nresources = [\"{RESOURCE}\"]"
            ),
        };
        fs::write(
            &settings,
            configuration(&home, &socket, address, durability, &access),
        )?;
        let log = directory.join(format!("{name}.log"));
        let arguments = ["serve".as_ref(), "--config".as_ref(), settings.as_os_str()];
        let mut server = Server::start(program, arguments, None, Signal::TERM, log)?;
        server
            .wait_until(|| UnixStream::connect(&socket).ok())
            .context("Custos did not start")?;
        let custos = Self {
            server,
            program: program.to_owned(),
            socket,
            address,
        };
        custos.add_resource(&home, upstream, durability)?;
        Ok(custos)
    }

    fn add_resource(
        &self,
        home: &Path,
        upstream: SocketAddr,
        durability: &str,
    ) -> anyhow::Result<()> {
        // A resource has a password; this PostgreSQL trusts loopback and never asks for it.
        let password_file = home.join("upstream-password");
        fs::write(&password_file, "never asked for\n").context("cannot write the password file")?;
        let arguments = format!(
            "resource add {RESOURCE} --host {} --port {} --account {NAME} --database {NAME} --tls disable --durability {durability}",
            upstream.ip(),
            upstream.port(),
        );
        let mut command = self.command(&arguments);
        command.arg("--password-file").arg(&password_file);
        output_of(&mut command)
            .context("cannot add the resource to Custos")
            .map(drop)
    }

    /// A new connection credential, valid for an hour; every cell gets its own, so that no run outlives one.
    pub(crate) fn issue_credential(&self) -> anyhow::Result<String> {
        let arguments = format!(
            "credential issue --principal {NAME} --kind workload --resource {RESOURCE} --ttl 1h --format json"
        );
        let printed = output_of(&mut self.command(&arguments))
            .context("cannot issue a connection credential")?;
        let answer: serde_json::Value =
            serde_json::from_str(&printed).context("the answer is not JSON")?;
        let secret = answer.get("secret").and_then(serde_json::Value::as_str);
        secret
            .map(str::to_owned)
            .context("the answer holds no secret")
    }

    /// An admin command; `arguments` are separated by spaces.
    fn command(&self, arguments: &str) -> Command {
        let mut command = clean_command(self.program.as_os_str(), None);
        command
            .args(arguments.split(' '))
            .arg("--socket")
            .arg(&self.socket);
        command
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }
}

/// `access`: who may do what, as it stands at the top of the file.
fn configuration(
    home: &Path,
    socket: &Path,
    address: SocketAddr,
    durability: &str,
    access: &str,
) -> String {
    let home = home.display();
    format!(
        r#"cluster = "bench"
node = "{durability}"
state_dir = "{home}/state"
evidence_dir = "{home}/evidence"
admin_socket = "{socket}"
{access}

[limits]
sessions_per_principal = 1000

[log]
level = "warn"

[[listener]]
name = "postgres"
protocol = "postgres"
address = "{address}"
tls = "off"
"#,
        socket = socket.display()
    )
}
