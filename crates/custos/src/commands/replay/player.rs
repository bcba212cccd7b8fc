//! A terminal of a transcript, on the terminal of whoever looks at it.

use std::io::{IsTerminal as _, Write};

use serde_json::Value;

use crate::cli::ReplayArgs;
use crate::client::AdminClient;
use crate::failure::Failure;

use super::recording::{Event, Recording, What};
use super::screen::Screen;
use super::{Pace, not_found};

/// Plays one that is over.
pub(super) async fn play(
    out: &mut dyn Write,
    client: &AdminClient,
    path: &str,
    arguments: &ReplayArgs,
) -> Result<(), Failure> {
    let timed = !arguments.no_timing && std::io::stdout().is_terminal();
    let pace = timed.then_some(Pace {
        speed: arguments.speed,
        longest: arguments.max_pause,
    });
    let operation = arguments.operation;
    Player::new(pace, operation, Recording::new(operation))
        .run(out, client, path)
        .await
}

/// Shows one from now on. A program that draws on the whole screen shows all of it when it draws it anew.
pub(crate) async fn watch(
    out: &mut dyn Write,
    client: &AdminClient,
    path: &str,
    operation: Option<u64>,
) -> Result<(), Failure> {
    Player::new(None, operation, Recording::late(operation))
        .run(out, client, path)
        .await
}

struct Player {
    pace: Option<Pace>,
    operation: Option<u64>,
    recording: Recording,
    screen: Screen,
    last_ns: Option<u64>,
}

impl Player {
    fn new(pace: Option<Pace>, operation: Option<u64>, recording: Recording) -> Self {
        Self {
            pace,
            operation,
            recording,
            screen: Screen::default(),
            last_ns: None,
        }
    }

    async fn run(
        mut self,
        out: &mut dyn Write,
        client: &AdminClient,
        path: &str,
    ) -> Result<(), Failure> {
        let played = tokio::select! {
            played = client.lines(path, async |line| self.line(line, out).await) => played,
            // Whoever has seen enough gets the terminal back.
            _ = tokio::signal::ctrl_c() => Ok(()),
        };
        let left = self.screen.leave();
        if self.recording.has_begun() {
            out.write_all(left.as_bytes())?;
            out.flush()?;
        }
        played?;
        if self.recording.has_begun() {
            Ok(())
        } else {
            Err(not_found(self.operation))
        }
    }

    async fn line(&mut self, line: &[u8], out: &mut dyn Write) -> Result<(), Failure> {
        let line: Value = serde_json::from_slice(line)?;
        if let Some(missed) = line.get("missed") {
            eprintln!("custos: too slow, {missed} pieces were missed");
        }
        for event in self.recording.line(&line) {
            self.event(event, out).await?;
        }
        Ok(())
    }

    async fn event(&mut self, event: Event, out: &mut dyn Write) -> Result<(), Failure> {
        if let (Some(pace), Some(last_ns)) = (&self.pace, self.last_ns) {
            tokio::time::sleep(pace.pause(last_ns, event.at_ns)).await;
        }
        self.last_ns = Some(event.at_ns);
        match event.what {
            What::Begins(terminal) => {
                let (columns, rows) = terminal.size;
                eprintln!(
                    "custos: a terminal of {columns} columns and {rows} rows; end with Ctrl-C"
                );
            }
            What::Output(text) => {
                out.write_all(self.screen.show(&text).as_bytes())?;
                out.flush()?;
            }
            // Its echo is in the output, where there is one.
            What::Input(_) | What::Resize(_) | What::Exit(_) => {}
        }
        Ok(())
    }
}
