//! Syntax of shell and Python scripts.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::{run, tracked};

/// Compiles, and writes no byte code.
const COMPILE: &str = "import sys\nfor name in sys.argv[1:]: compile(open(name, encoding='utf-8').read(), name, 'exec')";

pub(crate) fn check(root: &Path) -> Result<()> {
    let mut problems = Vec::new();
    let (mut shell, mut python) = (Vec::new(), Vec::new());
    for path in tracked(root)? {
        match language(&path) {
            Some("bash") => shell.push(path),
            Some("python") => python.push(path),
            _ => {}
        }
    }
    for path in &shell {
        if let Err(error) = run(Command::new("bash").arg("-n").arg(path)) {
            problems.push(format!("{error:#}"));
        }
    }
    if let Err(error) = run(Command::new("python3").args(["-c", COMPILE]).args(&python)) {
        problems.push(format!("{error:#}"));
    }
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    Ok(())
}

/// By extension, or by the first line of a file without one.
fn language(path: &PathBuf) -> Option<&'static str> {
    match path.extension().and_then(OsStr::to_str) {
        Some("py") => return Some("python"),
        Some("sh") => return Some("bash"),
        Some(_) => return None,
        None => {}
    }
    let bytes = std::fs::read(path).ok()?;
    let first = bytes.split(|&byte| byte == b'\n').next()?;
    let first = std::str::from_utf8(first).ok()?.strip_prefix("#!")?;
    if first.contains("python") {
        Some("python")
    } else if first.contains("sh") {
        Some("bash")
    } else {
        None
    }
}
