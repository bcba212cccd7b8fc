//! Revocation (RFC 7009): a client gives a token back, and all that came with it.

use custos_model::SignInId;

use crate::access_token::{Read, revoked_until};
use crate::call::{Call, Outcome};
use crate::client::ClientId;
use crate::event::{Because, Endpoint, Event};
use crate::opaque::SecretHash;
use crate::parameters::Parameters;
use crate::reason::Reason;
use crate::refusal::Refusal;
use crate::server::AuthorizationServer;
use crate::state::{GrantId, State};

/// What a token belongs to.
struct Belongs {
    client: ClientId,
    grant: GrantId,
    sign_in: SignInId,
    until_utc_ns: u64,
}

impl AuthorizationServer {
    /// Answers the form of a revocation request. A token revokes its whole grant, access tokens included; one that is
    /// not known counts as revoked (section 2.2). `token_type_hint` is not needed to tell tokens apart.
    pub fn revoke(&mut self, body: &[u8], state: &State<'_>, call: &Call<'_>) -> Outcome<()> {
        let mut events = Vec::new();
        let mut client = None;
        let answer = Parameters::from_form(body).and_then(|parameters| {
            parameters.refuse_repeated()?;
            let known = self.client(&parameters, None, call)?;
            client = Some(known.id.clone());
            let token = parameters.require("token")?;
            self.give_back(token, &known.id, state, call, &mut events)
        });
        if let Err(refusal) = &answer {
            events.push(Event::refused(Endpoint::Revocation, client, refusal));
        }
        Outcome { answer, events }
    }

    fn give_back(
        &self,
        token: &str,
        client: &ClientId,
        state: &State<'_>,
        call: &Call<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let Some(belongs) = self.belongs(token, state, call)? else {
            return Ok(());
        };
        if belongs.client != *client {
            return Err(Reason::TokenOtherClient.into());
        }
        if state.refresh_tokens.is_revoked(belongs.grant)? {
            return Ok(());
        }
        state
            .refresh_tokens
            .revoke(belongs.grant, belongs.until_utc_ns)?;
        events.push(Event::GrantRevoked {
            grant: belongs.grant,
            sign_in: belongs.sign_in,
            because: Because::ClientRevoked,
        });
        Ok(())
    }

    fn belongs(
        &self,
        token: &str,
        state: &State<'_>,
        call: &Call<'_>,
    ) -> Result<Option<Belongs>, Refusal> {
        let until = revoked_until(call.now);
        if let Some(found) = state.refresh_tokens.find(&SecretHash::of(token))? {
            let token = found.token;
            return Ok(Some(Belongs {
                until_utc_ns: token.expires_utc_ns.max(until),
                client: token.client,
                grant: token.grant,
                sign_in: token.sign_in,
            }));
        }
        let Ok(read) = Read::token(&self.keys, token, call.now) else {
            return Ok(None);
        };
        Ok(Some(Belongs {
            client: read.client().clone(),
            grant: read.grant(),
            sign_in: read.sign_in(),
            until_utc_ns: until,
        }))
    }
}
