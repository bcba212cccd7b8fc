//! `PgBouncer` as it is commonly run: session pooling, its own defaults for everything that touches speed.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::path::Path;

use anyhow::Context;
use rustix::process::Signal;

use super::NAME;
use crate::process::{Account, Server, accepts, free_address};

#[derive(Debug)]
pub(crate) struct Pgbouncer {
    server: Server,
    address: SocketAddr,
}

impl Pgbouncer {
    /// Starts it in front of `upstream`, as `account` (it refuses root).
    pub(crate) fn start(
        program: &Path,
        directory: &Path,
        upstream: SocketAddr,
        account: Option<Account>,
    ) -> anyhow::Result<Self> {
        let home = directory.join("pgbouncer");
        fs::create_dir(&home).with_context(|| format!("cannot create {}", home.display()))?;
        let address = free_address()?;
        let users = home.join("users.txt");
        let settings = home.join("pgbouncer.ini");
        fs::write(&users, format!("\"{NAME}\" \"\"\n"))?;
        fs::write(
            &settings,
            format!(
                "[databases]\n{NAME} = host={} port={} dbname={NAME}\n\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {}\n\
                 unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = session\nmax_client_conn = 500\n\
                 default_pool_size = 300\nlog_connections = 0\nlog_disconnections = 0\n",
                upstream.ip(),
                upstream.port(),
                address.port(),
                users.display(),
            ),
        )?;
        if let Some(account) = account {
            chown(&home, Some(account.uid), Some(account.gid))
                .context("cannot give the directory to postgres")?;
        }
        let mut server = Server::start(
            program,
            [&settings],
            account,
            Signal::TERM,
            directory.join("pgbouncer.log"),
        )?;
        server
            .wait_until(|| accepts(address))
            .context("PgBouncer did not start")?;
        Ok(Self { server, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }
}
