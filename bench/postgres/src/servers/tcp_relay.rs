//! The plain relay in a process of its own.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;
use rustix::process::Signal;

use crate::process::Server;

#[derive(Debug)]
pub(crate) struct TcpRelay {
    server: Server,
    address: SocketAddr,
}

impl TcpRelay {
    /// Starts this program's `relay` subcommand in front of `upstream`.
    pub(crate) fn start(directory: &Path, upstream: SocketAddr) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let log = directory.join("relay.log");
        let arguments = [
            "relay".to_owned(),
            "--upstream".to_owned(),
            upstream.to_string(),
        ];
        let mut server = Server::start(&program, arguments, None, Signal::TERM, log.clone())?;
        let address = server
            .wait_until(|| printed_address(&log))
            .context("the relay did not start")?;
        Ok(Self { server, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }
}

fn printed_address(log: &Path) -> Option<SocketAddr> {
    let text = std::fs::read_to_string(log).ok()?;
    text.strip_suffix('\n')?.parse().ok()
}
