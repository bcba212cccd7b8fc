//! A relay that connects from an address of its own.

use std::io::copy;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

use crate::fake::FakeServer;

/// Passes one connection at a time on to a port of 127.0.0.1, from another loopback address.
#[derive(Debug)]
pub struct Relay(FakeServer);

impl Relay {
    /// Connections to its port reach `port` from `address`.
    pub fn from_address(address: Ipv4Addr, port: u16) -> Self {
        Self(FakeServer::start(move |client| {
            let server = connected_from(address, port);
            let (Ok(mut client_in), Ok(mut server_out)) = (client.try_clone(), server.try_clone())
            else {
                return;
            };
            let there = std::thread::spawn(move || {
                let _ = copy(&mut client_in, &mut server_out);
                let _ = server_out.shutdown(Shutdown::Write);
            });
            let (mut server_in, mut client_out) = (server, client);
            let _ = copy(&mut server_in, &mut client_out);
            let _ = client_out.shutdown(Shutdown::Both);
            let _ = there.join();
        }))
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.0.port()
    }
}

fn connected_from(address: Ipv4Addr, port: u16) -> TcpStream {
    let socket =
        socket(AddressFamily::INET, SocketType::STREAM, None).expect("sockets can be made");
    bind(&socket, &SocketAddr::from((address, 0))).expect("all of 127.0.0.0/8 is this machine");
    connect(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, port))).expect("it listens");
    TcpStream::from(socket)
}
