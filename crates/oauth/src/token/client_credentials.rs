//! A machine for itself (RFC 6749 section 4.4).

use custos_model::Authentication;

use crate::ACCESS_TOKEN_LIFE;
use crate::client::ClientKind;
use crate::event::Event;
use crate::grant_type::GrantType;
use crate::reason::Reason;
use crate::refusal::Refusal;
use crate::server::AuthorizationServer;
use crate::state::{GrantId, NewSignIn};
use crate::token::Request;
use crate::token::issue::Earned;
use crate::token_response::TokenResponse;

/// What vouches for a machine client: its key.
const PROVIDER: &str = "private_key_jwt";

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
        let mut authentication = Authentication::by(PROVIDER, now.utc_ns);
        let client_id = request.client.id.as_str().to_owned();
        authentication
            .facts
            .push(("client_id".to_owned(), client_id));
        let new = NewSignIn {
            principal: (**principal).clone(),
            authentication,
            lasts: ACCESS_TOKEN_LIFE,
        };
        let sign_in = request.state.sign_ins.begin(new, now)?;
        let grant = GrantId::from_bytes(request.call.bytes());
        let earned = Earned::by(GrantType::ClientCredentials, sign_in, scopes, grant);
        self.first_tokens(&earned, request, events)
    }
}
