//! Telling clients that a session has ended.

use std::fmt;

use custos_jwt::SignerError;
use custos_model::{Instant, Secret};
use serde_json::json;

use crate::claims::{members, seconds};
use crate::memory::Session;
use crate::opaque::identifier;
use crate::provider::Parts;
use crate::settings::Client;

/// The member of `events` (Back-Channel Logout 1.0 section 2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// Life of a logout token: section 4 advises at most two minutes.
const LIFE_SECONDS: u64 = 120;

/// A logout token for one client, to be sent as the form parameter `logout_token` (Back-Channel Logout 1.0
/// section 2.5). Sending it is the caller's part.
#[derive(Clone)]
pub struct LogoutNotice {
    /// Whom it is for.
    pub client_id: String,
    /// Where it is posted to.
    pub uri: String,
    /// The signed token.
    pub token: Secret,
}

impl LogoutNotice {
    /// None for a client without a back channel.
    pub(crate) fn new(
        parts: &Parts,
        client: &Client,
        session: &Session,
        subject: &str,
        now: Instant,
    ) -> Result<Option<Self>, SignerError> {
        let Some(uri) = &client.backchannel_logout_uri else {
            return Ok(None);
        };
        let issued = seconds(now);
        let claims = members(json!({
            "iss": parts.issuer.name(),
            "aud": client.id,
            "sub": subject,
            "sid": session.id,
            "iat": issued,
            "exp": issued.saturating_add(LIFE_SECONDS),
            "jti": identifier(&parts.random),
            "events": {EVENT: {}},
        }));
        Ok(Some(Self {
            client_id: client.id.clone(),
            uri: uri.clone(),
            token: Secret::new(parts.signer.sign("logout+jwt", &claims)?),
        }))
    }
}

impl fmt::Debug for LogoutNotice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("LogoutNotice")
            .field("client_id", &self.client_id)
            .field("uri", &self.uri)
            .finish_non_exhaustive()
    }
}
