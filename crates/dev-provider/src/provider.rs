//! The provider as the rest of a program holds it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use custos_jwt::{Signer, SignerError};
use custos_model::{Clock, Instant};
use serde_json::Map;
use tokio::sync::Notify;

use crate::issuer::Issuer;
use crate::logout::LogoutNotice;
use crate::memory::{Memory, Session};
use crate::opaque::{Hash, secret};
use crate::person::Account;
use crate::settings::{self, Client, Random, Settings, SettingsError};
use crate::{authorize, discovery, end_session, guard, page, sign_in, token, userinfo};

/// Longest body of a request, in bytes.
const BODY_BYTES_MAX: usize = 16 << 10;

/// A provider. Clones are the same one.
#[derive(Clone)]
pub struct Provider {
    pub(crate) parts: Arc<Parts>,
}

pub(crate) struct Parts {
    pub(crate) issuer: Issuer,
    pub(crate) clients: BTreeMap<String, Client>,
    pub(crate) signer: Signer,
    pub(crate) random: Random,
    /// Compared with where there is no such person or client.
    pub(crate) decoy: Hash,
    clock: Arc<dyn Clock>,
    memory: Mutex<Memory>,
    noticed: Notify,
}

/// A change that was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// Nobody has that name.
    #[error("there is no such person at the development provider")]
    UnknownPerson,
    /// More than 64 groups, or one that is empty, longer than 128 bytes, or has control characters.
    #[error("the groups cannot be used")]
    Groups,
    /// There are no logout tokens; the sessions have ended all the same.
    #[error("the logout tokens could not be signed")]
    Sign(#[source] SignerError),
}

impl Provider {
    /// Checks everything. Nothing is served yet.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        let issuer = Issuer::parse(&settings.issuer)?;
        settings::people(&settings.people)?;
        let clients = settings::clients(settings.clients)?;
        let probe = settings.signer.sign("JWT", &Map::new());
        probe.map_err(SettingsError::Key)?;
        let people = settings.people.into_iter();
        let people = people.map(|person| (person.name.clone(), Account::from(person)));
        let parts = Parts {
            issuer,
            clients,
            signer: settings.signer,
            decoy: Hash::of(secret(&settings.random).expose()),
            random: settings.random,
            clock: settings.clock,
            memory: Mutex::new(Memory::new(people.collect())),
            noticed: Notify::new(),
        };
        Ok(Self {
            parts: Arc::new(parts),
        })
    }

    /// The issuer's name.
    pub fn issuer(&self) -> &str {
        self.parts.issuer.name()
    }

    /// The endpoints. Requests must carry `ConnectInfo<SocketAddr>` with a loopback peer, else they are refused:
    /// [`Provider::serve`] sees to that.
    pub fn router(&self) -> Router {
        Router::new()
            .route(discovery::PATH, get(discovery::metadata))
            .route(discovery::KEYS, get(discovery::keys))
            .route(discovery::AUTHORIZE, get(authorize::authorize))
            .route(sign_in::PATH, post(sign_in::sign_in))
            .route(discovery::TOKEN, post(token::token))
            .route(
                discovery::USERINFO,
                get(userinfo::userinfo).post(userinfo::userinfo),
            )
            .route(
                discovery::END_SESSION,
                get(end_session::by_query).post(end_session::by_form),
            )
            .route(end_session::CONFIRMED, post(end_session::confirmed))
            .route(page::STYLE_PATH, get(page::style))
            .fallback(page::not_found)
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .layer(from_fn_with_state(self.clone(), guard::guard))
            .with_state(self.clone())
    }

    /// Lets a person sign in, or not: then tokens that came from earlier sign-ins stop working too. Nobody is told;
    /// see [`Provider::logout_tokens`].
    pub fn set_enabled(&self, name: &str, enabled: bool) -> Result<(), ChangeError> {
        let mut memory = self.memory();
        let account = memory.people.get_mut(name);
        account.ok_or(ChangeError::UnknownPerson)?.enabled = enabled;
        Ok(())
    }

    /// Changes what the next tokens say.
    pub fn set_groups(&self, name: &str, groups: &[String]) -> Result<(), ChangeError> {
        if !settings::are_groups(groups) {
            return Err(ChangeError::Groups);
        }
        let mut memory = self.memory();
        let account = memory.people.get_mut(name);
        account.ok_or(ChangeError::UnknownPerson)?.groups = groups.to_vec();
        Ok(())
    }

    /// Ends a person's sessions and all that was granted from them. The answer is what to send to which client's
    /// back channel: one notice for each client and session, none for clients without a back channel.
    pub fn logout_tokens(&self, name: &str) -> Result<Vec<LogoutNotice>, ChangeError> {
        let now = self.now();
        let mut memory = self.memory();
        let account = memory.people.get(name).ok_or(ChangeError::UnknownPerson)?;
        let subject = account.subject.clone();
        let ended = memory.end(|session| session.person == name, now.mono_ns);
        self.notices(&ended, &subject, now)
            .map_err(ChangeError::Sign)
    }

    /// Waits for the next notice from a person who signed out, or signed in as somebody else, in a browser. The 1024
    /// latest are kept.
    pub async fn next_logout_notice(&self) -> LogoutNotice {
        loop {
            let noticed = self.parts.noticed.notified();
            let next = self.memory().take_notice();
            if let Some(notice) = next {
                return notice;
            }
            noticed.await;
        }
    }

    /// Ends one session and leaves its notices to be fetched.
    pub(crate) fn end_session(
        &self,
        memory: &mut Memory,
        id: &str,
        now: Instant,
    ) -> Result<(), SignerError> {
        for session in memory.end(|session| session.id == id, now.mono_ns) {
            if let Some(account) = memory.people.get(&session.person) {
                let notices = self.notices(&[session], &account.subject, now)?;
                memory.put_notices(notices);
            }
        }
        self.parts.noticed.notify_one();
        Ok(())
    }

    fn notices(
        &self,
        ended: &[Session],
        subject: &str,
        now: Instant,
    ) -> Result<Vec<LogoutNotice>, SignerError> {
        let mut notices = Vec::new();
        for session in ended {
            for client in session
                .clients
                .iter()
                .filter_map(|id| self.parts.clients.get(id))
            {
                notices.extend(LogoutNotice::new(
                    &self.parts,
                    client,
                    session,
                    subject,
                    now,
                )?);
            }
        }
        Ok(notices)
    }

    pub(crate) fn now(&self) -> Instant {
        self.parts.clock.now()
    }

    /// Held within one request and never over an await. A panic leaves nothing half done that matters.
    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.parts
            .memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Provider").field(&self.issuer()).finish()
    }
}
