//! Where things are.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Root of the repository.
pub fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        here.ancestors()
            .nth(2)
            .expect("crates/testkit is two levels below the root")
            .to_owned()
    })
}

/// Directory of downloaded and built things, `$XDG_CACHE_HOME/custos`.
pub fn cache() -> PathBuf {
    let base = match std::env::var_os("XDG_CACHE_HOME") {
        Some(directory) => PathBuf::from(directory),
        None => PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache"),
    };
    base.join("custos")
}

/// Directory of the installed stock clients.
///
/// # Panics
/// When they were not installed: `scripts/test` does that.
pub fn clients() -> PathBuf {
    let directory = cache().join("clients");
    assert!(
        directory.is_dir(),
        "no clients in {}: run scripts/test",
        directory.display()
    );
    directory
}

/// Cargo's target directory that the running test was built in.
pub fn target_directory() -> PathBuf {
    let test = std::env::current_exe().expect("a program knows where it is");
    // <target>/<profile>/deps/<test>, or <target>/<profile>/<program>
    let profile = test
        .ancestors()
        .find(|directory| directory.join(".fingerprint").is_dir())
        .expect("tests are run by cargo");
    profile
        .parent()
        .expect("a profile is inside the target directory")
        .to_owned()
}

/// The gateway's binary: `$CUSTOS_BIN`, or else the debug build, brought up to date once in each test process.
pub fn custos_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(given) = std::env::var_os("CUSTOS_BIN") {
            return PathBuf::from(given);
        }
        let target = target_directory();
        let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["build", "--quiet", "--package", "custos", "--target-dir"])
            .arg(&target)
            .current_dir(root())
            .status()
            .expect("cargo starts");
        assert!(status.success(), "the gateway does not build");
        target.join("debug/custos")
    })
}
