//! `custos resource …`

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::path::Path;

use anyhow::Context as _;
use custos_model::{Protocol, ResourceName, Secret};
use custos_ssh_wire::{Certificate, CertificateKind, PrivateKey};
use custos_store::Resource;
use hyper::Method;
use serde_json::json;
use zeroize::Zeroizing;

use crate::cli::{GatewayArgs, PasswordArgs, ReadArgs, ResourceAddArgs, ResourceCommand};
use crate::client::AdminClient;
use crate::failure::Failure;
use crate::output::{self, Style};

/// Longer passwords are mistakes, such as the wrong file.
const PASSWORD_BYTES_MAX: u64 = 4096;
/// Longer private keys are mistakes.
const KEY_BYTES_MAX: u64 = 16 * 1024;
/// The largest file of CA certificates.
const CA_BYTES_MAX: u64 = 64 * 1024;

/// Dispatches.
pub(crate) async fn run(out: &mut dyn Write, command: ResourceCommand) -> Result<(), Failure> {
    match command {
        ResourceCommand::Add(arguments) => add(out, *arguments).await,
        ResourceCommand::Ls(arguments) => list(out, arguments).await,
        ResourceCommand::Rm { name, gateway } => remove(out, &name, &gateway).await,
    }
}

async fn add(out: &mut dyn Write, arguments: ResourceAddArgs) -> Result<(), Failure> {
    let client = AdminClient::find(&arguments.gateway)?;
    let password = password(&arguments.password, arguments.certificate_file.as_deref())?;
    let port = arguments.port.unwrap_or(match arguments.name.protocol() {
        Protocol::Postgres => 5432,
        Protocol::Ssh => 22,
    });
    let ca_pem = arguments.ca_file.as_deref().map(ca).transpose()?;
    let resource = Resource {
        name: arguments.name,
        host: arguments.host,
        port,
        account: arguments.account,
        database: arguments.database,
        tls: arguments.tls,
        ca_pem,
        accept_env: (!arguments.accept_env.is_empty()).then_some(arguments.accept_env),
        host_key: arguments.host_key.map(|line| without_comment(&line)),
        allow_md5: arguments.allow_md5,
        allow_cleartext: arguments.allow_cleartext,
        durability: arguments.durability,
        labels: arguments.labels.into_iter().collect(),
    };
    let body = json!({"resource": resource, "password": password.expose()});
    let added: Resource = client
        .post("/v1/resources", body.to_string().into_bytes())
        .await?;
    let protection = match &added.host_key {
        Some(key) => format!("host key {}", key.split(' ').next().unwrap_or_default()),
        None => format!("TLS {}", added.tls),
    };
    writeln!(
        out,
        "added {}: {}:{} as {}, {protection}",
        added.name, added.host, added.port, added.account
    )?;
    Ok(())
}

async fn list(out: &mut dyn Write, arguments: ReadArgs) -> Result<(), Failure> {
    let list: Vec<Resource> = AdminClient::find(&arguments.gateway)?
        .get("/v1/resources")
        .await?;
    if arguments.json {
        return Ok(output::json(out, &list)?);
    }
    let header = [
        "name",
        "address",
        "account",
        "database",
        "tls",
        "durability",
        "labels",
    ];
    let rows: Vec<Vec<String>> = list
        .iter()
        .map(|resource| {
            let labels: Vec<String> = resource
                .labels
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            vec![
                resource.name.to_string(),
                format!("{}:{}", resource.host, resource.port),
                resource.account.clone(),
                resource.database.clone().unwrap_or_else(|| "*".to_owned()),
                resource.tls.to_string(),
                resource.durability.to_string(),
                labels.join(","),
            ]
        })
        .collect();
    Ok(output::rows(out, Style::of_stdout(), &header, &rows)?)
}

async fn remove(
    out: &mut dyn Write,
    name: &ResourceName,
    gateway: &GatewayArgs,
) -> Result<(), Failure> {
    let client = AdminClient::find(gateway)?;
    client
        .command(Method::DELETE, &format!("/v1/resources/{name}"))
        .await?;
    writeln!(out, "removed {name}")?;
    Ok(())
}

/// Type and base64 of a public key: what stands after them is the owner's remark.
fn without_comment(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().take(2).collect();
    words.join(" ")
}

/// A private key, whole.
fn private_key(path: &Path) -> Result<(PrivateKey, Zeroizing<String>), Failure> {
    let shown = path.display();
    let mut text = Zeroizing::new(String::new());
    let file = File::open(path).with_context(|| format!("cannot open {shown}"))?;
    let read = file.take(KEY_BYTES_MAX).read_to_string(&mut text);
    read.with_context(|| format!("cannot read {shown}"))?;
    match PrivateKey::parse(&text) {
        Ok(key) => Ok((key, text)),
        Err(error) => Err(Failure::usage(format!("{shown} cannot be used: {error}"))),
    }
}

/// A private key, and the line of its certificate behind it.
fn certified_key(key: &Path, certificate: Option<&Path>) -> Result<Secret, Failure> {
    let (key, mut text) = private_key(key)?;
    if let Some(path) = certificate {
        let shown = path.display();
        let file = File::open(path).with_context(|| format!("cannot open {shown}"))?;
        let line = first_line(file).with_context(|| format!("cannot read {shown}"))?;
        let unusable =
            |why: &dyn std::fmt::Display| Failure::usage(format!("{shown} cannot be used: {why}"));
        let (_, certificate) =
            Certificate::parse(line.expose()).map_err(|error| unusable(&error))?;
        if certificate.grant.kind != CertificateKind::User {
            return Err(unusable(&"it is for a host"));
        }
        if certificate.key != *key.public() {
            return Err(unusable(&"it is for another key"));
        }
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(line.expose());
    }
    Ok(Secret::new(text.to_string()))
}

/// The first line of the file or of standard input, or the private key.
fn password(arguments: &PasswordArgs, certificate: Option<&Path>) -> Result<Secret, Failure> {
    if let Some(path) = &arguments.key_file {
        return certified_key(path, certificate);
    }
    let (text, source) = if let Some(path) = &arguments.password_file {
        let shown = path.display().to_string();
        let file = File::open(path).with_context(|| format!("cannot open {shown}"))?;
        let line = first_line(file).with_context(|| format!("cannot read {shown}"))?;
        (line, shown)
    } else {
        let line = first_line(io::stdin().lock()).context("cannot read standard input")?;
        (line, "standard input".to_owned())
    };
    if text.expose().is_empty() {
        return Err(Failure::usage(format!(
            "{source} has no password on its first line"
        )));
    }
    Ok(text)
}

fn first_line(source: impl Read) -> io::Result<Secret> {
    let mut line = String::new();
    BufReader::new(source.take(PASSWORD_BYTES_MAX)).read_line(&mut line)?;
    let length = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(length);
    Ok(Secret::new(line))
}

fn ca(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    let size = std::fs::metadata(path)
        .with_context(|| format!("cannot open {shown}"))?
        .len();
    if size > CA_BYTES_MAX {
        return Err(Failure::usage(format!("{shown} is larger than 64 KiB")));
    }
    let pem = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    if !pem.contains("-----BEGIN CERTIFICATE-----") {
        return Err(Failure::usage(format!("{shown} holds no PEM certificate")));
    }
    Ok(pem)
}

#[cfg(test)]
mod tests {
    use super::first_line;

    #[test]
    fn a_password_is_one_line() {
        assert_eq!(
            first_line(&b"s3cret \r\nmore\n"[..]).unwrap().expose(),
            "s3cret "
        );
        assert_eq!(first_line(&b"s3cret"[..]).unwrap().expose(), "s3cret");
        assert_eq!(first_line(&b""[..]).unwrap().expose(), "");
    }
}
