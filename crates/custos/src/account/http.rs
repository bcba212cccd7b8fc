//! One request and its answer: HTTP/1.1 over TLS, or plain to this machine itself. Redirects are never followed.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use custos_model::Secret;
use hyper::{Method, StatusCode};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::exchange::{message, talk};
use super::trust::{self, Authorities};
use super::web_url::{Scheme, WebUrl};
use crate::failure::Failure;

/// What answers hold where nothing else is said.
pub(super) const ANSWER_BYTES_MAX: usize = 256 << 10;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends requests, each on a connection of its own.
#[derive(Debug)]
pub(crate) struct HttpClient {
    authorities: Option<Authorities>,
    /// Made for the first `https` request: reading the system's authorities takes its time.
    tls: OnceLock<Arc<ClientConfig>>,
    connect_timeout: Duration,
    total_timeout: Duration,
}

/// What is asked.
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    pub(crate) url: &'a WebUrl,
    /// Access token (RFC 6750 section 2.1).
    pub(crate) bearer: Option<&'a Secret>,
    pub(crate) body: Body,
    /// Bytes of the answer's body at most.
    pub(crate) answer_bytes_max: usize,
}

/// What is handed over.
pub(crate) enum Body {
    Nothing,
    /// `application/x-www-form-urlencoded`, as the endpoints of OAuth take it.
    Form(String),
    Json(Vec<u8>),
}

/// A whole answer of any status but a redirect.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer. The texts hold nothing of what was sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("cannot connect to {authority}")]
    Connect {
        authority: String,
        source: io::Error,
    },
    #[error("no TLS connection to {authority}")]
    Tls {
        authority: String,
        source: io::Error,
    },
    #[error("{authority} did not answer in time")]
    Timeout { authority: String },
    #[error("{authority} broke off or does not speak HTTP")]
    Broken {
        authority: String,
        source: hyper::Error,
    },
    #[error("{authority} answered with a redirect ({status}), which is not followed")]
    Redirect { authority: String, status: u16 },
    #[error("{authority} answered with more than {kib} KiB")]
    TooLong { authority: String, kib: usize },
    #[error("{authority} answered in an encoding that was not asked for")]
    Encoded { authority: String },
    #[error("a request cannot be made")]
    Request(#[source] anyhow::Error),
}

impl HttpError {
    /// With what can be done about it.
    pub(crate) fn into_failure(self) -> Failure {
        let hint = match &self {
            Self::Tls { .. } => {
                "if the gateway's certificate is of your own CA, name it: \
                 `custos login --gateway URL --ca-file FILE`"
            }
            Self::Redirect { .. } => {
                "name the gateway's own URL with --gateway, not one that leads there"
            }
            _ => "check the gateway's URL, and whether it runs and can be reached from here",
        };
        Failure::new(self).hint(hint)
    }
}

impl HttpClient {
    /// Believes the system's authorities and these.
    pub(crate) fn new(authorities: Option<Authorities>) -> Self {
        Self {
            authorities,
            tls: OnceLock::new(),
            connect_timeout: CONNECT_TIMEOUT,
            total_timeout: TOTAL_TIMEOUT,
        }
    }

    /// Sends the request and reads the whole answer within 30 seconds.
    pub(crate) async fn send(&self, request: Request<'_>) -> Result<Answer, HttpError> {
        let authority = request.url.authority();
        let late = |_| HttpError::Timeout {
            authority: authority.to_owned(),
        };
        timeout(self.total_timeout, self.exchange(&request))
            .await
            .map_err(late)?
    }

    async fn exchange(&self, request: &Request<'_>) -> Result<Answer, HttpError> {
        let url = request.url;
        let message = message(request).map_err(HttpError::Request)?;
        let connecting = timeout(self.connect_timeout, connect(url));
        let stream = match connecting.await {
            Ok(connected) => connected,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        let stream = stream.map_err(|source| HttpError::Connect {
            authority: url.authority().to_owned(),
            source,
        })?;
        match url.scheme() {
            Scheme::Http => talk(stream, message, url.authority(), request.answer_bytes_max).await,
            Scheme::Https => {
                let stream = self.start_tls(url, stream).await?;
                talk(stream, message, url.authority(), request.answer_bytes_max).await
            }
        }
    }

    async fn start_tls(
        &self,
        url: &WebUrl,
        stream: TcpStream,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, HttpError> {
        let failed = |source| HttpError::Tls {
            authority: url.authority().to_owned(),
            source,
        };
        let config = if let Some(config) = self.tls.get() {
            config.clone()
        } else {
            let made = trust::client_config(self.authorities.as_ref())
                .map_err(|error| failed(io::Error::other(error.to_string())))?;
            self.tls.get_or_init(|| made).clone()
        };
        let name = url
            .server_name()
            .ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
        let connecting = TlsConnector::from(config).connect(name, stream);
        match timeout(self.connect_timeout, connecting).await {
            Ok(connected) => connected.map_err(failed),
            Err(_) => Err(failed(io::ErrorKind::TimedOut.into())),
        }
    }
}

/// Pairs as a form (URL Standard, section 5.2).
pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

async fn connect(url: &WebUrl) -> io::Result<TcpStream> {
    let found: Vec<SocketAddr> = tokio::net::lookup_host((url.host(), url.port()))
        .await?
        .collect();
    // A resolver may say anything about `localhost`.
    if url.scheme() == Scheme::Http && !found.iter().all(|address| address.ip().is_loopback()) {
        return Err(io::Error::other("the name is not this machine's own"));
    }
    let stream = TcpStream::connect(found.as_slice()).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// Answers one connection with these bytes, and keeps it open where it is told to.
    async fn asked(answer: Vec<u8>, keep_open: bool) -> Result<Answer, HttpError> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/x", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).unwrap();
            // The client may hang up in the middle of too long an answer.
            let _ = stream.write_all(&answer);
            if keep_open {
                let _ = stream.read(&mut head);
            }
        });
        let mut client = HttpClient::new(None);
        client.total_timeout = Duration::from_millis(300);
        let url = WebUrl::parse(&url).unwrap();
        let result = client
            .send(Request {
                method: Method::GET,
                url: &url,
                bearer: None,
                body: Body::Nothing,
                answer_bytes_max: ANSWER_BYTES_MAX,
            })
            .await;
        // The runtime must go on: it is what closes the connection.
        let joined = tokio::task::spawn_blocking(move || server.join());
        joined.await.unwrap().unwrap();
        result
    }

    async fn refused(answer: &str) -> String {
        match asked(answer.as_bytes().to_vec(), false).await {
            Ok(answer) => panic!("{} taken", answer.status),
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn answers_of_every_status_but_redirects_are_read() {
        let text = "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno";
        let answer = asked(text.as_bytes().to_vec(), false).await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), answer.body.as_slice()),
            (404, &b"no"[..])
        );
        for status in [301, 302, 303, 307, 308] {
            let text = format!("HTTP/1.1 {status} X\r\nlocation: https://evil.example/\r\n\r\n");
            assert!(refused(&text).await.contains("redirect"), "{status}");
        }
    }

    #[tokio::test]
    async fn long_answers_are_not_read_to_their_end() {
        let announced = "HTTP/1.1 200 OK\r\ncontent-length: 262145\r\n\r\n";
        assert!(refused(announced).await.contains("more than 256 KiB"));
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        let chunked = format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}",
            chunk.repeat(5)
        );
        assert!(refused(&chunked).await.contains("more than 256 KiB"));
        let whole = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: 262144\r\n\r\n{}",
            "x".repeat(262_144)
        );
        let answer = asked(whole.into_bytes(), false).await.unwrap();
        assert_eq!(answer.body.len(), ANSWER_BYTES_MAX);
    }

    #[tokio::test]
    async fn garbage_silence_and_compression_are_no_answers() {
        assert!(
            refused("SSH-2.0-OpenSSH_9.9\r\n\r\n")
                .await
                .contains("does not speak HTTP")
        );
        assert!(refused("").await.contains("broke off"));
        let packed = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 0\r\n\r\n";
        assert!(refused(packed).await.contains("encoding"));
        let cut = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab";
        assert!(refused(cut).await.contains("broke off"));
        let endless = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab"
            .as_bytes()
            .to_vec();
        let error = asked(endless, true).await.err().unwrap();
        assert!(matches!(error, HttpError::Timeout { .. }), "{error}");
    }
}
