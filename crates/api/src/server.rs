//! The socket: only its owner can open it, and each caller is asked of the kernel.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::admin::Admin;
use crate::peer::Peer;
use crate::routes;

/// Callers at once; more wait.
const CONNECTIONS_MAX: usize = 64;
/// From the connection, or the last answer, to the end of a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Pause after the operating system refused to accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// What open calls get to finish when the gateway stops.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// An admin socket that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another gateway answers there.
    #[error("{0} belongs to a gateway that is running")]
    InUse(PathBuf),
    /// Something that is not a socket stands there.
    #[error("{0} exists and is not a socket")]
    NotASocket(PathBuf),
    /// The operating system refused.
    #[error("cannot {action} {path}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// The socket.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// A bound admin socket. Its file goes when this value does.
#[derive(Debug)]
pub struct AdminSocket {
    path: PathBuf,
    listener: UnixListener,
}

impl AdminSocket {
    /// Binds the socket with mode 0600; replaces one that a gateway left behind. Must be called inside a tokio runtime.
    pub fn bind(path: &Path) -> Result<Self, SocketError> {
        remove_left_behind(path)?;
        // Bound under another name and renamed, so that nobody can connect before the mode is right.
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        let temporary = PathBuf::from(temporary);
        remove_left_behind(&temporary)?;
        let listener = UnixListener::bind(&temporary).map_err(failed("bind", path))?;
        std::fs::set_permissions(&temporary, std::fs::Permissions::from_mode(0o600))
            .map_err(failed("set the mode of", path))?;
        std::fs::rename(&temporary, path).map_err(failed("put in place", path))?;
        Ok(Self {
            path: path.to_owned(),
            listener,
        })
    }

    /// Serves calls until `stop`, then lets those under way finish for a moment.
    pub async fn serve(self, admin: Admin, stop: CancellationToken) {
        let router = routes::router(admin.clone());
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
                Ok((stream, _)) => {
                    let connection =
                        connection(stream, admin.clone(), router.clone(), stop.clone());
                    admin.tasks().spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "accept on the admin socket failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        admin.tasks().close();
        if tokio::time::timeout(STOP_GRACE, admin.tasks().wait())
            .await
            .is_err()
        {
            tracing::warn!("admin calls were still under way at the stop");
        }
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        // Nothing is lost when it stays: the next start replaces it.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn connection(stream: UnixStream, admin: Admin, router: Router, stop: CancellationToken) {
    let peer = match stream.peer_cred() {
        Ok(credentials) => Peer::new(credentials.uid(), &admin.settings().passwd),
        Err(error) => {
            tracing::warn!(%error, "the caller on the admin socket is unknown");
            return;
        }
    };
    let calls = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
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
        tracing::debug!(%error, "admin connection ended");
    }
}

fn remove_left_behind(path: &Path) -> Result<(), SocketError> {
    use std::os::unix::fs::FileTypeExt as _;
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("look at", path)(error)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(SocketError::NotASocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(SocketError::InUse(path.to_owned()));
    }
    std::fs::remove_file(path).map_err(failed("remove the left-behind", path))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SocketError + use<> {
    let path = path.to_owned();
    move |source| SocketError::Io {
        action,
        path,
        source,
    }
}
