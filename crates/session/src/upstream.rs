//! The connection to a target. Only an authorized session can have one.

use custos_model::Secret;
use custos_store::{Resource, UpstreamTls};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, TlsStream};

use crate::error::UpstreamError;
use crate::stream::Stream;
use crate::tls;

/// A dialled target, with what the adapter needs to sign in there.
#[derive(Debug)]
pub struct Upstream {
    stream: Stream,
    resource: Resource,
    password: Secret,
    end_point: Option<Vec<u8>>,
}

impl Upstream {
    pub(crate) async fn dial(resource: Resource, password: Secret) -> Result<Self, UpstreamError> {
        let stream = dial(&resource).await?;
        Ok(Self {
            stream: Stream::Plain(stream),
            resource,
            password,
            end_point: None,
        })
    }

    /// Whether the adapter must ask the target for TLS before anything else.
    pub fn wants_tls(&self) -> bool {
        self.resource.tls != UpstreamTls::Disable
    }

    /// Makes the plain connection a TLS one and checks the certificate as the resource says.
    pub async fn start_tls(self, alpn: &[&[u8]]) -> Result<Self, UpstreamError> {
        let Self {
            stream: Stream::Plain(plain),
            resource,
            password,
            ..
        } = self
        else {
            return Ok(self);
        };
        let config = tls::client_config(&resource, alpn)?;
        let name = ServerName::try_from(resource.host.clone())
            .map_err(|error| UpstreamError::TlsSettings(error.to_string()))?;
        let stream = TlsConnector::from(config)
            .connect(name, plain)
            .await
            .map_err(UpstreamError::Tls)?;
        let end_point = stream
            .get_ref()
            .1
            .peer_certificates()
            .and_then(|chain| chain.first())
            .and_then(tls::end_point_hash);
        let stream = Stream::Tls(Box::new(TlsStream::Client(stream)));
        Ok(Self {
            stream,
            resource,
            password,
            end_point,
        })
    }

    /// `tls-server-end-point` of the target's certificate, where TLS is on and the value is defined.
    pub fn end_point(&self) -> Option<&[u8]> {
        self.end_point.as_deref()
    }

    /// The target as it is configured.
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// The gateway's own password there.
    pub fn password(&self) -> &Secret {
        &self.password
    }

    /// The bytes.
    pub fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// Gives up everything but the bytes; the password is wiped.
    pub fn into_stream(self) -> Stream {
        self.stream
    }
}

async fn dial(resource: &Resource) -> Result<TcpStream, UpstreamError> {
    let connect = |source| UpstreamError::Connect {
        address: format!("{}:{}", resource.host, resource.port),
        source,
    };
    let stream = TcpStream::connect((resource.host.as_str(), resource.port))
        .await
        .map_err(connect)?;
    stream.set_nodelay(true).map_err(connect)?;
    Ok(stream)
}
