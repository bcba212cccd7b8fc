//! A command that did not succeed: what to say and with which exit code.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

/// Exit codes; `custos help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It was tried and did not work.
    Failed = 1,
    /// It was asked for wrongly; nothing was tried.
    Usage = 2,
    /// Who asked may not.
    Denied = 3,
    /// Nobody is signed in.
    SignIn = 4,
}

/// What a command ends with when it did not do its work.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    error: anyhow::Error,
    hint: Option<String>,
}

impl Failure {
    /// With exit code 1.
    pub(crate) fn new(error: impl Into<anyhow::Error>) -> Self {
        Self {
            exit: Exit::Failed,
            error: error.into(),
            hint: None,
        }
    }

    /// With exit code 2.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self {
            exit: Exit::Usage,
            error: anyhow::anyhow!("{message}"),
            hint: None,
        }
    }

    /// Sets the exit code.
    pub(crate) fn exit(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }

    /// Says what was attempted when it happened.
    pub(crate) fn context(self, attempt: impl fmt::Display + Send + Sync + 'static) -> Self {
        Self {
            error: self.error.context(attempt),
            ..self
        }
    }

    /// What the process will end with.
    pub(crate) fn exit_code(&self) -> Exit {
        self.exit
    }

    /// Says what to do next.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// The reader of our output went away, which is no failure.
    fn is_broken_pipe(&self) -> bool {
        self.error.chain().any(|cause| {
            cause
                .downcast_ref::<io::Error>()
                .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
        })
    }

    /// Prints `error:`, `caused by:` and `hint:`, and gives the exit code.
    pub(crate) fn report(&self, out: &mut dyn Write) -> ExitCode {
        if self.is_broken_pipe() {
            return ExitCode::SUCCESS;
        }
        // Nothing is left to be done when standard error is closed.
        let _ = write!(out, "{self}");
        ExitCode::from(self.exit as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "error: {}", self.error)?;
        for cause in self.error.chain().skip(1) {
            writeln!(out, "caused by: {cause}")?;
        }
        if let Some(hint) = &self.hint {
            writeln!(out, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(error)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{Exit, Failure};

    #[test]
    fn causes_and_hints_have_lines_of_their_own() {
        let error =
            anyhow::Error::new(io::Error::other("disk is on fire")).context("cannot open `x`");
        let failure = Failure::new(error)
            .exit(Exit::Usage)
            .hint("call the fire brigade");
        let mut text = Vec::new();
        let code = failure.report(&mut text);
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "error: cannot open `x`\ncaused by: disk is on fire\n\nhint: call the fire brigade\n"
        );
        assert_eq!(
            format!("{code:?}"),
            format!("{:?}", std::process::ExitCode::from(2))
        );
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let mut text = Vec::new();
        let failure = Failure::new(io::Error::from(io::ErrorKind::BrokenPipe));
        let code = failure.report(&mut text);
        assert!(text.is_empty());
        assert_eq!(
            format!("{code:?}"),
            format!("{:?}", std::process::ExitCode::SUCCESS)
        );
    }
}
