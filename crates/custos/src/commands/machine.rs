//! `custos machine …`

use std::io::Write;
use std::path::Path;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_jwt::Signer;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::account::private_file;
use crate::cli::MachineCommand;
use crate::failure::Failure;
use crate::output;

/// RFC 7468 section 2.
const LINE_CHARACTERS: usize = 64;

/// Dispatches.
pub(crate) fn run(out: &mut dyn Write, command: MachineCommand) -> Result<(), Failure> {
    match command {
        MachineCommand::NewKey { file } => new_key(out, &file),
    }
}

/// Makes a key pair: the private half goes into the file, the public one is printed for the gateway.
fn new_key(out: &mut dyn Write, file: &Path) -> Result<(), Failure> {
    let file = std::path::absolute(file)?;
    if file.symlink_metadata().is_ok() {
        return Err(Failure::usage(format!("{} exists already", file.display()))
            .hint("a key is never written over; name another file"));
    }
    let (private, public) = key_pair()?;
    private_file::write(&file, private.as_bytes())?;
    Ok(output::json(out, &public)?)
}

/// A new key pair: PKCS#8 as PEM, and a JSON Web Key Set for the gateway.
pub(crate) fn key_pair() -> Result<(Zeroizing<String>, Value), Failure> {
    let signer = Signer::generate().context("cannot make a key")?;
    let der = signer.to_pkcs8().context("cannot make a key")?;
    Ok((pem(&der), json!({ "keys": [signer.public_jwk()] })))
}

fn pem(der: &[u8]) -> Zeroizing<String> {
    let text = Zeroizing::new(STANDARD.encode(der));
    let mut pem = Zeroizing::new("-----BEGIN PRIVATE KEY-----\n".to_owned());
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at_checked(LINE_CHARACTERS).unwrap_or((rest, ""));
        pem.push_str(line);
        pem.push('\n');
        rest = more;
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    pem
}
