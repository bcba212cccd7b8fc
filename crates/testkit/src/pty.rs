//! A program on a terminal: what a person at psql has.

use std::process::Command;
use std::time::Duration;

use crate::process::{Running, start};
use crate::wait::Deadline;

/// A program whose standard input and output are a terminal. Key strokes such as Ctrl-C reach it as signals.
#[derive(Debug)]
pub struct Terminal {
    running: Running,
}

/// Standard library only. Copies standard input to the terminal and the terminal to standard output.
const BRIDGE: &str = "
import os, pty, select, sys
child, master = pty.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
watched = [0, master]
while True:
    for ready in select.select(watched, [], [])[0]:
        try:
            data = os.read(ready, 65536)
        except OSError:
            data = b''
        if ready == master:
            if not data:
                sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            os.write(1, data)
        elif data:
            os.write(master, data)
        else:
            watched.remove(0)
";

impl Terminal {
    /// Starts a program on a new terminal.
    pub fn start(command: &Command) -> Self {
        let mut bridge = Command::new("python3");
        bridge
            .args(["-c", BRIDGE])
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => bridge.env(name, value),
                None => bridge.env_remove(name),
            };
        }
        Self {
            running: start(bridge.env("TERM", "dumb")),
        }
    }

    /// Types.
    pub fn keys(&mut self, text: &str) {
        self.running.write(text);
    }

    /// Everything that was on the screen.
    pub fn screen(&self) -> String {
        self.running.stdout()
    }

    /// Waits until the screen shows `text` beyond the first `from` bytes, and returns the screen's length then.
    ///
    /// # Panics
    /// When it does not within `limit`.
    #[track_caller]
    pub fn expect_after(&self, from: usize, text: &str, limit: Duration) -> usize {
        let deadline = Deadline::after(limit);
        loop {
            let screen = self.screen();
            if screen.get(from..).is_some_and(|new| new.contains(text)) {
                return screen.len();
            }
            assert!(
                !deadline.is_over(),
                "waited {limit:?} in vain for `{text}` on the terminal:\n{screen}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for the program's end.
    pub fn finish(self, limit: Duration) -> crate::Finished {
        self.running.finish(limit)
    }
}
