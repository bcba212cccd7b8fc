//! A SAML identity provider as it runs: its metadata, the requests that wait for their response, and what was used.

mod failure;
mod logouts;
mod mapping;
mod metadata;
mod requests;
mod signing;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use custos_model::{Authentication, Clock};
use custos_saml::{
    Assertion, Expected, LogoutRequest, LogoutStatus, Metadata, Rejection, ReplayCache, RequestId,
    ServiceProvider,
};

pub use failure::SamlFailure;
use logouts::Logouts;
pub use logouts::SamlLogout;
pub use mapping::{GroupsAttribute, SamlMapping};
use mapping::{Parties, subject};
use metadata::Keeper;
pub use metadata::{MetadataAddress, MetadataEvent, SamlMetadata};
use requests::Requests;
use signing::Signing;

use crate::sign_ins::{NewSignIn, SIGN_IN_MAX};

/// Assertions, and logout requests, that are remembered at a time.
const USED_MAX: usize = 100_000;
/// Longest relay state of a logout request by HTTP-POST that is sent back.
const RELAY_STATE_BYTES_MAX: usize = 1024;

/// What a provider is made of.
#[derive(Debug)]
pub struct SamlSettings {
    /// Its name in the configuration: the namespace of its groups.
    pub name: String,
    /// Our side.
    pub service_provider: ServiceProvider,
    /// From assertions to principals.
    pub mapping: SamlMapping,
    /// The provider's side.
    pub metadata: SamlMetadata,
}

/// A provider that people sign in with. Clones share everything.
#[derive(Clone)]
pub struct SamlProvider {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    service_provider: ServiceProvider,
    mapping: SamlMapping,
    metadata: Keeper,
    clock: Arc<dyn Clock>,
    requests: Mutex<Requests>,
    used: Mutex<ReplayCache>,
    used_logout_requests: Mutex<ReplayCache>,
    logouts: Mutex<Logouts>,
    signing: Signing,
}

/// A sign-in that begins. `Debug` shows nothing of it.
pub struct SamlBegun {
    /// Where the browser is sent.
    pub url: String,
    /// What comes back beside the response; the same browser must know it then.
    pub relay_state: String,
}

impl fmt::Debug for SamlBegun {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SamlBegun").finish_non_exhaustive()
    }
}

impl SamlProvider {
    /// A provider that is not asked for anything yet. Blocks for a local disk access where metadata is fetched.
    pub fn new(settings: SamlSettings, clock: Arc<dyn Clock>) -> Self {
        let SamlSettings {
            name,
            service_provider,
            mapping,
            metadata,
        } = settings;
        let inner = Inner {
            metadata: Keeper::new(&name, metadata, Arc::clone(&clock)),
            name,
            service_provider,
            mapping,
            clock,
            requests: Mutex::default(),
            used: Mutex::new(ReplayCache::new(USED_MAX)),
            used_logout_requests: Mutex::new(ReplayCache::new(USED_MAX)),
            logouts: Mutex::default(),
            signing: Signing::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Its name in the configuration.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The issuer of who signs in there: the entity ID of the metadata in force. `None` while there are none.
    pub fn issuer(&self) -> Option<String> {
        let metadata = self.inner.metadata.known().ok()?;
        Some(metadata.entity_id().to_owned())
    }

    /// Our own metadata, for the provider's administrator.
    pub fn own_metadata(&self) -> String {
        self.inner.service_provider.metadata()
    }

    /// Begins a sign-in: a signed request by HTTP-Redirect, which waits for its response from now on. `random`: the
    /// request's ID, and its relay state.
    pub async fn begin(
        &self,
        random: [u8; 20],
        relay_state: [u8; 20],
    ) -> Result<SamlBegun, SamlFailure> {
        let metadata = self.inner.metadata.known_or_fetched().await?;
        let now = self.inner.clock.now();
        if metadata
            .valid_until()
            .is_some_and(|until| now.utc_ns >= until)
        {
            return Err(Rejection::MetadataExpired.into());
        }
        let id = RequestId::from_random(random);
        // Written like an ID, which is a safe text for every provider.
        let relay_state = RequestId::from_random(relay_state).as_str().to_owned();
        let signing = {
            let (inner, id, relay_state) =
                (Arc::clone(&self.inner), id.clone(), relay_state.clone());
            move || {
                inner
                    .service_provider
                    .authn_request(&metadata, &id, now.utc_ns, Some(&relay_state))
            }
        };
        let url = self.inner.signing.run(signing).await??;
        locked(&self.inner.requests).add(&relay_state, id, now.mono_ns);
        Ok(SamlBegun { url, relay_state })
    }

    /// Judges the form fields `SAMLResponse` and `RelayState`. The request that they answer is over, whatever comes of
    /// it. The caller makes sure that the browser with this relay state gets the sign-in, and no other.
    ///
    /// Costs as much as a message of 256 KiB may: to be called where others do not wait.
    pub fn finish(&self, response: &str, relay_state: &str) -> Result<NewSignIn, SamlFailure> {
        let inner = &self.inner;
        let now = inner.clock.now();
        let request_id = locked(&inner.requests).answer(relay_state, now.mono_ns)?;
        let metadata = inner.metadata.known()?;
        let expected = Expected {
            request_id: &request_id,
            utc_ns: now.utc_ns,
        };
        let assertion = inner
            .service_provider
            .response(&metadata, response, &expected)?;
        locked(&inner.used).use_once(&assertion, now.utc_ns)?;
        let new = self.sign_in(assertion, &metadata, now.utc_ns)?;
        match self.logged_out(&new) {
            Some(_) => Err(SamlFailure::LoggedOut),
            None => Ok(new),
        }
    }

    /// The logout that came before this sign-in could begin, if there was one: to be asked again when it begins.
    pub fn logged_out(&self, new: &NewSignIn) -> Option<Arc<SamlLogout>> {
        let mono_ns = self.inner.clock.now().mono_ns;
        locked(&self.inner.logouts).of(new, mono_ns)
    }

    fn sign_in(
        &self,
        assertion: Assertion,
        metadata: &Metadata,
        utc_ns: u64,
    ) -> Result<NewSignIn, SamlFailure> {
        let parties = self.parties(metadata);
        let principal = self
            .inner
            .mapping
            .principal(&self.inner.name, &assertion, parties)?;
        let authn = assertion.authn;
        let lasts = match authn.session_not_on_or_after {
            Some(end) => Duration::from_nanos(end.saturating_sub(utc_ns)),
            None => SIGN_IN_MAX,
        };
        // The allowance for clocks is for messages; a sign-in that is over at once is none.
        if lasts.is_zero() {
            return Err(Rejection::SessionExpired.into());
        }
        Ok(NewSignIn {
            principal,
            authentication: Authentication {
                acr: authn.context_class,
                ..Authentication::by(&self.inner.name, authn.instant)
            },
            provider_session: authn.session_index,
            lasts,
            parents: Vec::new(),
        })
    }

    /// Judges a logout request by HTTP-Redirect: the query string exactly as it was received.
    pub fn logout_by_redirect(&self, query: &str) -> Result<Arc<SamlLogout>, SamlFailure> {
        let inner = &self.inner;
        let metadata = inner.metadata.known()?;
        let utc_ns = inner.clock.now().utc_ns;
        let request = inner
            .service_provider
            .logout_request_by_redirect(&metadata, query, utc_ns)?;
        self.logout(request, &metadata, utc_ns)
    }

    /// Judges a logout request by HTTP-POST: the form fields `SAMLRequest` and `RelayState`.
    pub fn logout_by_post(
        &self,
        request: &str,
        relay_state: Option<String>,
    ) -> Result<Arc<SamlLogout>, SamlFailure> {
        let inner = &self.inner;
        let metadata = inner.metadata.known()?;
        let utc_ns = inner.clock.now().utc_ns;
        let mut request = inner
            .service_provider
            .logout_request_by_post(&metadata, request, utc_ns)?;
        request.relay_state = relay_state.filter(|state| state.len() <= RELAY_STATE_BYTES_MAX);
        self.logout(request, &metadata, utc_ns)
    }

    fn logout(
        &self,
        request: LogoutRequest,
        metadata: &Metadata,
        utc_ns: u64,
    ) -> Result<Arc<SamlLogout>, SamlFailure> {
        locked(&self.inner.used_logout_requests).use_logout_once(&request, utc_ns)?;
        let logout = Arc::new(SamlLogout {
            issuer: request.issuer.clone(),
            subject: subject(&request.name_id, self.parties(metadata))?,
            sessions: request.session_indexes.clone(),
            request,
        });
        // Before anybody looks which sign-ins there are: what begins later is held against it.
        let mono_ns = self.inner.clock.now().mono_ns;
        locked(&self.inner.logouts).add(Arc::clone(&logout), mono_ns);
        Ok(logout)
    }

    /// Where the browser goes on after a logout: a signed response by HTTP-Redirect. `None` where the provider has no
    /// address for it. Signs, so to be called where others do not wait.
    pub fn logout_response(
        &self,
        logout: &SamlLogout,
        has_ended: bool,
        random: [u8; 20],
    ) -> Option<String> {
        let metadata = self.inner.metadata.known().ok()?;
        let status = if has_ended {
            LogoutStatus::Success
        } else {
            LogoutStatus::Responder
        };
        let id = RequestId::from_random(random);
        let utc_ns = self.inner.clock.now().utc_ns;
        self.inner
            .service_provider
            .logout_response(&metadata, &id, &logout.request, status, utc_ns)
            .ok()
    }

    /// Fetches the provider's metadata if that is due; to be called about every second.
    pub async fn refresh_if_due(&self) {
        self.inner.metadata.refresh_if_due().await;
    }

    /// What happened to the metadata since this was last asked; for the records.
    pub fn take_events(&self) -> Vec<MetadataEvent> {
        self.inner.metadata.take_events()
    }

    /// Puts configured metadata in place of the one before; does nothing where metadata is fetched.
    pub fn replace_metadata(&self, metadata: Metadata) {
        self.inner.metadata.replace(metadata);
    }

    fn parties<'a>(&'a self, metadata: &'a Metadata) -> Parties<'a> {
        Parties {
            idp: metadata.entity_id(),
            sp: self.inner.service_provider.entity_id(),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for SamlProvider {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SamlProvider")
            .field("name", &self.inner.name)
            .finish_non_exhaustive()
    }
}
