//! Many connections from several source addresses that send nothing.

use std::io::{ErrorKind, Read as _};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};

use anyhow::Context as _;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};

/// The connections that were not closed yet by the other side.
#[derive(Debug)]
pub(super) struct Flood {
    connections: Vec<TcpStream>,
}

impl Flood {
    /// Opens them, in turn from 127.0.0.2 and the addresses after it.
    pub(super) fn open(to: SocketAddr, connections: usize, sources: usize) -> anyhow::Result<Self> {
        let connect = |number: usize| {
            let source = Ipv4Addr::new(127, 0, 0, u8::try_from(2 + number % sources)?);
            open(source, to).with_context(|| format!("connection {number} from {source}"))
        };
        let connections = (0..connections)
            .map(connect)
            .collect::<anyhow::Result<_>>()?;
        Ok(Self { connections })
    }

    /// How many are open, as far as is known.
    pub(super) fn count(&self) -> usize {
        self.connections.len()
    }

    /// Looks which were closed.
    pub(super) fn look(&mut self) {
        self.connections.retain_mut(|connection| {
            let mut scratch = [0; 1024];
            loop {
                match connection.read(&mut scratch) {
                    // Last words.
                    Ok(1..) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                    Ok(0) | Err(_) => return false,
                }
            }
        });
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
