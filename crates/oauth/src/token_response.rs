//! What the token endpoint gives out.

use std::fmt;

use custos_model::{Principal, ResourceName, Secret, SignInId};
use serde_json::{Value, json};

use crate::access_token::Signed;
use crate::call::ns;
use crate::client::ClientId;
use crate::scope::Scopes;

/// Type of an access token (RFC 8693 section 3).
pub const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";
/// Type of a connection credential.
pub const CONNECTION_CREDENTIAL_TYPE: &str =
    "urn:custos:params:oauth:token-type:connection-credential";

/// Type of a delegation token.
pub const DELEGATION_TOKEN_TYPE: &str = "urn:custos:params:oauth:token-type:delegation-token";

/// A good answer of the token endpoint.
#[derive(Debug)]
pub enum TokenAnswer {
    /// Send it, with status 200 and `Cache-Control: no-store`.
    Token(TokenResponse),
    /// Issue a connection credential, then send [`CredentialDecision::response`].
    Credential(CredentialDecision),
}

/// RFC 6749 section 5.1, RFC 8693 section 2.2.1. `Debug` shows no token.
#[derive(Debug)]
pub struct TokenResponse {
    pub(crate) access_token: Secret,
    pub(crate) token_type: &'static str,
    pub(crate) issued_token_type: Option<&'static str>,
    pub(crate) expires_in_seconds: u64,
    pub(crate) refresh_token: Option<Secret>,
    pub(crate) scope: Option<String>,
}

/// A connection credential is to be issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialDecision {
    /// Who asked.
    pub client: ClientId,
    /// For whom, with whoever it acts for.
    pub principal: Principal,
    /// The sign-in that it hangs on: when that ends, it is to be revoked.
    pub sign_in: SignInId,
    /// What it opens, if policy agrees.
    pub resource: ResourceName,
    /// The latest end of its life, UTC nanoseconds.
    pub expires_utc_ns: u64,
}

impl TokenResponse {
    pub(crate) fn bearer(signed: Signed, scopes: &Scopes) -> Self {
        Self {
            scope: Some(scopes.to_string()),
            ..Self::with(signed)
        }
    }

    fn with(signed: Signed) -> Self {
        Self {
            access_token: signed.token,
            token_type: "Bearer",
            issued_token_type: None,
            expires_in_seconds: seconds(signed.issued_utc_ns, signed.expires_utc_ns),
            refresh_token: None,
            scope: None,
        }
    }

    /// A delegation token: `token_type` is `N_A`, because it opens nothing by itself (RFC 8693 section 2.2.1).
    pub(crate) fn delegation(signed: Signed) -> Self {
        Self {
            token_type: "N_A",
            issued_token_type: Some(DELEGATION_TOKEN_TYPE),
            scope: None,
            ..Self::with(signed)
        }
    }

    /// The body. It holds the tokens in clear.
    pub fn json(&self) -> Value {
        let mut body = json!({
            "access_token": self.access_token.expose(),
            "token_type": self.token_type,
            "expires_in": self.expires_in_seconds,
        });
        let refresh_token = self.refresh_token.as_ref().map(Secret::expose);
        let optional = [
            ("issued_token_type", self.issued_token_type),
            ("refresh_token", refresh_token),
            ("scope", self.scope.as_deref()),
        ];
        if let Value::Object(members) = &mut body {
            for (name, value) in optional {
                if let Some(value) = value {
                    members.insert(name.to_owned(), value.into());
                }
            }
        }
        body
    }
}

impl CredentialDecision {
    /// The answer that hands the credential out: `token_type` is `N_A`, because it is no access token.
    pub fn response(&self, secret: Secret, now_utc_ns: u64, expires_utc_ns: u64) -> TokenResponse {
        TokenResponse {
            access_token: secret,
            token_type: "N_A",
            issued_token_type: Some(CONNECTION_CREDENTIAL_TYPE),
            expires_in_seconds: seconds(now_utc_ns, expires_utc_ns),
            refresh_token: None,
            scope: None,
        }
    }
}

/// Whole seconds that are left, never one too many.
fn seconds(from_utc_ns: u64, to_utc_ns: u64) -> u64 {
    to_utc_ns.saturating_sub(from_utc_ns) / ns(std::time::Duration::from_secs(1))
}

impl fmt::Debug for Signed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Signed")
            .field("token_id", &self.token_id)
            .finish_non_exhaustive()
    }
}
