//! A provider ends sign-ins, whatever it speaks.

use std::net::SocketAddr;

use custos_identity::{IdentityError, SignInsOf, StoredSignIn};

use crate::console::Console;
use crate::end::Cause;

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
    /// Ends them. False when they could not be looked up.
    pub(crate) async fn end_at_provider(&self, meant: Meant, peer: SocketAddr) -> bool {
        let found = self.blocking(move |console| console.meant(&meant)).await;
        let found = match found {
            Some(Ok(found)) => found,
            Some(Err(error)) => {
                tracing::error!(%error, "sign-ins that a provider ends could not be looked up");
                return false;
            }
            None => return false,
        };
        for sign_in in &found {
            self.end_sign_in(sign_in, Cause::Provider, None, peer).await;
        }
        true
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
