//! The client.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::error::FetchError;
use crate::exchange::{Answer, exchange, message};
use crate::guard::Guard;
use crate::network::Network;
use crate::request::{Receipt, Request, Response};
use crate::resolve::Resolve;
use crate::target::{Scheme, Target};
use crate::tls;

/// How long a server may go on talking after a head that is all that was asked for.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// How one provider is reached.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Networks that are not public and that the provider stands in. Only private, unique local, carrier-grade and
    /// loopback addresses can be opened so: see [`crate::AddressClass::may_be_allowed`].
    pub networks: Vec<Network>,
    /// Whether loopback addresses are allowed, also by plain `http`. For trying out and for tests.
    pub loopback: bool,
    /// Certificate authorities beyond the system's own, as PEM.
    pub extra_ca_pem: Option<String>,
    /// From the first question to the name service until the TLS handshake is done.
    pub connect_timeout: Duration,
    /// For everything together, up to the last byte of the answer.
    pub total_timeout: Duration,
}

impl Default for Settings {
    /// The public internet only; 5 seconds to connect, 10 seconds for everything.
    fn default() -> Self {
        Self {
            networks: Vec::new(),
            loopback: false,
            extra_ca_pem: None,
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(10),
        }
    }
}

/// Fetches from one provider. Cheap to clone; nothing is kept between requests.
#[derive(Clone, Debug)]
pub struct Client {
    guard: Guard,
    tls: Arc<ClientConfig>,
    resolver: Arc<dyn Resolve>,
    connect_timeout: Duration,
    total_timeout: Duration,
}

impl Client {
    /// Reads the certificate authorities, from the system's store too.
    ///
    /// # Errors
    /// [`FetchError::Authorities`], [`FetchError::TlsSettings`].
    pub fn new(settings: Settings, resolver: Arc<dyn Resolve>) -> Result<Self, FetchError> {
        Ok(Self {
            tls: tls::config(settings.extra_ca_pem.as_deref())?,
            guard: Guard {
                networks: settings.networks,
                loopback: settings.loopback,
            },
            resolver,
            connect_timeout: settings.connect_timeout,
            total_timeout: settings.total_timeout,
        })
    }

    /// Sends the request and reads the whole answer, whatever its status is, save redirects.
    pub async fn fetch(&self, request: Request) -> Result<Response, FetchError> {
        let target = Target::parse(&request.url)?;
        let max_response_bytes = request.max_response_bytes;
        let message = message(&target, request)?;
        let work = Box::pin(async {
            let answer = self.run(&target, message).await?;
            answer.read(max_response_bytes).await
        });
        timeout(self.total_timeout, work)
            .await
            .map_err(|_| FetchError::Timeout)?
    }

    /// Sends the request and takes the head of the answer for all of it: what the server writes below is read up to
    /// the request's limit, for a moment, and dropped. So neither its length nor its encoding makes a failure of a
    /// delivery that was taken in.
    pub async fn deliver(&self, request: Request) -> Result<Receipt, FetchError> {
        let target = Target::parse(&request.url)?;
        let max_response_bytes = request.max_response_bytes;
        let message = message(&target, request)?;
        let work = Box::pin(self.run(&target, message));
        let answer = timeout(self.total_timeout, work)
            .await
            .map_err(|_| FetchError::Timeout)??;
        let receipt = answer.receipt();
        let _ = timeout(DRAIN_TIMEOUT, answer.drain(max_response_bytes)).await;
        Ok(receipt)
    }

    async fn run(
        &self,
        target: &Target,
        message: hyper::Request<Full<Bytes>>,
    ) -> Result<Answer, FetchError> {
        if target.scheme == Scheme::Http {
            let stream = self.in_time(self.connect(target)).await?;
            return exchange(stream, message).await;
        }
        let stream = self.in_time(self.connect_tls(target)).await?;
        exchange(stream, message).await
    }

    async fn in_time<T>(
        &self,
        connecting: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, FetchError> {
        timeout(self.connect_timeout, connecting)
            .await
            .map_err(|_| FetchError::ConnectTimeout)?
    }

    async fn connect_tls(
        &self,
        target: &Target,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, FetchError> {
        let name = target.server_name()?;
        let stream = self.connect(target).await?;
        TlsConnector::from(Arc::clone(&self.tls))
            .connect(name, stream)
            .await
            .map_err(FetchError::Tls)
    }

    async fn connect(&self, target: &Target) -> Result<TcpStream, FetchError> {
        let addresses = self
            .resolver
            .resolve(&target.host)
            .await
            .map_err(FetchError::Resolve)?;
        self.guard.check(target.scheme, &addresses)?;
        connect_to_one_of(&addresses, target.port).await
    }
}

/// Takes the first that answers. The slice was checked, and nothing is resolved here again.
async fn connect_to_one_of(addresses: &[IpAddr], port: u16) -> Result<TcpStream, FetchError> {
    let mut last = FetchError::Addresses;
    for address in addresses {
        match TcpStream::connect((*address, port)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = FetchError::Connect(error),
        }
    }
    Err(last)
}
