//! A token for another (RFC 8693): workloads sign in with their platform's token, agents act for people.

mod delegation;

use std::time::Duration;

use custos_model::{Principal, ResourceName};

use crate::access_token::{AccessToken, Read};
use crate::call::ns;
use crate::client::is_machine;
use crate::event::Event;
use crate::grant_type::GrantType;
use crate::parameters::Parameters;
use crate::reason::Reason;
use crate::refusal::Refusal;
use crate::scope::{Scope, Scopes};
use crate::server::AuthorizationServer;
use crate::state::{GrantId, NewSignIn, SignIn, Workload};
use crate::token::Request;
use crate::token::issue::Earned;
use crate::token_response::{
    ACCESS_TOKEN_TYPE, CONNECTION_CREDENTIAL_TYPE, CredentialDecision, TokenAnswer, TokenResponse,
};
use crate::{ACCESS_TOKEN_LIFE, CREDENTIAL_LIFE_MAX};

const JWT_TYPE: &str = "urn:ietf:params:oauth:token-type:jwt";
const ID_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:id_token";

/// What is asked for.
enum Wanted {
    AccessToken,
    Credential(ResourceName),
}

/// Whose token was shown, before a sign-in is begun.
enum Subject {
    Workload(Box<Workload>),
    /// Somebody with an access token of ours, alone or with an agent that acts for them.
    Present {
        principal: Box<Principal>,
        sign_ins: Vec<SignIn>,
        scopes: Scopes,
        until_utc_ns: u64,
    },
}

impl AuthorizationServer {
    pub(super) fn exchange(
        &mut self,
        request: &Request<'_>,
        events: &mut Vec<Event>,
    ) -> Result<TokenAnswer, Refusal> {
        let wanted = self.wanted(request.parameters)?;
        let subject = self.subject(&wanted, request)?;
        let (most, until_utc_ns) = match &subject {
            Subject::Workload(_) => (&request.client.scopes, u64::MAX),
            Subject::Present {
                scopes,
                until_utc_ns,
                ..
            } => (scopes, *until_utc_ns),
        };
        let scopes = most.narrowed(request.parameters.get("scope"))?;
        if matches!(wanted, Wanted::Credential(_)) && !scopes.contains(Scope::Api) {
            return Err(Reason::ScopeNotAllowed.into());
        }
        let (principal, sign_ins) = present(subject, &wanted, request)?;
        match wanted {
            Wanted::AccessToken => {
                let earned = Earned {
                    grant_type: GrantType::TokenExchange,
                    principal,
                    sign_ins,
                    scopes,
                    grant: GrantId::from_bytes(request.call.bytes()),
                    until_utc_ns,
                };
                self.exchanged(&earned, request, events)
            }
            Wanted::Credential(resource) => {
                let decision = credential(principal, &sign_ins, resource, request);
                events.push(Event::CredentialAllowed {
                    client: decision.client.clone(),
                    principal: decision.principal.clone(),
                    sign_ins: decision.sign_ins.clone(),
                    resource: decision.resource.clone(),
                });
                Ok(TokenAnswer::Credential(decision))
            }
        }
    }

    fn wanted(&self, parameters: &Parameters) -> Result<Wanted, Refusal> {
        if parameters.get("audience").is_some() {
            return Err(Reason::AudienceUnsupported.into());
        }
        match parameters.get("requested_token_type") {
            None | Some(ACCESS_TOKEN_TYPE) => {
                self.is_own_resource(parameters)?;
                Ok(Wanted::AccessToken)
            }
            Some(CONNECTION_CREDENTIAL_TYPE) => {
                let name = parameters.require("resource")?;
                let name = name.parse().map_err(|_| Reason::ResourceName)?;
                Ok(Wanted::Credential(name))
            }
            Some(_) => Err(Reason::RequestedTokenType.into()),
        }
    }

    fn subject(&self, wanted: &Wanted, request: &Request<'_>) -> Result<Subject, Refusal> {
        let parameters = request.parameters;
        let token = parameters.require("subject_token")?;
        let actor = self.actor(request)?;
        match parameters.require("subject_token_type")? {
            JWT_TYPE | ID_TOKEN_TYPE if actor.is_some() => Err(Reason::ActorUnexpected.into()),
            JWT_TYPE | ID_TOKEN_TYPE => workload(token, request),
            ACCESS_TOKEN_TYPE => {
                let subject = self.own(token, Reason::SubjectTokenRejected, request)?;
                match (actor, wanted) {
                    (Some(actor), _) => delegation::act_for(actor, subject),
                    (None, Wanted::Credential(_)) => Ok(Subject::of(subject)),
                    (None, Wanted::AccessToken) => Err(Reason::ActorMissing.into()),
                }
            }
            _ => Err(Reason::SubjectTokenType.into()),
        }
    }

    /// The agent that is to act, by its own access token. Token and type come together or not at all (section 2.1).
    fn actor(&self, request: &Request<'_>) -> Result<Option<AccessToken>, Refusal> {
        let parameters = request.parameters;
        let token = parameters.get("actor_token");
        match (token, parameters.get("actor_token_type")) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(Refusal::missing("actor_token")),
            (Some(_), None) => Err(Refusal::missing("actor_token_type")),
            (Some(token), Some(ACCESS_TOKEN_TYPE)) => self
                .own(token, Reason::ActorTokenRejected, request)
                .map(Some),
            (Some(_), Some(_)) => Err(Reason::ActorTokenType.into()),
        }
    }

    /// An access token of ours that may be exchanged: one that is good for the API.
    fn own(
        &self,
        token: &str,
        rejected: Reason,
        request: &Request<'_>,
    ) -> Result<AccessToken, Refusal> {
        let now = request.call.now;
        let read = Read::token(&self.keys, token, now)
            .map_err(|detail| Refusal::with(rejected, detail))?;
        let token = read.alive(request.state, now).map_err(|refusal| {
            if refusal.reason() == Reason::TokenRevoked {
                Refusal::with(rejected, Reason::TokenRevoked.code())
            } else {
                refusal
            }
        })?;
        if token.scopes.contains(Scope::Api) {
            Ok(token)
        } else {
            Err(Refusal::with(rejected, Reason::ScopeNotAllowed.code()))
        }
    }

    /// No refresh token: whoever can exchange once can do it again.
    fn exchanged(
        &self,
        earned: &Earned,
        request: &Request<'_>,
        events: &mut Vec<Event>,
    ) -> Result<TokenAnswer, Refusal> {
        let signed = self.sign(earned, request)?;
        events.push(earned.issued(request, &signed, false));
        let mut response = TokenResponse::bearer(signed, &earned.scopes);
        response.issued_token_type = Some(ACCESS_TOKEN_TYPE);
        Ok(TokenAnswer::Token(response))
    }
}

impl Subject {
    fn of(token: AccessToken) -> Self {
        Self::Present {
            principal: Box::new(token.principal),
            sign_ins: token.sign_ins,
            scopes: token.scopes,
            until_utc_ns: token.expires_utc_ns,
        }
    }
}

fn workload(token: &str, request: &Request<'_>) -> Result<Subject, Refusal> {
    let rejected = |detail| Refusal::with(Reason::SubjectTokenRejected, detail);
    let verified = request.state.workloads.verify(token, request.call.now);
    let workload = verified.map_err(rejected)?;
    if !is_machine(&workload.principal) {
        return Err(rejected("not_a_machine"));
    }
    Ok(Subject::Workload(Box::new(workload)))
}

/// Begins the sign-in of a workload, last of all: a refused request leaves nothing behind.
fn present(
    subject: Subject,
    wanted: &Wanted,
    request: &Request<'_>,
) -> Result<(Principal, Vec<SignIn>), Refusal> {
    match subject {
        Subject::Present {
            principal,
            sign_ins,
            ..
        } => Ok((*principal, sign_ins)),
        Subject::Workload(workload) => {
            let new = NewSignIn {
                principal: workload.principal,
                authentication: workload.authentication,
                lasts: wanted.lasts(),
            };
            let sign_in = request.state.sign_ins.begin(new, request.call.now)?;
            Ok((sign_in.principal.clone(), vec![sign_in]))
        }
    }
}

impl Wanted {
    fn lasts(&self) -> Duration {
        match self {
            Self::AccessToken => ACCESS_TOKEN_LIFE,
            Self::Credential(_) => CREDENTIAL_LIFE_MAX,
        }
    }
}

fn credential(
    principal: Principal,
    sign_ins: &[SignIn],
    resource: ResourceName,
    request: &Request<'_>,
) -> CredentialDecision {
    let latest = request
        .call
        .now
        .utc_ns
        .saturating_add(ns(CREDENTIAL_LIFE_MAX));
    let ends = sign_ins.iter().map(|sign_in| sign_in.expires_utc_ns);
    CredentialDecision {
        client: request.client.id.clone(),
        principal,
        sign_ins: sign_ins.iter().map(|sign_in| sign_in.id).collect(),
        resource,
        expires_utc_ns: ends.fold(latest, u64::min),
    }
}
