//! SSH behind the session pipeline: one connection is one session, whatever channels it has.
//!
//! The protocol is `custos-ssh-wire`, sans-I/O, once for each side: the client's connection ends here and another one goes to
//! the target. In the order of a session's life: `link` drives one side until it is signed in, `login` is the server's half
//! of signing in and `target` the client's, then `proxy` moves what the channels carry until one side ends.
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
use custos_ssh_wire::{Algorithms, HostKey, PrivateKey};
use tokio::net::TcpStream;

/// The SSH adapter.
#[derive(Debug)]
pub struct Ssh {
    host_keys: Arc<Vec<HostKey>>,
    algorithms: Arc<Algorithms>,
    random: fn(&mut [u8]),
}

impl Ssh {
    /// `host_key` is what it proves itself with to clients; `random` fills a buffer with bytes that nobody can guess.
    pub fn new(host_key: PrivateKey, random: fn(&mut [u8])) -> Self {
        Self {
            host_keys: Arc::new(vec![HostKey::new(host_key, None)]),
            algorithms: Arc::default(),
            random,
        }
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
