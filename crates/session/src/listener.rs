//! Accepting connections, and the frame round every session: its limits, its deadlines, its one close.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::FutureExt as _;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::accepted::Accepted;
use crate::core::{Core, Phase};
use crate::error::{ListenError, SessionError};
use crate::gateway::{OBEY_GRACE, Shared};
use crate::passage::{self, Through};
use crate::registry::HandshakePlace;
use crate::tls::ServerIdentity;
use crate::{Ended, Protocol, Session};

/// Pause after the operating system refused to accept (no file descriptors, usually).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Connections that the operating system holds until they are accepted.
const ACCEPT_QUEUE: u32 = 4096;

/// How a listener protects what passes.
#[derive(Clone, Debug)]
pub enum ListenerTls {
    /// Every client must use TLS.
    Required(Arc<ServerIdentity>),
    /// Plain text; on loopback addresses only.
    Off,
}

/// How clients prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// SCRAM-SHA-256: the credential does not cross the wire.
    Scram,
    /// The credential itself, inside TLS only.
    Password,
}

/// One address to listen on.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// Its name in the configuration.
    pub name: String,
    /// Where; port 0 takes a free one.
    pub address: SocketAddr,
    /// TLS or not.
    pub tls: ListenerTls,
    /// How clients sign in.
    pub authentication: ClientAuthentication,
}

/// The TLS that a listener offers at this moment.
pub(crate) struct OfferedTls {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) end_point: Option<Vec<u8>>,
}

pub(crate) struct Listener {
    pub(crate) authentication: ClientAuthentication,
    alpn: &'static [&'static [u8]],
    tls: Option<ArcSwap<OfferedTls>>,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Listener").finish_non_exhaustive()
    }
}

impl Listener {
    pub(crate) fn tls(&self) -> Option<Arc<OfferedTls>> {
        self.tls.as_ref().map(ArcSwap::load_full)
    }

    /// Puts a new certificate in force; false when this listener has no TLS or cannot use it.
    pub(crate) fn renew(&self, identity: &ServerIdentity) -> bool {
        match (&self.tls, offer(identity, self.alpn)) {
            (Some(tls), Ok(offered)) => {
                tls.store(Arc::new(offered));
                true
            }
            _ => false,
        }
    }
}

fn offer(identity: &ServerIdentity, alpn: &[&[u8]]) -> Result<OfferedTls, rustls::Error> {
    Ok(OfferedTls {
        config: identity.server_config(alpn)?,
        end_point: identity.end_point().map(<[u8]>::to_vec),
    })
}

/// A listener whose address is taken: who connects waits until it is served, and is refused when it is dropped.
#[must_use = "nobody is served before `serve`"]
pub struct BoundListener<P> {
    shared: Arc<Shared>,
    protocol: Arc<P>,
    listener: Arc<Listener>,
    address: SocketAddr,
    socket: TcpListener,
}

impl<P> std::fmt::Debug for BoundListener<P> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("BoundListener")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl<P: Protocol> BoundListener<P> {
    /// The address that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves it until [`Gateway::drain`](crate::Gateway::drain).
    pub fn serve(self) {
        let tasks = self.shared.tasks.clone();
        tasks.spawn(accept_loop(
            self.shared,
            self.protocol,
            self.listener,
            self.socket,
        ));
    }

    pub(crate) fn listener(&self) -> Arc<Listener> {
        Arc::clone(&self.listener)
    }
}

pub(crate) fn bind<P: Protocol>(
    shared: Arc<Shared>,
    protocol: Arc<P>,
    settings: ListenerSettings,
) -> Result<BoundListener<P>, ListenError> {
    let ListenerSettings {
        name,
        address,
        tls,
        authentication,
    } = settings;
    let tls = match tls {
        ListenerTls::Required(identity) => {
            let offered = offer(&identity, protocol.alpn())
                .map_err(|source| ListenError::Identity { name, source })?;
            Some(ArcSwap::from_pointee(offered))
        }
        ListenerTls::Off if address.ip().is_loopback() || protocol.encrypts_by_itself() => None,
        ListenerTls::Off => return Err(ListenError::PlainTextOutsideLoopback { name, address }),
    };
    let failed = |source| ListenError::Bind { address, source };
    let socket = listen(address).map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    let listener = Arc::new(Listener {
        authentication,
        alpn: protocol.alpn(),
        tls,
    });
    Ok(BoundListener {
        shared,
        protocol,
        listener,
        address,
        socket,
    })
}

/// Listens with room for a burst: tokio's own queue of 128 makes clients wait for a retransmission.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(ACCEPT_QUEUE)
}

async fn accept_loop<P: Protocol>(
    shared: Arc<Shared>,
    protocol: Arc<P>,
    listener: Arc<Listener>,
    socket: TcpListener,
) {
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            () = shared.stop_accepting.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let limits = shared.limits();
        let place = shared.registry.enter_handshake(
            peer.ip(),
            limits.handshakes,
            limits.handshakes_per_source,
        );
        let Some(place) = place else {
            shared.refusals.count();
            continue;
        };
        let task = run(
            Arc::clone(&shared),
            Arc::clone(&protocol),
            Arc::clone(&listener),
            stream,
            peer,
            place,
        );
        shared.tasks.spawn(task);
    }
}

/// One connection from accept to close.
async fn run<P: Protocol>(
    shared: Arc<Shared>,
    protocol: Arc<P>,
    listener: Arc<Listener>,
    stream: TcpStream,
    peer: SocketAddr,
    place: HandshakePlace,
) {
    let stage = Accepted::new(protocol.protocol(), listener, place);
    let serve = async move |session| {
        stream.set_nodelay(true).map_err(SessionError::Client)?;
        protocol.serve(stream, session).await
    };
    // Boxed: the adapter's future is large, and is given back as soon as the session ends.
    frame(shared, peer, stage, move |session| Box::pin(serve(session))).await;
}

/// The frame round a session: its id, its limits, its deadlines, its one close.
pub(crate) async fn frame<F: Future<Output = Result<Ended, SessionError>>>(
    shared: Arc<Shared>,
    peer: SocketAddr,
    stage: Accepted,
    serve: impl FnOnce(Session<Accepted>) -> F,
) {
    let now = shared.services.clock.now();
    let id = shared.services.evidence.ids().session(now.utc_ns);
    let core = Arc::new(Core::new(Arc::clone(&shared), id, peer, now.mono_ns));
    shared.registry.add(&core);
    let outer = stage.through().map(Through::ended);
    let session = Session {
        core: Arc::clone(&core),
        stage,
    };
    let adapter = AssertUnwindSafe(serve(session)).catch_unwind();
    let result = tokio::select! {
        biased;
        result = adapter => {
            result.unwrap_or(Err(SessionError::Internal("the session's task panicked")))
        }
        what = core.overdue() => Err(SessionError::Timeout(what)),
        () = core.overstayed(OBEY_GRACE) => Err(told_to_end(&core)),
        interrupt = passage::left(outer) => Err(SessionError::Interrupted(interrupt)),
        () = core.shared.stop_now.cancelled() => Err(told_to_end(&core)),
    };
    match &result {
        Ok(_) => tracing::debug!(session = %id, "session ended"),
        Err(error) => tracing::info!(session = %id, kind = error.kind(), "session ended"),
    }
    core.close(result).await;
    shared.registry.remove(id);
}

fn told_to_end(core: &Core) -> SessionError {
    debug_assert!(core.phase() <= Phase::Open, "phases are ordered");
    match &*core.interrupts().borrow() {
        Some(interrupt) => SessionError::Interrupted(interrupt.clone()),
        None => SessionError::Internal("the gateway was stopped at once"),
    }
}
