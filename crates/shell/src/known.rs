//! Commands by which stock clients transfer files.

mod git;
mod rsync;
mod scp;
mod sftp;

use crate::Word;

/// A command that a client sends on its own to transfer files, read as the program at the target reads it.
///
/// Only what stock clients send is known. Whatever else these programs can be told (another remote shell, a daemon, a log
/// file, a list of files that is sent later, directories for backups) makes the command an ordinary one.
///
/// The paths are those of the command. What the protocol behind it then names is not in it: below a directory, any path of
/// the client's choice; and, from a client that does not keep to the protocol of rsync, perhaps paths elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Known {
    /// The program.
    pub transfer: Transfer,
    /// Which way files go.
    pub direction: Direction,
    /// The files, directories or repositories, as written: they may be relative to the account's home, have `..` in
    /// them or lead over symbolic links, and for git begin with a `~`. Empty for SFTP, whose requests name them.
    pub paths: Vec<String>,
    /// The command itself removes files at the target (`rsync --delete`, `--force`).
    pub removes: bool,
}

/// A program that transfers files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transfer {
    /// `scp -t` or `scp -f`: the protocol of rcp.
    Scp,
    /// `rsync --server`.
    Rsync,
    /// `git-upload-pack`, `git-receive-pack`, `git-upload-archive`.
    Git,
    /// `sftp-server`, run as a command and not as a subsystem.
    Sftp,
}

/// Which way files go, seen from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// To the target.
    Upload,
    /// From the target.
    Download,
    /// The protocol's requests decide.
    Both,
}

impl Known {
    /// Reads a command's words.
    ///
    /// The program must be named without a directory, or be in one where systems keep their own programs: a file that
    /// somebody has uploaded as `/tmp/scp` is not known.
    pub fn of(argv: &[Word]) -> Option<Self> {
        let (program, arguments) = argv.split_first()?;
        let arguments: Vec<&str> = arguments.iter().map(Word::as_str).collect();
        match system_program(program.as_str())? {
            "scp" => scp::read(&arguments),
            "rsync" => rsync::read(&arguments),
            "sftp-server" | "internal-sftp" => sftp::read(&arguments),
            name => git::read(name, &arguments),
        }
    }
}

const DIRECTORIES: &[&str] = &[
    "/bin",
    "/usr/bin",
    "/usr/lib/git-core",
    "/usr/lib/openssh",
    "/usr/lib/ssh",
    "/usr/libexec",
    "/usr/libexec/git-core",
    "/usr/libexec/openssh",
    "/usr/local/bin",
    "/usr/local/libexec",
];

/// The program's name, if it is looked up in the account's `PATH` or is a system's own.
fn system_program(program: &str) -> Option<&str> {
    match program.rsplit_once('/') {
        None => Some(program),
        Some((directory, name)) => DIRECTORIES.contains(&directory).then_some(name),
    }
}
