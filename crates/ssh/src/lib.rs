//! SSH behind the session pipeline: one connection is one session, whatever channels it has.
//!
//! The protocol is `custos-ssh-wire`, sans-I/O, once for each side: the client's connection ends here and another one goes to
//! the target. In the order of a session's life: `link` drives one side until it is signed in, `login` is the server's half
//! of signing in and `target` the client's, then `proxy` moves what the channels carry until one side ends.
//!
//! A client that names no target (`ssh -J`) gets a connection that leads to sessions (`jump`): each of its channels is a
//! stream on which such a session begins from the start.
//!
//! What a channel asks for is an operation (`operation`), decided and recorded before the target hears of it. Data goes on
//! when it is recorded, in the order in which it came, and no further than its receiver has room for (`channels`): a channel
//! whose reader has stopped holds at most its own window, and stops no other.

mod channels;
mod conversation;
mod end;
mod files;
mod forwarding;
mod held;
mod interactive;
mod jump;
mod lines;
mod link;
mod login;
mod masked;
mod operation;
mod proxy;
mod requests;
mod responses;
mod target;
mod trust;

pub use operation::recorded_question;

use std::sync::Arc;

use custos_model::Protocol as Name;
use custos_session::{Accepted, Ended, Protocol, Session, SessionError};
use custos_ssh_wire::{Algorithms, HostKey, Peer, PrivateKey, SshKey, Transport};
use tokio::net::TcpStream;

use crate::link::Link;

/// Certifies the gateway's host key.
pub trait HostCertificates: Send + Sync {
    /// A certificate for a key under these names, as it goes over the wire; `None` where there can be none: clients get the
    /// key alone then.
    fn certificate(&self, key: &SshKey, names: &[String]) -> Option<Vec<u8>>;
}

/// The SSH adapter. Clones share everything.
#[derive(Clone)]
pub struct Ssh {
    host_key: Arc<PrivateKey>,
    names: Arc<[String]>,
    certificates: Arc<dyn HostCertificates>,
    algorithms: Arc<Algorithms>,
    random: fn(&mut [u8]),
}

impl std::fmt::Debug for Ssh {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Ssh").finish_non_exhaustive()
    }
}

impl Ssh {
    /// `host_key` is what it proves itself with to clients, by itself or with a certificate: for `names`, which are the
    /// gateway's own, and where it answers in a target's place for the target's. `random` fills a buffer with bytes that
    /// nobody can guess.
    pub fn new(
        host_key: PrivateKey,
        names: Vec<String>,
        certificates: Arc<dyn HostCertificates>,
        random: fn(&mut [u8]),
    ) -> Self {
        Self {
            host_key: Arc::new(host_key),
            names: names.into(),
            certificates,
            algorithms: Arc::default(),
            random,
        }
    }

    /// A connection of a client that knows the gateway by one of these names.
    fn link<S>(&self, names: &[String], stream: S) -> Link<S> {
        let certificate = self.certificates.certificate(self.host_key.public(), names);
        let host_key = HostKey::new(Arc::clone(&self.host_key), certificate);
        let peer = Peer::Client(Arc::new(vec![host_key]));
        let transport = Transport::new(peer, Arc::clone(&self.algorithms), self.random);
        Link::new(transport, stream)
    }
}

impl Protocol for Ssh {
    fn protocol(&self) -> Name {
        Name::Ssh
    }

    fn alpn(&self) -> &'static [&'static [u8]] {
        &[]
    }

    fn encrypts_by_itself(&self) -> bool {
        true
    }

    async fn serve(
        &self,
        client: TcpStream,
        session: Session<Accepted>,
    ) -> Result<Ended, SessionError> {
        proxy::serve(self, client, session).await
    }
}
