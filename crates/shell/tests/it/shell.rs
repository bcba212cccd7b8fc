//! The real shells of the machine, as oracles.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Begins the arguments of each text in a batch. No generated word is it.
pub(crate) const START: &str = "@@start@@";
pub(crate) const SYSTEM_PATH: &str = "/usr/bin:/bin";
/// Bytes of a script: Linux takes 128 KiB for one argument.
const SCRIPT_BYTES: usize = 100_000;

/// These are on every machine.
const ALWAYS: &[&[&str]] = &[
    &["sh"],
    &["dash"],
    &["bash"],
    &["bash", "--posix"],
    &[
        "bash", "-H", "-O", "extglob", "-O", "globstar", "-O", "nullglob",
    ],
];
/// These are asked too where they are found.
const WHERE_FOUND: &[&[&str]] = &[
    &["zsh"],
    &[
        "zsh",
        "-o",
        "rcquotes",
        "-o",
        "extendedglob",
        "-o",
        "kshglob",
        "-o",
        "interactivecomments",
    ],
    &[
        "zsh",
        "-o",
        "banghist",
        "-o",
        "braceccl",
        "-o",
        "cshjunkiequotes",
    ],
    &["zsh", "--emulate", "csh"],
    &["zsh", "--emulate", "ksh"],
    &["ksh93"],
    &["mksh"],
    &["yash"],
    &["posh"],
    &["busybox", "sh"],
    &["fish"],
    &["tcsh"],
    &["bsd-csh"],
];
/// What an account may have set; it is read by tcsh alone.
const TCSHRC: &str = "set backslash_quote\nset globstar\nset globdot\nset nonomatch\n";
/// The account's locale decides how a shell splits bytes into characters.
const LOCALES: &[&str] = &["C", "C.UTF-8"];

/// A shell in a locale, for an account with nothing in its home.
#[derive(Debug)]
pub(crate) struct Shell {
    argv: &'static [&'static str],
    locale: &'static str,
    home: tempfile::TempDir,
}

impl Shell {
    /// All that can be asked on this machine, in each locale.
    pub(crate) fn all() -> Vec<Self> {
        let found = WHERE_FOUND
            .iter()
            .filter(|argv| Path::new("/usr/bin").join(argv[0]).exists());
        let shells = ALWAYS.iter().chain(found);
        let in_locales = |argv| LOCALES.iter().map(move |locale| Self::new(argv, locale));
        let mut all: Vec<Self> = shells.copied().flat_map(in_locales).collect();
        for shell in all.iter_mut().filter(|shell| shell.program() == "tcsh") {
            if shell.locale == "C" {
                std::fs::write(shell.home().join(".tcshrc"), TCSHRC).unwrap();
            }
        }
        all
    }

    pub(crate) fn named(argv: &'static [&'static str]) -> Self {
        Self::new(argv, "C")
    }

    fn new(argv: &'static [&'static str], locale: &'static str) -> Self {
        Self {
            argv,
            locale,
            home: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn program(&self) -> &'static str {
        self.argv[0]
    }

    pub(crate) fn name(&self) -> String {
        format!("{} ({})", self.argv.join(" "), self.locale)
    }

    /// What `$SHELL -c SCRIPT` writes to its standard output.
    pub(crate) fn output(&self, script: &str, path: &Path) -> Vec<u8> {
        let mut command = Command::new(Path::new("/usr/bin").join(self.argv[0]));
        command
            .args(&self.argv[1..])
            .arg("-c")
            .arg(OsString::from_vec(script.as_bytes().to_vec()))
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.home())
            .env("LC_ALL", self.locale)
            .current_dir(self.home())
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        command.output().unwrap().stdout
    }

    /// Runs commands, one on each line, in as few processes as can be. Each writes [`START`] and arguments, one or many
    /// times, all ended by NUL; what follows each [`START`] is returned.
    pub(crate) fn arguments(&self, commands: &[String], path: &Path) -> Vec<Vec<Vec<u8>>> {
        let mut all = Vec::new();
        let mut script = String::new();
        for command in commands {
            if script.len() + command.len() > SCRIPT_BYTES {
                all.extend(split(&self.output(&script, path)));
                script.clear();
            }
            script.push_str(command);
            script.push('\n');
        }
        all.extend(split(&self.output(script.trim_end_matches('\n'), path)));
        all
    }
}

fn split(output: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut all: Vec<Vec<Vec<u8>>> = Vec::new();
    let ended = output.strip_suffix(b"\0").unwrap_or(output);
    for argument in ended.split(|byte| *byte == 0) {
        if argument == START.as_bytes() {
            all.push(Vec::new());
        } else if let Some(arguments) = all.last_mut() {
            arguments.push(argument.to_vec());
        }
    }
    all
}
