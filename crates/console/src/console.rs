//! What the pages and calls work with.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use custos_api::Admin;
use custos_identity::{JudgedToken, OidcProvider, SignIns, SignInsOfCall, StoredRefreshTokens};
use custos_model::{Instant, Secret};
use custos_oauth::cookie::{CsrfKey, SessionCookie};
use custos_oauth::{AuthorizationServer, BaseUrl, Call, ClientError, MachineClient, State};
use custos_session::{Gateway, Services};

use crate::administrator::Tries;
use crate::browser::Browsers;
use crate::groups::Groups;

/// Fills a buffer with random bytes of cryptographic quality.
pub type Random = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// A provider that people can choose.
#[derive(Clone, Debug)]
pub struct WebProvider {
    /// What the sign-in page calls it.
    pub label: String,
    /// The provider.
    pub provider: OidcProvider,
}

/// Where clients of one protocol connect.
#[derive(Clone, Debug)]
pub struct Entrance {
    /// The protocol's word.
    pub protocol: String,
    /// The port.
    pub port: u16,
    /// Whether clients must use TLS.
    pub tls: bool,
}

/// What a [`Console`] is made from.
pub struct ConsoleSettings {
    /// What the gateway works with.
    pub services: Services,
    /// The gateway itself.
    pub gateway: Gateway,
    /// The operator's calls, for administrators.
    pub admin: Admin,
    /// The authorization server.
    pub server: AuthorizationServer,
    /// Who people sign in with.
    pub providers: Vec<WebProvider>,
    /// Groups of this gateway.
    pub groups: Groups,
    /// Where clients connect.
    pub entrances: Vec<Entrance>,
    /// PEM of the authority that verifies the listeners, where the gateway made its own.
    pub client_ca_pem: Option<String>,
    /// For everything that nobody may guess.
    pub random: Random,
}

/// The web address's state; clones share everything.
#[derive(Clone)]
pub struct Console {
    inner: Arc<Inner>,
}

/// What clones of a [`Console`] share. Its fields are for this crate alone.
pub struct Inner {
    pub(crate) services: Services,
    pub(crate) gateway: Gateway,
    pub(crate) admin: Admin,
    pub(crate) sign_ins: SignIns,
    pub(crate) providers: Vec<WebProvider>,
    pub(crate) groups: Groups,
    pub(crate) entrances: Vec<Entrance>,
    pub(crate) client_ca_pem: Option<String>,
    pub(crate) base_url: BaseUrl,
    pub(crate) cookie: SessionCookie,
    pub(crate) csrf: CsrfKey,
    pub(crate) browsers: Browsers,
    pub(crate) tries: Tries,
    server: Mutex<AuthorizationServer>,
    refresh_tokens: StoredRefreshTokens,
    random: Random,
}

impl Console {
    /// The web address of a gateway.
    pub fn new(settings: ConsoleSettings) -> Self {
        let ConsoleSettings {
            services,
            gateway,
            admin,
            server,
            providers,
            groups,
            entrances,
            client_ca_pem,
            random,
        } = settings;
        let mut csrf_key = [0; 32];
        random(&mut csrf_key);
        let base_url = server.base_url().clone();
        let inner = Inner {
            refresh_tokens: StoredRefreshTokens(services.store.clone()),
            sign_ins: services.sign_ins.clone(),
            services,
            gateway,
            admin,
            providers,
            groups,
            entrances,
            client_ca_pem,
            cookie: SessionCookie::at(&base_url),
            base_url,
            csrf: CsrfKey::new(&csrf_key),
            browsers: Browsers::default(),
            tries: Tries::default(),
            server: Mutex::new(server),
            random,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    pub(crate) fn provider(&self, name: &str) -> Option<&WebProvider> {
        let mut providers = self.inner.providers.iter();
        providers.find(|provider| provider.provider.name() == name)
    }

    pub(crate) fn now(&self) -> Instant {
        self.inner.services.clock.now()
    }

    pub(crate) fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    pub(crate) fn fill(&self, bytes: &mut [u8]) {
        (self.inner.random)(bytes);
    }

    /// A form token for a page of this browser.
    pub(crate) fn form_token(&self, browser: &custos_oauth::cookie::BrowserSession) -> Secret {
        self.inner.csrf.token(browser, self.bytes())
    }

    /// Asks the authorization server, on a thread that may wait for the disk. `judged` is what a machine's token
    /// turned out to be, where the request brings one.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        source: IpAddr,
        judged: JudgedToken,
        question: impl FnOnce(&mut AuthorizationServer, &State<'_>, &Call<'_>) -> T + Send + 'static,
    ) -> Option<T> {
        let console = self.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let inner = &console.inner;
            let sign_ins = SignInsOfCall {
                sign_ins: &inner.sign_ins,
                until_utc_ns: judged.until_utc_ns(),
            };
            let state = State {
                sign_ins: &sign_ins,
                refresh_tokens: &inner.refresh_tokens,
                workloads: &judged,
            };
            let random = |bytes: &mut [u8]| (inner.random)(bytes);
            let call = Call {
                now: console.now(),
                source: source.to_canonical(),
                random: &random,
            };
            question(&mut console.server(), &state, &call)
        });
        asked.await.ok()
    }

    /// Runs what waits for the disk on a thread that may.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Option<T> {
        let console = self.clone();
        tokio::task::spawn_blocking(move || work(&console))
            .await
            .ok()
    }

    /// Puts other machines in place of the configured ones, as a reload does.
    pub fn replace_machines(&self, machines: Vec<MachineClient>) -> Result<(), ClientError> {
        self.server().replace_clients(machines)
    }

    pub(crate) fn server(&self) -> MutexGuard<'_, AuthorizationServer> {
        self.inner
            .server
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::ops::Deref for Console {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl std::fmt::Debug for ConsoleSettings {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ConsoleSettings")
            .field("base_url", self.server.base_url())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Inner").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Console {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Console")
            .field("base_url", &self.inner.base_url)
            .finish_non_exhaustive()
    }
}
