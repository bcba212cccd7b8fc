//! A server that says what a test wants it to say.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

/// A TCP server on 127.0.0.1 that runs one function for each connection, one after the other.
#[derive(Debug)]
pub struct FakeServer {
    port: u16,
    over: Arc<AtomicBool>,
    accepted: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl FakeServer {
    /// Starts it.
    ///
    /// # Panics
    /// When loopback has no free port.
    pub fn start(mut serve: impl FnMut(TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let port = listener.local_addr().expect("it is bound").port();
        let over = Arc::new(AtomicBool::new(false));
        let accepted = Arc::new(AtomicUsize::new(0));
        let (stop, count) = (Arc::clone(&over), Arc::clone(&accepted));
        let thread = std::thread::spawn(move || {
            for connection in listener.incoming() {
                if stop.load(Ordering::Acquire) {
                    break;
                }
                count.fetch_add(1, Ordering::Release);
                if let Ok(connection) = connection {
                    let _ = connection.set_read_timeout(Some(crate::PATIENCE));
                    serve(connection);
                }
            }
        });
        Self {
            port,
            over,
            accepted,
            thread: Some(thread),
        }
    }

    /// A server that reads what comes first, answers with these bytes, and closes when the other side does.
    pub fn answering(answer: &'static [u8]) -> Self {
        Self::start(move |mut connection| {
            let mut buffer = [0; 4096];
            if matches!(connection.read(&mut buffer), Ok(1..))
                && connection.write_all(answer).is_ok()
            {
                while matches!(connection.read(&mut buffer), Ok(1..)) {}
            }
        })
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many connections came.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Acquire)
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        // Wakes the thread out of accept.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
