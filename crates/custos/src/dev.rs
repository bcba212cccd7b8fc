//! `custos dev`: a gateway for trying things out. Everything lies in one directory, and only this
//! machine can connect.

mod certificates;
mod job;
mod people;
mod target;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use custos_api::Peer;

use crate::cli::DevArgs;
use crate::commands;
use crate::failure::Failure;
use crate::start::Running;
use crate::{machine, serve};
use people::People;
use target::Target;

/// Runs it.
pub(crate) fn dev(arguments: DevArgs) -> Result<(), Failure> {
    let addresses = [arguments.listen, arguments.web].into_iter();
    for address in addresses.chain(arguments.ssh) {
        if !address.ip().is_loopback() {
            return Err(
                Failure::usage(format!("{address} is not a loopback address")).hint(
                    "write a configuration and use `custos serve` to be reached from elsewhere",
                ),
            );
        }
    }
    let target = arguments.target.as_deref().map(Target::parse).transpose()?;
    machine::private_directory(&arguments.dir)
        .with_context(|| format!("cannot make directory {}", arguments.dir.display()))?;
    let dir = std::fs::canonicalize(&arguments.dir)?;
    certificates::ensure(&dir, &machine::SystemClock::start())?;
    job::ensure_key(&dir)?;
    let file = dir.join("custos.toml");
    let people = People::prepare(arguments.web)?;
    let policy = match &arguments.policy {
        Some(path) => Some(
            std::fs::canonicalize(path)
                .with_context(|| format!("cannot read {}", path.display()))?,
        ),
        None => None,
    };
    let text = configuration(arguments.listen, arguments.ssh, &people, policy.as_deref());
    std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    let config = commands::config::load(&file)?;
    let given = arguments.dir;
    serve::run(config, Some(dir.join("ca.crt")), async |running| {
        let passwords = people.serve()?;
        let registered = match &target {
            Some(target) => Some(register(running, target).await?),
            None => None,
        };
        let welcome = welcome(running, &dir, &given, registered.as_deref(), &passwords);
        let mut out = std::io::stdout().lock();
        out.write_all(welcome.as_bytes())?;
        out.flush()?;
        Ok(())
    })
}

fn configuration(
    listen: SocketAddr,
    ssh: Option<SocketAddr>,
    people: &People,
    policy: Option<&Path>,
) -> String {
    let People {
        web, url, issuer, ..
    } = people;
    let policy_key = policy.map_or_else(String::new, |path| {
        let path = toml::Value::from(path.display().to_string());
        format!("policy = {path}\n")
    });
    let ssh_listener = ssh.map_or_else(String::new, |address| {
        format!("\n[[listener]]\nname = \"ssh\"\nprotocol = \"ssh\"\naddress = \"{address}\"\n")
    });
    let access = if policy.is_some() { "" } else { ACCESS };
    format!(
        r#"# Written by `custos dev` at each start. Copy it to begin a configuration of your own.
cluster = "custos"
node = "dev"
state_dir = "."
{policy_key}
[[listener]]
name = "pg"
protocol = "postgres"
address = "{listen}"
certificate = "server.crt"
key = "server.key"
{ssh_listener}
[web]
address = "{web}"
url = "{url}"
tls = "off"

# The development provider, in this very process. Its people and their passwords are new at each start.
[[provider]]
name = "dev"
label = "the development provider"
issuer = "{issuer}"
client_id = "custos"
groups_claim = "groups"
allow_networks = ["127.0.0.0/8"]

# A CI job with a key of its own: `custos login --machine ci-deploy --key ci-deploy.pem`.
[[machine]]
name = "ci-deploy"
keys_file = "ci-deploy.jwks"
{access}"#
    )
}

/// What holds without policy documents.
const ACCESS: &str = r#"
# Everybody who has signed in, or has a credential, may open everything.
[[access]]
name = "dev-everything"
principals = ["*"]
resources = ["*"]
"#;

/// Puts the target in place of an earlier one. Returns what to tell about it.
async fn register(running: &Running, target: &Target) -> Result<String, Failure> {
    let peer = Peer::new(machine::own_uid(), &machine::passwd());
    let resource = &target.resource;
    match running.store.resource_with_password(&resource.name)? {
        Some((stored, password))
            if stored == *resource && password.expose() == target.password.expose() => {}
        stored => {
            if stored.is_some() {
                running
                    .admin
                    .remove_resource(&peer, resource.name.clone())
                    .await?;
            }
            running
                .admin
                .add_resource(&peer, target.new_resource())
                .await?;
        }
    }
    Ok(target.describe())
}

fn welcome(
    running: &Running,
    dir: &Path,
    given: &Path,
    target: Option<&str>,
    passwords: &str,
) -> String {
    let address = running
        .listeners
        .first()
        .map_or("", |listener| listener.address.as_str());
    let ssh = running
        .listeners
        .get(1)
        .map_or_else(String::new, |listener| {
            format!("  SSH          {}\n", listener.address)
        });
    let option = if given == Path::new("custos-dev") {
        String::new()
    } else {
        format!(" --socket {}", shell(&running.config.admin_socket))
    };
    let resource = match target {
        Some(_) => String::new(),
        None => format!(
            "  custos resource add postgres/demo{option} --host HOST --account ACCOUNT --password-file FILE\n"
        ),
    };
    let target = target.map_or_else(String::new, |text| format!("  target       {text}\n"));
    let rights = match &running.config.policy_files {
        Some(files) => format!("its policy is\n{}", files.display()),
        None => "its access rule\nlets everybody who has signed in open everything".to_owned(),
    };
    format!(
        "\
Custos is running, for trying things out: it listens on this machine only, and {rights}.

  address      {address} (TLS)
{ssh}  sign-in      {url}
{target}  CA file      {ca}
  admin socket {socket}
  evidence     {evidence}
  verifier key {key}

People of the development provider, with passwords that are good until it stops:

{passwords}
Next, in another terminal:

{resource}  custos login --gateway {url}
  custos connect postgres/demo

As a CI job would, with a key of its own:

  custos login --gateway {url} --machine ci-deploy --key {job}
  custos connect postgres/demo

Or without signing in:

  custos credential issue{option} --principal alice --resource postgres/demo
  custos session ls{option}
  custos verify {evidence_arg} --key '{key}'

Ctrl-C stops it. Everything is in {dir}.
",
        url = running
            .config
            .web
            .as_ref()
            .map_or("", |web| web.url.as_str()),
        ca = dir.join("ca.crt").display(),
        socket = running.config.admin_socket.display(),
        evidence = running.config.evidence_dir.display(),
        evidence_arg = shell(&running.config.evidence_dir),
        key = running.evidence.verifier_key(),
        dir = dir.display(),
        job = shell(&dir.join(job::KEY_FILE)),
    )
}

fn shell(path: &Path) -> String {
    commands::connect::quoted_for_shell(&path.display().to_string())
}
