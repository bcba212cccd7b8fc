//! A machine for itself (RFC 6749 section 4.4).

use custos_model::Authentication;

use crate::MACHINE_SIGN_IN_LIFE;
use crate::client::ClientKind;
use crate::client_authentication::Proved;
use crate::event::Event;
use crate::grant_type::GrantType;
use crate::reason::Reason;
use crate::refusal::Refusal;
use crate::server::AuthorizationServer;
use crate::state::{GrantId, NewSignIn};
use crate::token::Request;
use crate::token::issue::Earned;
use crate::token_response::TokenResponse;

/// What vouches for a machine client: its key, in the word of the metadata (RFC 8414 section 2).
const KEY: &str = "private_key_jwt";
/// Or its static secret.
const SECRET: &str = "client_secret";

impl AuthorizationServer {
    pub(super) fn client_credentials(
        &mut self,
        request: &Request<'_>,
        events: &mut Vec<Event>,
    ) -> Result<TokenResponse, Refusal> {
        let ClientKind::Machine { principal, .. } = &request.client.kind else {
            return Err(Reason::ClientGrant.into());
        };
        let scopes = request
            .client
            .scopes
            .narrowed(request.parameters.get("scope"))?;
        let now = request.call.now;
        let provider = match &request.proved {
            Proved::Key(_) => KEY,
            Proved::Secret => SECRET,
            Proved::Nothing => return Err(Reason::ClientGrant.into()),
        };
        let mut authentication = Authentication::by(provider, now.utc_ns);
        let mut fact = |name: &str, value: &str| {
            authentication
                .facts
                .push((name.to_owned(), value.to_owned()));
        };
        fact("client_id", request.client.id.as_str());
        if let Proved::Key(thumbprint) = &request.proved {
            fact("key", thumbprint);
        }
        let new = NewSignIn {
            principal: (**principal).clone(),
            authentication,
            lasts: MACHINE_SIGN_IN_LIFE,
            parents: Vec::new(),
        };
        let sign_in = request.begin(new, events)?;
        let grant = GrantId::from_bytes(request.call.bytes());
        let earned = Earned::by(GrantType::ClientCredentials, sign_in, scopes, grant);
        self.first_tokens(&earned, request, events)
    }
}
