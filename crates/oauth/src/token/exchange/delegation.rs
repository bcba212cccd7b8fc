//! An agent that acts for a person (RFC 8693 section 1.1, delegation): both stay visible, and it ends with either.

use std::time::Duration;

use custos_model::{Authentication, Principal, PrincipalKind};

use crate::access_token::AccessToken;
use crate::call::ns;
use crate::client::{ClientId, ClientKind, is_machine};
use crate::delegation_token::{Delegation, IssueDelegation};
use crate::event::{Delegated, Event};
use crate::reason::Reason;
use crate::refusal::Refusal;
use crate::scope::{Scope, Scopes};
use crate::server::AuthorizationServer;
use crate::state::{NewSignIn, SignIn};
use crate::token::Request;
use crate::token::exchange::Subject;
use crate::token_response::{TokenAnswer, TokenResponse};
use crate::{DELEGATION_LIFE, DELEGATION_LIFE_MAX};

/// What vouches for an agent that acts for somebody.
const PROVIDER: &str = "delegation";

/// An agent and the person that it acts for, before their common sign-in is begun.
pub(super) struct Acting {
    pub(super) agent: SignIn,
    pub(super) person: SignIn,
    /// `jti` of what the person gave.
    pub(super) token_id: String,
    /// The end of what was opened by it, UTC nanoseconds.
    pub(super) ends_utc_ns: u64,
}

/// What a person wants to give to whom.
pub(super) struct Wish {
    agent: ClientId,
    principal: Principal,
    lasts: Duration,
}

/// By an access token of the person's own: whoever shows it has all of her rights already.
pub(super) fn by_access_token(
    actor: AccessToken,
    subject: AccessToken,
) -> Result<Subject, Refusal> {
    let scopes = subject.scopes;
    let until_utc_ns = actor.expires_utc_ns.min(subject.expires_utc_ns);
    let acting = Acting {
        agent: agent(actor)?,
        person: person(subject.sign_in)?,
        token_id: subject.token_id,
        ends_utc_ns: u64::MAX,
    };
    Ok(Subject::Acting {
        acting: Box::new(acting),
        scopes,
        until_utc_ns,
    })
}

/// By a delegation token, which is for that agent alone.
pub(super) fn by_delegation(
    actor: AccessToken,
    delegation: Delegation,
) -> Result<Subject, Refusal> {
    let until_utc_ns = actor.expires_utc_ns.min(delegation.expires_utc_ns);
    let agent = agent(actor)?;
    if !delegation.is_for(&agent.principal) {
        return Err(Reason::MayActOther.into());
    }
    let acting = Acting {
        agent,
        person: person(delegation.sign_in)?,
        token_id: delegation.token_id,
        ends_utc_ns: delegation.expires_utc_ns,
    };
    Ok(Subject::Acting {
        acting: Box::new(acting),
        scopes: Scopes::new(Scope::Api, &[]),
        until_utc_ns,
    })
}

fn agent(actor: AccessToken) -> Result<SignIn, Reason> {
    let acts_for_itself =
        actor.principal.kind == PrincipalKind::Agent && is_machine(&actor.principal);
    acts_for_itself
        .then_some(actor.sign_in)
        .ok_or(Reason::ActorNotAnAgent)
}

/// Only a person, for herself: what she gave to one agent is not that agent's to give on.
fn person(sign_in: SignIn) -> Result<SignIn, Reason> {
    let principal = &sign_in.principal;
    if principal.kind == PrincipalKind::Human && principal.on_behalf_of.is_empty() {
        Ok(sign_in)
    } else {
        Err(Reason::SubjectNotAPerson)
    }
}

impl Acting {
    /// Begins the sign-in of the agent for the person: it hangs on both of theirs.
    pub(super) fn begin(
        self,
        request: &Request<'_>,
        events: &mut Vec<Event>,
    ) -> Result<SignIn, Refusal> {
        let now = request.call.now;
        let parents = vec![self.agent.id, self.person.id];
        let ends = [
            self.agent.expires_utc_ns,
            self.person.expires_utc_ns,
            self.ends_utc_ns,
        ];
        let ends = ends.into_iter().fold(u64::MAX, u64::min);
        let mut authentication = Authentication::by(PROVIDER, now.utc_ns);
        authentication.facts = vec![
            (
                "client_id".to_owned(),
                request.client.id.as_str().to_owned(),
            ),
            ("token".to_owned(), self.token_id),
        ];
        let new = NewSignIn {
            principal: Principal {
                on_behalf_of: vec![self.person.principal],
                ..self.agent.principal
            },
            authentication,
            lasts: Duration::from_nanos(ends.saturating_sub(now.utc_ns)),
            parents,
        };
        request.begin(new, events)
    }
}

impl AuthorizationServer {
    /// What a person asks for who lets an agent act for her: `may_act` names it, `expires_in` says for how many
    /// seconds.
    pub(super) fn wish(&self, request: &Request<'_>) -> Result<Wish, Refusal> {
        let parameters = request.parameters;
        let name = parameters.require("may_act")?;
        let client = self.clients.get(name).ok_or(Reason::MayActNotAnAgent)?;
        let principal = match &client.kind {
            ClientKind::Machine { principal, .. } if principal.kind == PrincipalKind::Agent => {
                (**principal).clone()
            }
            _ => return Err(Reason::MayActNotAnAgent.into()),
        };
        let lasts = match parameters.get("expires_in") {
            None => DELEGATION_LIFE,
            Some(text) => {
                let seconds = text.parse().ok().filter(|seconds| *seconds > 0);
                seconds.map(Duration::from_secs).ok_or_else(malformed)?
            }
        };
        if lasts > DELEGATION_LIFE_MAX {
            return Err(malformed());
        }
        Ok(Wish {
            agent: client.id.clone(),
            principal,
            lasts,
        })
    }

    /// Gives a person her delegation token.
    pub(super) fn delegate(
        &self,
        subject: AccessToken,
        wish: &Wish,
        request: &Request<'_>,
        events: &mut Vec<Event>,
    ) -> Result<TokenAnswer, Refusal> {
        let sign_in = person(subject.sign_in)?;
        let now = request.call.now;
        let issue = IssueDelegation {
            base_url: &self.base_url,
            sign_in: &sign_in,
            client: &request.client.id,
            agent: &wish.principal,
            until_utc_ns: now.utc_ns.saturating_add(ns(wish.lasts)),
            token_id: request.call.bytes(),
        };
        let signed = issue.sign(&self.keys, now)?;
        events.push(Event::Delegated(Box::new(Delegated {
            client: request.client.id.clone(),
            principal: sign_in.principal.clone(),
            sign_in: sign_in.id,
            agent: wish.agent.clone(),
            token_id: signed.token_id.clone(),
            expires_utc_ns: signed.expires_utc_ns,
        })));
        Ok(TokenAnswer::Token(TokenResponse::delegation(signed)))
    }
}

fn malformed() -> Refusal {
    Refusal::malformed("expires_in")
}
