//! Child processes: started, watched, and ended by their id.

use std::fmt;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::wait::Deadline;

/// How a program ended and what it printed.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its exit status.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Finished {
    /// The exit code; 128 + the signal's number when a signal ended it.
    pub fn code(&self) -> i32 {
        self.status
            .code()
            .unwrap_or_else(|| 128 + self.status.signal().unwrap_or(0))
    }

    /// Standard output of a program that must have succeeded.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn success(self) -> String {
        assert!(self.status.success(), "{self}");
        self.stdout
    }

    /// Standard error of a program that must have failed.
    ///
    /// # Panics
    /// When it succeeded.
    #[track_caller]
    pub fn failure(self) -> String {
        assert!(!self.status.success(), "{self}");
        self.stderr
    }
}

impl fmt::Display for Finished {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{}\n--- stdout\n{}--- stderr\n{}",
            self.status, self.stdout, self.stderr
        )
    }
}

/// A running child. It is killed when dropped.
pub struct Running {
    child: Child,
    output: [Captured; 2],
}

struct Captured {
    text: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl fmt::Debug for Running {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Running")
            .field("pid", &self.child.id())
            .finish_non_exhaustive()
    }
}

/// Starts a program with its output captured. Its standard input stays open until [`Running::close_stdin`].
///
/// # Panics
/// When it cannot be started.
#[track_caller]
pub fn start(command: &mut Command) -> Running {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => panic!("{command:?} does not start: {error}"),
    };
    let stdout = capture(child.stdout.take());
    let stderr = capture(child.stderr.take());
    Running {
        child,
        output: [stdout, stderr],
    }
}

/// Runs a program to its end, which must come within `limit`.
///
/// # Panics
/// When it cannot be started or takes longer.
#[track_caller]
pub fn run(command: &mut Command, limit: Duration) -> Finished {
    let mut running = start(command);
    running.close_stdin();
    running.finish(limit)
}

fn capture(stream: Option<impl Read + Send + 'static>) -> Captured {
    let mut stream = stream.expect("it was piped");
    let text = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&text);
    let reader = std::thread::spawn(move || {
        let mut buffer = [0; 16384];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            sink.lock()
                .expect("no holder panics")
                .extend_from_slice(&buffer[..count]);
        }
    });
    Captured {
        text,
        reader: Some(reader),
    }
}

impl Captured {
    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().expect("no holder panics")).into_owned()
    }

    fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader does not panic");
        }
        self.so_far()
    }
}

impl Running {
    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Standard output so far.
    pub fn stdout(&self) -> String {
        self.output[0].so_far()
    }

    /// Standard error so far.
    pub fn stderr(&self) -> String {
        self.output[1].so_far()
    }

    /// Whether it is still running.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Whether it has closed its output, and all of that is here.
    pub fn has_said_all(&self) -> bool {
        let mut readers = self
            .output
            .iter()
            .filter_map(|output| output.reader.as_ref());
        readers.all(JoinHandle::is_finished)
    }

    /// Writes to its standard input.
    pub fn write(&mut self, text: &str) {
        let stdin = self
            .child
            .stdin
            .as_mut()
            .expect("standard input is still open");
        stdin
            .write_all(text.as_bytes())
            .and_then(|()| stdin.flush())
            .expect("the child reads");
    }

    /// Writes to its standard input, if it still reads it.
    pub fn write_if_alive(&mut self, text: &str) {
        if let Some(input) = &mut self.child.stdin {
            let _ = input
                .write_all(text.as_bytes())
                .and_then(|()| input.flush());
        }
    }

    /// Ends its standard input.
    pub fn close_stdin(&mut self) {
        self.child.stdin = None;
    }

    /// Sends it a signal.
    pub fn signal(&self, what: Signal) {
        signal(self.child.id(), what);
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not come within `limit`; the child is killed.
    #[track_caller]
    pub fn finish(mut self, limit: Duration) -> Finished {
        let deadline = Deadline::after(limit);
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the child is ours") {
                break status;
            }
            if deadline.is_over() {
                let (stdout, stderr) = (self.stdout(), self.stderr());
                panic!("not finished after {limit:?}\n--- stdout\n{stdout}--- stderr\n{stderr}");
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let [stdout, stderr] = &mut self.output;
        Finished {
            status,
            stdout: stdout.whole(),
            stderr: stderr.whole(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process that this test started.
///
/// # Panics
/// When the id is not one.
pub fn signal(pid: u32, what: Signal) {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .expect("a process id");
    // A process that has just ended is no news here.
    let _ = kill_process(pid, what);
}

/// A port of loopback that nobody listens on. Never handed out twice by one process, and outside of the range that
/// the system takes ports of outgoing connections from, so that none of those is in the way either.
///
/// # Panics
/// When there is none left.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    const FIRST: u32 = 12_000;
    const PORTS: u32 = 20_000;
    // Processes begin at different places.
    let begin = std::process::id().wrapping_mul(613);
    (0..PORTS)
        .map(|_| begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % PORTS + FIRST)
        .filter_map(|port| u16::try_from(port).ok())
        .find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok())
        .expect("loopback has free ports")
}

/// Memory of a process that is in RAM, in bytes.
///
/// # Panics
/// When there is no such process.
pub fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .expect("status has VmRSS");
    let kibibytes: u64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|word| word.parse().ok())
        .expect("VmRSS is a number");
    kibibytes * 1024
}
