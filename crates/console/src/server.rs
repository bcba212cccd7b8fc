//! The listener: TLS, limits and deadlines round every connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use custos_session::ServerIdentity;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::sources::{Place, Sources};

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
    certificate: Option<WebCertificate>,
}

/// The certificate that a web address shows; clones share it.
#[derive(Clone, Debug)]
pub struct WebCertificate(Arc<ArcSwap<ServerConfig>>);

impl WebCertificate {
    fn new(identity: &ServerIdentity) -> Result<Self, WebError> {
        let config = offer(identity)?;
        Ok(Self(Arc::new(ArcSwap::new(config))))
    }

    /// Shows another one from now on.
    pub fn renew(&self, identity: &ServerIdentity) -> Result<(), WebError> {
        self.0.store(offer(identity)?);
        Ok(())
    }
}

fn offer(identity: &ServerIdentity) -> Result<Arc<ServerConfig>, WebError> {
    identity
        .server_config(&[b"http/1.1"])
        .map_err(WebError::Identity)
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
        let certificate = identity.map(WebCertificate::new).transpose()?;
        let failed = |source| WebError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            address,
            certificate,
        })
    }

    /// Where it listens, with the port that was bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate that it shows; `None` in plain text.
    pub fn certificate(&self) -> Option<WebCertificate> {
        self.certificate.clone()
    }

    /// Serves requests until `stop`, then lets those under way finish for a moment.
    pub async fn serve(self, router: Router, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let sources = Arc::new(Sources::default());
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
                    let Some(source) = sources.enter(peer.ip()) else {
                        tracing::debug!("an address has too many web connections");
                        continue;
                    };
                    let (router, stop) = (router.clone(), stop.clone());
                    let tls = self.certificate.as_ref();
                    let tls = tls.map(|tls| TlsAcceptor::from(tls.0.load_full()));
                    tasks.spawn(async move {
                        connection(stream, peer, source, tls, router, stop).await;
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
    source: Place,
    tls: Option<TlsAcceptor>,
    router: Router,
    stop: CancellationToken,
) {
    let Some(tls) = tls else {
        return requests(stream, peer, source, router, stop).await;
    };
    match tokio::time::timeout(TLS_TIMEOUT, tls.accept(stream)).await {
        Ok(Ok(stream)) => requests(stream, peer, source, router, stop).await,
        Ok(Err(error)) => tracing::debug!(%error, "TLS with a web client failed"),
        Err(_) => tracing::debug!("TLS with a web client took too long"),
    }
}

async fn requests(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    source: Place,
    router: Router,
    stop: CancellationToken,
) {
    let calls = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let admitted = source.may_request();
        request.extensions_mut().insert(ConnectInfo(peer));
        let answer = admitted.then(|| calls.call(request));
        async move {
            match answer {
                Some(answer) => answer.await,
                None => Ok(StatusCode::TOO_MANY_REQUESTS.into_response()),
            }
        }
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
