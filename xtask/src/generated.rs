//! Files that are made from code, so that they cannot tell something else.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::{cargo, output};

/// Path below the root, and content.
type Generated = (&'static str, String);

fn all(root: &Path) -> Result<Vec<Generated>> {
    let reference = output(cargo(root).args([
        "run",
        "--quiet",
        "--package",
        "custos",
        "--",
        "config",
        "reference",
    ]))?;
    Ok(vec![
        ("docs/records.md", custos_evidence::catalogue::markdown()),
        (
            "docs/records.schema.json",
            custos_evidence::catalogue::json_schema(),
        ),
        ("docs/configuration.md", reference),
    ])
}

pub(crate) fn check(root: &Path) -> Result<()> {
    let mut stale = Vec::new();
    for (path, wanted) in all(root)? {
        if std::fs::read_to_string(root.join(path)).ok() != Some(wanted) {
            stale.push(path);
        }
    }
    if !stale.is_empty() {
        bail!(
            "not as the code says: {}\nhint: cargo xtask generate",
            stale.join(", ")
        );
    }
    Ok(())
}

pub(crate) fn write(root: &Path) -> Result<()> {
    for (path, content) in all(root)? {
        std::fs::write(root.join(path), content).with_context(|| format!("cannot write {path}"))?;
        println!("wrote {path}");
    }
    Ok(())
}
