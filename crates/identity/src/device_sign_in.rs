//! A connection without a browser whose person signs in elsewhere, by a device code of our own authorization server.

use std::net::IpAddr;
use std::time::Duration;

use custos_model::{Instant, ResourceName, Secret};
use custos_oauth::{CONNECTION, Call, DeviceAuthorization, Reason, Refusal, State};
use custos_oauth::{SignIn, WaitingConnection};

use crate::authorization::{JudgedToken, SignInsOfCall};
use crate::check::Login;
use crate::error::IdentityError;
use crate::own_issuer::OwnIssuer;

/// A code that waits for somebody to sign in. Whoever drops it without an answer says so by
/// [`OwnIssuer::withdraw_device_sign_in`].
#[derive(Debug)]
pub struct DeviceSignIn {
    connection: WaitingConnection,
    source: IpAddr,
    authorization: DeviceAuthorization,
}

/// Why nobody is signed in by a device code: for the record. The client hears nothing of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceSignInFailure {
    /// The authorization server refuses: too many wait, the code has run out, the person said no.
    #[error("{}", .0.reason().code())]
    Refused(Refusal),
    /// Who approved it is not who the login name says.
    #[error("the sign-in is not of this login name")]
    OtherName,
    /// The sign-in ended a moment ago.
    #[error("the sign-in has ended")]
    SignInEnded,
    /// Control state failed.
    #[error("cannot look up the sign-in")]
    State(#[source] IdentityError),
}

impl DeviceSignIn {
    /// The name of these clients in records.
    pub const CLIENT: &'static str = CONNECTION;

    /// What the person types.
    pub fn user_code(&self) -> String {
        self.authorization.user_code().to_string()
    }

    /// Where she types it.
    pub fn verification_uri(&self) -> &str {
        self.authorization.verification_uri()
    }

    /// What is known of it here alone: nobody is shown it.
    pub fn device_code(&self) -> &Secret {
        self.authorization.device_code()
    }
}

impl OwnIssuer {
    /// Asks for a code by which somebody of this name is to open a resource, from an address, within `lasts`.
    ///
    /// # Errors
    /// [`DeviceSignInFailure::Refused`] where too many wait already.
    pub fn begin_device_sign_in(
        &self,
        login_name: &str,
        resource: &ResourceName,
        source: IpAddr,
        lasts: Duration,
        now: Instant,
    ) -> Result<DeviceSignIn, DeviceSignInFailure> {
        let connection = WaitingConnection {
            login_name: login_name.to_owned(),
            resource: resource.clone(),
        };
        let source = source.to_canonical();
        let asked = self.ask_as(source, now, |server, _, call| {
            server.authorize_connection(connection.clone(), lasts, call)
        });
        let authorization = asked.answer.map_err(DeviceSignInFailure::Refused)?;
        Ok(DeviceSignIn {
            connection,
            source,
            authorization,
        })
    }

    /// Who has signed in and let the connection in; `None` while nobody has decided. Any other answer is the last one. Blocks
    /// for disk accesses.
    ///
    /// # Errors
    /// Each reason by itself, for the record.
    pub fn poll_device_sign_in(
        &self,
        device: &DeviceSignIn,
        now: Instant,
    ) -> Result<Option<Login>, DeviceSignInFailure> {
        let asked = self.ask_as(device.source, now, |server, state, call| {
            server.redeem_connection(device.device_code(), state, call)
        });
        let approved = match asked {
            Ok(approved) => approved,
            Err(refusal) if refusal.reason() == Reason::DevicePending => return Ok(None),
            Err(refusal) => return Err(DeviceSignInFailure::Refused(refusal)),
        };
        self.approved(device, &approved, now).map(Some)
    }

    /// Nobody waits for it any more.
    pub fn withdraw_device_sign_in(&self, device: &DeviceSignIn) {
        self.server().withdraw_connection(device.device_code());
    }

    fn approved(
        &self,
        device: &DeviceSignIn,
        approved: &SignIn,
        now: Instant,
    ) -> Result<Login, DeviceSignInFailure> {
        let found = self.sign_ins().live(approved.id, now);
        let found = found.map_err(DeviceSignInFailure::State)?;
        let sign_in = found.ok_or(DeviceSignInFailure::SignInEnded)?;
        // The page shows the code to nobody else either.
        if sign_in.principal.name != device.connection.login_name {
            return Err(DeviceSignInFailure::OtherName);
        }
        let resource = device.connection.resource.clone();
        Ok(Login::under(sign_in, resource))
    }

    fn ask_as<T>(
        &self,
        source: IpAddr,
        now: Instant,
        question: impl FnOnce(&mut custos_oauth::AuthorizationServer, &State<'_>, &Call<'_>) -> T,
    ) -> T {
        let sign_ins = SignInsOfCall {
            sign_ins: self.sign_ins(),
            until_utc_ns: None,
        };
        let state = State {
            sign_ins: &sign_ins,
            refresh_tokens: self.refresh_tokens(),
            workloads: &JudgedToken(None),
        };
        let call = Call {
            now,
            source,
            random: self.random(),
        };
        question(&mut self.server(), &state, &call)
    }
}
