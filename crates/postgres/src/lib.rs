//! PostgreSQL behind the session pipeline: frontend/backend protocol 3.0 and 3.2.
//!
//! The codec is `custos-postgres-wire`, sans-I/O. The modules here move bytes, in the order of a session's life:
//! `handshake` and `login` with the client, `target` with the server, then `requests` and `responses`
//! until one of them ends.

mod bearer;
mod beginning;
mod cancel;
mod catalogue;
mod client;
mod conversation;
mod effect;
mod handshake;
mod judge;
mod login;
mod masked;
mod names;
mod proxy;
mod refusal;
mod report;
mod requests;
mod responses;
mod results;
mod target;

use std::sync::Arc;

use custos_model::Protocol as Name;
use custos_postgres_wire as wire;
use custos_session::{Accepted, Ended, Protocol, Session, SessionError};
use tokio::net::TcpStream;

use crate::cancel::CancelKeys;

pub use crate::judge::recorded_question;

/// ALPN name of the protocol (PostgreSQL documentation, "SSL Session Encryption").
pub(crate) const ALPN: &[&[u8]] = &[b"postgresql"];

/// The PostgreSQL adapter. One instance serves all its listeners, because a cancel request may come in by
/// any of them.
#[derive(Debug)]
pub struct Postgres {
    keys: Arc<CancelKeys>,
    known: proxy::Known,
}

impl Postgres {
    /// `random` fills a buffer with bytes that nobody can guess.
    pub fn new(random: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self {
            keys: Arc::new(CancelKeys::new(Box::new(random))),
            known: proxy::Known::new(),
        }
    }
}

impl Protocol for Postgres {
    fn protocol(&self) -> Name {
        Name::Postgres
    }

    fn alpn(&self) -> &'static [&'static [u8]] {
        ALPN
    }

    async fn serve(
        &self,
        client: TcpStream,
        session: Session<Accepted>,
    ) -> Result<Ended, SessionError> {
        proxy::serve(&self.keys, &self.known, client, session).await
    }
}
