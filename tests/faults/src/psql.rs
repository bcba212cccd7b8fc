//! A psql that stays open, and how long it waits for its answers.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use custos_testkit::Endpoint;

/// A running psql. It is killed when dropped.
#[derive(Debug)]
pub(crate) struct Psql {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Psql {
    /// Starts one and waits until it has signed in.
    pub(crate) fn open(endpoint: &Endpoint) -> anyhow::Result<Self> {
        let mut command = endpoint.psql(&["-Atq"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("psql does not start")?;
        let input = child.stdin.take().context("psql has an input")?;
        let output = BufReader::new(child.stdout.take().context("psql has an output")?);
        let mut psql = Self {
            child,
            input,
            output,
        };
        psql.ask()?;
        Ok(psql)
    }

    /// Asks for one row and returns how long that took.
    pub(crate) fn ask(&mut self) -> anyhow::Result<Duration> {
        let asked = Instant::now();
        writeln!(self.input, "select 'here';").context("psql has ended")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        anyhow::ensure!(line == "here\n", "psql printed {line:?}");
        Ok(asked.elapsed())
    }
}

impl Drop for Psql {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
