//! A client that brings an OAuth access token of our own authorization server.

use custos_identity::{BearerFailure, Login, OwnIssuer};
use custos_model::ResourceName;
use zeroize::Zeroizing;

use crate::Session;
use crate::accepted::Accepted;
use crate::error::SessionError;
use crate::identified::Identified;

/// How it is called in records.
const METHOD: &str = "oauthbearer";

/// A token that was judged, and whom it means. Only [`Session::check_bearer`] makes one.
#[derive(Debug)]
pub struct Bearer(Login);

/// Where clients get a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSource {
    /// The metadata of the authorization server.
    pub discovery_url: String,
    /// What a token must be good for.
    pub scope: &'static str,
}

impl Session<Accepted> {
    /// Where clients of this protocol get a token; `None` where this gateway gives none.
    pub fn token_source(&self) -> Option<TokenSource> {
        let issuer = self.core.shared.services.own_issuer.as_ref()?;
        Some(TokenSource {
            discovery_url: issuer.discovery_url(),
            scope: OwnIssuer::scope_of(self.stage.protocol())?,
        })
    }

    /// Judges an access token, which the adapter accepts inside TLS only. `resource` is what the client asks to open.
    ///
    /// # Errors
    /// [`SessionError::BearerRefused`] when the failed login is on record.
    pub async fn check_bearer(
        &self,
        login_name: &str,
        token: &str,
        resource: &str,
    ) -> Result<Bearer, SessionError> {
        let Ok(resource) = resource.parse::<ResourceName>() else {
            let reason = "no resource is named";
            return Err(self
                .refuse_bearer(login_name, "invalid_request", reason)
                .await);
        };
        let services = &self.core.shared.services;
        let Some(issuer) = services.own_issuer.clone() else {
            let error = SessionError::Internal("a token was asked for where none is issued");
            return Err(error);
        };
        let now = services.clock.now();
        let (token, name) = (Zeroizing::new(token.to_owned()), login_name.to_owned());
        let judging =
            tokio::task::spawn_blocking(move || issuer.check(&token, &name, &resource, now));
        match judging.await {
            Ok(Ok(login)) => Ok(Bearer(login)),
            Ok(Err(failure)) => {
                if let BearerFailure::State(error) = &failure {
                    tracing::error!(%error, "an access token could not be judged");
                }
                let reason = failure.to_string();
                Err(self
                    .refuse_bearer(login_name, failure.status(), &reason)
                    .await)
            }
            Err(_) => Err(SessionError::Internal("judging an access token broke off")),
        }
    }

    /// The client brought no token and asked where to get one, which ends its connection: a failed login, on record.
    pub async fn ask_for_bearer(&self, login_name: &str) -> SessionError {
        let reason = "the client asked where to get a token";
        self.refuse_bearer(login_name, "invalid_token", reason)
            .await
    }

    /// It is known who connects.
    pub fn identify_by_bearer(self, bearer: Bearer) -> Session<Identified> {
        self.identified(bearer.0, METHOD)
    }

    /// What the client sent was no message of the mechanism, or none came.
    pub async fn bearer_abandoned(
        &self,
        login_name: &str,
        reason: &str,
    ) -> Result<(), SessionError> {
        let recorded = self.core.refuse_login(login_name, METHOD, reason).await;
        recorded.map_err(SessionError::Evidence)
    }

    async fn refuse_bearer(
        &self,
        login_name: &str,
        status: &'static str,
        reason: &str,
    ) -> SessionError {
        match self.core.refuse_login(login_name, METHOD, reason).await {
            Ok(()) => SessionError::BearerRefused { status },
            Err(error) => SessionError::Evidence(error),
        }
    }
}
