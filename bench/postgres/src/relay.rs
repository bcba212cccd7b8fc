//! The plain TCP relay: the least that any proxy between client and server must do, as the measure for the others.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const WORKER_THREADS: usize = 2;
const BUFFER_BYTES: usize = 64 * 1024;

/// Listens on a free loopback port, prints the address as one line on stdout, and relays until killed.
pub(crate) fn serve(upstream: SocketAddr) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .enable_all()
        .build()
        .context("cannot start the asynchronous runtime")?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("cannot listen on loopback")?;
        let mut stdout = std::io::stdout();
        writeln!(stdout, "{}", listener.local_addr()?)?;
        stdout.flush()?;
        accept_all(listener, upstream).await
    })
}

async fn accept_all(listener: TcpListener, upstream: SocketAddr) -> anyhow::Result<()> {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.context("cannot accept")?;
        connections.spawn(async move {
            // Resets are how clients leave; nobody here needs to hear of them.
            let _ = relay(client, upstream).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn relay(mut client: TcpStream, upstream: SocketAddr) -> std::io::Result<()> {
    let mut server = TcpStream::connect(upstream).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    copy_bidirectional_with_sizes(&mut client, &mut server, BUFFER_BYTES, BUFFER_BYTES).await?;
    Ok(())
}
