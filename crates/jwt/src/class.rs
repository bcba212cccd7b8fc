//! What a token is taken for. Said by whoever verifies it, never by the token.

use std::fmt;
use std::time::Duration;

use crate::replay::ReplayCache;

/// What a token is taken for, with all that its class needs to be judged.
///
/// All classes need `iss` (exactly the issuer's name), `iat`, and `exp` unless said otherwise, as whole seconds.
/// Known claims of a wrong JSON type are refused, also optional ones. Subjects are 1 to 255 printable ASCII
/// characters without a space at either end.
#[derive(Clone, Copy)]
pub enum Class<'a> {
    /// An identity token (OpenID Connect Core 3.1.3.7). `typ` is `JWT` or absent. Needs `sub`; `aud` names the
    /// client, and others only if the issuer's record has them; `azp`, needed with several audiences, is the client.
    IdToken {
        /// Our client id at the issuer.
        client_id: &'a str,
        /// The nonce of the login.
        nonce: Nonce<'a>,
        /// The access token that came with it: `at_hash`, if the token has one, must fit.
        access_token: Option<&'a str>,
        /// How long ago the person may have signed in: then `auth_time` is needed.
        max_auth_age: Option<Duration>,
    },
    /// An access token for us (RFC 9068). `typ` is `at+jwt`. Needs `sub`, `client_id`, `jti`, and one of the
    /// record's audiences.
    AccessToken,
    /// A person's word that an agent may act for her, `may_act` (RFC 8693 section 4.4). `typ` is
    /// `custos-delegation+jwt`, so that it is never taken for an access token. Needs what an access token does.
    DelegationToken,
    /// The platform's word for a CI job, pod or service account. `typ` is `JWT`, `JOSE` (JWT-SVID) or absent. Needs
    /// `sub` and one of the record's audiences. Which subject may do what is the caller's to compare.
    WorkloadToken,
    /// A logout token (Back-Channel Logout 1.0 sections 2.4 and 2.6). `typ` is `logout+jwt`. Needs `aud` as identity
    /// tokens do, `jti`, the logout event, `sub` or `sid`; no `nonce`. Used once.
    LogoutToken {
        /// Our client id at the issuer.
        client_id: &'a str,
        /// Remembers used tokens.
        replay: &'a ReplayCache,
    },
    /// A client's proof that it has its key (RFC 7523 section 3); the issuer's name is the client's id. `typ` is
    /// `JWT`, `client-authentication+jwt` or absent. Needs `sub` = `iss`, `aud` = our issuer name as one string,
    /// `jti`, and at most 60 seconds from `iat` to `exp`. Used once.
    ClientAssertion {
        /// Our own issuer name.
        audience: &'a str,
        /// Remembers used tokens.
        replay: &'a ReplayCache,
    },
    /// A security event token (RFC 8417). `typ` is `secevent+jwt`. Needs `jti`, at least one event and one of the
    /// record's audiences; `exp` may be absent (RFC 8417 section 2.2 advises against it), then age alone limits.
    /// Used once.
    SecurityEvent {
        /// Remembers used tokens.
        replay: &'a ReplayCache,
    },
}

/// What `nonce` of an identity token must be.
#[derive(Clone, Copy)]
pub enum Nonce<'a> {
    /// A new login: the nonce that was sent must come back. The issuer's keys must be fresh.
    Login(&'a str),
    /// A refresh of a login: absent, or that of the login (OpenID Connect Core 12.2).
    Refresh(&'a str),
}

/// The classes by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClassName {
    /// See [`Class::IdToken`].
    IdToken,
    /// See [`Class::AccessToken`].
    AccessToken,
    /// See [`Class::DelegationToken`].
    DelegationToken,
    /// See [`Class::WorkloadToken`].
    WorkloadToken,
    /// See [`Class::LogoutToken`].
    LogoutToken,
    /// See [`Class::ClientAssertion`].
    ClientAssertion,
    /// See [`Class::SecurityEvent`].
    SecurityEvent,
}

impl Class<'_> {
    /// The class without its particulars.
    pub fn name(&self) -> ClassName {
        match self {
            Self::IdToken { .. } => ClassName::IdToken,
            Self::AccessToken => ClassName::AccessToken,
            Self::DelegationToken => ClassName::DelegationToken,
            Self::WorkloadToken => ClassName::WorkloadToken,
            Self::LogoutToken { .. } => ClassName::LogoutToken,
            Self::ClientAssertion { .. } => ClassName::ClientAssertion,
            Self::SecurityEvent { .. } => ClassName::SecurityEvent,
        }
    }

    /// Whether a person signs in anew by it.
    pub(crate) fn is_login(&self) -> bool {
        matches!(
            self,
            Self::IdToken {
                nonce: Nonce::Login(_),
                ..
            }
        )
    }
}

impl fmt::Debug for Class<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name().fmt(out)
    }
}

impl fmt::Debug for Nonce<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Nonce(…)")
    }
}

impl ClassName {
    /// The word in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IdToken => "id_token",
            Self::AccessToken => "access_token",
            Self::DelegationToken => "delegation_token",
            Self::WorkloadToken => "workload_token",
            Self::LogoutToken => "logout_token",
            Self::ClientAssertion => "client_assertion",
            Self::SecurityEvent => "security_event",
        }
    }

    /// Values of `typ`, in lower case and without `application/`. No two classes of one issuer share a value, save
    /// the general `jwt`.
    pub(crate) fn types(self) -> &'static [&'static str] {
        match self {
            Self::IdToken => &["jwt"],
            Self::AccessToken => &["at+jwt"],
            Self::DelegationToken => &["custos-delegation+jwt"],
            Self::WorkloadToken => &["jwt", "jose"],
            Self::LogoutToken => &["logout+jwt"],
            Self::ClientAssertion => &["jwt", "client-authentication+jwt"],
            Self::SecurityEvent => &["secevent+jwt"],
        }
    }

    /// Whether `typ` may be absent without the issuer's record saying so.
    pub(crate) fn may_be_untyped(self) -> bool {
        match self {
            Self::IdToken | Self::WorkloadToken | Self::ClientAssertion => true,
            Self::AccessToken | Self::DelegationToken | Self::LogoutToken | Self::SecurityEvent => {
                false
            }
        }
    }

    pub(crate) fn needs_issuer_audience(self) -> bool {
        match self {
            Self::AccessToken
            | Self::DelegationToken
            | Self::WorkloadToken
            | Self::SecurityEvent => true,
            Self::IdToken | Self::LogoutToken | Self::ClientAssertion => false,
        }
    }

    pub(crate) fn default_max_age(self) -> Duration {
        Duration::from_secs(match self {
            Self::IdToken | Self::DelegationToken => 12 * 3600,
            Self::AccessToken | Self::WorkloadToken => 3600,
            Self::LogoutToken => 300,
            Self::ClientAssertion => 60,
            Self::SecurityEvent => 24 * 3600,
        })
    }
}
