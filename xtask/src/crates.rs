//! Which crate may use which (ARCHITECTURE.md), and which may be in the build at all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

use crate::{cargo, output};

/// From top to bottom. A crate may use those in rows below its own, never beside or above.
const ROWS: &[&[&str]] = &[
    &["custos"],
    &["custos-console"],
    &["custos-api", "custos-dev-provider"],
    PROTOCOLS,
    &["custos-reports"],
    &["custos-session"],
    &["custos-approvals"],
    &["custos-policy"],
    &["custos-masking", "custos-sql"],
    &["custos-identity"],
    &["custos-evidence", "custos-webhooks"],
    &["custos-store"],
    &["custos-tunnel"],
    &["custos-oauth", "custos-oidc"],
    &["custos-ssh-wire", "custos-sftp", "custos-typing"],
    &[
        "custos-tlog",
        "custos-fetch",
        "custos-jwt",
        "custos-scim",
        "custos-scram",
        "custos-shell",
        "custos-saml",
        "custos-signatures",
        "custos-postgres-wire",
    ],
    &["custos-model", "custos-strict-json"],
];
const PROTOCOLS: &[&str] = &[
    "custos-postgres",
    "custos-mysql",
    "custos-ssh",
    "custos-kubernetes",
    "custos-kafka",
    "custos-http",
];
/// What a protocol crate may know: controls are the session's, so none can be forgotten.
const KNOWN_TO_PROTOCOLS: &[&str] = &[
    "custos-session",
    "custos-model",
    "custos-scram",
    "custos-postgres-wire",
    "custos-sql",
    "custos-ssh-wire",
    "custos-sftp",
    "custos-shell",
    "custos-typing",
];
/// Second crypto libraries.
const BANNED: &[&str] = &["ring", "openssl", "openssl-sys", "native-tls"];
/// Crates of the left column must not reach those of the right one, however far down.
const UNREACHABLE: &[(&str, &[&str])] = &[
    ("custos-policy", &["tokio"]),
    ("custos-masking", &["tokio"]),
    ("custos-sql", &["tokio"]),
    ("custos-tlog", &["tokio"]),
    ("custos-postgres-wire", &["tokio"]),
    ("custos-ssh-wire", &["tokio"]),
    ("custos-sftp", &["tokio"]),
    ("custos-shell", &["tokio"]),
    ("custos-typing", &["tokio"]),
    ("custos-jwt", &["tokio"]),
    ("custos-oauth", &["tokio"]),
    ("custos-oidc", &["tokio"]),
    ("custos-saml", &["tokio"]),
    ("custos-scim", &["tokio"]),
    ("custos-signatures", &["tokio"]),
    ("custos-strict-json", &["tokio"]),
    ("custos-evidence", &["axum", "hyper"]),
    ("custos-tlog", &["axum", "hyper"]),
];

pub(crate) fn check(root: &Path) -> Result<()> {
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .other_options(["--locked".to_owned()])
        .exec()
        .context("cargo metadata")?;
    let mut problems = Vec::new();
    for package in metadata.workspace_packages() {
        direct(package, &mut problems);
    }
    banned(root, &mut problems)?;
    unreachable(&metadata, &mut problems)?;
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    Ok(())
}

/// Rules about what a crate's own manifest names.
fn direct(package: &Package, problems: &mut Vec<String>) {
    let name = package.name.as_str();
    let own = package.dependencies.iter().filter(|dependency| {
        dependency.kind != DependencyKind::Development && dependency.name.starts_with("custos-")
    });
    for dependency in own.map(|dependency| dependency.name.as_str()) {
        if let Some(why) = refusal(name, dependency, package) {
            problems.push(format!("{name} must not depend on {dependency}: {why}"));
        }
    }
}

fn refusal(name: &str, dependency: &str, package: &Package) -> Option<&'static str> {
    let product = package
        .manifest_path
        .components()
        .any(|part| part.as_str() == "crates");
    if name == "custos-verify" {
        return Some("the verifier shares no code with what it verifies");
    }
    if !product || name == "custos-testkit" {
        return None;
    }
    if dependency == "custos-testkit" {
        return Some("it is for tests only");
    }
    if dependency == "custos-verify" {
        return (name != "custos").then_some("only the binary calls the verifier");
    }
    if PROTOCOLS.contains(&name) && !KNOWN_TO_PROTOCOLS.contains(&dependency) {
        return Some("a protocol crate knows session and model");
    }
    if PROTOCOLS.contains(&dependency) && name != "custos" {
        return Some("only the binary knows protocols");
    }
    match (row(name), row(dependency)) {
        (Some(above), Some(below)) if above < below => None,
        (Some(_), Some(_)) => Some("arrows point down only"),
        _ => Some("xtask/src/crates.rs does not say where it stands"),
    }
}

fn row(name: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&name))
}

/// `cargo tree` and not the metadata, which also lists optional packages that no feature turns on.
fn banned(root: &Path, problems: &mut Vec<String>) -> Result<()> {
    let options = [
        "tree",
        "--locked",
        "--workspace",
        "--edges",
        "all",
        "--target",
        "all",
        "--prefix",
        "none",
    ];
    let tree = output(cargo(root).args(options))?;
    let names: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    for name in BANNED.iter().filter(|name| names.contains(**name)) {
        problems.push(format!(
            "{name} is in the build: there is one crypto library"
        ));
    }
    Ok(())
}

/// Rules about everything that a crate is built from.
fn unreachable(metadata: &Metadata, problems: &mut Vec<String>) -> Result<()> {
    let resolve = metadata
        .resolve
        .as_ref()
        .context("cargo metadata has no graph")?;
    let names: BTreeMap<&PackageId, &str> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, package.name.as_str()))
        .collect();
    let edges: BTreeMap<&PackageId, Vec<&PackageId>> = resolve
        .nodes
        .iter()
        .map(|node| {
            let normal = node.deps.iter().filter(|dependency| {
                dependency
                    .dep_kinds
                    .iter()
                    .any(|kind| kind.kind == DependencyKind::Normal)
            });
            (&node.id, normal.map(|dependency| &dependency.pkg).collect())
        })
        .collect();
    for (name, forbidden) in UNREACHABLE {
        let Some(start) = names
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(id, _)| *id)
        else {
            continue;
        };
        let mut seen = BTreeSet::from([start]);
        let mut waiting = vec![start];
        while let Some(id) = waiting.pop() {
            let next = edges.get(id).into_iter().flatten().copied();
            waiting.extend(next.filter(|next| seen.insert(next)));
        }
        for found in seen
            .iter()
            .filter_map(|id| names.get(id))
            .filter(|found| forbidden.contains(found))
        {
            problems.push(format!("{name} reaches {found}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{PROTOCOLS, ROWS, row};

    #[test]
    fn every_crate_stands_in_one_row() {
        let all: Vec<&str> = ROWS.iter().flat_map(|row| row.iter().copied()).collect();
        for name in &all {
            assert_eq!(
                all.iter().filter(|other| *other == name).count(),
                1,
                "{name}"
            );
        }
        assert!(row("custos") < row(PROTOCOLS[0]) && row("custos-session") < row("custos-model"));
    }
}
