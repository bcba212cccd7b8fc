//! The session pipeline: one path from accept to close that every protocol goes through.
//!
//! The phases, in this order: `accept → handshake → identify → resolve → authorize → connect →
//! { inspect → decide → record → forward → record → release }* → close`. A protocol adapter gets a
//! [`Session<Accepted>`] and can only go forward: the type of the session is the proof of the phases
//! behind it, and only a [`Session<Authorized>`] opens an upstream. A connection that names no target is a
//! [`Session<Passage>`] once it is known whose it is: sessions come through it, each of which begins at
//! [`Session<Accepted>`], and it opens nothing itself. `close` is not the adapter's: the
//! pipeline runs it exactly once, whatever the adapter does, a panic included.

mod accepted;
mod authorized;
mod bearer;
mod core;
mod device;
mod error;
mod gateway;
mod hold;
mod identified;
mod limits;
mod listener;
mod masks;
mod open;
mod passage;
mod rates;
mod refusals;
mod registry;
mod rules;
mod stream;
mod strictness;
mod tls;
pub mod transcript;
mod upstream;

use std::sync::Arc;

use arc_swap::ArcSwap;
use custos_approvals::Approvals;
use custos_evidence::Evidence;
use custos_identity::{
    CertificateAuthority, Credentials, HostAuthority, OwnIssuer, SignIns, Workloads,
};
use custos_model::{Clock, Decision, Principal, ResourceName};
use custos_policy::Policy;
use custos_policy::documents::Resource as PolicyResource;
use custos_store::{Resource, Store};

pub use accepted::Accepted;
pub use authorized::Authorized;
pub use bearer::{Bearer, TokenSource};
pub use custos_approvals::{Ending, Exact, Progress};
pub use custos_evidence::{DetailValue, EvidenceError, Position, Transfer as Transferred};
pub use custos_identity::PresentedCertificate;
pub use custos_masking as masking;
pub use custos_policy::documents::{
    Environment, InsertedRows, Limit, Question, Shape, Touched, Verb,
};
pub use custos_scram as scram;
pub use device::{DeviceApproval, DeviceWait};
pub use error::{ListenError, SessionError, UpstreamError};
pub use gateway::{Gateway, LiveSession};
pub use hold::{Held, Settled};
pub use identified::{Asked, Identified};
pub use limits::Limits;
pub use listener::{BoundListener, ClientAuthentication, ListenerSettings, ListenerTls};
pub use masks::Masks;
pub use open::{Begun, Open};
pub use passage::Passage;
pub use rules::{Ruled, Rules};
pub use stream::Stream;
pub use tls::{ServerIdentity, ServerIdentityError};
pub use upstream::Upstream;

use crate::core::Core;

/// What a gateway works with; made by the binary and passed, never global.
#[derive(Clone)]
pub struct Services {
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where records go.
    pub evidence: Evidence,
    /// Resources and their secrets.
    pub store: Store,
    /// Connection credentials.
    pub credentials: Credentials,
    /// Certificates for keys of people's own.
    pub certificates: CertificateAuthority,
    /// Certificates for the key that this gateway proves itself with.
    pub host_authority: HostAuthority,
    /// Who is signed in.
    pub sign_ins: SignIns,
    /// Machines that present their platform's token.
    pub workloads: Workloads,
    /// Our own authorization server, whose tokens clients may bring; `None` where there is no web address.
    pub own_issuer: Option<OwnIssuer>,
    /// Who may open what; swapped as a whole on reload.
    pub policy: Arc<ArcSwap<Policy>>,
    /// What waits for people, and what they have granted.
    pub approvals: Approvals,
}

impl Services {
    /// Whether policy lets the principal open the resource, with the labels that it has now. Not, where that cannot be
    /// read.
    pub fn may_open(&self, principal: &Principal, name: &ResourceName) -> bool {
        let Ok(Some(resource)) = self.store.resource(name) else {
            return false;
        };
        let resource = policy_resource(&resource);
        let policy = self.policy.load_full();
        policy.open(principal, &resource).decision == Decision::Allow
            || self.is_granted(&policy, principal, &resource)
    }

    /// Whether the principal may ask to open the resource: policy does not deny it, though people may have to agree first.
    pub(crate) fn may_ask_for(&self, principal: &Principal, resource: &Resource) -> bool {
        let policy = self.policy.load_full();
        let verdict = policy.open(principal, &policy_resource(resource));
        verdict.decision != Decision::Deny
    }

    /// Whether grants meet all approvals that opening needs.
    fn is_granted(
        &self,
        policy: &Policy,
        principal: &Principal,
        resource: &PolicyResource,
    ) -> bool {
        let approvals = policy.opening_assuming(principal, resource).approvals;
        let mut each = approvals.iter();
        !approvals.is_empty()
            && each.all(|alternatives| {
                let grant = self
                    .approvals
                    .grant_for(principal, &resource.name, None, alternatives);
                grant.is_some()
            })
    }
}

/// A resource as policy knows it.
pub fn policy_resource(resource: &Resource) -> PolicyResource {
    PolicyResource {
        name: resource.name.to_string(),
        labels: resource.labels.clone(),
    }
}

impl std::fmt::Debug for Services {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Services").finish_non_exhaustive()
    }
}

/// One principal's connection to one resource, at a stage of the pipeline.
#[derive(Debug)]
pub struct Session<Stage> {
    core: Arc<Core>,
    stage: Stage,
}

/// Why a session should end although its client did nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// The gateway is stopping: end when nothing is under way.
    Draining,
    /// End now.
    Cut {
        /// Shown to the client and recorded.
        reason: Arc<str>,
    },
    /// Evidence cannot be written: end now.
    EvidenceFailing {
        /// What was attempted; for the record, not for the client.
        what: Arc<str>,
    },
}

/// How a session ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The client said goodbye.
    ClientClosed,
    /// The client's connection was closed without a goodbye.
    ClientVanished,
    /// The connection was there for a cancel request only, which is on record.
    CancelHandled,
}

impl Ended {
    fn as_str(self) -> &'static str {
        match self {
            Self::ClientClosed => "client closed the session",
            Self::ClientVanished => "client closed the connection without ending the session",
            Self::CancelHandled => "cancel request handled",
        }
    }
}

/// What a protocol adapter is to the pipeline.
pub trait Protocol: Send + Sync + 'static {
    /// Which protocol it speaks.
    fn protocol(&self) -> custos_model::Protocol;

    /// ALPN names (RFC 7301) that its TLS listeners accept.
    fn alpn(&self) -> &'static [&'static [u8]];

    /// Whether the protocol encrypts by itself, so that its listeners have no TLS.
    fn encrypts_by_itself(&self) -> bool {
        false
    }

    /// Serves one connection until it ends. Dropped at a deadline or when the session is cut by force.
    fn serve(
        &self,
        client: tokio::net::TcpStream,
        session: Session<Accepted>,
    ) -> impl Future<Output = Result<Ended, SessionError>> + Send;
}

impl<Stage> Session<Stage> {
    /// The time, UTC nanoseconds.
    pub fn utc_ns(&self) -> u64 {
        self.core.shared.services.clock.now().utc_ns
    }

    /// The session's id; the connection's, as long as there is no session.
    pub fn id(&self) -> custos_model::SessionId {
        self.core.id
    }

    /// Where the client connects from.
    pub fn peer(&self) -> std::net::SocketAddr {
        self.core.peer
    }

    /// Returns when the session should end although its client did nothing: the interrupt after `seen`.
    pub async fn interrupted(&self, seen: Option<&Interrupt>) -> Interrupt {
        let mut interrupts = self.core.interrupts();
        loop {
            if let Some(interrupt) = &*interrupts.borrow_and_update()
                && Some(interrupt) != seen
            {
                return interrupt.clone();
            }
            if interrupts.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
