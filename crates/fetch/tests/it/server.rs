//! A server that says one thing to everybody and remembers what it was asked.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// What a server does with a request.
#[derive(Clone)]
pub(crate) enum Script {
    /// Sends these bytes and closes.
    Say(Vec<u8>),
    /// Sends these bytes and then nothing, without closing.
    SayAndHang(Vec<u8>),
    /// Sends the first bytes, and then the others again and again, for ever.
    Repeat(Vec<u8>, Vec<u8>),
    /// As the one before, with that time in between.
    Drip(Vec<u8>, Vec<u8>, Duration),
    /// Takes the connection and never says anything, not even in a TLS handshake.
    Silence,
}

/// What happened at a server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Connection,
    /// The name of the TLS handshake, and the whole request.
    Request(Option<String>, String),
    /// The client is gone.
    Gone,
}

pub(crate) struct Server {
    pub(crate) port: u16,
    seen: mpsc::Receiver<Seen>,
    _tasks: JoinSet<()>,
}

impl Server {
    pub(crate) async fn plain(script: Script) -> Self {
        Self::start(script, None).await
    }

    pub(crate) async fn tls(script: Script, config: Arc<ServerConfig>) -> Self {
        Self::start(script, Some(TlsAcceptor::from(config))).await
    }

    async fn start(script: Script, acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, seen) = mpsc::channel(64);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = sender.send(Seen::Connection).await;
                // A client that gives up breaks the conversation, which is what some tests want.
                let _ = converse(stream, acceptor.as_ref(), &script, &sender).await;
                let _ = sender.send(Seen::Gone).await;
            }
        });
        Self {
            port,
            seen,
            _tasks: tasks,
        }
    }

    pub(crate) async fn next(&mut self) -> Seen {
        self.seen.recv().await.unwrap()
    }

    /// The request that comes next, after its connection.
    pub(crate) async fn request(&mut self) -> (Option<String>, String) {
        assert_eq!(self.next().await, Seen::Connection);
        match self.next().await {
            Seen::Request(name, text) => (name, text),
            other => panic!("{other:?}"),
        }
    }

    /// Whether nobody ever connected. Connections are taken in their order, so what is seen first is a request of
    /// our own only if there was none before.
    pub(crate) async fn was_left_alone(&mut self) -> bool {
        let own = "GET /own HTTP/1.1\r\n\r\n";
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(own.as_bytes()).await.unwrap();
        assert_eq!(self.next().await, Seen::Connection);
        self.next().await == Seen::Request(None, own.to_owned())
    }
}

async fn converse(
    stream: TcpStream,
    acceptor: Option<&TlsAcceptor>,
    script: &Script,
    sender: &mpsc::Sender<Seen>,
) -> io::Result<()> {
    if matches!(script, Script::Silence) {
        return until_gone(stream).await;
    }
    match acceptor {
        None => answer(stream, None, script, sender).await,
        Some(acceptor) => {
            let stream = acceptor.accept(stream).await?;
            let name = stream.get_ref().1.server_name().map(str::to_owned);
            answer(stream, name, script, sender).await
        }
    }
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    name: Option<String>,
    script: &Script,
    sender: &mpsc::Sender<Seen>,
) -> io::Result<()> {
    let request = read_request(&mut stream).await?;
    let _ = sender.send(Seen::Request(name, request)).await;
    match script {
        Script::Say(bytes) => {
            stream.write_all(bytes).await?;
            stream.shutdown().await
        }
        Script::SayAndHang(bytes) => {
            stream.write_all(bytes).await?;
            until_gone(stream).await
        }
        Script::Repeat(first, again) => {
            stream.write_all(first).await?;
            loop {
                stream.write_all(again).await?;
            }
        }
        Script::Drip(first, again, pause) => {
            stream.write_all(first).await?;
            let mut drops = tokio::time::interval(*pause);
            loop {
                drops.tick().await;
                stream.write_all(again).await?;
                stream.flush().await?;
            }
        }
        Script::Silence => until_gone(stream).await,
    }
}

async fn until_gone<S: AsyncRead + Unpin>(mut stream: S) -> io::Result<()> {
    let mut bytes = [0; 1024];
    while stream.read(&mut bytes).await? > 0 {}
    Ok(())
}

/// Header and, by its length, body.
async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<String> {
    let mut text = String::new();
    loop {
        if let Some((header, body)) = text.split_once("\r\n\r\n") {
            let length = header.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                return Ok(text);
            }
        }
        let mut bytes = [0; 1024];
        let read = stream.read(&mut bytes).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        text.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }
}

/// An answer with its length.
pub(crate) fn ok(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

/// A certificate authority of the test.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// A server whose certificate is for that name.
    pub(crate) fn server(&self, name: &str) -> Arc<ServerConfig> {
        self.server_with(&CertificateParams::new(vec![name.to_owned()]).unwrap())
    }

    pub(crate) fn server_with(&self, params: &CertificateParams) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Arc::new(config)
    }
}
