//! The provider's description of itself (OpenID Connect Discovery 1.0 section 3, RFC 8414).

use custos_jwt::Algorithm;

use crate::client_authentication::Method;
use crate::endpoint::Endpoint;
use crate::members::{Members, WrongType};
use crate::rejection::Rejection;
use crate::settings::{RelyingParty, Settings};

/// The scope of refresh tokens (OpenID Connect Core 11).
pub(crate) const OFFLINE_ACCESS: &str = "offline_access";

/// The longest discovery document.
pub const MAX_DISCOVERY_BYTES: usize = 256 << 10;

/// What a provider says of itself, as far as it was checked and is used.
#[derive(Clone, Debug)]
pub struct Discovery {
    issuer: String,
    authorization_endpoint: Endpoint,
    token_endpoint: Endpoint,
    jwks_uri: Endpoint,
    userinfo_endpoint: Option<Endpoint>,
    end_session_endpoint: Option<Endpoint>,
    algorithms: Vec<Algorithm>,
    method: Method,
    sends_issuer: bool,
    back_channel_logout: bool,
    back_channel_logout_session: bool,
    offline_access: bool,
}

impl Discovery {
    /// Reads the document of at most 256 KiB and holds it against the settings.
    ///
    /// # Errors
    /// [`Rejection::DiscoveryIssuer`] unless the issuer is the configured one, byte for byte;
    /// [`Rejection::DiscoveryEndpoint`] for a URL that is not absolute, not https, or has a user or fragment;
    /// [`Rejection::PkceNotOffered`], [`Rejection::AlgorithmsNotOffered`], [`Rejection::CodeFlowNotOffered`],
    /// [`Rejection::ClientAuthenticationNotOffered`], [`Rejection::DiscoveryMember`] for a wrong type.
    pub fn parse(document: &[u8], relying_party: &RelyingParty) -> Result<Self, Rejection> {
        if document.len() > MAX_DISCOVERY_BYTES {
            return Err(Rejection::DiscoveryTooLong);
        }
        let object = crate::json(document).ok_or(Rejection::DiscoveryMalformed)?;
        Document {
            members: Members(&object),
            settings: relying_party.settings(),
        }
        .read()
    }

    /// The issuer, equal to the configured one.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where the keys are. To be read up to `custos_jwt::MAX_KEY_SET_BYTES`.
    pub fn jwks_uri(&self) -> &str {
        self.jwks_uri.as_str()
    }

    /// Signature algorithms that are both offered and allowed.
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// Whether callbacks carry `iss` (RFC 9207 section 3).
    pub fn sends_issuer(&self) -> bool {
        self.sends_issuer
    }

    /// Whether the provider sends logout tokens (Back-Channel Logout 1.0 section 2.1).
    pub fn back_channel_logout(&self) -> bool {
        self.back_channel_logout
    }

    /// Whether its logout tokens name the session.
    pub fn back_channel_logout_session(&self) -> bool {
        self.back_channel_logout_session
    }

    /// Whether the provider can be told that somebody signs out.
    pub fn ends_sessions(&self) -> bool {
        self.end_session_endpoint.is_some()
    }

    /// Whether it has a userinfo endpoint.
    pub fn has_userinfo(&self) -> bool {
        self.userinfo_endpoint.is_some()
    }

    /// Whether it lists the scope `offline_access` (OpenID Connect Core 11).
    pub(crate) fn has_offline_access(&self) -> bool {
        self.offline_access
    }

    pub(crate) fn authorization_endpoint(&self) -> &Endpoint {
        &self.authorization_endpoint
    }

    pub(crate) fn token_endpoint(&self) -> &str {
        self.token_endpoint.as_str()
    }

    pub(crate) fn userinfo_endpoint(&self) -> Option<&str> {
        self.userinfo_endpoint.as_ref().map(Endpoint::as_str)
    }

    pub(crate) fn end_session_endpoint(&self) -> Option<&Endpoint> {
        self.end_session_endpoint.as_ref()
    }

    pub(crate) fn method(&self) -> Method {
        self.method
    }
}

impl From<WrongType> for Rejection {
    fn from(WrongType(name): WrongType) -> Self {
        Self::DiscoveryMember(name)
    }
}

struct Document<'a> {
    members: Members<'a>,
    settings: &'a Settings,
}

impl Document<'_> {
    fn read(&self) -> Result<Discovery, Rejection> {
        let issuer = self.members.text("issuer")?;
        let issuer = issuer.ok_or(Rejection::DiscoveryMember("issuer"))?;
        if issuer != self.settings.issuer {
            return Err(Rejection::DiscoveryIssuer);
        }
        let discovery = Discovery {
            issuer: issuer.to_owned(),
            authorization_endpoint: self.endpoint("authorization_endpoint")?,
            token_endpoint: self.endpoint("token_endpoint")?,
            jwks_uri: self.endpoint("jwks_uri")?,
            userinfo_endpoint: self.optional_endpoint("userinfo_endpoint")?,
            end_session_endpoint: self.optional_endpoint("end_session_endpoint")?,
            algorithms: self.algorithms()?,
            method: self.method()?,
            sends_issuer: self
                .members
                .flag("authorization_response_iss_parameter_supported")?,
            back_channel_logout: self.members.flag("backchannel_logout_supported")?,
            back_channel_logout_session: self
                .members
                .flag("backchannel_logout_session_supported")?,
            offline_access: self
                .members
                .texts("scopes_supported")?
                .is_some_and(|scopes| scopes.contains(&OFFLINE_ACCESS)),
        };
        self.code_flow()?;
        self.pkce()?;
        Ok(discovery)
    }

    fn endpoint(&self, name: &'static str) -> Result<Endpoint, Rejection> {
        self.optional_endpoint(name)?
            .ok_or(Rejection::DiscoveryMember(name))
    }

    fn optional_endpoint(&self, name: &'static str) -> Result<Option<Endpoint>, Rejection> {
        let Some(text) = self.members.text(name)? else {
            return Ok(None);
        };
        let endpoint = Endpoint::parse(text, self.settings.loopback);
        endpoint.map(Some).ok_or(Rejection::DiscoveryEndpoint(name))
    }

    fn algorithms(&self) -> Result<Vec<Algorithm>, Rejection> {
        const NAME: &str = "id_token_signing_alg_values_supported";
        let offered = self
            .members
            .texts(NAME)?
            .ok_or(Rejection::DiscoveryMember(NAME))?;
        let offered: Vec<Algorithm> = offered
            .into_iter()
            .filter_map(Algorithm::from_name)
            .collect();
        let allowed = self.settings.algorithms.iter().copied();
        let both: Vec<Algorithm> = allowed
            .filter(|algorithm| offered.contains(algorithm))
            .collect();
        if both.is_empty() {
            return Err(Rejection::AlgorithmsNotOffered);
        }
        Ok(both)
    }

    fn method(&self) -> Result<Method, Rejection> {
        let offered = self
            .members
            .texts("token_endpoint_auth_methods_supported")?;
        let method = self
            .settings
            .client_authentication
            .method(offered.as_deref());
        let method = method.ok_or(Rejection::ClientAuthenticationNotOffered)?;
        let signing = self
            .members
            .texts("token_endpoint_auth_signing_alg_values_supported")?;
        let es256 = signing.is_none_or(|signing| signing.contains(&Algorithm::Es256.name()));
        if method == Method::PrivateKeyJwt && !es256 {
            return Err(Rejection::ClientAuthenticationNotOffered);
        }
        Ok(method)
    }

    fn code_flow(&self) -> Result<(), Rejection> {
        let types = self.members.texts("response_types_supported")?;
        let types = types.ok_or(Rejection::DiscoveryMember("response_types_supported"))?;
        let modes = self.members.texts("response_modes_supported")?;
        let grants = self.members.texts("grant_types_supported")?;
        let has = |list: Option<Vec<&str>>, name| list.is_none_or(|list| list.contains(&name));
        if !types.contains(&"code") || !has(modes, "query") || !has(grants, "authorization_code") {
            return Err(Rejection::CodeFlowNotOffered);
        }
        Ok(())
    }

    fn pkce(&self) -> Result<(), Rejection> {
        let offered = self.members.texts("code_challenge_methods_supported")?;
        let advertised = offered.is_some_and(|offered| offered.contains(&"S256"));
        if !advertised && !self.settings.s256_unadvertised {
            return Err(Rejection::PkceNotOffered);
        }
        Ok(())
    }
}
