//! A code for tokens (RFC 6749 section 4.1.3, RFC 7636 section 4.5).

use crate::access_token::revoked_until;
use crate::code::{Code, Presented};
use crate::event::{Because, Event};
use crate::grant_type::GrantType;
use crate::opaque::SecretHash;
use crate::pkce;
use crate::reason::Reason;
use crate::refusal::Refusal;
use crate::server::AuthorizationServer;
use crate::token::Request;
use crate::token::issue::Earned;
use crate::token_response::TokenResponse;

impl AuthorizationServer {
    pub(super) fn redeem_code(
        &mut self,
        request: &Request<'_>,
        events: &mut Vec<Event>,
    ) -> Result<TokenResponse, Refusal> {
        let parameters = request.parameters;
        let presented = SecretHash::of(parameters.require("code")?);
        let redirect_uri = parameters.require("redirect_uri")?;
        let verifier = pkce::verifier(parameters)?;
        let code = match self.codes.present(&presented, request.call.mono_ns()) {
            Presented::Fresh(code) => code,
            Presented::Reused(code) => return Err(second_use(&code, request, events)),
            Presented::Expired => return Err(Reason::CodeExpired.into()),
            Presented::Unknown => return Err(Reason::CodeUnknown.into()),
        };
        code.is_for(&request.client.id, redirect_uri, verifier)?;
        let sign_in = request
            .state
            .sign_ins
            .live(code.sign_in, request.call.now)?
            .ok_or(Reason::SignInEnded)?;
        let scopes = code.scopes.narrowed(parameters.get("scope"))?;
        let earned = Earned::by(GrantType::AuthorizationCode, sign_in, scopes, code.grant);
        self.first_tokens(&earned, request, events)
    }
}

/// Two have the code, and one of them is not who should have it: what came of it is revoked (RFC 9700 section 4.5).
fn second_use(code: &Code, request: &Request<'_>, events: &mut Vec<Event>) -> Refusal {
    events.push(Event::CodeReused {
        client: code.client.clone(),
        sign_in: code.sign_in,
        grant: code.grant,
    });
    let until = revoked_until(request.call.now);
    match request.state.refresh_tokens.revoke(code.grant, until) {
        Ok(()) => {
            events.push(Event::GrantRevoked {
                grant: code.grant,
                sign_in: code.sign_in,
                because: Because::CodeReused,
            });
            Reason::CodeReused.into()
        }
        Err(error) => error.into(),
    }
}
