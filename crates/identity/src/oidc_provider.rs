//! An OpenID Connect provider as it runs: discovered when it is first needed, with keys that stay fresh.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use custos_fetch::{Client, FetchError, Method, Request, Response};
use custos_jwt::{KeyCache, Rejection as TokenRejection, ReplayCache};
use custos_model::{Clock, Principal, Secret};
use custos_oidc::{
    Begun, Callback, ClaimSource, CodeExchange, HttpRequest, LogoutNotice, LogoutRequest,
    MAX_DISCOVERY_BYTES, Pending, Provider, Random, RefreshGrant, Rejection, RelyingParty,
    SignInRequest, SignedIn, TokenResponse,
};

use crate::keyring::{KeyLocation, Keyring};

/// Endpoints move: the discovery document is read again after this.
const DISCOVERY_AGE: Duration = Duration::from_hours(1);
/// A provider that could not be discovered is not asked again sooner, however many people try to sign in.
const DISCOVERY_PAUSE: Duration = Duration::from_secs(5);
/// Logout tokens that are remembered at a time.
const LOGOUT_TOKENS_MAX: usize = 100_000;

/// A provider that people sign in with. Clones share everything.
#[derive(Clone)]
pub struct OidcProvider {
    inner: Arc<Inner>,
}

struct Inner {
    relying_party: RelyingParty,
    client: Client,
    clock: Arc<dyn Clock>,
    discovered: Mutex<Option<Discovered>>,
    /// Held while the provider is discovered; when that last failed.
    discovering: tokio::sync::Mutex<Option<u64>>,
    used_logout_tokens: ReplayCache,
}

#[derive(Clone)]
struct Discovered {
    provider: Arc<Provider>,
    keyring: Keyring,
    mono_ns: u64,
}

/// Somebody has signed in.
#[derive(Debug)]
pub struct OidcSignIn {
    /// Who, with the provider's groups under its name.
    pub principal: Principal,
    /// What else the provider said.
    pub signed_in: SignedIn,
}

/// Somebody still is who she was.
#[derive(Debug)]
pub struct OidcCheck {
    /// Who, with the provider's groups as they are now.
    pub principal: Principal,
    /// For the next check.
    pub refresh: RefreshGrant,
}

/// Why signing in with a provider failed: for the record.
#[derive(Debug, thiserror::Error)]
pub enum ProviderFailure {
    /// What the provider or the browser sent is refused.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The provider's keys are not there.
    #[error("the provider's token is refused")]
    Token(#[source] TokenRejection),
    /// The provider cannot be reached.
    #[error("the provider cannot be reached")]
    Unreachable(#[source] FetchError),
    /// The same for a SAML provider.
    #[error(transparent)]
    Saml(#[from] crate::saml_provider::SamlFailure),
}

impl ProviderFailure {
    /// A stable word for records and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rejected(rejection) => rejection.code(),
            Self::Token(rejection) => rejection.code(),
            Self::Unreachable(error) => error.code(),
            Self::Saml(failure) => failure.code(),
        }
    }

    /// Whether, told when a sign-in is checked, it ends that sign-in.
    pub fn ends_sign_in(&self) -> bool {
        match self {
            Self::Rejected(rejection) => rejection.ends_sign_in(),
            Self::Token(_) => !self.is_outage(),
            Self::Unreachable(_) | Self::Saml(_) => false,
        }
    }

    /// Whether trying again later may help.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Rejected(rejection) => rejection.is_outage(),
            Self::Token(rejection) => matches!(
                rejection,
                TokenRejection::KeysUnavailable
                    | TokenRejection::KeysStale
                    | TokenRejection::KeysExpired
            ),
            Self::Unreachable(_) => true,
            Self::Saml(failure) => failure.is_outage(),
        }
    }
}

impl OidcProvider {
    /// A provider that is not asked for anything yet.
    pub fn new(relying_party: RelyingParty, client: Client, clock: Arc<dyn Clock>) -> Self {
        let inner = Inner {
            relying_party,
            client,
            clock,
            discovered: Mutex::default(),
            discovering: tokio::sync::Mutex::default(),
            used_logout_tokens: ReplayCache::new(LOGOUT_TOKENS_MAX),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Its name in the configuration.
    pub fn name(&self) -> &str {
        &self.inner.relying_party.settings().name
    }

    /// Its issuer.
    pub fn issuer(&self) -> &str {
        &self.inner.relying_party.settings().issuer
    }

    /// Its keys, once it was discovered.
    pub fn keyring(&self) -> Option<Keyring> {
        self.known().map(|known| known.keyring)
    }

    /// Begins a sign-in.
    pub async fn begin(
        &self,
        request: SignInRequest,
        random: &Random,
    ) -> Result<Begun, ProviderFailure> {
        let discovered = self.discovered().await?;
        let begun = discovered
            .provider
            .begin(&request, random, self.inner.clock.now())?;
        Ok(begun)
    }

    /// Ends a sign-in with what the browser brought back: exchanges the code and judges the tokens.
    pub async fn finish(
        &self,
        pending: Pending,
        callback: &Callback,
        browser: &str,
        assertion_id: [u8; 16],
    ) -> Result<OidcSignIn, ProviderFailure> {
        let Discovered {
            provider, keyring, ..
        } = self.discovered().await?;
        let now = self.inner.clock.now();
        let CodeExchange { request, redeeming } =
            provider.callback(pending, callback, browser, assertion_id, now)?;
        let answer = self.fetch(request).await?;
        let response = TokenResponse::parse(answer.status, &answer.body)?;
        let header = response
            .id_token()
            .ok_or(Rejection::IdTokenMissing)?
            .header();
        let keys = keyring
            .for_token(header)
            .await
            .map_err(ProviderFailure::Token)?;
        let now = self.inner.clock.now();
        let signed_in = provider.signed_in(redeeming, response, &keys, now)?;
        let principal = match provider.settings().mapping.source {
            ClaimSource::IdToken => provider.principal(&signed_in.identity)?,
            ClaimSource::Userinfo => {
                let subject = signed_in.identity.subject();
                self.userinfo(&provider, subject, &signed_in.access_token)
                    .await?
            }
        };
        Ok(OidcSignIn {
            principal,
            signed_in,
        })
    }

    /// Asks the provider whether somebody still is who she was (OpenID Connect Core 12).
    pub async fn check(
        &self,
        grant: RefreshGrant,
        assertion_id: [u8; 16],
    ) -> Result<OidcCheck, ProviderFailure> {
        let Discovered {
            provider, keyring, ..
        } = self.discovered().await?;
        let subject = grant.subject.clone();
        let request = provider.refresh_request(&grant, assertion_id, self.inner.clock.now())?;
        let answer = self.fetch(request).await?;
        let response = TokenResponse::parse(answer.status, &answer.body)?;
        let keys = match response.id_token() {
            Some(token) => Some(
                keyring
                    .for_token(token.header())
                    .await
                    .map_err(ProviderFailure::Token)?,
            ),
            None => None,
        };
        let now = self.inner.clock.now();
        let refreshed = provider.refreshed(grant, response, keys.as_ref(), now)?;
        let principal = match (provider.settings().mapping.source, &refreshed.identity) {
            (ClaimSource::IdToken, Some(identity)) => provider.principal(identity)?,
            (ClaimSource::IdToken, None) => return Err(Rejection::IdTokenMissing.into()),
            (ClaimSource::Userinfo, _) => {
                self.userinfo(&provider, &subject, &refreshed.access_token)
                    .await?
            }
        };
        Ok(OidcCheck {
            principal,
            refresh: refreshed.refresh,
        })
    }

    async fn userinfo(
        &self,
        provider: &Provider,
        subject: &str,
        access_token: &Secret,
    ) -> Result<Principal, ProviderFailure> {
        let asked = provider.userinfo_request(access_token)?;
        let answer = self.fetch(asked).await?;
        let content_type = answer.content_type.as_deref();
        let told = provider.userinfo(subject, answer.status, content_type, &answer.body)?;
        Ok(provider.principal(&told)?)
    }

    /// Where to send the browser of somebody who signs out, so that her session at the provider ends too. `None` where
    /// the provider has no such place, or is not known.
    pub fn logout_url(&self, id_token: &Secret, return_uri: &str) -> Option<Secret> {
        let known = self.known()?;
        known.provider.logout_url(id_token, Some(return_uri), None)
    }

    /// Judges a logout request of the provider (OpenID Connect Back-Channel Logout 1.0).
    pub async fn logout(&self, form: &[u8]) -> Result<LogoutNotice, ProviderFailure> {
        let discovered = self.discovered().await?;
        let request = LogoutRequest::parse(form)?;
        let keys = discovered
            .keyring
            .for_token(request.token().header())
            .await
            .map_err(ProviderFailure::Token)?;
        let notice = discovered.provider.back_channel_logout(
            &request,
            &keys,
            &self.inner.used_logout_tokens,
            self.inner.clock.now(),
        )?;
        Ok(notice)
    }

    /// What the provider says of itself: read when it is needed, and again when that is long ago. While it cannot be
    /// read again, the last one holds; its keys age and end that in time.
    async fn discovered(&self) -> Result<Discovered, ProviderFailure> {
        if let Some(known) = self.fresh() {
            return Ok(known);
        }
        // One asks for all.
        let mut failed_mono_ns = self.inner.discovering.lock().await;
        if let Some(known) = self.fresh() {
            return Ok(known);
        }
        let paused = failed_mono_ns.is_some_and(|then| self.is_within(DISCOVERY_PAUSE, then));
        let found = if paused {
            Err(Rejection::Unavailable.into())
        } else {
            self.discover().await
        };
        match (found, self.known()) {
            (Ok(found), _) => {
                *failed_mono_ns = None;
                Ok(found)
            }
            (Err(failure), known) => {
                if !paused {
                    *failed_mono_ns = Some(self.inner.clock.now().mono_ns);
                }
                known.filter(|_| failure.is_outage()).ok_or(failure)
            }
        }
    }

    fn fresh(&self) -> Option<Discovered> {
        self.known()
            .filter(|known| self.is_within(DISCOVERY_AGE, known.mono_ns))
    }

    fn is_within(&self, age: Duration, then_mono_ns: u64) -> bool {
        let now = self.inner.clock.now().mono_ns;
        u128::from(now.saturating_sub(then_mono_ns)) < age.as_nanos()
    }

    async fn discover(&self) -> Result<Discovered, ProviderFailure> {
        let url = self.inner.relying_party.discovery_url();
        let answer = self
            .inner
            .client
            .fetch(Request::get(&url, MAX_DISCOVERY_BYTES))
            .await
            .map_err(ProviderFailure::Unreachable)?;
        if answer.status != 200 {
            return Err(Rejection::Unavailable.into());
        }
        let provider = self.inner.relying_party.discovered(&answer.body)?;
        let location = KeyLocation::Url(provider.discovery().jwks_uri().to_owned());
        let mut known = self
            .inner
            .discovered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Keys are kept as long as they are to be found where they were, and signed as they were.
        let same = known.take().filter(|known| {
            known.keyring.location() == Some(&location)
                && known.provider.token_issuer() == provider.token_issuer()
        });
        let keyring = same.map_or_else(
            || {
                Keyring::fetched(
                    KeyCache::new(provider.token_issuer().clone()),
                    self.inner.client.clone(),
                    location,
                    Arc::clone(&self.inner.clock),
                )
            },
            |known| known.keyring,
        );
        let found = Discovered {
            provider: Arc::new(provider),
            keyring,
            mono_ns: self.inner.clock.now().mono_ns,
        };
        *known = Some(found.clone());
        Ok(found)
    }

    fn known(&self) -> Option<Discovered> {
        self.inner
            .discovered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn fetch(&self, request: HttpRequest) -> Result<Response, ProviderFailure> {
        let request = Request {
            method: match request.method {
                custos_oidc::Method::Get => Method::Get,
                custos_oidc::Method::Post => Method::Post,
            },
            url: request.url,
            headers: request.headers,
            body: request.body,
            max_response_bytes: request.max_response_bytes,
        };
        self.inner
            .client
            .fetch(request)
            .await
            .map_err(ProviderFailure::Unreachable)
    }
}

impl fmt::Debug for OidcProvider {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("OidcProvider")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}
