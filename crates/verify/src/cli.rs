//! The command line, as `custos-verify` and as `custos verify`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::note::VerifierKey;
use crate::report::Report;
use crate::run::{Options, verify};

const EXIT_OWN_TROUBLE: u8 = 1;
const EXIT_USAGE: u8 = 2;

const HELP: &str = "\
Verifies a directory of Custos evidence, offline.

usage: custos-verify DIR (--key VKEY | --key-file FILE)... [options]

  --key VKEY       a verifier key you trust: name+id+key
  --key-file FILE  a file of such keys, one on each line
  --remember FILE  compare with the heads that FILE holds from earlier runs, and
                   add those of this run when nothing is bad; keep FILE elsewhere
  --json           print the report as JSON
  --quiet          print findings and the verdict only
  --help           print this text

The key must come to you by another way than DIR: who can change the evidence
can change DIR/keys too.

exit: 0 everything passed, 6 something is bad, 7 nothing is bad but something is
missing, 2 usage, 1 other trouble
";

#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Arguments(#[from] lexopt::Error),
    #[error(transparent)]
    Verify(#[from] Error),
    #[error("cannot write the report")]
    Output(#[from] io::Error),
}

#[derive(Debug, Default)]
struct Arguments {
    directory: Option<PathBuf>,
    keys: Vec<String>,
    key_files: Vec<PathBuf>,
    remember: Option<PathBuf>,
    json: bool,
    quiet: bool,
    help: bool,
}

/// Runs the verifier with the arguments after the program's name, and returns its exit code:
/// 0 pass, 6 fail, 7 incomplete, 2 usage, 1 trouble of its own.
pub fn main_with_args(
    args: impl Iterator<Item = OsString>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    match run(args, out) {
        Ok(code) => code,
        Err(error) => {
            // Nothing is left to do when standard error cannot be written.
            let _ = report_error(&error, err);
            match error {
                CliError::Usage(_)
                | CliError::Arguments(_)
                | CliError::Verify(Error::Key { .. }) => EXIT_USAGE,
                CliError::Verify(_) | CliError::Output(_) => EXIT_OWN_TROUBLE,
            }
        }
    }
}

fn run(args: impl Iterator<Item = OsString>, out: &mut dyn Write) -> Result<u8, CliError> {
    let arguments = parse(args)?;
    if arguments.help {
        out.write_all(HELP.as_bytes())?;
        return Ok(0);
    }
    let report = verify(&Options {
        keys: read_keys(&arguments)?,
        directory: arguments
            .directory
            .ok_or_else(|| CliError::Usage("no evidence directory was given".to_owned()))?,
        remember: arguments.remember,
    })?;
    print(&report, arguments.json, arguments.quiet, out)?;
    Ok(report.verdict().exit_code())
}

fn parse(args: impl Iterator<Item = OsString>) -> Result<Arguments, CliError> {
    use lexopt::prelude::{Long, Short, Value, ValueExt};
    let mut parsed = Arguments::default();
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("key") => parsed.keys.push(parser.value()?.string()?),
            Long("key-file") => parsed.key_files.push(parser.value()?.into()),
            Long("remember") => parsed.remember = Some(parser.value()?.into()),
            Long("json") => parsed.json = true,
            Long("quiet") | Short('q') => parsed.quiet = true,
            Long("help") | Short('h') => parsed.help = true,
            Value(directory) if parsed.directory.is_none() => {
                parsed.directory = Some(directory.into());
            }
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(parsed)
}

fn read_keys(arguments: &Arguments) -> Result<Vec<VerifierKey>, CliError> {
    let mut keys = Vec::new();
    for text in &arguments.keys {
        keys.push(VerifierKey::parse(text)?);
    }
    for file in &arguments.key_files {
        for line in read_key_file(file)?.lines().filter(|line| !line.is_empty()) {
            keys.push(VerifierKey::parse(line)?);
        }
    }
    if keys.is_empty() {
        return Err(CliError::Usage("no verifier key was given".to_owned()));
    }
    Ok(keys)
}

fn read_key_file(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })
}

fn print(report: &Report, json: bool, quiet: bool, out: &mut dyn Write) -> io::Result<()> {
    if json {
        writeln!(out, "{:#}", report.to_json())?;
    } else {
        report.write_text(out, quiet)?;
    }
    out.flush()
}

fn report_error(error: &CliError, err: &mut dyn Write) -> io::Result<()> {
    writeln!(err, "error: {error}")?;
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        writeln!(err, "caused by: {error}")?;
        cause = error.source();
    }
    match error {
        CliError::Usage(_) => writeln!(
            err,
            "\nhint: custos-verify DIR --key VKEY, with the key you got from the gateway's operator, not from DIR"
        ),
        CliError::Arguments(_) => writeln!(err, "\nhint: custos-verify --help"),
        _ => Ok(()),
    }
}
