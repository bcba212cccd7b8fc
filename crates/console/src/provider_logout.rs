//! A provider ends sign-ins, whatever it speaks.

use std::net::SocketAddr;
use std::sync::Arc;

use custos_evidence::{DetailValue, RecordOutcome, RecordType};
use custos_identity::{IdentityError, SamlLogout, SignInsOf, StoredSignIn};

use crate::console::Console;
use crate::end::{Cause, Ended};
use crate::record::Entry;

/// Whose sign-ins a provider ends.
#[derive(Debug)]
pub(crate) struct Meant {
    /// The provider's name in the configuration.
    pub(crate) provider: String,
    /// The provider's issuer.
    pub(crate) issuer: String,
    /// Whose; `None`: whoever has one of the sessions.
    pub(crate) subject: Option<String>,
    /// The provider's names for its sessions; all of the subject when there is none.
    pub(crate) sessions: Vec<String>,
}

impl Console {
    /// Ends them. False when they could not be looked up, or when the store could not take an end, which is in force
    /// then all the same.
    pub(crate) async fn end_at_provider(&self, meant: Meant, peer: SocketAddr) -> bool {
        let found = self.blocking(move |console| console.meant(&meant)).await;
        self.end_found(found, peer).await.is_some()
    }

    /// The same for a SAML provider, with a record where nobody is meant: whoever signed out there may have expected
    /// an end.
    pub(crate) async fn end_at_saml_provider(
        &self,
        provider: &str,
        logout: Arc<SamlLogout>,
        peer: SocketAddr,
    ) -> bool {
        let name = provider.to_owned();
        let found = self
            .blocking(move |console| console.meant_by_saml(&name, &logout))
            .await;
        let ended = self.end_found(found, peer).await;
        if ended == Some(0) {
            self.record_logout_of_nobody(provider, peer).await;
        }
        ended.is_some()
    }

    /// How many were ended; `None`: they could not be looked up, or not all are over for good.
    async fn end_found(
        &self,
        found: Option<Result<Vec<StoredSignIn>, IdentityError>>,
        peer: SocketAddr,
    ) -> Option<usize> {
        let found = match found? {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, "sign-ins that a provider ends could not be looked up");
                return None;
            }
        };
        let mut for_good = true;
        for sign_in in &found {
            let ended = self.end_sign_in(sign_in, Cause::Provider, None, peer);
            for_good &= ended.await != Ended::NotStoredYet;
        }
        for_good.then_some(found.len())
    }

    async fn record_logout_of_nobody(&self, provider: &str, peer: SocketAddr) {
        let detail = [
            ("kind", DetailValue::Text("logout_of_nobody")),
            ("provider", DetailValue::Text(provider)),
        ];
        let recorded = self
            .record(Entry {
                kind: RecordType::SignInFailed,
                outcome: RecordOutcome::Denied,
                actor: None,
                peer: Some(peer),
                target: None,
                reason: Some("the provider's logout names no sign-in that is there"),
                detail: &detail,
            })
            .await;
        if let Err(error) = recorded {
            tracing::error!(%error, "a logout that ended nothing could not be put on record");
        }
    }

    fn meant_by_saml(
        &self,
        provider: &str,
        logout: &SamlLogout,
    ) -> Result<Vec<StoredSignIn>, IdentityError> {
        let now = self.now();
        let means = |sign_in: &StoredSignIn| {
            logout.means(&sign_in.principal, sign_in.provider_session.as_deref())
        };
        let mut found = Vec::new();
        if logout.is_of_any_format() {
            // A name in any format cannot be looked up.
            for sign_in in self.sign_ins.list()?.into_iter().filter(means) {
                found.extend(self.sign_ins.live(sign_in.id, now)?);
            }
            return Ok(found);
        }
        let (issuer, subject) = (&logout.issuer, &logout.subject);
        let principal = SignInsOf::Principal { issuer, subject };
        let sessions = logout.sessions.iter();
        let sessions = sessions.map(|session| SignInsOf::ProviderSession { provider, session });
        for of in std::iter::once(principal).chain(sessions) {
            found.extend(self.sign_ins.live_of(of, now)?.into_iter().filter(means));
        }
        found.sort_by_key(|sign_in| sign_in.id);
        found.dedup_by_key(|sign_in| sign_in.id);
        Ok(found)
    }

    fn meant(&self, meant: &Meant) -> Result<Vec<StoredSignIn>, IdentityError> {
        let now = self.now();
        let Some(subject) = &meant.subject else {
            let mut found = Vec::new();
            for session in &meant.sessions {
                let of = SignInsOf::ProviderSession {
                    provider: &meant.provider,
                    session,
                };
                found.extend(self.sign_ins.live_of(of, now)?);
            }
            return Ok(found);
        };
        let of = SignInsOf::Principal {
            issuer: &meant.issuer,
            subject,
        };
        let mut found = self.sign_ins.live_of(of, now)?;
        // Where sessions are named too, both must fit; a sign-in whose session the provider never named may be it.
        if !meant.sessions.is_empty() {
            found.retain(|sign_in| {
                let own = sign_in.provider_session.as_ref();
                own.is_none_or(|own| meant.sessions.contains(own))
            });
        }
        Ok(found)
    }
}
