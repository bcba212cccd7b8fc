//! The page on which a signed-in person lets a device in (RFC 8628 section 3.3).

use custos_model::SignInId;

use crate::call::{Call, Outcome};
use crate::cookie::BrowserSession;
use crate::device::attempts::Allowance;
use crate::device::confirmation::DeviceConfirmation;
use crate::device::user_code::UserCode;
use crate::device::{Decided, Devices, Grant, Purpose};
use crate::event::Event;
use crate::opaque::SecretHash;
use crate::server::AuthorizationServer;
use crate::state::{GrantId, SignIn, State, StateError};

/// Who is at the page. The caller has checked the browser's cookie and, on a post, the form's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The browser session.
    pub browser: BrowserSession,
    /// Its sign-in, which the device will share.
    pub sign_in: SignInId,
}

/// What the person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The device may act as the person.
    Approve,
    /// It may not.
    Deny,
}

/// Why the page cannot go on. The texts are for the person.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceRefusal {
    /// No device waits under this code: mistyped, expired or decided already.
    #[error("no device is waiting under this code")]
    WrongCode {
        /// How many wrong codes this browser session may still enter.
        left: u32,
    },
    /// This browser session has entered too many wrong codes.
    #[error("too many wrong codes were entered; sign in again")]
    TooManyWrong,
    /// Too many wrong codes are being entered by everybody together.
    #[error("too many wrong codes are being entered; try again in a minute")]
    Busy,
    /// The decision does not come from the page that was shown last, or the code has expired meanwhile.
    #[error("this request is no longer waiting; begin again on the device")]
    NotShown,
    /// A connection of somebody else's waits under this code.
    #[error("the connection under this code is to be signed in as somebody else")]
    OtherPerson,
    /// The person's sign-in has ended.
    #[error("your sign-in has ended; sign in again")]
    SignInEnded,
    /// State failed.
    #[error("the sign-in cannot be looked up")]
    State(#[from] StateError),
}

impl DeviceRefusal {
    /// The word in records.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongCode { .. } => "wrong_code",
            Self::TooManyWrong => "too_many_wrong",
            Self::Busy => "busy",
            Self::NotShown => "not_shown",
            Self::OtherPerson => "other_person",
            Self::SignInEnded => "sign_in_ended",
            Self::State(_) => "state_failed",
        }
    }

    /// The status of the page.
    pub fn status(&self) -> u16 {
        match self {
            Self::WrongCode { .. } | Self::NotShown => 400,
            Self::OtherPerson | Self::SignInEnded => 403,
            Self::TooManyWrong => 429,
            Self::Busy => 503,
            Self::State(_) => 500,
        }
    }
}

impl AuthorizationServer {
    /// A person typed a user code: what is to be shown before anything is decided.
    pub fn show_device(
        &mut self,
        typed: &str,
        visitor: Visitor,
        state: &State<'_>,
        call: &Call<'_>,
    ) -> Outcome<DeviceConfirmation, DeviceRefusal> {
        let answer = live(visitor, state, call)
            .and_then(|sign_in| self.devices.show(typed, &sign_in, visitor, call));
        let event = |shown: &DeviceConfirmation| Event::DeviceShown {
            client: shown.client.clone(),
            resource: shown.purpose.resource().cloned(),
            sign_in: visitor.sign_in,
        };
        recorded(answer, visitor, event)
    }

    /// The person decides on what was shown in the same browser session, and with the secret of that very page.
    pub fn decide_device(
        &mut self,
        confirmation: &str,
        decision: Decision,
        visitor: Visitor,
        state: &State<'_>,
        call: &Call<'_>,
    ) -> Outcome<(), DeviceRefusal> {
        let decided = live(visitor, state, call)
            .and_then(|_| self.devices.decide(confirmation, decision, visitor, call));
        let Outcome { answer, events } = recorded(decided, visitor, Clone::clone);
        Outcome {
            answer: answer.map(|_| ()),
            events,
        }
    }
}

impl Devices {
    fn show(
        &mut self,
        typed: &str,
        sign_in: &SignIn,
        visitor: Visitor,
        call: &Call<'_>,
    ) -> Result<DeviceConfirmation, DeviceRefusal> {
        let now = call.mono_ns();
        match self.attempts.allowance(&visitor.browser, now) {
            Allowance::Granted => {}
            Allowance::UsedUp => return Err(DeviceRefusal::TooManyWrong),
            Allowance::Busy => return Err(DeviceRefusal::Busy),
        }
        let code = UserCode::parse(typed);
        let Some(grant) = code.and_then(|code| self.waiting(&code, now)) else {
            let left = self.attempts.wrong(&visitor.browser, now);
            return Err(DeviceRefusal::WrongCode { left });
        };
        if let Purpose::Connection(connection) = &grant.purpose
            && connection.login_name != sign_in.principal.name
        {
            return Err(DeviceRefusal::OtherPerson);
        }
        let secret = call.secret();
        grant.decision = Decided::Shown {
            confirmation: SecretHash::of(secret.expose()),
            browser: visitor.browser,
            sign_in: visitor.sign_in,
        };
        Ok(DeviceConfirmation::of(grant, secret, now))
    }

    fn decide(
        &mut self,
        confirmation: &str,
        decision: Decision,
        visitor: Visitor,
        call: &Call<'_>,
    ) -> Result<Event, DeviceRefusal> {
        let presented = SecretHash::of(confirmation);
        let now = call.mono_ns();
        let grant = self
            .grants
            .values_mut()
            .find(|grant| !grant.has_expired(now) && grant.is_shown_to(visitor, &presented))
            .ok_or(DeviceRefusal::NotShown)?;
        let (client, sign_in) = (grant.client.clone(), visitor.sign_in);
        let resource = grant.purpose.resource().cloned();
        match decision {
            Decision::Deny => {
                grant.decision = Decided::Denied;
                Ok(Event::DeviceDenied {
                    client,
                    resource,
                    sign_in,
                })
            }
            Decision::Approve => {
                let id = GrantId::from_bytes(call.bytes());
                grant.decision = Decided::Approved { sign_in, grant: id };
                Ok(Event::DeviceApproved {
                    client,
                    resource,
                    sign_in,
                    grant: id,
                })
            }
        }
    }
}

impl Grant {
    fn is_shown_to(&self, visitor: Visitor, presented: &SecretHash) -> bool {
        matches!(
            &self.decision,
            Decided::Shown { confirmation, browser, sign_in }
                if confirmation == presented
                    && *browser == visitor.browser
                    && *sign_in == visitor.sign_in
        )
    }
}

fn live(visitor: Visitor, state: &State<'_>, call: &Call<'_>) -> Result<SignIn, DeviceRefusal> {
    let found = state.sign_ins.live(visitor.sign_in, call.now)?;
    found.ok_or(DeviceRefusal::SignInEnded)
}

fn recorded<T>(
    answer: Result<T, DeviceRefusal>,
    visitor: Visitor,
    event: impl FnOnce(&T) -> Event,
) -> Outcome<T, DeviceRefusal> {
    let event = match &answer {
        Ok(value) => event(value),
        Err(refusal) => Event::DevicePageRefused {
            reason: refusal.code(),
            sign_in: visitor.sign_in,
        },
    };
    Outcome {
        answer,
        events: vec![event],
    }
}
