//! A token for another (RFC 8693): workloads sign in with their platform's token, agents act for people.

mod delegation;

use std::time::Duration;

use custos_model::ResourceName;

use crate::access_token::{AccessToken, Read};
use crate::call::ns;
use crate::client::is_machine;
use crate::delegation_token::Delegation;
use crate::event::Event;
use crate::grant_type::GrantType;
use crate::reason::Reason;
use crate::refusal::Refusal;
use crate::scope::{Scope, Scopes};
use crate::server::AuthorizationServer;
use crate::state::{GrantId, NewSignIn, SignIn, Workload};
use crate::token::Request;
use crate::token::issue::Earned;
use crate::token_response::{
    ACCESS_TOKEN_TYPE, CONNECTION_CREDENTIAL_TYPE, CredentialDecision, DELEGATION_TOKEN_TYPE,
    TokenAnswer, TokenResponse,
};
use crate::{ACCESS_TOKEN_LIFE, CREDENTIAL_LIFE_MAX};

const JWT_TYPE: &str = "urn:ietf:params:oauth:token-type:jwt";
const ID_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:id_token";

/// What is asked for.
enum Wanted {
    AccessToken,
    Credential(ResourceName),
    /// That an agent may act for whoever asks.
    Delegation(delegation::Wish),
}

/// Whose token was shown, before a sign-in is begun.
enum Subject {
    Workload(Box<Workload>),
    /// Somebody with an access token of ours.
    Present(Box<AccessToken>),
    /// An agent that is to act for a person.
    Acting {
        acting: Box<delegation::Acting>,
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
        let wanted = self.wanted(request)?;
        let subject = self.subject(&wanted, request)?;
        let (most, until_utc_ns) = match &subject {
            Subject::Workload(_) => (&request.client.scopes, u64::MAX),
            Subject::Present(token) => (&token.scopes, token.expires_utc_ns),
            Subject::Acting {
                scopes,
                until_utc_ns,
                ..
            } => (scopes, *until_utc_ns),
        };
        let scopes = most.narrowed(request.parameters.get("scope"))?;
        if !matches!(wanted, Wanted::AccessToken) && !scopes.contains(Scope::Api) {
            return Err(Reason::ScopeNotAllowed.into());
        }
        if let Wanted::Delegation(wish) = &wanted {
            return match subject {
                Subject::Present(token) => self.delegate(*token, wish, request, events),
                Subject::Workload(_) => Err(Reason::SubjectNotAPerson.into()),
                Subject::Acting { .. } => Err(Reason::ActorUnexpected.into()),
            };
        }
        let sign_in = present(subject, &wanted, request, events)?;
        match wanted {
            Wanted::Delegation(_) => Err(Reason::RequestedTokenType.into()),
            Wanted::AccessToken => {
                let earned = Earned {
                    grant_type: GrantType::TokenExchange,
                    sign_in,
                    scopes,
                    grant: GrantId::from_bytes(request.call.bytes()),
                    until_utc_ns,
                };
                self.exchanged(&earned, request, events)
            }
            Wanted::Credential(resource) => {
                let decision = credential(sign_in, resource, request);
                events.push(Event::CredentialAllowed {
                    client: decision.client.clone(),
                    principal: decision.principal.clone(),
                    sign_in: decision.sign_in,
                    resource: decision.resource.clone(),
                });
                Ok(TokenAnswer::Credential(decision))
            }
        }
    }

    fn wanted(&self, request: &Request<'_>) -> Result<Wanted, Refusal> {
        let parameters = request.parameters;
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
            Some(DELEGATION_TOKEN_TYPE) => {
                self.is_own_resource(parameters)?;
                self.wish(request).map(Wanted::Delegation)
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
                    (Some(actor), _) => delegation::by_access_token(actor, subject),
                    (None, Wanted::AccessToken) => Err(Reason::ActorMissing.into()),
                    (None, _) => Ok(Subject::Present(Box::new(subject))),
                }
            }
            DELEGATION_TOKEN_TYPE => {
                let actor = actor.ok_or(Reason::ActorMissing)?;
                let now = request.call.now;
                let delegation = Delegation::read(&self.keys, token, request.state, now)?;
                delegation::by_delegation(actor, delegation)
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

fn workload(token: &str, request: &Request<'_>) -> Result<Subject, Refusal> {
    let rejected = |detail| Refusal::with(Reason::SubjectTokenRejected, detail);
    let verified = request.state.workloads.verify(token, request.call.now);
    let workload = verified.map_err(rejected)?;
    if !is_machine(&workload.principal) {
        return Err(rejected("not_a_machine"));
    }
    Ok(Subject::Workload(Box::new(workload)))
}

/// Begins the sign-in of a workload or of an agent for a person, last of all: a refused request leaves nothing behind.
fn present(
    subject: Subject,
    wanted: &Wanted,
    request: &Request<'_>,
    events: &mut Vec<Event>,
) -> Result<SignIn, Refusal> {
    match subject {
        Subject::Present(token) => Ok(token.sign_in),
        Subject::Acting { acting, .. } => acting.begin(request, events),
        Subject::Workload(workload) => {
            let new = NewSignIn {
                principal: workload.principal,
                authentication: workload.authentication,
                lasts: wanted.lasts(),
                parents: Vec::new(),
            };
            request.begin(new, events)
        }
    }
}

impl Wanted {
    fn lasts(&self) -> Duration {
        match self {
            Self::AccessToken | Self::Delegation(_) => ACCESS_TOKEN_LIFE,
            Self::Credential(_) => CREDENTIAL_LIFE_MAX,
        }
    }
}

fn credential(
    sign_in: SignIn,
    resource: ResourceName,
    request: &Request<'_>,
) -> CredentialDecision {
    let latest = request
        .call
        .now
        .utc_ns
        .saturating_add(ns(CREDENTIAL_LIFE_MAX));
    CredentialDecision {
        client: request.client.id.clone(),
        principal: sign_in.principal,
        sign_in: sign_in.id,
        resource,
        expires_utc_ns: latest.min(sign_in.expires_utc_ns),
    }
}
