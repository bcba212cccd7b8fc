//! `cargo xtask check`: what the compiler does not check. `cargo xtask generate`: files made from code.
#![expect(
    clippy::disallowed_methods,
    reason = "a developer's tool reads its arguments and environment"
)]

mod crates;
mod files;
mod generated;
mod requirements;
mod scripts;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

const USAGE: &str = "\
usage: cargo xtask check        formatting, lints, dependencies, file lengths, generated files, scripts, words,
                                named tests
       cargo xtask check NAME   one of them: fmt, clippy, crates, lengths, generated, scripts, words,
                                requirements
       cargo xtask generate     write the generated files anew";

/// A check: its name, and what it does. It prints nothing when all is well.
type Check = (&'static str, fn(&Path) -> Result<()>);

const CHECKS: &[Check] = &[
    ("fmt", format),
    ("words", files::check_words),
    ("lengths", files::check_lengths),
    ("scripts", scripts::check),
    ("requirements", requirements::check),
    ("crates", crates::check),
    ("clippy", clippy),
    ("generated", generated::check),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["check"] => check(CHECKS),
        ["check", name] if CHECKS.iter().any(|(known, _)| known == name) => {
            let chosen: Vec<Check> = CHECKS
                .iter()
                .copied()
                .filter(|(known, _)| known == name)
                .collect();
            check(&chosen)
        }
        ["generate"] => generated::write(&root()),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn check(checks: &[Check]) -> Result<()> {
    let root = root();
    let mut failed = 0;
    for (name, check) in checks {
        let began = Instant::now();
        match check(&root) {
            Ok(()) => println!("check {name}: ok ({:.1} s)", began.elapsed().as_secs_f64()),
            Err(error) => {
                failed += 1;
                println!("check {name}: failed\n{error:#}");
            }
        }
    }
    println!("checks: {} passed, {failed} failed", checks.len() - failed);
    if failed > 0 {
        bail!("{failed} checks failed");
    }
    Ok(())
}

fn format(root: &Path) -> Result<()> {
    run(cargo(root).args(["fmt", "--all", "--check"]))
}

fn clippy(root: &Path) -> Result<()> {
    run(cargo(root).args([
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
}

/// Root of the repository.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent()
        .map_or_else(|| here.to_owned(), Path::to_owned)
}

/// Cargo, in the root.
fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// Runs a command; its output is part of the error when it fails.
fn run(command: &mut Command) -> Result<()> {
    output(command).map(drop)
}

/// Runs a command and returns its standard output.
fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!(
            "{stdout}{}{command:?}: {}",
            String::from_utf8_lossy(&output.stderr),
            output.status
        );
    }
    Ok(stdout)
}

/// Files of the repository, committed or about to be.
fn tracked(root: &Path) -> Result<Vec<PathBuf>> {
    let list = output(Command::new("git").current_dir(root).args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    Ok(list
        .lines()
        .map(|line| root.join(line))
        .filter(|path| path.is_file())
        .collect())
}
