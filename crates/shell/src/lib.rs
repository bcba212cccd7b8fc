//! What a command that an SSH client sends (`exec`, RFC 4254 section 6.5) does, as far as that can be known, and the
//! patterns by which policy rules name such commands. No I/O.
//!
//! The target runs such a string as `$SHELL -c STRING`. [`Command::parse`] reads it; a [`Pattern`] matches it or not.
//!
//! # What is guaranteed
//!
//! If a command is [`Command::Simple`], then the string does one thing in each of sh, dash, bash, ksh, mksh, zsh, yash,
//! busybox, and also in fish, csh and tcsh: the shell looks for the program that the first word names, and runs it once,
//! with exactly these words as its arguments, byte for byte. No other command runs; no file is opened by the shell, no
//! variable is read or set. Where the shell has the program built in, as most have `echo` and `kill`, it runs its own, which
//! may print other things, but takes no argument for code; these are the [`HARMLESS_BUILTINS`]. Or the shell refuses the
//! whole string, as csh does for a very long word, and nothing runs.
//!
//! Whatever is not certainly so is [`Command::Complex`], with the [`Reason`]. Where shells differ the command is complex,
//! though the account's own shell may be one in which it would be simple. Characters outside ASCII make it complex, even
//! in quotes.
//!
//! So a pattern that matches, unless it is `...` alone, promises that this program runs with arguments that fit. `...` alone
//! matches everything and promises nothing.
//!
//! A [`Line`] that is typed into a shell is read the other way: leniently, for rules that ask people before something runs.
//! Nothing is guaranteed of it.
//!
//! # What is out of reach
//!
//! - What the program does with its arguments. `tar`, `find`, `git`, editors and interpreters run other programs;
//!   [`Pattern::warnings`] and [`runs_others`] know the usual ones. Programs follow symbolic links, expand `~` and wildcards
//!   of their own, and read configuration.
//! - The account's own files at the target: aliases, global aliases of zsh and functions that its start-up files
//!   (`.bashrc`, `.zshenv`, `.cshrc`, `config.fish`) define, shell options set there, functions that fish ships or loads.
//!   Whoever can write them can give any word any meaning.
//! - The account's environment. `PATH` decides what a name without `/` is. `BASH_ENV`, `ZDOTDIR`, `LD_PRELOAD`, `IFS` and
//!   functions in variables of bash must not be settable by the client through `env` requests: [`decides_what_runs`]. The character set of `LANG`
//!   and `LC_*` must contain ASCII, as all do but Shift JIS and JOHAB, in which a backslash is none to yash and fish.
//! - What is at a path. A binary may be replaced, or be a link to another; a rule by name trusts the target's files.
//! - Shells that are not in the list: rc, PowerShell, `cmd.exe`, the command lines of network devices. And a forced command
//!   in the target's configuration, which runs instead.
//!
//! # Limits
//!
//! [`MAX_COMMAND_BYTES`], [`MAX_WORDS`], [`MAX_PATTERN_BYTES`], [`MAX_WILDCARD_WORD`]. Reading is linear in the text;
//! matching is at most the product of the command's length and the longest word of the pattern that has wildcards.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod command;
mod error;
mod known;
mod lexer;
mod line;
mod pattern;
mod program;
mod quote;
mod reason;
mod runners;
mod variables;

pub use command::{Command, Word};
pub use error::PatternError;
pub use known::{Direction, Known, Transfer};
pub use line::Line;
pub use pattern::{Pattern, Warning};
pub use program::HARMLESS_BUILTINS;
pub use reason::Reason;
pub use runners::runs_others;
pub use variables::decides_what_runs;

/// Longest command, in bytes. A longer one is [`Reason::TooLong`].
pub const MAX_COMMAND_BYTES: usize = 64 * 1024;
/// Most words of a command. More are [`Reason::TooManyWords`].
pub const MAX_WORDS: usize = 1024;
/// Longest pattern, in bytes.
pub const MAX_PATTERN_BYTES: usize = 4096;
/// Longest word of a pattern that has wildcards, in characters and wildcards.
pub const MAX_WILDCARD_WORD: usize = 256;
