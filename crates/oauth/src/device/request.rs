//! The device authorization endpoint (RFC 8628 sections 3.1 and 3.2).

use custos_model::Secret;
use serde_json::{Value, json};

use crate::call::{Call, Outcome, ns};
use crate::client::Client;
use crate::device::user_code::UserCode;
use crate::device::{Decided, Grant};
use crate::event::{Endpoint, Event};
use crate::grant_type::GrantType;
use crate::metadata::DEVICE_PAGE_PATH;
use crate::opaque::SecretHash;
use crate::parameters::Parameters;
use crate::reason::Reason;
use crate::refusal::Refusal;
use crate::scope::Scopes;
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
        let user_code = self.user_code(call).ok_or(Reason::TooManyDeviceCodes)?;
        let device_code = call.secret();
        let grant = new_grant(client, scopes.clone(), user_code.clone(), call);
        let hash = SecretHash::of(device_code.expose());
        self.devices.insert(hash, grant, call.mono_ns())?;
        events.push(Event::DeviceStarted {
            client: client.id.clone(),
            scopes,
        });
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

fn new_grant(client: &Client, scopes: Scopes, user_code: UserCode, call: &Call<'_>) -> Grant {
    Grant {
        client: client.id.clone(),
        client_name: client.name.clone(),
        scopes,
        user_code,
        source: call.source,
        requested_utc_ns: call.now.utc_ns,
        expires_mono_ns: call.mono_ns().saturating_add(ns(DEVICE_CODE_LIFE)),
        interval_ns: ns(DEVICE_INTERVAL),
        polled_mono_ns: None,
        decision: Decided::NotYet,
    }
}

impl DeviceAuthorization {
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
