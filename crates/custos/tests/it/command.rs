//! Runs the built program.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

/// The program, with an empty environment and in this directory.
pub(crate) fn custos(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_custos"));
    command.args(arguments).current_dir(dir).env_clear();
    command
}

/// Runs it to its end and shows everything that a user would see; the directory shows as `DIR`.
pub(crate) fn shown(dir: &Path, arguments: &[&str]) -> String {
    let output = custos(dir, arguments).output().unwrap();
    let mut text = format!("exit code {}\n", output.status.code().unwrap());
    let (out, err) = texts(&output);
    for (name, stream) in [("stdout", out), ("stderr", err)] {
        if !stream.is_empty() {
            let _ = write!(text, "--- {name}\n{stream}");
        }
    }
    text.replace(dir.to_str().unwrap(), "DIR")
}

pub(crate) fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}
