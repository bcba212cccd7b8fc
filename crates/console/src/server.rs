//! The listener: TLS, limits and deadlines round every connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use custos_session::ServerIdentity;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections at once; more wait to be accepted.
const CONNECTIONS_MAX: usize = 1024;
/// From the connection to the end of its TLS handshake.
const TLS_TIMEOUT: Duration = Duration::from_secs(10);
/// From the connection, or the last answer, to the end of a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Pause after the operating system refused to accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// What requests under way get to finish when the gateway stops.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// The web address could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// The operating system refused.
    #[error("cannot listen on {address} for the web")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Signing in over plain text, where others could listen.
    #[error("{0} is not a loopback address, so it needs TLS")]
    PlainTextOutsideLoopback(SocketAddr),
    /// The certificate cannot be used.
    #[error("the certificate of the web address cannot be used")]
    Identity(#[source] rustls::Error),
}

/// A bound web address.
pub struct WebListener {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
}

impl WebListener {
    /// Binds it. Without an `identity` it serves plain text, which is refused outside loopback. Must be called inside a
    /// tokio runtime.
    pub async fn bind(
        address: SocketAddr,
        identity: Option<&ServerIdentity>,
    ) -> Result<Self, WebError> {
        if identity.is_none() && !address.ip().is_loopback() {
            return Err(WebError::PlainTextOutsideLoopback(address));
        }
        let tls = identity
            .map(|identity| identity.server_config(&[b"http/1.1"]))
            .transpose()
            .map_err(WebError::Identity)?
            .map(TlsAcceptor::from);
        let failed = |source| WebError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            address,
            tls,
        })
    }

    /// Where it listens, with the port that was bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves requests until `stop`, then lets those under way finish for a moment.
    pub async fn serve(self, router: Router, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                break;
            };
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = stop.cancelled() => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let (tls, router, stop) = (self.tls.clone(), router.clone(), stop.clone());
                    tasks.spawn(async move {
                        connection(stream, peer, tls, router, stop).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "accept on the web address failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        tasks.close();
        if tokio::time::timeout(STOP_GRACE, tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("web requests were still under way at the stop");
        }
    }
}

impl std::fmt::Debug for WebListener {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("WebListener")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
    stop: CancellationToken,
) {
    let Some(tls) = tls else {
        return requests(stream, peer, router, stop).await;
    };
    match tokio::time::timeout(TLS_TIMEOUT, tls.accept(stream)).await {
        Ok(Ok(stream)) => requests(stream, peer, router, stop).await,
        Ok(Err(error)) => tracing::debug!(%error, "TLS with a web client failed"),
        Err(_) => tracing::debug!("TLS with a web client took too long"),
    }
}

async fn requests(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    router: Router,
    stop: CancellationToken,
) {
    let calls = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        calls.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "web connection ended");
    }
}
