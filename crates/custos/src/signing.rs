//! Signatures of whoever runs the command, by her own SSH key. The key stays with ssh-keygen, the agent or the security key.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context as _;
use custos_signatures::APPROVAL_NAMESPACE;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;

use crate::failure::Failure;
use crate::machine;

/// Bytes of a public key file at most.
const PUBLIC_KEY_BYTES_MAX: u64 = 16 * 1024;

/// Signs a statement with the key of a file: a private key, or a public one whose private key the agent has.
pub(crate) async fn sign(file: &Path, statement: &str) -> Result<String, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(anyhow::Error::new(error).context("cannot run ssh-keygen"))
            .hint("install OpenSSH's client")
    };
    let mut child = tokio::process::Command::new("ssh-keygen")
        .args(["-Y", "sign", "-q", "-n", APPROVAL_NAMESPACE, "-f"])
        .arg(file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin
            .write_all(statement.as_bytes())
            .await
            .map_err(failed)?;
    }
    let output = child.wait_with_output().await.map_err(failed)?;
    let signature = String::from_utf8(output.stdout)
        .ok()
        .filter(|text| !text.is_empty());
    match signature {
        Some(signature) if output.status.success() => Ok(signature),
        _ => Err(Failure::new(anyhow::anyhow!(
            "ssh-keygen did not sign with {}",
            file.display()
        ))),
    }
}

/// The public key of a file, and the file to sign with.
pub(crate) fn public_line(file: &Path) -> Result<(PathBuf, String), Failure> {
    let is_public = file.extension().is_some_and(|extension| extension == "pub");
    let mut public = file.as_os_str().to_owned();
    if !is_public {
        public.push(".pub");
    }
    let path = Path::new(&public);
    let failed = || format!("cannot read {}", path.display());
    let is_small = std::fs::metadata(path).with_context(failed)?.len() <= PUBLIC_KEY_BYTES_MAX;
    if !is_small {
        return Err(Failure::new(anyhow::anyhow!(
            "{} is no public key",
            path.display()
        )));
    }
    let text = std::fs::read_to_string(path).with_context(failed)?;
    Ok((file.to_owned(), first_line(&text)))
}

/// Keys of ~/.ssh: ssh-keygen finds their private halves in the agent too.
pub(crate) fn own_keys() -> Result<Vec<(PathBuf, String)>, Failure> {
    let Some(home) = machine::environment("HOME") else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for name in [
        "id_ed25519_sk",
        "id_ecdsa_sk",
        "id_ed25519",
        "id_ecdsa",
        "id_rsa",
    ] {
        let file = Path::new(&home).join(".ssh").join(format!("{name}.pub"));
        if file.exists() {
            found.push(public_line(&file)?);
        }
    }
    Ok(found)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// Whether an enrolment is of that key, and of nothing else.
pub(crate) fn check_enrolment(statement: &str, fingerprint: &str) -> Result<(), Failure> {
    let value: Value = serde_json::from_str(statement)?;
    let member = |name: &str| value.get(name).and_then(Value::as_str);
    if member("type") == Some("custos.approver.v1") && member("key") == Some(fingerprint) {
        return Ok(());
    }
    Err(Failure::new(anyhow::anyhow!(
        "the gateway wants something else signed than this enrolment, so nothing was signed"
    )))
}
