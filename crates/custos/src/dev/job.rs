//! The key of a CI job that signs in by itself.

use std::path::Path;

use anyhow::Context as _;

use crate::account::private_file;
use crate::commands::machine;
use crate::failure::Failure;

/// The job's own half.
pub(super) const KEY_FILE: &str = "ci-deploy.pem";
/// The half that the gateway knows.
const PUBLIC_FILE: &str = "ci-deploy.jwks";

/// Makes the key at the first start.
pub(super) fn ensure_key(dir: &Path) -> Result<(), Failure> {
    let file = dir.join(KEY_FILE);
    if file.exists() {
        return Ok(());
    }
    let (private, public) = machine::key_pair()?;
    let known = dir.join(PUBLIC_FILE);
    // The private half comes last: where it is, the other one is too.
    std::fs::write(&known, public.to_string())
        .with_context(|| format!("cannot write {}", known.display()))?;
    private_file::write(&file, private.as_bytes())
}
