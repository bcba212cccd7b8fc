//! `custos ssh-config` and `custos ssh-cert`: stock OpenSSH signs in with a certificate that is renewed behind its back.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_model::{Clock as _, ResourceName};
use custos_ssh_wire::{Certificate, PrivateKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::connect::quoted_for_shell;
use super::open::Resources;
use crate::account::connection::own_name;
use crate::account::private_file;
use crate::account::program::Program;
use crate::account::sign_in::SignIn;
use crate::account::state::{StateDirectory, suffixed};
use crate::cli::{ConnectArgs, SshArgs, SshConfigArgs};
use crate::failure::Failure;
use crate::machine;

/// A certificate is renewed when it has no longer than this.
const RENEWED_SECONDS: u64 = 300;

#[derive(Serialize)]
struct Wanted<'a> {
    public_key: &'a str,
}

/// What the gateway answers.
#[derive(Debug, Deserialize)]
struct Certified {
    certificate: String,
    login_name: String,
    host: String,
    port: Option<u16>,
    /// Public key of the authority that certifies what the gateway proves itself with.
    host_authority: String,
}

impl Certified {
    fn port(&self) -> Result<u16, Failure> {
        let none = || Failure::new(anyhow::anyhow!("the gateway has no listener for SSH"));
        self.port.ok_or_else(none)
    }
}

/// Files of one gateway.
struct Files {
    key: PathBuf,
    certificate: PathBuf,
    known_hosts: PathBuf,
    lock: PathBuf,
}

impl Files {
    fn of(state: &StateDirectory, sign_in: &SignIn) -> Result<Self, Failure> {
        let key = state.directory("ssh")?.join(sign_in.gateway().key());
        Ok(Self {
            certificate: suffixed(&key, "cert.pub"),
            known_hosts: suffixed(&key, "known_hosts"),
            lock: suffixed(&key, "lock"),
            key,
        })
    }
}

/// `custos ssh-cert`: says nothing where all is well, as `ssh` runs it.
pub(crate) async fn certify(arguments: SshArgs) -> Result<(), Failure> {
    let state = StateDirectory::find()?;
    let mut sign_in = SignIn::required(&state, arguments.gateway.gateway.as_deref())?;
    let files = Files::of(&state, &sign_in)?;
    let _lock = private_file::lock(&files.lock)?;
    if !is_good(&state, &sign_in, &files)? {
        renew(&mut sign_in, &files).await?;
    }
    Ok(())
}

/// `custos connect ssh/…`: a client of OpenSSH, for which the server goes by its name.
pub(super) async fn connect(
    out: &mut dyn Write,
    state: &StateDirectory,
    sign_in: &mut SignIn,
    arguments: &ConnectArgs,
    resource: &ResourceName,
) -> Result<ExitCode, Failure> {
    if arguments.env || arguments.write {
        return Err(
            Failure::usage("SSH has no environment and no service file to write to").hint(
                "`custos ssh-config` writes hosts into OpenSSH's configuration, for all clients",
            ),
        );
    }
    if arguments.reason.is_some() {
        return Err(Failure::usage(
            "a reason for opening cannot be given over SSH yet",
        ));
    }
    let files = Files::of(state, sign_in)?;
    let lock = private_file::lock(&files.lock)?;
    let certified = renew(sign_in, &files).await?;
    drop(lock);
    let target = own_name(resource);
    let port = certified.port()?;
    let user = format!("{}+{target}", certified.login_name);
    for word in [&certified.host, &user] {
        ensure_sound(word)?;
    }
    let mut options = vec![
        format!("HostName={}", certified.host),
        format!("Port={port}"),
        format!("User={user}"),
        // What the server's name means elsewhere.
        "ProxyCommand=none".to_owned(),
    ];
    let identity = identity(&files);
    options.extend(identity.map(|(word, value)| format!("{word}={value}")));
    let options: Vec<String> = options
        .into_iter()
        .flat_map(|option| ["-o".to_owned(), option])
        .collect();
    if arguments.print {
        let words = options.iter().map(|word| quoted_for_shell(word));
        let words: Vec<_> = words.collect();
        writeln!(out, "ssh {} {target}", words.join(" "))?;
        return Ok(ExitCode::SUCCESS);
    }
    let client = arguments.client.clone();
    let (program, variables) = Program::with_ssh_options(client, &options, target);
    program.run(&variables).await
}

/// `custos ssh-config`
pub(crate) async fn configure(
    out: &mut dyn Write,
    arguments: SshConfigArgs,
) -> Result<(), Failure> {
    let state = StateDirectory::find()?;
    let mut sign_in = SignIn::required(&state, arguments.gateway.gateway.as_deref())?;
    let files = Files::of(&state, &sign_in)?;
    let lock = private_file::lock(&files.lock)?;
    let certified = renew(&mut sign_in, &files).await?;
    drop(lock);
    let list: Resources = sign_in.get("/v1/my/resources").await?;
    let port = certified.port()?;
    let names = list.resources.iter().map(|resource| resource.name.as_str());
    for word in names.chain([certified.host.as_str(), certified.login_name.as_str()]) {
        ensure_sound(word)?;
    }
    let targets = list.resources.iter();
    let targets = targets.filter_map(|resource| resource.name.strip_prefix("ssh/"));
    let targets: Vec<&str> = targets.collect();
    if arguments.known_hosts {
        let host = &certified.host;
        let mut patterns = vec![
            host.clone(),
            format!("[{host}]:{port}"),
            "custos-*".to_owned(),
        ];
        patterns.extend(targets.iter().map(|target| (*target).to_owned()));
        let line = authority_line(&patterns.join(","), &certified)?;
        return Ok(write!(out, "{line}")?);
    }
    let program = std::env::current_exe().context("cannot find this program")?;
    let command = format!(
        "{} ssh-cert --gateway {}",
        quoted_for_shell(&program.display().to_string()),
        quoted_for_shell(&sign_in.gateway().to_string())
    );
    writeln!(
        out,
        "# {} (written by `custos ssh-config`)",
        sign_in.gateway()
    )?;
    writeln!(out, "Host custos")?;
    writeln!(out, "    HostName {}", certified.host)?;
    writeln!(out, "    User {}", certified.login_name)?;
    for target in &targets {
        writeln!(out, "Host custos-{target}")?;
        writeln!(out, "    HostName {}", certified.host)?;
        writeln!(out, "    User {}+{target}", certified.login_name)?;
    }
    // In double quotes: single ones inside are the shell's. A percent sign begins a token.
    let command = command.replace('%', "%%");
    if command.contains('"') {
        return Err(Failure::new(anyhow::anyhow!(
            "this program's path has a quotation mark"
        )));
    }
    if arguments.jump && !targets.is_empty() {
        let names = targets.join(",");
        writeln!(out, "Match originalhost {names} exec \"{command}\"")?;
        writeln!(out, "    User {}", certified.login_name)?;
        writeln!(out, "    Port 22")?;
        writeln!(out, "    ProxyJump custos")?;
        write_identity(out, &files)?;
    }
    writeln!(out, "Match host {} exec \"{command}\"", certified.host)?;
    writeln!(out, "    Port {port}")?;
    write_identity(out, &files)
}

/// Words of the gateway's, which stand in a configuration that can start programs.
fn ensure_sound(word: &str) -> Result<(), Failure> {
    let is_special = |c: char| c.is_control() || c.is_whitespace() || "\"'%\\$`,*?!".contains(c);
    if !word.contains(is_special) && !word.starts_with('-') {
        return Ok(());
    }
    let shown = word.escape_debug();
    Err(Failure::new(anyhow::anyhow!(
        "`{shown}` cannot stand in a configuration of OpenSSH"
    )))
}

/// By what a client signs in, and knows the gateway: words of OpenSSH's configuration.
fn identity(files: &Files) -> [(&'static str, String); 5] {
    // A percent sign begins a token there.
    let quoted = |file: &Path| format!("\"{}\"", file.display().to_string().replace('%', "%%"));
    [
        ("IdentityFile", quoted(&files.key)),
        ("CertificateFile", quoted(&files.certificate)),
        ("UserKnownHostsFile", quoted(&files.known_hosts)),
        ("IdentitiesOnly", "yes".to_owned()),
        ("StrictHostKeyChecking", "yes".to_owned()),
    ]
}

fn write_identity(out: &mut dyn Write, files: &Files) -> Result<(), Failure> {
    for (word, value) in identity(files) {
        writeln!(out, "    {word} {value}")?;
    }
    Ok(())
}

/// Whether the certificate is there, good for some time, and no older than the sign-in's tokens.
fn is_good(state: &StateDirectory, sign_in: &SignIn, files: &Files) -> Result<bool, Failure> {
    let Some(text) = private_file::read(&files.certificate)? else {
        return Ok(false);
    };
    let text = String::from_utf8_lossy(&text);
    let bytes = text.split(' ').nth(1).map(str::trim_end);
    let bytes = bytes.and_then(|word| STANDARD.decode(word).ok());
    let Some(certificate) = bytes.and_then(|bytes| Certificate::decode(&bytes).ok()) else {
        return Ok(false);
    };
    let now = machine::SystemClock::start().now().utc_ns / 1_000_000_000;
    let is_long_enough = certificate.grant.valid_before > now + RENEWED_SECONDS;
    let tokens = suffixed(&state.of_gateway(sign_in.gateway())?, "json");
    Ok(is_long_enough && is_newer(&files.certificate, &tokens))
}

fn is_newer(one: &Path, other: &Path) -> bool {
    let changed = |path: &Path| std::fs::metadata(path).and_then(|it| it.modified()).ok();
    matches!((changed(one), changed(other)), (Some(one), Some(other)) if one >= other)
}

/// Gets a certificate for the key, which is made where there is none.
async fn renew(sign_in: &mut SignIn, files: &Files) -> Result<Certified, Failure> {
    let key = key(&files.key)?;
    let wanted = Wanted {
        public_key: key.public().openssh(),
    };
    let wanted = serde_json::to_vec(&wanted)?;
    let certified: Certified = sign_in.post("/v1/my/certificates", wanted).await?;
    let line = format!("{} custos\n", certified.certificate);
    private_file::write(&files.certificate, line.as_bytes())?;
    // For every name: the file is used for this gateway alone, and each of its certificates says which names it is for.
    let line = authority_line("*", &certified)?;
    private_file::write(&files.known_hosts, line.as_bytes())?;
    Ok(certified)
}

/// The line of `known_hosts` that trusts the gateway's authority for hosts.
fn authority_line(patterns: &str, certified: &Certified) -> Result<String, Failure> {
    let authority = &certified.host_authority;
    if authority.contains(char::is_control) {
        return Err(Failure::new(anyhow::anyhow!(
            "the gateway's authority for hosts cannot be read"
        )));
    }
    Ok(format!("@cert-authority {patterns} {authority} custos\n"))
}

fn key(file: &Path) -> Result<PrivateKey, Failure> {
    let shown = file.display();
    if let Some(text) = private_file::read(file)? {
        let text = Zeroizing::new(text);
        let text = std::str::from_utf8(&text).with_context(|| format!("{shown} is damaged"))?;
        return Ok(PrivateKey::parse(text).with_context(|| format!("{shown} cannot be used"))?);
    }
    let mut seed = Zeroizing::new([0; 32]);
    machine::random(seed.as_mut_slice());
    let text = PrivateKey::openssh_from_seed(&seed, "custos").context("cannot make a key")?;
    private_file::write(file, text.as_bytes())?;
    Ok(PrivateKey::from_seed(&seed).context("cannot make a key")?)
}
