//! A PostgreSQL connection by hand, for bytes that no stock client sends. Knows just enough of the protocol.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::PATIENCE;
use crate::client::Endpoint;

/// SSLRequest (PostgreSQL documentation, "Message Formats").
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// A typed message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its first byte.
    pub tag: u8,
    /// What follows the length.
    pub body: Vec<u8>,
}

impl Message {
    /// One field of an ErrorResponse or NoticeResponse.
    pub fn field(&self, code: u8) -> Option<String> {
        let mut fields = self.body.split(|&byte| byte == 0);
        fields.find_map(|field| match field.split_first() {
            Some((&first, text)) if first == code => {
                Some(String::from_utf8_lossy(text).into_owned())
            }
            _ => None,
        })
    }
}

/// A connection that speaks PostgreSQL's protocol 3.0, in plain text or inside TLS.
#[derive(Debug)]
pub struct Wire {
    transport: Transport,
}

#[derive(Debug)]
enum Transport {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    /// Connects, and sends nothing.
    ///
    /// # Panics
    /// When nobody listens.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("somebody listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a timeout can be set");
        stream
            .set_write_timeout(Some(PATIENCE))
            .expect("a timeout can be set");
        stream.set_nodelay(true).expect("it is a TCP socket");
        Self {
            transport: Transport::Plain(stream),
        }
    }

    /// Connects, asks for TLS, and verifies the certificate for `localhost`.
    ///
    /// # Panics
    /// When that does not work.
    #[track_caller]
    pub fn connect_tls(address: SocketAddr, root_certificate: &Path) -> Self {
        let mut plain = Self::connect(address);
        plain.send_raw(&SSL_REQUEST);
        assert_eq!(
            plain.receive_bytes(1).expect("an answer to SSLRequest"),
            b"S"
        );
        let Transport::Plain(stream) = plain.transport else {
            unreachable!("it was just made")
        };
        let root =
            CertificateDer::from_pem_file(root_certificate).expect("the root certificate is PEM");
        let mut roots = RootCertStore::empty();
        roots.add(root).expect("the root certificate can be used");
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = "localhost".try_into().expect("it is a name");
        let session = ClientConnection::new(Arc::new(config), name).expect("the settings fit");
        let mut stream = StreamOwned::new(session, stream);
        stream.flush().expect("the handshake works");
        Self {
            transport: Transport::Tls(Box::new(stream)),
        }
    }

    /// Connects with TLS to a listener that asks for a password in clear, and signs in. Returns with the session
    /// ready, or with the error that came.
    #[track_caller]
    pub fn sign_in(endpoint: &Endpoint) -> Result<Self, Message> {
        Self::sign_in_with(endpoint, &[])
    }

    /// The same with further startup parameters.
    #[track_caller]
    pub fn sign_in_with(endpoint: &Endpoint, parameters: &[(&str, &str)]) -> Result<Self, Message> {
        let address = SocketAddr::from(([127, 0, 0, 1], endpoint.port));
        let root = endpoint
            .root_certificate
            .as_ref()
            .expect("the endpoint has TLS");
        let mut wire = Self::connect_tls(address, root);
        let mut all = vec![
            ("user", endpoint.user.as_str()),
            ("database", endpoint.database.as_str()),
        ];
        all.extend_from_slice(parameters);
        wire.send_startup(&all);
        loop {
            match wire.receive().expect("an answer to the startup message") {
                Message { tag: b'R', body } if body == [0, 0, 0, 3] => {
                    wire.send(b'p', &[endpoint.password.as_bytes(), b"\0"].concat());
                }
                Message { tag: b'Z', .. } => return Ok(wire),
                error @ Message { tag: b'E', .. } => return Err(error),
                _ => {}
            }
        }
    }

    /// Sends a startup message of protocol 3.0.
    pub fn send_startup(&mut self, parameters: &[(&str, &str)]) {
        let mut body = 196_608_u32.to_be_bytes().to_vec();
        for (name, value) in parameters {
            body.extend([name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
        }
        body.push(0);
        self.send_raw(&[&length(&body), body.as_slice()].concat());
    }

    /// Sends one typed message.
    pub fn send(&mut self, tag: u8, body: &[u8]) {
        self.send_raw(&[&[tag], &length(body)[..], body].concat());
    }

    /// Sends bytes as they are. An error of the connection is no failure: the gateway may have closed it.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        let _ = match &mut self.transport {
            Transport::Plain(stream) => stream.write_all(bytes),
            Transport::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        };
    }

    /// The next bytes, exactly so many.
    pub fn receive_bytes(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.reader().read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// The next message; an error when the connection is closed or silent.
    pub fn receive(&mut self) -> io::Result<Message> {
        let mut head = [0; 5];
        self.reader().read_exact(&mut head)?;
        let [tag, rest @ ..] = head;
        let bytes = u32::from_be_bytes(rest)
            .checked_sub(4)
            .ok_or(io::ErrorKind::InvalidData)?;
        Ok(Message {
            tag,
            body: self.receive_bytes(bytes as usize)?,
        })
    }

    /// All messages up to and with one of this type; an error when the connection ends before.
    pub fn receive_until(&mut self, tag: u8) -> io::Result<Vec<Message>> {
        let mut messages = Vec::new();
        loop {
            messages.push(self.receive()?);
            if messages.last().is_some_and(|message| message.tag == tag) {
                return Ok(messages);
            }
        }
    }

    /// Everything until the other side closes.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn receive_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self.reader().read_to_end(&mut bytes) {
            Ok(_) => bytes,
            // A peer that dropped the connection without a word, below TLS or with unread bytes of ours.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof
                ) =>
            {
                bytes
            }
            Err(error) => panic!(
                "the connection was not closed: {error}; got {} bytes",
                bytes.len()
            ),
        }
    }

    /// The socket itself.
    pub fn stream(&self) -> &TcpStream {
        match &self.transport {
            Transport::Plain(stream) => stream,
            Transport::Tls(stream) => &stream.sock,
        }
    }

    fn reader(&mut self) -> &mut dyn Read {
        match &mut self.transport {
            Transport::Plain(stream) => stream,
            Transport::Tls(stream) => stream.as_mut(),
        }
    }
}

fn length(body: &[u8]) -> [u8; 4] {
    u32::try_from(body.len() + 4)
        .expect("a test message is small")
        .to_be_bytes()
}
