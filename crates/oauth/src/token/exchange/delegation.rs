//! An agent that acts for a person (RFC 8693 section 1.1, delegation): both stay visible.

use custos_model::{Principal, PrincipalKind};

use crate::MAX_CHAIN;
use crate::access_token::AccessToken;
use crate::client::is_machine;
use crate::reason::Reason;
use crate::refusal::Refusal;
use crate::token::exchange::Subject;

/// The agent in front of whomever the subject's token names. A person stands at the end of the chain.
pub(super) fn act_for(actor: AccessToken, subject: AccessToken) -> Result<Subject, Refusal> {
    if actor.principal.kind != PrincipalKind::Agent || !is_machine(&actor.principal) {
        return Err(Reason::ActorNotAnAgent.into());
    }
    let mut chain = vec![Principal {
        on_behalf_of: Vec::new(),
        ..subject.principal.clone()
    }];
    chain.extend(subject.principal.on_behalf_of);
    if chain.last().map(|person| person.kind) != Some(PrincipalKind::Human) {
        return Err(Reason::SubjectNotAPerson.into());
    }
    if chain.len() > MAX_CHAIN {
        return Err(Reason::ChainTooDeep.into());
    }
    if chain.iter().any(|other| is_same(other, &actor.principal)) {
        return Err(Reason::ChainLoop.into());
    }
    Ok(Subject::Present {
        principal: Box::new(Principal {
            on_behalf_of: chain,
            ..actor.principal
        }),
        sign_ins: actor.sign_ins.into_iter().chain(subject.sign_ins).collect(),
        scopes: subject.scopes,
        until_utc_ns: actor.expires_utc_ns.min(subject.expires_utc_ns),
    })
}

fn is_same(one: &Principal, other: &Principal) -> bool {
    (&one.issuer, &one.subject) == (&other.issuer, &other.subject)
}
