//! The listener, which can only be the issuer's own.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::provider::Provider;

/// Why it is not served, or not any more.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Others could reach it.
    #[error("the development provider is not served on {0}, which is not a loopback address")]
    NotLoopback(SocketAddr),
    /// Somebody would sign in at an issuer that is not this one.
    #[error("the development provider's socket is bound to {bound}, its issuer is http://{issuer}")]
    NotTheIssuer {
        /// The socket.
        bound: SocketAddr,
        /// The issuer.
        issuer: SocketAddr,
    },
    /// The operating system refused.
    #[error("the development provider's socket failed")]
    Socket(#[source] io::Error),
}

impl Provider {
    /// Serves requests until `stop`. What the socket is bound to counts, not what anybody calls it.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> Result<(), ServeError> {
        let bound = listener.local_addr().map_err(ServeError::Socket)?;
        if !bound.ip().is_loopback() {
            return Err(ServeError::NotLoopback(bound));
        }
        let issuer = self.parts.issuer.address();
        if bound != issuer {
            return Err(ServeError::NotTheIssuer { bound, issuer });
        }
        let service = self
            .router()
            .into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, service)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await
            .map_err(ServeError::Socket)
    }
}
