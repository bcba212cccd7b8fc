//! The authorization server as a whole.

use custos_jwt::ReplayCache;
use custos_model::Instant;
use serde_json::Value;

use crate::access_token::{AccessToken, Read};
use crate::base_url::BaseUrl;
use crate::call::{Call, Outcome};
use crate::client::{ClientError, Clients, MachineClient};
use crate::code::Codes;
use crate::device::Devices;
use crate::event::{Endpoint, Event};
use crate::keys::KeyRing;
use crate::metadata;
use crate::reason::Reason;
use crate::refusal::Refusal;
use crate::state::State;

/// Client assertions that are remembered at a time, each for two minutes at most.
const MAX_ASSERTIONS: usize = 20_000;

/// The authorization server. Codes, device codes and used assertions live in its memory, bounded; a restart forgets
/// them, and whoever was in the middle of something begins again. All else is behind [`State`].
#[derive(Debug)]
pub struct AuthorizationServer {
    pub(crate) base_url: BaseUrl,
    pub(crate) clients: Clients,
    pub(crate) keys: KeyRing,
    pub(crate) codes: Codes,
    pub(crate) devices: Devices,
    pub(crate) assertions: ReplayCache,
}

impl AuthorizationServer {
    /// A server at a base URL with the built-in clients and the configured ones.
    pub fn new(
        base_url: BaseUrl,
        keys: KeyRing,
        clients: Vec<MachineClient>,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            clients: Clients::new(clients)?,
            base_url,
            keys,
            codes: Codes::default(),
            devices: Devices::default(),
            assertions: ReplayCache::new(MAX_ASSERTIONS),
        })
    }

    /// The issuer, which is also audience and resource.
    pub fn base_url(&self) -> &BaseUrl {
        &self.base_url
    }

    /// The signing keys.
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// Other keys sign and are published from now on. Tokens of keys that are not among them are refused.
    pub fn set_keys(&mut self, keys: KeyRing) {
        self.keys = keys;
    }

    /// Replaces the configured clients, as a reload does. Tokens of removed clients live on until they expire, and
    /// cannot be refreshed.
    pub fn replace_clients(&mut self, clients: Clients) {
        self.clients = clients;
    }

    /// The metadata document (RFC 8414), for both of its well-known places.
    pub fn metadata(&self) -> Value {
        metadata::document(&self.base_url)
    }

    /// The key set document (RFC 7517).
    pub fn key_set(&self, now: Instant) -> Value {
        self.keys.published(now)
    }

    /// Judges an access token, wherever it was presented: signature, audience, life, that its sign-ins live and that
    /// its grant is not revoked. Scopes are the caller's to compare, and the record of a refusal is the caller's too.
    pub fn judge(
        &self,
        bearer: &str,
        state: &State<'_>,
        now: Instant,
    ) -> Result<AccessToken, Refusal> {
        Read::token(&self.keys, bearer, now)
            .map_err(|detail| Refusal::with(Reason::TokenRejected, detail))
            .and_then(|read| read.alive(state, now))
    }

    /// [`AuthorizationServer::judge`] for the access token that an API request bears (RFC 6750 section 2.1).
    pub fn authenticate(
        &self,
        bearer: &str,
        state: &State<'_>,
        call: &Call<'_>,
    ) -> Outcome<AccessToken> {
        let answer = self.judge(bearer, state, call.now);
        let refused = answer.as_ref().err();
        let events = refused.map(|refusal| Event::refused(Endpoint::Api, None, refusal));
        Outcome {
            events: events.into_iter().collect(),
            answer,
        }
    }
}
