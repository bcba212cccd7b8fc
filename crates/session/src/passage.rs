//! Passage: it is known who connects, and the connection leads to sessions of hers and to nothing else.

use std::sync::Arc;
use std::time::Duration;

use custos_evidence::{DetailValue, Position, SessionLog, SessionStart, Source, Target};
use custos_identity::{CertificateFailure, PresentedCertificate, StoredSignIn};
use custos_model::{
    Decision, Outcome, Principal, Protocol, ResourceName, Rfc3339, SessionId, Verdict,
};
use custos_store::Resource;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::accepted::Accepted;
use crate::core::Phase;
use crate::error::SessionError;
use crate::gateway::OBEY_GRACE;
use crate::listener::{self, Listener};
use crate::{Ended, Interrupt, Session};

/// What stands in records in place of a resource.
const ITSELF: &str = "gateway";
/// A connection through which nothing is open ends after this, where the configuration has no shorter time.
const IDLE_TIMEOUT: Duration = Duration::from_mins(10);

/// A connection that names no target. Sessions come through it, each of which is signed in to and judged for itself, and is
/// of the same principal. They end with it.
#[derive(Debug)]
pub struct Passage {
    protocol: Protocol,
    listener: Arc<Listener>,
    log: Arc<SessionLog>,
    through: Through,
    _ended: DropGuard,
}

/// The connection that a session came through.
#[derive(Clone, Debug)]
pub(crate) struct Through {
    session: SessionId,
    principal: Principal,
    ended: CancellationToken,
}

impl Through {
    pub(crate) fn session(&self) -> SessionId {
        self.session
    }

    /// Cancelled when it is over.
    pub(crate) fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }

    /// Whether it is this principal's, acting for the same ones. Groups may have changed meanwhile.
    pub(crate) fn is_of(&self, other: &Principal) -> bool {
        is_same(&self.principal, other)
    }
}

fn is_same(one: &Principal, other: &Principal) -> bool {
    let (chain, others) = (&one.on_behalf_of, &other.on_behalf_of);
    (&one.issuer, &one.subject) == (&other.issuer, &other.subject)
        && chain.len() == others.len()
        && chain
            .iter()
            .zip(others)
            .all(|(one, other)| is_same(one, other))
}

/// Resolves some time after the connection that a session came through has ended, when its adapter must have found that out.
pub(crate) async fn left(ended: Option<CancellationToken>) -> Interrupt {
    match ended {
        Some(ended) => ended.cancelled().await,
        None => std::future::pending().await,
    }
    tokio::time::sleep(OBEY_GRACE).await;
    Interrupt::Cut {
        reason: "the connection that it came through has ended".into(),
    }
}

impl Session<Accepted> {
    /// A certificate, with the signature of its key, of somebody who names nothing to open. Its start is on record; a
    /// failure, and one within another passage, is too.
    pub async fn pass_by_certificate(
        self,
        login_name: &str,
        presented: &PresentedCertificate<'_>,
    ) -> Result<Session<Passage>, SessionError> {
        if self.stage.through().is_some() {
            let reason = "a connection within another must lead to a target";
            let refused = self.record_failed_login(login_name, "certificate", reason);
            return Err(refused.await);
        }
        match self.known(login_name, presented) {
            Ok(sign_in) => self.pass(sign_in),
            Err(failure) => Err(self.certificate_refused(login_name, &failure).await),
        }
    }

    /// Checks the certificate, and puts who it is where whoever ends or changes a sign-in finds it.
    fn known(
        &self,
        login_name: &str,
        presented: &PresentedCertificate<'_>,
    ) -> Result<StoredSignIn, CertificateFailure> {
        let services = &self.core.shared.services;
        // Held meanwhile, so that whoever ends the sign-in or changes groups comes either before the check or after it.
        let mut state = self.core.state();
        let now = services.clock.now();
        let sign_in = services.certificates.check(login_name, presented, now)?;
        // Where nobody signs in any more, nobody holds sign-ins of before to what they hang on.
        if services.own_issuer.is_none() {
            return Err(CertificateFailure::SignInEnded);
        }
        state.principal = Some(sign_in.principal.clone());
        state.sign_in = Some(sign_in.id);
        state.parents.clone_from(&sign_in.parents);
        drop(state);
        self.core.set_ends_utc_ns(sign_in.expires_utc_ns);
        Ok(sign_in)
    }

    fn pass(self, sign_in: StoredSignIn) -> Result<Session<Passage>, SessionError> {
        let Self { core, stage } = self;
        core.enter(Phase::Connect);
        let protocol = stage.protocol();
        let limits = core.shared.limits();
        let place = core
            .shared
            .registry
            .enter_session(
                &sign_in.principal,
                limits.sessions,
                limits.sessions_per_principal,
            )
            .map_err(SessionError::Limit)?;
        drop(limits);
        let log = {
            let mut state = core.state();
            state.place = Some(place);
            let authentication = &sign_in.authentication;
            let authenticated = Rfc3339(authentication.authenticated_utc_ns).to_string();
            let id = sign_in.id.to_string();
            let detail = [
                ("authenticated", DetailValue::Text(&authenticated)),
                ("method", DetailValue::Text("certificate")),
                ("provider", DetailValue::Text(&authentication.provider)),
                ("sign_in", DetailValue::Text(&id)),
            ];
            let verdict = Verdict {
                decision: Decision::Allow,
                rules: vec!["passage".to_owned()],
                masks: Vec::new(),
            };
            let start = SessionStart {
                id: core.id,
                actor: &sign_in.principal,
                src: Source {
                    ip: core.peer.ip(),
                    port: core.peer.port(),
                    client: state.application.as_deref(),
                    tls: state.client_tls.as_deref(),
                },
                target: Target {
                    resource: ITSELF,
                    protocol: Some(protocol.as_str()),
                    ..Target::default()
                },
                verdict: &verdict,
                durability: "buffered",
                detail: &detail,
            };
            let evidence = &core.shared.services.evidence;
            let (log, position) = evidence.begin_session(start)?;
            let log = Arc::new(log);
            state.log = Some(Arc::clone(&log));
            evidence.write_out(position)?;
            log
        };
        core.enter(Phase::Open);
        let ended = CancellationToken::new();
        let through = Through {
            session: core.id,
            principal: sign_in.principal,
            ended: ended.clone(),
        };
        let stage = Passage {
            protocol,
            listener: stage.into_listener(),
            log,
            through,
            _ended: ended.drop_guard(),
        };
        Ok(Session { core, stage })
    }
}

impl Session<Passage> {
    /// The resource that a client means by one of these names or, where no resource has any, by the name of its host: the
    /// only one of this protocol that policy does not deny the principal. Whether she may open it is judged when she signs
    /// in to it. `None` says as little of resources that are not for her as of those that do not exist.
    pub fn resource(
        &self,
        names: &[ResourceName],
        host: &str,
    ) -> Result<Option<Resource>, SessionError> {
        let services = &self.core.shared.services;
        let Some(principal) = self.core.state().principal.clone() else {
            return Ok(None);
        };
        let mut meant = Vec::new();
        for name in names
            .iter()
            .filter(|it| it.protocol() == self.stage.protocol)
        {
            meant.extend(services.store.resource(name)?);
        }
        if meant.is_empty() {
            meant = services.store.resources()?;
            meant.retain(|resource| {
                resource.name.protocol() == self.stage.protocol
                    && resource.host.eq_ignore_ascii_case(host)
                    && services.may_ask_for(&principal, resource)
            });
        }
        let only = meant.pop().filter(|_| meant.is_empty());
        Ok(only.filter(|resource| services.may_ask_for(&principal, resource)))
    }

    /// Begins a session within this connection. `serve` is the adapter's, with the stream that it has made for it; it runs
    /// by itself, within the limits of every session.
    pub fn begin<F>(
        &self,
        serve: impl FnOnce(Session<Accepted>) -> F + Send + 'static,
    ) -> Result<(), SessionError>
    where
        F: Future<Output = Result<Ended, SessionError>> + Send + 'static,
    {
        let shared = &self.core.shared;
        if let Some(interrupt) = &*self.core.interrupts().borrow() {
            return Err(SessionError::Interrupted(interrupt.clone()));
        }
        let limits = shared.limits();
        let place = shared.registry.enter_handshake(
            self.core.peer.ip(),
            limits.handshakes,
            limits.handshakes_per_source,
        );
        let Some(place) = place else {
            shared.refusals.count();
            return Err(SessionError::Limit("connections that are signing in"));
        };
        let listener = Arc::clone(&self.stage.listener);
        let stage = Accepted::new(self.stage.protocol, listener, place);
        let stage = stage.within(self.stage.through.clone());
        let framed = listener::frame(Arc::clone(shared), self.core.peer, stage, serve);
        shared.tasks.spawn(framed);
        Ok(())
    }

    /// Appends what was refused, and why. Returns when it is handed to the operating system.
    pub async fn refused(
        &self,
        verb: &'static str,
        text: &str,
        outcome: &Outcome,
        verdict: &Verdict,
    ) -> Result<Position, SessionError> {
        let log = &self.stage.log;
        let position = log.error(verb, Some(text), outcome, Some(verdict))?;
        let evidence = &self.core.shared.services.evidence;
        evidence.write_out_together(position).await?;
        Ok(position)
    }

    /// Something came through it.
    pub fn is_active(&self) {
        self.core.elapsed_ns();
    }

    /// How long it may last while nothing is open.
    pub fn idle_timeout(&self) -> Duration {
        let configured = self.core.shared.limits().idle_timeout;
        if configured.is_zero() {
            return IDLE_TIMEOUT;
        }
        configured.min(IDLE_TIMEOUT)
    }
}

#[cfg(test)]
mod tests {
    use custos_model::{Principal, PrincipalKind, SessionId};
    use tokio_util::sync::CancellationToken;

    use super::Through;

    fn principal(subject: &str, groups: &[&str], on_behalf_of: Vec<Principal>) -> Principal {
        Principal {
            issuer: "okta".to_owned(),
            subject: subject.to_owned(),
            name: subject.to_owned(),
            kind: PrincipalKind::Human,
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            on_behalf_of,
        }
    }

    /// Whom somebody acts for is part of who she is; her groups are not.
    #[test]
    fn a_passage_is_of_one_principal() {
        let alice = principal("alice", &["a"], Vec::new());
        let agent = |of| principal("agent", &[], vec![of]);
        let through = |principal| Through {
            session: SessionId::from_uuid(uuid::Uuid::nil()),
            principal,
            ended: CancellationToken::new(),
        };
        let hers = through(alice.clone());
        assert!(hers.is_of(&principal("alice", &["b"], Vec::new())));
        assert!(!hers.is_of(&principal("bob", &["a"], Vec::new())));
        assert!(!hers.is_of(&principal("alice", &["a"], vec![alice.clone()])));
        let agents = through(agent(alice.clone()));
        assert!(agents.is_of(&agent(alice.clone())));
        assert!(!agents.is_of(&agent(principal("bob", &[], Vec::new()))));
        assert!(!agents.is_of(&alice));
    }
}
