//! A connection that waits at this gateway while its person signs in elsewhere: a device like any other, whose code is of the
//! same kind, behind the same page and within the same limits. It asks here and not over HTTP, gets no token, and its device
//! code is good for nothing else.

use std::time::Duration;

use custos_model::Secret;

use crate::call::{Call, Outcome};
use crate::client::ClientId;
use crate::device::request::new_grant;
use crate::device::{DeviceAuthorization, Grant, Purpose, WaitingConnection};
use crate::event::{Endpoint, Event};
use crate::opaque::SecretHash;
use crate::reason::Reason;
use crate::refusal::Refusal;
use crate::server::AuthorizationServer;
use crate::state::{SignIn, State};

impl AuthorizationServer {
    /// A code for a connection, good for `lasts` and no longer than any other.
    pub fn authorize_connection(
        &mut self,
        connection: WaitingConnection,
        lasts: Duration,
        call: &Call<'_>,
    ) -> Outcome<DeviceAuthorization> {
        let client = ClientId::connection();
        let purpose = Purpose::Connection(connection);
        let name = client.to_string();
        let answer = self
            .new_device(call, |code| {
                new_grant((client.clone(), name), purpose.clone(), code, lasts, call)
            })
            .map_err(Refusal::from);
        let event = match &answer {
            Ok(_) => Event::DeviceStarted { client, purpose },
            Err(refusal) => Event::refused(Endpoint::DeviceAuthorization, Some(client), refusal),
        };
        Outcome {
            answer,
            events: vec![event],
        }
    }

    /// The sign-in of whoever has approved the connection, which is over then.
    ///
    /// # Errors
    /// [`Reason::DevicePending`] while nobody has decided; any other for good.
    pub fn redeem_connection(
        &mut self,
        device_code: &Secret,
        state: &State<'_>,
        call: &Call<'_>,
    ) -> Result<SignIn, Refusal> {
        let hash = SecretHash::of(device_code.expose());
        let client = ClientId::connection();
        let approved = self.devices.poll(&hash, &client, call.mono_ns())?;
        let sign_in = state.sign_ins.live(approved.sign_in, call.now)?;
        Ok(sign_in.ok_or(Reason::SignInEnded)?)
    }

    /// The connection is gone, or has signed in otherwise: its code is nobody's any more.
    pub fn withdraw_connection(&mut self, device_code: &Secret) {
        let hash = SecretHash::of(device_code.expose());
        let grants = &mut self.devices.grants;
        if grants.get(&hash).is_some_and(Grant::is_connection) {
            grants.remove(&hash);
        }
    }
}
