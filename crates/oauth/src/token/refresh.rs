//! A refresh token for new tokens (RFC 6749 section 6), rotated at each use (RFC 9700 section 4.14.2).

use crate::access_token::revoked_until;
use crate::event::{Because, Event};
use crate::grant_type::GrantType;
use crate::opaque::SecretHash;
use crate::reason::Reason;
use crate::refusal::Refusal;
use crate::server::AuthorizationServer;
use crate::state::{RefreshToken, Rotation, StateError};
use crate::token::Request;
use crate::token::issue::Earned;
use crate::token_response::TokenResponse;

impl AuthorizationServer {
    pub(super) fn refresh(
        &mut self,
        request: &Request<'_>,
        events: &mut Vec<Event>,
    ) -> Result<TokenResponse, Refusal> {
        let now = request.call.now;
        let refresh_tokens = request.state.refresh_tokens;
        let presented = SecretHash::of(request.parameters.require("refresh_token")?);
        let found = refresh_tokens
            .find(&presented)?
            .ok_or(Reason::RefreshUnknown)?;
        let token = found.token;
        if refresh_tokens.is_revoked(token.grant)? {
            return Err(Reason::RefreshRevoked.into());
        }
        if found.used {
            return Err(second_use(&token, request, events));
        }
        if token.client != request.client.id {
            return Err(Reason::RefreshOtherClient.into());
        }
        if token.expires_utc_ns <= now.utc_ns {
            return Err(Reason::RefreshExpired.into());
        }
        let sign_in = request
            .state
            .sign_ins
            .live(token.sign_in, now)?
            .ok_or(Reason::SignInEnded)?;
        let scopes = token.scopes.narrowed(request.parameters.get("scope"))?;
        let earned = Earned::by(GrantType::RefreshToken, sign_in, scopes, token.grant);
        // Signed before anything is used up, so that a failure leaves the client its old token.
        let signed = self.sign(&earned, request)?;
        let secret = request.call.secret();
        let next = RefreshToken {
            hash: SecretHash::of(secret.expose()),
            ..token.clone()
        };
        match refresh_tokens.rotate(&presented, &next)? {
            Rotation::Rotated => {}
            Rotation::AlreadyUsed => return Err(second_use(&token, request, events)),
            Rotation::Revoked => return Err(Reason::RefreshRevoked.into()),
        }
        events.push(earned.issued(request, &signed, true));
        let mut response = TokenResponse::bearer(signed, &earned.scopes);
        response.refresh_token = Some(secret);
        Ok(response)
    }
}

/// Two have the token, and nobody can tell which of them is the thief: the person signs in again.
fn second_use(token: &RefreshToken, request: &Request<'_>, events: &mut Vec<Event>) -> Refusal {
    events.push(Event::RefreshReused {
        client: token.client.clone(),
        sign_in: token.sign_in,
        grant: token.grant,
    });
    match end(token, request, events) {
        Ok(()) => Reason::RefreshReused.into(),
        Err(error) => error.into(),
    }
}

fn end(
    token: &RefreshToken,
    request: &Request<'_>,
    events: &mut Vec<Event>,
) -> Result<(), StateError> {
    let now = request.call.now;
    // The sign-in first: if the second step fails, nothing of it is good any more, and the next use tries again.
    request.state.sign_ins.end(token.sign_in, now)?;
    events.push(Event::SignInEnded {
        sign_in: token.sign_in,
        because: Because::RefreshReused,
    });
    let until = token.expires_utc_ns.max(revoked_until(now));
    request.state.refresh_tokens.revoke(token.grant, until)?;
    events.push(Event::GrantRevoked {
        grant: token.grant,
        sign_in: token.sign_in,
        because: Because::RefreshReused,
    });
    Ok(())
}
