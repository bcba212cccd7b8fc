//! Clients that write until they are stopped, and remember what was acknowledged to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use custos_testkit::Endpoint;

use crate::query::{Connection, Failure};

/// A thread with one session that inserts as fast as it can.
#[derive(Debug)]
pub(crate) struct Writer {
    thread: JoinHandle<Written>,
    stop: Arc<AtomicBool>,
    count: Arc<AtomicU64>,
}

/// What a writer did.
#[derive(Debug)]
pub(crate) struct Written {
    /// Statements that the client was told have succeeded.
    pub(crate) acknowledged: Vec<String>,
    /// How it ended, if it was not stopped.
    pub(crate) failure: Option<Failure>,
    /// When it ended.
    pub(crate) ended: Instant,
}

impl Writer {
    /// Starts one. Its statements contain its name, which is unique.
    pub(crate) fn start(endpoint: Endpoint, name: String) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let count = Arc::new(AtomicU64::new(0));
        let (told, counted) = (Arc::clone(&stop), Arc::clone(&count));
        let thread = std::thread::spawn(move || write(&endpoint, &name, &told, &counted));
        Self {
            thread,
            stop,
            count,
        }
    }

    /// Statements that were acknowledged so far.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Stops it after its present statement.
    pub(crate) fn finish(self) -> Written {
        self.stop.store(true, Ordering::Release);
        self.thread.join().expect("a writer does not panic")
    }
}

fn write(endpoint: &Endpoint, name: &str, stop: &AtomicBool, count: &AtomicU64) -> Written {
    let mut acknowledged = Vec::new();
    let failure = match Connection::open(endpoint) {
        Ok(mut connection) => loop {
            if stop.load(Ordering::Acquire) {
                break None;
            }
            let statement = format!("INSERT INTO notes VALUES ('{name}-{}')", acknowledged.len());
            if let Err(failure) = connection.run(&statement) {
                break Some(failure);
            }
            acknowledged.push(statement);
            count.fetch_add(1, Ordering::Release);
        },
        Err(failure) => Some(failure),
    };
    Written {
        acknowledged,
        failure,
        ended: Instant::now(),
    }
}
