//! Tokens for whoever has earned them.

use crate::access_token::{Issue, Signed};
use crate::event::{Event, TokenIssued};
use crate::grant_type::GrantType;
use crate::opaque::SecretHash;
use crate::reason::Reason;
use crate::refusal::Refusal;
use crate::scope::Scopes;
use crate::server::AuthorizationServer;
use crate::state::{GrantId, RefreshToken, Rotation, SignIn};
use crate::token::Request;
use crate::token_response::TokenResponse;

/// What a grant has come to.
pub(super) struct Earned {
    pub(super) grant_type: GrantType,
    pub(super) sign_in: SignIn,
    pub(super) scopes: Scopes,
    pub(super) grant: GrantId,
    /// The end of the tokens that it was earned with, UTC nanoseconds.
    pub(super) until_utc_ns: u64,
}

impl Earned {
    /// Without an end but that of the sign-in.
    pub(super) fn by(
        grant_type: GrantType,
        sign_in: SignIn,
        scopes: Scopes,
        grant: GrantId,
    ) -> Self {
        Self {
            grant_type,
            sign_in,
            scopes,
            grant,
            until_utc_ns: u64::MAX,
        }
    }

    pub(super) fn issued(
        &self,
        request: &Request<'_>,
        signed: &Signed,
        refreshable: bool,
    ) -> Event {
        Event::TokenIssued(Box::new(TokenIssued {
            grant_type: self.grant_type,
            client: request.client.id.clone(),
            principal: self.sign_in.principal.clone(),
            sign_in: self.sign_in.id,
            grant: self.grant,
            token_id: signed.token_id.clone(),
            scopes: self.scopes.clone(),
            expires_utc_ns: signed.expires_utc_ns,
            refreshable,
        }))
    }
}

impl AuthorizationServer {
    pub(super) fn sign(&self, earned: &Earned, request: &Request<'_>) -> Result<Signed, Refusal> {
        let issue = Issue {
            base_url: &self.base_url,
            sign_in: &earned.sign_in,
            client: &request.client.id,
            scopes: &earned.scopes,
            grant: earned.grant,
            until_utc_ns: earned.until_utc_ns,
            token_id: request.call.bytes(),
        };
        issue.sign(&self.keys, request.call.now)
    }

    /// An access token, and for clients that may refresh the first refresh token of the grant.
    pub(super) fn first_tokens(
        &self,
        earned: &Earned,
        request: &Request<'_>,
        events: &mut Vec<Event>,
    ) -> Result<TokenResponse, Refusal> {
        let signed = self.sign(earned, request)?;
        let refreshable = request.client.grants.contains(&GrantType::RefreshToken);
        let sign_in = &earned.sign_in;
        let mut refresh_token = None;
        if refreshable {
            let secret = request.call.secret();
            let stored = RefreshToken {
                hash: SecretHash::of(secret.expose()),
                grant: earned.grant,
                client: request.client.id.clone(),
                sign_in: sign_in.id,
                scopes: earned.scopes.clone(),
                expires_utc_ns: sign_in.expires_utc_ns,
            };
            if request.state.refresh_tokens.insert(&stored)? != Rotation::Rotated {
                return Err(Reason::RefreshRevoked.into());
            }
            refresh_token = Some(secret);
        }
        events.push(earned.issued(request, &signed, refresh_token.is_some()));
        let mut response = TokenResponse::bearer(signed, &earned.scopes);
        response.refresh_token = refresh_token;
        Ok(response)
    }
}
