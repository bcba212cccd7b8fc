//! One side of a connection (RFC 4253), without its I/O.
//!
//! The driver reads into [`Transport::input`], takes payloads from [`Transport::next_message`], gives payloads to
//! [`Transport::send`] and writes what is in [`Transport::output`]. Keys are exchanged at the beginning, when either side asks
//! for it, and before too much went under one key; the driver sees nothing of that but that what it sends meanwhile waits.

mod exchange;

use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use custos_signatures::SshKey;

use crate::encoding::{Put as _, Reader, names};
use crate::error::{Broken, malformed};
use crate::host_key::HostKey;
use crate::identification::{Identification, OURS};
use crate::message::number;
use crate::negotiation::{Algorithms, Negotiated};
use crate::packet::{Opener, Sealer};
use exchange::Exchange;

/// Clients that send their KEXINIT without seeing the server's, as OpenSSH's do; others may not.
const SENDS_FIRST: &[u8] = b"SSH-2.0-OpenSSH_";
/// Bytes under one key before there is another (RFC 4253 section 9).
const REKEY_BYTES: u64 = 1 << 30;
/// Packets under one key, so that no number comes twice.
const REKEY_PACKETS: u64 = 1 << 31;
/// Bytes that may wait for the end of a key exchange.
const MAX_WAITING_BYTES: usize = 8 << 20;
/// Bytes of a description that are shown.
const MAX_DESCRIPTION_BYTES: usize = 1024;

/// Which side this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It connects.
    Client,
    /// It is connected to.
    Server,
}

impl Role {
    pub(crate) fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// Which host key a client takes.
pub trait Trust: Send + Sync {
    /// Names of the algorithms that the server may prove itself by, the preferred one first.
    fn algorithms(&self) -> Vec<String>;

    /// Whether a server with this key, or certificate, as it goes over the wire, is the right one. Returns the key that its
    /// signature is verified with.
    fn judge(&self, algorithm: &str, host_key: &[u8]) -> Option<SshKey>;
}

/// How the peer of a connection is known.
#[derive(Clone)]
pub enum Peer {
    /// This is a server, and has these keys.
    Client(Arc<Vec<HostKey>>),
    /// This is a client, and the server must have one of these.
    Server(Arc<dyn Trust>),
}

impl fmt::Debug for Peer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Client(_) => "Client",
            Self::Server(_) => "Server",
        })
    }
}

/// One side of a connection.
pub struct Transport {
    role: Role,
    peer: Peer,
    algorithms: Arc<Algorithms>,
    random: fn(&mut [u8]),
    input: BytesMut,
    output: BytesMut,
    identification: Identification,
    theirs: Option<Vec<u8>>,
    opener: Opener,
    sealer: Sealer,
    exchange: Exchange,
    /// Of the first exchange; names the connection ever after.
    session_id: Option<Vec<u8>>,
    negotiated: Option<Negotiated>,
    /// What is sent when the exchange has ended: payloads, each after its length.
    waiting: Vec<Bytes>,
    waiting_bytes: usize,
    /// What the server says that it verifies (RFC 8308 section 3.1).
    signature_algorithms: Vec<String>,
    rekey_bytes: u64,
}

impl fmt::Debug for Transport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Transport")
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

impl Transport {
    /// At the beginning of a connection; its first bytes are in the output already. `random` fills with random bytes.
    pub fn new(peer: Peer, algorithms: Arc<Algorithms>, random: fn(&mut [u8])) -> Self {
        let role = match peer {
            Peer::Client(_) => Role::Server,
            Peer::Server(_) => Role::Client,
        };
        let mut output = BytesMut::with_capacity(2048);
        output.raw(OURS.as_bytes()).raw(b"\r\n");
        let mut transport = Self {
            role,
            peer,
            algorithms,
            random,
            input: BytesMut::new(),
            output,
            identification: Identification::default(),
            theirs: None,
            opener: Opener::default(),
            sealer: Sealer::default(),
            exchange: Exchange::default(),
            session_id: None,
            negotiated: None,
            waiting: Vec::new(),
            waiting_bytes: 0,
            signature_algorithms: Vec::new(),
            rekey_bytes: REKEY_BYTES,
        };
        match role {
            Role::Server => transport.exchange = Exchange::Expected,
            // Nothing can fail before there are keys.
            Role::Client => drop(transport.start_exchange()),
        }
        transport
    }

    /// Exchanges keys again after so many bytes in one direction. At most 1 GiB.
    pub fn set_rekey_bytes(&mut self, bytes: u64) {
        self.rekey_bytes = bytes.min(REKEY_BYTES);
    }

    /// Where bytes from the network go.
    pub fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// Bytes for the network; the driver takes off what it has written.
    pub fn output(&mut self) -> &mut BytesMut {
        &mut self.output
    }

    /// Bytes that wait to be written or sent.
    pub fn pending_bytes(&self) -> usize {
        self.output.len() + self.waiting_bytes
    }

    /// The peer's identification line, without line end.
    pub fn peer_identification(&self) -> Option<&str> {
        self.theirs
            .as_deref()
            .and_then(|line| std::str::from_utf8(line).ok())
    }

    /// What was agreed on; `None` during the first exchange.
    pub fn negotiated(&self) -> Option<&Negotiated> {
        self.negotiated.as_ref()
    }

    /// The connection's name, which authentication signs; `None` during the first exchange.
    pub fn session_id(&self) -> Option<&[u8]> {
        self.session_id.as_deref()
    }

    /// What the server says that it verifies; empty where it said nothing.
    pub fn signature_algorithms(&self) -> &[String] {
        &self.signature_algorithms
    }

    /// Keys are exchanged, and what is sent waits.
    pub fn is_exchanging(&self) -> bool {
        !self.exchange.may_send()
    }

    /// Asks for new keys, unless that is under way.
    pub fn rekey(&mut self) -> Result<(), Broken> {
        if self.session_id.is_some() && self.exchange.is_idle() {
            self.start_exchange()?;
        }
        Ok(())
    }

    /// The next message for the layers above, as it came, its number first. `None`: more bytes are needed.
    pub fn next_message(&mut self) -> Result<Option<Bytes>, Broken> {
        if self.theirs.is_none() {
            let may_greet = self.role == Role::Client;
            let Some(line) = self.identification.take(&mut self.input, may_greet)? else {
                return Ok(None);
            };
            let comes_first = line.starts_with(SENDS_FIRST);
            self.theirs = Some(line);
            if self.role == Role::Server && !comes_first {
                self.start_exchange()?;
            }
        }
        loop {
            let Some(payload) = self.opener.open(&mut self.input)? else {
                return Ok(None);
            };
            let above = self.received(payload)?;
            self.rekey_when_due()?;
            if above.is_some() {
                return Ok(above);
            }
        }
    }

    /// Sends a message, its number first.
    pub fn send(&mut self, payload: &[u8]) -> Result<(), Broken> {
        self.send_with(|out| {
            out.raw(payload);
        })
    }

    /// Sends the message that `write` appends.
    pub fn send_with(&mut self, write: impl FnOnce(&mut BytesMut)) -> Result<(), Broken> {
        if self.exchange.may_send() {
            self.sealer.seal(&mut self.output, write)?;
            return self.rekey_when_due();
        }
        let mut payload = BytesMut::new();
        write(&mut payload);
        self.waiting_bytes += payload.len();
        if self.waiting_bytes > MAX_WAITING_BYTES {
            return Err(Broken::Backlog);
        }
        self.waiting.push(payload.freeze());
        Ok(())
    }

    /// Tells the peer why the connection ends. Nothing is to be sent after it.
    pub fn disconnect(&mut self, reason: u32, description: &str) {
        // An exchange that is under way does not end any more; RFC 4253 section 7.1 allows this message in it.
        let sealed = self.sealer.seal(&mut self.output, |out| {
            out.byte(number::DISCONNECT)
                .uint32(reason)
                .string(description)
                .string("");
        });
        // Without a cipher the peer is told by the end of the connection.
        drop(sealed);
    }

    /// Tells the peer that its last message was not understood (RFC 4253 section 11.4).
    pub fn unimplemented(&mut self) -> Result<(), Broken> {
        let sequence = self.opener.last_sequence();
        self.send_with(|out| {
            out.byte(number::UNIMPLEMENTED).uint32(sequence);
        })
    }

    fn rekey_when_due(&mut self) -> Result<(), Broken> {
        let bytes = self.sealer.bytes.max(self.opener.bytes);
        let packets = self.sealer.packets.max(self.opener.packets);
        if bytes >= self.rekey_bytes || packets >= REKEY_PACKETS {
            self.rekey()?;
        }
        Ok(())
    }

    /// One message; `None` when it was the transport's own.
    fn received(&mut self, payload: Bytes) -> Result<Option<Bytes>, Broken> {
        let message = *payload.first().ok_or(Broken::Unexpected(0))?;
        // Until the peer sends under keys, anybody may have sent what comes.
        let is_first_exchange = self.negotiated.is_none();
        match message {
            number::DISCONNECT => Err(disconnected(&payload)),
            number::KEXINIT | number::NEWKEYS | number::KEX_FIRST..=number::KEX_LAST => {
                self.exchange_message(message, &payload)?;
                Ok(None)
            }
            // Until there are keys anybody may have sent anything; under strict exchange that breaks it.
            _ if is_first_exchange && self.is_strict() => Err(Broken::Unexpected(message)),
            number::IGNORE | number::DEBUG | number::UNIMPLEMENTED => Ok(None),
            _ if is_first_exchange => Err(Broken::Unexpected(message)),
            // Between its KEXINIT and its NEWKEYS a peer sends nothing else (RFC 4253 section 7.1).
            _ if self.exchange.peer_may_not_send() => Err(Broken::Unexpected(message)),
            number::EXT_INFO => {
                self.extensions(&payload).map_err(malformed("EXT_INFO"))?;
                Ok(None)
            }
            _ => Ok(Some(payload)),
        }
    }

    fn is_strict(&self) -> bool {
        let agreed = self.exchange.negotiated().or(self.negotiated.as_ref());
        agreed.is_some_and(|negotiated| negotiated.strict)
    }

    fn extensions(&mut self, payload: &[u8]) -> Result<(), crate::error::WireError> {
        let mut reader = Reader::new(payload);
        reader.byte()?;
        for _ in 0..reader.uint32()?.min(64) {
            let (name, value) = (reader.string()?, reader.string()?);
            if name == b"server-sig-algs" {
                self.signature_algorithms = names(value)?.take(64).map(str::to_owned).collect();
            }
        }
        Ok(())
    }

    fn flush_waiting(&mut self) -> Result<(), Broken> {
        self.waiting_bytes = 0;
        for payload in std::mem::take(&mut self.waiting) {
            self.sealer.seal(&mut self.output, |out| {
                out.raw(&payload);
            })?;
        }
        Ok(())
    }
}

fn disconnected(payload: &[u8]) -> Broken {
    let read = || {
        let mut reader = Reader::new(payload);
        reader.byte()?;
        Ok::<_, crate::error::WireError>((reader.uint32()?, reader.string()?))
    };
    match read() {
        Ok((reason, text)) => {
            let text = text.get(..MAX_DESCRIPTION_BYTES).unwrap_or(text);
            let text = String::from_utf8_lossy(text);
            Broken::Disconnected {
                reason,
                description: text.chars().filter(|c| !c.is_control()).collect(),
            }
        }
        Err(error) => Broken::Malformed("DISCONNECT", error),
    }
}

#[cfg(test)]
mod tests;
