//! What the pages and calls work with.

use std::net::IpAddr;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use custos_api::Admin;
use custos_identity::{JudgedToken, OidcProvider, OwnIssuer, SamlProvider, SignIns, SignInsOfCall};
use custos_model::{Instant, Secret};
use custos_oauth::cookie::{CsrfKey, SessionCookie};
use custos_oauth::{AuthorizationServer, BaseUrl, Call, Clients, State};
use custos_session::{Gateway, Services};

use crate::administrator::{Offered, Tries};
use crate::answers::Answers;
use crate::browser::Browsers;
use crate::groups::Groups;
use crate::provisioning::{Provisioning, ProvisioningSettings};

/// Fills a buffer with random bytes of cryptographic quality.
pub type Random = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// A provider that people can choose.
#[derive(Clone, Debug)]
pub struct WebProvider {
    /// What the sign-in page calls it.
    pub label: String,
    /// The provider.
    pub provider: Provider,
    /// The longest sign-in.
    pub sign_in_max: Duration,
}

/// An OpenID Connect provider, and how it is used.
#[derive(Clone, Debug)]
pub struct OpenIdProvider {
    /// The provider.
    pub provider: OidcProvider,
    /// How often it is asked whether somebody still is who she was.
    pub check_interval: Duration,
    /// Whether who signs out here is sent on to sign out there.
    pub signs_out: bool,
}

/// A provider, by what it speaks.
#[derive(Clone, Debug)]
pub enum Provider {
    /// OpenID Connect.
    OpenId(OpenIdProvider),
    /// SAML 2.0.
    Saml(SamlProvider),
}

impl Provider {
    /// Its name in the configuration.
    pub fn name(&self) -> &str {
        match self {
            Self::OpenId(openid) => openid.provider.name(),
            Self::Saml(provider) => provider.name(),
        }
    }
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
    /// The public key that SSH clients know it by: type and base64.
    pub host_key: Option<String>,
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
    pub issuer: OwnIssuer,
    /// Who people sign in with.
    pub providers: Vec<WebProvider>,
    /// Groups of this gateway.
    pub groups: Groups,
    /// Providers whose people a directory tells.
    pub provisioning: Vec<ProvisioningSettings>,
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
    pub(crate) provisioning: Vec<Arc<Provisioning>>,
    pub(crate) entrances: Vec<Entrance>,
    pub(crate) client_ca_pem: Option<String>,
    pub(crate) base_url: BaseUrl,
    pub(crate) cookie: SessionCookie,
    pub(crate) csrf: CsrfKey,
    pub(crate) browsers: Browsers,
    pub(crate) answers: Answers,
    pub(crate) tries: Tries,
    pub(crate) offered: Offered,
    issuer: OwnIssuer,
    random: Random,
}

impl Console {
    /// The web address of a gateway.
    pub fn new(settings: ConsoleSettings) -> Self {
        let ConsoleSettings {
            services,
            gateway,
            admin,
            issuer,
            providers,
            groups,
            provisioning,
            entrances,
            client_ca_pem,
            random,
        } = settings;
        let mut csrf_key = [0; 32];
        random(&mut csrf_key);
        let base_url = issuer.base_url().clone();
        let inner = Inner {
            sign_ins: services.sign_ins.clone(),
            services,
            gateway,
            admin,
            providers,
            groups,
            provisioning: provisioning
                .iter()
                .map(|settings| Arc::new(Provisioning::new(settings, base_url.as_str())))
                .collect(),
            entrances,
            client_ca_pem,
            cookie: SessionCookie::at(&base_url),
            base_url,
            csrf: CsrfKey::new(&csrf_key),
            browsers: Browsers::default(),
            answers: Answers::default(),
            tries: Tries::default(),
            offered: Offered::default(),
            issuer,
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

    pub(crate) fn openid_provider(&self, name: &str) -> Option<OpenIdProvider> {
        match &self.provider(name)?.provider {
            Provider::OpenId(provider) => Some(provider.clone()),
            Provider::Saml(_) => None,
        }
    }

    pub(crate) fn saml_provider(&self, name: &str) -> Option<SamlProvider> {
        match &self.provider(name)?.provider {
            Provider::Saml(provider) => Some(provider.clone()),
            Provider::OpenId(_) => None,
        }
    }

    pub(crate) fn now(&self) -> Instant {
        self.inner.services.clock.now()
    }

    pub(crate) fn fill(&self, bytes: &mut [u8]) {
        (self.inner.random)(bytes);
    }

    pub(crate) fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A name for something of a browser that nobody else may guess.
    pub(crate) fn random_name(&self) -> String {
        hex(&self.bytes::<16>())
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
                refresh_tokens: inner.issuer.refresh_tokens(),
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
    pub fn replace_machines(&self, machines: Clients) {
        self.server().replace_clients(machines);
    }

    pub(crate) fn server(&self) -> MutexGuard<'_, AuthorizationServer> {
        self.inner.issuer.server()
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
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
            .field("base_url", self.issuer.base_url())
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
