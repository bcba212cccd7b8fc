//! What is configured of a provider.

use std::time::Duration;

use custos_jwt::Algorithm;

use crate::client_authentication::ClientAuthentication;
use crate::discovery::Discovery;
use crate::endpoint::Endpoint;
use crate::mapping::Mapping;
use crate::provider::Provider;
use crate::rejection::Rejection;

/// What is configured of a provider. [`RelyingParty::new`] checks it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The provider's name and the namespace of its groups: 1 to 32 of `a-z`, `0-9` and `-`.
    pub name: String,
    /// The issuer, exactly as the provider writes it. A trailing slash matters.
    pub issuer: String,
    /// Whether `http` to a loopback address is taken, for trying out and for tests.
    pub loopback: bool,
    /// Our id at the provider, at most 255 bytes.
    pub client_id: String,
    /// How we prove to be that client.
    pub client_authentication: ClientAuthentication,
    /// Where the provider sends browsers back to. No other provider may have the same (RFC 9700 section 2.1).
    pub redirect_uri: String,
    /// Scopes beyond `openid`, which is always asked for.
    pub scopes: Vec<String>,
    /// Whether to ask for `offline_access` too, by which many providers give a refresh token, where the provider lists it.
    pub offline_access: bool,
    /// Signature algorithms that identity and logout tokens may have.
    pub algorithms: Vec<Algorithm>,
    /// How long ago a person may have authenticated at the provider, whole seconds. Then `auth_time` is needed.
    pub max_age: Option<Duration>,
    /// Takes a provider that does not say that it knows S256. PKCE is used all the same.
    pub s256_unadvertised: bool,
    /// Takes logout tokens whose header has no `typ`, or `JWT`.
    pub untyped_logout_tokens: bool,
    /// From claims to name and groups.
    pub mapping: Mapping,
}

/// Settings that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Not 1 to 32 of `a-z`, `0-9` and `-`.
    #[error("the provider's name is not 1 to 32 of a-z, 0-9 and -")]
    Name,
    /// Not an https URL without query and fragment.
    #[error("the issuer is not an https URL without query and fragment")]
    Issuer,
    /// Empty, too long or not printable ASCII.
    #[error("the client id is not 1 to 255 printable ASCII characters")]
    ClientId,
    /// A secret that is empty.
    #[error("the client secret is empty")]
    ClientSecret,
    /// Not an https URL without fragment.
    #[error("the redirect URI is not an https URL without fragment")]
    RedirectUri,
    /// Not a scope token (RFC 6749 section 3.3).
    #[error("a scope is not one of RFC 6749")]
    Scope,
    /// None is allowed.
    #[error("no signature algorithm is allowed")]
    Algorithms,
    /// No claim is named that could hold the name.
    #[error("no claim is named for the login name")]
    NameClaims,
}

/// A provider that is configured and not discovered yet.
#[derive(Clone, Debug)]
pub struct RelyingParty {
    settings: Settings,
    scope: String,
}

impl RelyingParty {
    /// Checks the settings.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        let url = |text: &str| Endpoint::parse(text, settings.loopback);
        if !is_name(&settings.name) {
            return Err(SettingsError::Name);
        }
        if url(&settings.issuer).is_none_or(|issuer| issuer.query().is_some()) {
            return Err(SettingsError::Issuer);
        }
        if !is_visible(&settings.client_id) || settings.client_id.len() > 255 {
            return Err(SettingsError::ClientId);
        }
        if settings.client_authentication.has_empty_secret() {
            return Err(SettingsError::ClientSecret);
        }
        if url(&settings.redirect_uri).is_none() {
            return Err(SettingsError::RedirectUri);
        }
        if !settings.scopes.iter().all(|scope| is_scope(scope)) {
            return Err(SettingsError::Scope);
        }
        if settings.algorithms.is_empty() {
            return Err(SettingsError::Algorithms);
        }
        if settings.mapping.name.is_empty() {
            return Err(SettingsError::NameClaims);
        }
        Ok(Self {
            scope: scope(&settings.scopes),
            settings,
        })
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where the discovery document is (OpenID Connect Discovery 1.0 section 4). To be read up to
    /// [`crate::MAX_DISCOVERY_BYTES`].
    pub fn discovery_url(&self) -> String {
        let issuer = self.settings.issuer.as_str();
        let base = issuer.strip_suffix('/').unwrap_or(issuer);
        format!("{base}/.well-known/openid-configuration")
    }

    /// Takes the discovery document. To be done again from time to time: endpoints move.
    pub fn discovered(&self, document: &[u8]) -> Result<Provider, Rejection> {
        let discovery = Discovery::parse(document, self)?;
        Provider::new(self.clone(), discovery)
    }

    pub(crate) fn scope(&self) -> &str {
        &self.scope
    }
}

fn scope(configured: &[String]) -> String {
    let mut scopes = vec!["openid"];
    let beyond = configured.iter().map(String::as_str);
    scopes.extend(beyond.filter(|scope| *scope != "openid"));
    scopes.join(" ")
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&name.len()) && name.bytes().all(plain)
}

fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn is_scope(scope: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    (1..=255).contains(&scope.len()) && scope.bytes().all(plain)
}
