//! The device authorization endpoint (RFC 8628 sections 3.1 and 3.2).

use std::time::Duration;

use custos_model::Secret;
use serde_json::{Value, json};

use crate::call::{Call, Outcome, ns};
use crate::client::{Client, ClientId};
use crate::device::user_code::UserCode;
use crate::device::{Decided, Grant, Purpose};
use crate::event::{Endpoint, Event};
use crate::grant_type::GrantType;
use crate::metadata::DEVICE_PAGE_PATH;
use crate::opaque::SecretHash;
use crate::parameters::Parameters;
use crate::reason::Reason;
use crate::refusal::Refusal;
use crate::server::AuthorizationServer;
use crate::{DEVICE_CODE_LIFE, DEVICE_INTERVAL};

/// With 32 bytes for eight letters the first one is good but for one in 10^20 times; the code may be taken, though.
const TRIES: usize = 8;

/// What the device gets. There is no `verification_uri_complete`: the code is typed, so that nobody approves by
/// following a link (RFC 8628 section 5.4).
#[derive(Debug)]
pub struct DeviceAuthorization {
    device_code: Secret,
    user_code: UserCode,
    verification_uri: String,
}

impl AuthorizationServer {
    /// Answers the form of a device authorization request.
    pub fn authorize_device(
        &mut self,
        body: &[u8],
        call: &Call<'_>,
    ) -> Outcome<DeviceAuthorization> {
        let mut client = None;
        let mut events = Vec::new();
        let answer = Parameters::from_form(body).and_then(|parameters| {
            parameters.refuse_repeated()?;
            let known = self.client(&parameters, None, call)?;
            client = Some(known.id.clone());
            self.device_request(&parameters, &known, call, &mut events)
        });
        if let Err(refusal) = &answer {
            let endpoint = Endpoint::DeviceAuthorization;
            events.push(Event::refused(endpoint, client, refusal));
        }
        Outcome { answer, events }
    }

    fn device_request(
        &mut self,
        parameters: &Parameters,
        client: &Client,
        call: &Call<'_>,
        events: &mut Vec<Event>,
    ) -> Result<DeviceAuthorization, Refusal> {
        if !client.grants.contains(&GrantType::DeviceCode) {
            return Err(Reason::ClientGrant.into());
        }
        self.is_own_resource(parameters)?;
        let scopes = client.scopes.narrowed(parameters.get("scope"))?;
        let purpose = Purpose::Tokens(scopes);
        let who = (client.id.clone(), client.name.clone());
        let answer = self.new_device(call, |code| {
            new_grant(who, purpose.clone(), code, DEVICE_CODE_LIFE, call)
        })?;
        events.push(Event::DeviceStarted {
            client: client.id.clone(),
            purpose,
        });
        Ok(answer)
    }

    /// Puts a grant among those under way, with codes of its own.
    pub(super) fn new_device(
        &mut self,
        call: &Call<'_>,
        grant: impl FnOnce(UserCode) -> Grant,
    ) -> Result<DeviceAuthorization, Reason> {
        let user_code = self.user_code(call).ok_or(Reason::TooManyDeviceCodes)?;
        let device_code = call.secret();
        let hash = SecretHash::of(device_code.expose());
        self.devices
            .insert(hash, grant(user_code.clone()), call.mono_ns())?;
        Ok(DeviceAuthorization {
            device_code,
            user_code,
            verification_uri: self.base_url.join(DEVICE_PAGE_PATH),
        })
    }

    fn user_code(&self, call: &Call<'_>) -> Option<UserCode> {
        (0..TRIES)
            .filter_map(|_| UserCode::from_random(&call.bytes()))
            .find(|code| !self.devices.has_user_code(code))
    }
}

/// `client`: its id, and its name for people.
pub(super) fn new_grant(
    (client, client_name): (ClientId, String),
    purpose: Purpose,
    user_code: UserCode,
    lasts: Duration,
    call: &Call<'_>,
) -> Grant {
    Grant {
        client,
        client_name,
        purpose,
        user_code,
        source: call.source,
        requested_utc_ns: call.now.utc_ns,
        expires_mono_ns: call
            .mono_ns()
            .saturating_add(ns(lasts.min(DEVICE_CODE_LIFE))),
        interval_ns: ns(DEVICE_INTERVAL),
        polled_mono_ns: None,
        decision: Decided::NotYet,
    }
}

impl DeviceAuthorization {
    /// What whoever asks is known by. It is shown to nobody.
    pub fn device_code(&self) -> &Secret {
        &self.device_code
    }

    /// What the person types.
    pub fn user_code(&self) -> &UserCode {
        &self.user_code
    }

    /// Where she types it.
    pub fn verification_uri(&self) -> &str {
        &self.verification_uri
    }

    /// The body, to be sent with `Cache-Control: no-store`. It holds the device code in clear.
    pub fn json(&self) -> Value {
        json!({
            "device_code": self.device_code.expose(),
            "user_code": self.user_code.to_string(),
            "verification_uri": self.verification_uri,
            "expires_in": DEVICE_CODE_LIFE.as_secs(),
            "interval": DEVICE_INTERVAL.as_secs(),
        })
    }
}
