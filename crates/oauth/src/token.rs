//! The token endpoint (RFC 6749 section 3.2): one file for each grant.

mod authorization_code;
mod client_credentials;
mod device_code;
mod exchange;
mod issue;
mod refresh;

use std::sync::Arc;

use crate::call::{Call, Outcome};
use crate::client::{Client, WORKLOAD};
use crate::client_authentication::Proved;
use crate::event::{Endpoint, Event, SignedIn};
use crate::grant_type::GrantType;
use crate::parameters::Parameters;
use crate::reason::Reason;
use crate::refusal::Refusal;
use crate::server::AuthorizationServer;
use crate::state::{NewSignIn, SignIn, State};
use crate::token_response::TokenAnswer;

/// One request of the token endpoint, its client known.
pub(crate) struct Request<'a> {
    parameters: &'a Parameters,
    client: Arc<Client>,
    proved: Proved,
    state: &'a State<'a>,
    call: &'a Call<'a>,
}

impl Request<'_> {
    /// Begins a sign-in that no person opened in a browser, which is an event of its own.
    fn begin(&self, new: NewSignIn, events: &mut Vec<Event>) -> Result<SignIn, Refusal> {
        let (authentication, parents) = (new.authentication.clone(), new.parents.clone());
        let sign_in = self.state.sign_ins.begin(new, self.call.now)?;
        events.push(Event::SignedIn(Box::new(SignedIn {
            sign_in: sign_in.clone(),
            authentication,
            parents,
        })));
        Ok(sign_in)
    }
}

impl AuthorizationServer {
    /// Answers the form of a token request.
    pub fn token(
        &mut self,
        body: &[u8],
        state: &State<'_>,
        call: &Call<'_>,
    ) -> Outcome<TokenAnswer> {
        let mut events = Vec::new();
        let mut client = None;
        let answer = Parameters::from_form(body).and_then(|parameters| {
            let (grant_type, known, proved) = self.token_client(&parameters, call)?;
            client = Some(known.id.clone());
            let request = Request {
                parameters: &parameters,
                client: known,
                proved,
                state,
                call,
            };
            self.grant(grant_type, &request, &mut events)
        });
        if let Err(refusal) = &answer {
            events.push(Event::refused(Endpoint::Token, client, refusal));
        }
        Outcome { answer, events }
    }

    fn token_client(
        &self,
        parameters: &Parameters,
        call: &Call<'_>,
    ) -> Result<(GrantType, Arc<Client>, Proved), Refusal> {
        parameters.refuse_repeated()?;
        let grant_type =
            GrantType::parse(parameters.require("grant_type")?).ok_or(Reason::GrantType)?;
        // A workload's own token says who it is.
        let unnamed = (grant_type == GrantType::TokenExchange).then_some(WORKLOAD);
        let (client, proved) = self.proved_client(parameters, unnamed, call)?;
        Ok((grant_type, client, proved))
    }

    fn grant(
        &mut self,
        grant_type: GrantType,
        request: &Request<'_>,
        events: &mut Vec<Event>,
    ) -> Result<TokenAnswer, Refusal> {
        if !request.client.grants.contains(&grant_type) {
            return Err(Reason::ClientGrant.into());
        }
        if grant_type != GrantType::TokenExchange {
            self.is_own_resource(request.parameters)?;
        }
        let response = match grant_type {
            GrantType::AuthorizationCode => self.redeem_code(request, events)?,
            GrantType::RefreshToken => self.refresh(request, events)?,
            GrantType::DeviceCode => self.redeem_device_code(request, events)?,
            GrantType::ClientCredentials => self.client_credentials(request, events)?,
            GrantType::TokenExchange => return self.exchange(request, events),
        };
        Ok(TokenAnswer::Token(response))
    }
}
