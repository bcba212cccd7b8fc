//! Exchanging keys (RFC 4253 sections 7 to 9).

use std::sync::Arc;

use bytes::Bytes;

use super::{Peer, Role, Transport};
use crate::encoding::{Put as _, Reader};
use crate::error::{Broken, WireError, malformed};
use crate::identification::OURS;
use crate::kex::{ExchangeHash, Initiator, Shared, direction_keys, respond};
use crate::message::number;
use crate::negotiation::{Negotiated, negotiate};
use crate::packet::DirectionKeys;

/// Algorithms that are verified, as a server tells clients (RFC 8308 section 3.1).
const VERIFIED: &str = "ssh-ed25519,sk-ssh-ed25519@openssh.com,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,\
                        ecdsa-sha2-nistp521,sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-512,rsa-sha2-256";

/// How far an exchange has come.
#[derive(Default)]
pub(super) enum Exchange {
    /// There is none.
    #[default]
    Idle,
    /// The first one: the client's KEXINIT comes before ours.
    Expected,
    /// Our KEXINIT is sent.
    Started { ours: Vec<u8> },
    /// Both KEXINITs are there; a server waits for the client's public value, a client for the server's answer.
    Agreeing(Box<Agreeing>),
    /// Our NEWKEYS is sent; the peer's is to come, and then it sends under these.
    Finishing {
        keys: Box<DirectionKeys>,
        negotiated: Box<Negotiated>,
    },
}

pub(super) struct Agreeing {
    ours: Vec<u8>,
    theirs: Bytes,
    negotiated: Negotiated,
    initiator: Option<(Initiator, Vec<u8>)>,
    ignores_next: bool,
}

impl Exchange {
    pub(super) fn is_idle(&self) -> bool {
        matches!(self, Self::Idle)
    }

    /// Whether this side may send what is not of an exchange.
    pub(super) fn may_send(&self) -> bool {
        matches!(self, Self::Idle | Self::Finishing { .. })
    }

    /// The peer has begun and not ended.
    pub(super) fn peer_may_not_send(&self) -> bool {
        matches!(self, Self::Agreeing(_) | Self::Finishing { .. })
    }

    pub(super) fn negotiated(&self) -> Option<&Negotiated> {
        match self {
            Self::Idle | Self::Expected | Self::Started { .. } => None,
            Self::Agreeing(agreeing) => Some(&agreeing.negotiated),
            Self::Finishing { negotiated, .. } => Some(negotiated),
        }
    }
}

impl Transport {
    /// Sends our KEXINIT.
    pub(super) fn start_exchange(&mut self) -> Result<(), Broken> {
        let mut cookie = [0; 16];
        (self.random)(&mut cookie);
        let host_keys: Vec<String> = match &self.peer {
            Peer::Client(keys) => keys.iter().flat_map(super::HostKey::algorithms).collect(),
            Peer::Server(trust) => trust.algorithms(),
        };
        let host_keys: Vec<&str> = host_keys.iter().map(String::as_str).collect();
        let is_first = self.session_id.is_none();
        let ours = self
            .algorithms
            .init(self.role, &host_keys, cookie, is_first);
        self.sealer.seal(&mut self.output, |out| {
            out.raw(&ours);
        })?;
        self.exchange = Exchange::Started { ours };
        Ok(())
    }

    pub(super) fn exchange_message(&mut self, message: u8, payload: &Bytes) -> Result<(), Broken> {
        if message == number::KEXINIT {
            return self.theirs_began(payload);
        }
        match std::mem::take(&mut self.exchange) {
            Exchange::Agreeing(mut agreeing) if message != number::NEWKEYS => {
                if std::mem::take(&mut agreeing.ignores_next) {
                    self.exchange = Exchange::Agreeing(agreeing);
                    return Ok(());
                }
                match (self.role, message) {
                    (Role::Server, number::KEX_ECDH_INIT) => self.respond(*agreeing, payload),
                    (Role::Client, number::KEX_ECDH_REPLY) => self.conclude(*agreeing, payload),
                    _ => Err(Broken::Unexpected(message)),
                }
            }
            Exchange::Finishing { keys, negotiated } if message == number::NEWKEYS => {
                if payload.len() != 1 {
                    return Err(Broken::Malformed("NEWKEYS", WireError::Trailing));
                }
                self.opener.take_keys(&keys, negotiated.strict)?;
                self.negotiated = Some(*negotiated);
                Ok(())
            }
            _ => Err(Broken::Unexpected(message)),
        }
    }

    fn theirs_began(&mut self, payload: &Bytes) -> Result<(), Broken> {
        if let Exchange::Expected = self.exchange {
            let narrowed = self.algorithms.narrowed(payload);
            if let Some(narrowed) = narrowed.map_err(malformed("KEXINIT"))? {
                self.algorithms = Arc::new(narrowed);
            }
            self.start_exchange()?;
        } else if self.exchange.is_idle() && self.session_id.is_some() {
            self.start_exchange()?;
        }
        let Exchange::Started { ours } = std::mem::take(&mut self.exchange) else {
            return Err(Broken::Unexpected(number::KEXINIT));
        };
        let known = self.negotiated.as_ref().map(|known| known.strict);
        let negotiated = negotiate(self.role, &ours, payload, known)?;
        // Under strict exchange nothing may come before the first KEXINIT.
        if known.is_none() && negotiated.strict && self.opener.last_sequence() != 0 {
            return Err(Broken::Unexpected(number::KEXINIT));
        }
        let initiator = match self.role {
            Role::Server => None,
            Role::Client => {
                let (initiator, public) = Initiator::new(negotiated.kex)?;
                self.sealer.seal(&mut self.output, |out| {
                    out.byte(number::KEX_ECDH_INIT).string(&public);
                })?;
                Some((initiator, public))
            }
        };
        self.exchange = Exchange::Agreeing(Box::new(Agreeing {
            ours,
            theirs: payload.clone(),
            ignores_next: negotiated.ignores_next,
            negotiated,
            initiator,
        }));
        Ok(())
    }

    /// The server's half of agreeing.
    fn respond(&mut self, agreeing: Agreeing, payload: &[u8]) -> Result<(), Broken> {
        let client_public = ecdh_init(payload).map_err(malformed("KEX_ECDH_INIT"))?;
        let Peer::Client(keys) = self.peer.clone() else {
            return Err(Broken::KeyExchange);
        };
        let algorithm = &agreeing.negotiated.host_key;
        let found = keys.iter().find_map(|key| Some((key, key.of(algorithm)?)));
        let (key, (host_key, signature_name)) = found.ok_or(Broken::KeyExchange)?;
        let (server_public, shared) = respond(agreeing.negotiated.kex, client_public)?;
        let hash = ExchangeHash {
            client_identification: self.theirs.as_deref().unwrap_or_default(),
            server_identification: OURS.as_bytes(),
            client_init: &agreeing.theirs,
            server_init: &agreeing.ours,
            host_key,
            client_public,
            server_public: &server_public,
        }
        .of(agreeing.negotiated.kex, &shared);
        let signature = key.sign(signature_name, &hash).ok_or(Broken::Crypto)?;
        self.sealer.seal(&mut self.output, |out| {
            out.byte(number::KEX_ECDH_REPLY)
                .string(host_key)
                .string(&server_public)
                .string(&signature);
        })?;
        self.new_keys(agreeing.negotiated, &shared, &hash)
    }

    /// The client's half of agreeing.
    fn conclude(&mut self, agreeing: Agreeing, payload: &[u8]) -> Result<(), Broken> {
        let [host_key, server_public, signature] =
            ecdh_reply(payload).map_err(malformed("KEX_ECDH_REPLY"))?;
        let (initiator, client_public) = agreeing.initiator.ok_or(Broken::KeyExchange)?;
        let Peer::Server(trust) = &self.peer else {
            return Err(Broken::KeyExchange);
        };
        let algorithm = &agreeing.negotiated.host_key;
        let key = trust.judge(algorithm, host_key).ok_or(Broken::HostKey)?;
        let shared = initiator.finish(server_public)?;
        let hash = ExchangeHash {
            client_identification: OURS.as_bytes(),
            server_identification: self.theirs.as_deref().unwrap_or_default(),
            client_init: &agreeing.ours,
            server_init: &agreeing.theirs,
            host_key,
            client_public: &client_public,
            server_public,
        }
        .of(agreeing.negotiated.kex, &shared);
        let plain = algorithm
            .strip_suffix("-cert-v01@openssh.com")
            .unwrap_or(algorithm);
        key.verify_plain(plain, &hash, signature)
            .map_err(|_| Broken::HostKey)?;
        self.new_keys(agreeing.negotiated, &shared, &hash)
    }

    /// Sends NEWKEYS, after which this side sends under the new keys.
    fn new_keys(
        &mut self,
        negotiated: Negotiated,
        shared: &Shared,
        hash: &[u8],
    ) -> Result<(), Broken> {
        let is_first = self.session_id.is_none();
        let session_id = self.session_id.get_or_insert_with(|| hash.to_vec());
        let keys = |letters, cipher, mac| {
            direction_keys(
                negotiated.kex,
                shared,
                hash,
                session_id,
                letters,
                cipher,
                mac,
            )
        };
        let client = keys(*b"ACE", negotiated.client_cipher, negotiated.client_mac);
        let server = keys(*b"BDF", negotiated.server_cipher, negotiated.server_mac);
        let (sealing, opening) = match self.role {
            Role::Client => (client, server),
            Role::Server => (server, client),
        };
        self.sealer.seal(&mut self.output, |out| {
            out.byte(number::NEWKEYS);
        })?;
        self.sealer.take_keys(&sealing, negotiated.strict)?;
        if is_first && self.role == Role::Server && negotiated.extensions {
            self.sealer.seal(&mut self.output, |out| {
                out.byte(number::EXT_INFO).uint32(1);
                out.string("server-sig-algs").string(VERIFIED);
            })?;
        }
        self.exchange = Exchange::Finishing {
            keys: Box::new(opening),
            negotiated: Box::new(negotiated),
        };
        self.flush_waiting()
    }
}

fn ecdh_init(payload: &[u8]) -> Result<&[u8], WireError> {
    let mut reader = Reader::new(payload);
    reader.byte()?;
    let public = reader.string()?;
    reader.end()?;
    Ok(public)
}

/// Host key, public value and signature.
fn ecdh_reply(payload: &[u8]) -> Result<[&[u8]; 3], WireError> {
    let mut reader = Reader::new(payload);
    reader.byte()?;
    let values = [reader.string()?, reader.string()?, reader.string()?];
    reader.end()?;
    Ok(values)
}
