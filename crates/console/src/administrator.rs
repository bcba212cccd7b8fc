//! The first administrator: a one-time token, printed on the server's own console, that a signed-in person enters.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use custos_evidence::{DetailValue, EvidenceError, NodeRecord, RecordOutcome, RecordType};
use custos_identity::{ADMINISTRATORS, StoredSignIn, give_own_groups};
use custos_model::{Principal, PrincipalKind, Rfc3339, Secret, SignInId};
use custos_oauth::SecretHash;
use custos_store::{Administrator, Claim, StoreError};
use maud::html;
use serde::Deserialize;

use crate::console::Console;
use crate::home::Present;
use crate::my::failure;
use crate::page::{page, problem};
use crate::record::Entry;
use crate::sign_in::busy;
use crate::token::unavailable;

/// Where somebody signs in who wants to enter a token.
const SIGN_IN: &str = "/sign-in?then=administrator";
/// How long a token is good.
const TOKEN_LIFE: Duration = Duration::from_hours(24);
/// Random bytes of a token: 160 bits.
const TOKEN_BYTES: usize = 20;
/// Tries of one sign-in in [`TRIES_TIME`].
const TRIES_MAX: usize = 5;
const TRIES_TIME: Duration = Duration::from_mins(1);
/// Sign-ins whose tries are remembered at a time; when there is no room, more are refused.
const TRIERS_MAX: usize = 10_000;

/// When each sign-in tried, monotonic nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Tries(Mutex<HashMap<SignInId, Vec<u64>>>);

/// A token that was entered on the page.
#[derive(Debug, Deserialize)]
pub(crate) struct Entered {
    form_token: String,
    token: String,
}

/// The same from the command line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claimed {
    token: String,
}

/// What became of a token that was entered.
enum Answer {
    /// Whoever entered it is an administrator now.
    Granted,
    /// It is not right, or no longer.
    Refused,
    /// Too often within a minute.
    TooOften,
    /// It could not be taken, or not be put on record.
    Unavailable,
}

/// No administrator token could be made.
#[derive(Debug, thiserror::Error)]
pub enum OfferError {
    /// Control state failed.
    #[error("cannot keep the administrator token")]
    Store(#[source] StoreError),
    /// Evidence cannot be written.
    #[error("cannot put the administrator token on record")]
    Evidence(#[source] EvidenceError),
    /// A thread of this program failed.
    #[error("a thread failed")]
    Thread,
}

/// `GET /administrator`
pub(crate) async fn ask(State(console): State<Console>, headers: HeaderMap) -> Response {
    match console.present(&headers).await {
        Some(present) => entry(&console, &present, None),
        None => Redirect::to(SIGN_IN).into_response(),
    }
}

/// `POST /administrator`
pub(crate) async fn enter(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(form): Form<Entered>,
) -> Response {
    let present = match console.sender(&headers, &form.form_token, SIGN_IN).await {
        Ok(present) => present,
        Err(response) => return response,
    };
    match console.claim(&present.sign_in, &form.token, peer).await {
        Answer::Granted => {
            let content = html! {
                p { "You administer this gateway now, as member of " code { (ADMINISTRATORS) } "." }
                p { a href="/" { "Go on" } }
            };
            page("You are an administrator", &content).into_response()
        }
        Answer::Refused => {
            let mut response = entry(
                &console,
                &present,
                Some("The token is not right, or no longer."),
            );
            *response.status_mut() = StatusCode::FORBIDDEN;
            response
        }
        Answer::TooOften => problem(
            StatusCode::TOO_MANY_REQUESTS,
            "Too often",
            "Wait a minute and try again.",
        ),
        Answer::Unavailable => busy(),
    }
}

/// `POST /v1/administrator`
pub(crate) async fn claim(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    claimed: Result<Json<Claimed>, JsonRejection>,
) -> Response {
    let caller = match console.caller(&headers, peer).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let Ok(Json(claimed)) = claimed else {
        let text = "the body must be a JSON object with `token`";
        return failure(StatusCode::BAD_REQUEST, "bad_request", text);
    };
    match console.claim(&caller.sign_in, &claimed.token, peer).await {
        Answer::Granted => StatusCode::NO_CONTENT.into_response(),
        Answer::Refused => failure(
            StatusCode::FORBIDDEN,
            "administrator_token",
            "the administrator token is not right, or no longer",
        ),
        Answer::TooOften => failure(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many",
            "too many tries within a minute",
        ),
        Answer::Unavailable => unavailable(),
    }
}

fn entry(console: &Console, present: &Present, problem: Option<&str>) -> Response {
    let token = console.form_token(&present.browser);
    let content = html! {
        @if let Some(problem) = problem { p role="alert" { (problem) } }
        p { "You are signed in as " strong { (present.sign_in.principal.name) } ". Enter the administrator token that the gateway printed on its own console when it started." }
        form method="post" action="/administrator" {
            input type="hidden" name="form_token" value=(token.expose());
            div {
                label for="token" { "Administrator token" }
                input type="text" id="token" name="token" autocomplete="off" autocapitalize="none"
                    spellcheck="false" required maxlength="80";
            }
            button type="submit" { "Become an administrator" }
        }
    };
    page("Administrator", &content).into_response()
}

impl Console {
    /// Makes a token where there is no administrator, and takes an earlier one back. It is shown to nobody but whoever
    /// reads what this returns; only that there is one is on record.
    pub async fn offer_administration(&self) -> Result<Option<Secret>, OfferError> {
        let offered = self.blocking(Self::make_offer).await;
        let Some((token, expires_utc_ns)) = offered.ok_or(OfferError::Thread)?? else {
            return Ok(None);
        };
        let expires = Rfc3339(expires_utc_ns).to_string();
        let evidence = &self.services.evidence;
        let position = evidence
            .append(&NodeRecord {
                detail: &[("expires", DetailValue::Text(&expires))],
                ..NodeRecord::new(RecordType::AdministratorOffered, RecordOutcome::Ok)
            })
            .map_err(OfferError::Evidence)?;
        evidence
            .sync(position)
            .await
            .map_err(OfferError::Evidence)?;
        Ok(Some(token))
    }

    fn make_offer(&self) -> Result<Option<(Secret, u64)>, OfferError> {
        let store = &self.services.store;
        let random = |bytes: &mut [u8]| self.fill(bytes);
        if !store
            .administrators()
            .map_err(OfferError::Store)?
            .is_empty()
        {
            store
                .offer_administration(None, random)
                .map_err(OfferError::Store)?;
            return Ok(None);
        }
        let token = written(&self.bytes());
        let expires = self
            .now()
            .utc_ns
            .saturating_add(TOKEN_LIFE.as_nanos() as u64);
        let hash = *SecretHash::of(token.expose()).as_bytes();
        store
            .offer_administration(Some((hash, expires)), random)
            .map_err(OfferError::Store)?;
        Ok(Some((token, expires)))
    }

    /// Takes a token from somebody. Each try is on record before it is answered.
    async fn claim(&self, sign_in: &StoredSignIn, typed: &str, peer: SocketAddr) -> Answer {
        let principal = &sign_in.principal;
        if !self.tries.may_try(sign_in.id, self.now().mono_ns) {
            let reason = "too many tries within a minute";
            return match self.record_claim(sign_in, Some(reason), peer).await {
                Ok(()) => Answer::TooOften,
                Err(_) => Answer::Unavailable,
            };
        }
        let claimed = if is_person(principal) {
            let who = Administrator {
                issuer: principal.issuer.clone(),
                subject: principal.subject.clone(),
                name: principal.name.clone(),
                since_utc_ns: self.now().utc_ns,
            };
            let hash = *SecretHash::of(read(typed).expose()).as_bytes();
            self.blocking(move |console| {
                let store = &console.services.store;
                let random = |bytes: &mut [u8]| console.fill(bytes);
                store.claim_administration(&hash, &who, console.now().utc_ns, random)
            })
            .await
        } else {
            Some(Ok(Claim::Wrong))
        };
        let reason = match claimed {
            Some(Ok(Claim::Granted)) => None,
            Some(Ok(_)) if !is_person(principal) => Some("only a person can be an administrator"),
            Some(Ok(Claim::Wrong)) => Some("the token is wrong"),
            Some(Ok(Claim::Expired)) => Some("the token has expired"),
            Some(Ok(Claim::NoneOffered)) => Some("no token is offered"),
            Some(Err(error)) => {
                tracing::error!(%error, "an administrator token could not be taken");
                return Answer::Unavailable;
            }
            None => return Answer::Unavailable,
        };
        match (self.record_claim(sign_in, reason, peer).await, reason) {
            (Ok(()), None) => Answer::Granted,
            (Ok(()), Some(_)) => Answer::Refused,
            (Err(_), Some(_)) => Answer::Unavailable,
            (Err(error), None) => {
                tracing::error!(%error, "a new administrator could not be put on record, so there is none");
                let (issuer, subject) = (principal.issuer.clone(), principal.subject.clone());
                self.blocking(move |console| {
                    let store = &console.services.store;
                    store.remove_administrator(&issuer, &subject).is_ok()
                })
                .await;
                Answer::Unavailable
            }
        }
    }

    async fn record_claim(
        &self,
        sign_in: &StoredSignIn,
        reason: Option<&str>,
        peer: SocketAddr,
    ) -> Result<(), EvidenceError> {
        let id = sign_in.id.to_string();
        self.record(Entry {
            kind: RecordType::AdministratorClaimed,
            outcome: match reason {
                None => RecordOutcome::Ok,
                Some(_) => RecordOutcome::Denied,
            },
            actor: Some(&sign_in.principal),
            peer: Some(peer),
            target: None,
            reason,
            detail: &[("sign_in", DetailValue::Text(&id))],
        })
        .await
    }

    /// The principal with the groups that only the gateway gives, as they are now; likewise whom it acts for. Every
    /// principal passes through here before policy is asked, so that nothing older counts. `None`: they cannot be
    /// looked up.
    pub(crate) async fn with_own_groups(&self, mut principal: Principal) -> Option<Principal> {
        let looked_up = self
            .blocking(move |console| {
                give_own_groups(&mut principal, &console.services.store)?;
                Ok::<_, StoreError>(principal)
            })
            .await?;
        looked_up
            .inspect_err(|error| tracing::error!(%error, "administrators could not be looked up"))
            .ok()
    }
}

/// Somebody who acts for herself. Machines do not administer, and nobody does it for another.
pub(crate) fn is_person(principal: &Principal) -> bool {
    principal.kind == PrincipalKind::Human && principal.on_behalf_of.is_empty()
}

impl Tries {
    /// Counts a try, unless there were too many.
    fn may_try(&self, id: SignInId, mono_ns: u64) -> bool {
        let lately = mono_ns.saturating_sub(TRIES_TIME.as_nanos() as u64);
        let recent = |at: &u64| *at > lately || lately == 0;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= TRIERS_MAX && !all.contains_key(&id) {
            all.retain(|_, tries| tries.iter().any(recent));
            if all.len() >= TRIERS_MAX {
                return false;
            }
        }
        let tries = all.entry(id).or_default();
        tries.retain(recent);
        let may = tries.len() < TRIES_MAX;
        if may {
            tries.push(mono_ns);
        }
        may
    }
}

/// RFC 4648 section 6 in lower case, in groups of four: 20 bytes are 32 letters.
fn written(bytes: &[u8; TOKEN_BYTES]) -> Secret {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut text = String::with_capacity(39);
    for (group, bytes) in bytes.chunks(5).enumerate() {
        let number = bytes
            .iter()
            .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        for place in 0..8 {
            if place % 4 == 0 && group + place > 0 {
                text.push('-');
            }
            let letter = (number >> (35 - 5 * place)) & 31;
            let letter = usize::try_from(letter)
                .ok()
                .and_then(|at| LETTERS.get(at).copied());
            text.push(char::from(letter.unwrap_or(b'a')));
        }
    }
    Secret::new(text)
}

/// What was typed, as it was written: case, spaces and hyphens do not matter.
fn read(typed: &str) -> Secret {
    let letters = typed
        .chars()
        .filter(|letter| !letter.is_whitespace() && *letter != '-')
        .take(64);
    let mut text = String::new();
    for (at, letter) in letters.enumerate() {
        if at > 0 && at % 4 == 0 {
            text.push('-');
        }
        text.extend(letter.to_lowercase());
    }
    Secret::new(text)
}

#[cfg(test)]
mod tests {
    use custos_model::IdSource;

    use super::{Tries, read, written};

    #[test]
    fn what_is_printed_can_be_typed() {
        let token = written(&std::array::from_fn(|at| at as u8 * 13));
        assert_eq!(token.expose().len(), 39);
        assert_eq!(token.expose().split('-').count(), 8);
        let upper = token.expose().to_uppercase().replace('-', " ");
        for typed in [token.expose(), &upper, &format!(" {upper}\n")] {
            assert_eq!(read(typed).expose(), token.expose());
        }
        assert_ne!(read(&token.expose()[1..]).expose(), token.expose());
        // RFC 4648 section 10: "foobar" cut to whole groups.
        assert!(
            written(b"fooba\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")
                .expose()
                .starts_with("mzxw-6ytb-aaaa")
        );
        assert!(read(&"x".repeat(1 << 20)).expose().len() < 100);
    }

    #[test]
    fn five_tries_a_minute() {
        const SECOND: u64 = 1_000_000_000;
        let ids = IdSource::new([1; 10]);
        let (one, other) = (ids.sign_in(1), ids.sign_in(2));
        let tries = Tries::default();
        for start in [10, 100] {
            for second in 0..5 {
                assert!(tries.may_try(one, (start + second) * SECOND), "{start}");
            }
            assert!(!tries.may_try(one, (start + 59) * SECOND));
            assert!(tries.may_try(other, (start + 59) * SECOND));
        }
        let after = 160 * SECOND + 1;
        assert!(tries.may_try(one, after), "the first is forgotten");
        assert!(!tries.may_try(one, after));
    }
}
