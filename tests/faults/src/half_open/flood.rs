//! Many connections from several source addresses that send nothing.

use std::io::{ErrorKind, Read as _};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use anyhow::Context as _;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};

/// Threads that connect at the same time.
const THREADS: usize = 16;

/// The connections, opened by threads of their own.
#[derive(Debug)]
pub(super) struct Flood {
    held: Arc<Mutex<Vec<TcpStream>>>,
    threads: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Flood {
    /// Begins to open them, in turn from 127.0.0.2 and the addresses after it.
    pub(super) fn begin(to: SocketAddr, connections: usize, sources: usize) -> Self {
        let held = Arc::new(Mutex::new(Vec::with_capacity(connections)));
        let open_some = |thread: usize| {
            let held = Arc::clone(&held);
            std::thread::spawn(move || {
                for number in (thread..connections).step_by(THREADS) {
                    let source = Ipv4Addr::new(127, 0, 0, u8::try_from(2 + number % sources)?);
                    let opened = open(source, to)
                        .with_context(|| format!("connection {number} from {source}"))?;
                    lock(&held).push(opened);
                }
                Ok(())
            })
        };
        let threads = (0..THREADS).map(open_some).collect();
        Self { held, threads }
    }

    /// Whether all were opened; an error when one could not be.
    pub(super) fn is_opened(&mut self) -> anyhow::Result<bool> {
        if !self.threads.iter().all(JoinHandle::is_finished) {
            return Ok(false);
        }
        for thread in self.threads.drain(..) {
            thread.join().expect("the thread does not panic")?;
        }
        Ok(true)
    }

    /// Looks which were closed by the other side, and returns how many are still open.
    pub(super) fn count(&mut self) -> usize {
        let mut held = lock(&self.held);
        held.retain_mut(is_open);
        held.len()
    }
}

fn lock(held: &Mutex<Vec<TcpStream>>) -> MutexGuard<'_, Vec<TcpStream>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_open(connection: &mut TcpStream) -> bool {
    let mut scratch = [0; 1024];
    loop {
        match connection.read(&mut scratch) {
            // Last words.
            Ok(1..) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
            Ok(0) | Err(_) => return false,
        }
    }
}

fn open(source: Ipv4Addr, to: SocketAddr) -> anyhow::Result<TcpStream> {
    let socket = socket_with(
        AddressFamily::INET,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    bind(&socket, &SocketAddrV4::new(source, 0))?;
    connect(&socket, &to)?;
    let stream = TcpStream::from(socket);
    stream.set_nonblocking(true)?;
    Ok(stream)
}
