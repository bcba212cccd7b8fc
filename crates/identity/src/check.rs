//! Checking what a client presents.

use std::net::IpAddr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use custos_model::{Authentication, Instant, Principal, ResourceName, SignInId};
use custos_scram::{ClientProof, Verifier};
use custos_store::{CredentialId, StoreError, StoredCredential, StoredSignIn, StoredVerifier};

use crate::credentials::Credentials;
use crate::error::LoginFailure;
use crate::issue::is_secret_text;
use crate::own_groups::give_own_groups;

/// A sign-in that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Who it is.
    pub principal: Principal,
    /// What is to be opened.
    pub resource: ResourceName,
    /// The credential that was presented; `None` where it was a token.
    pub credential: Option<CredentialId>,
    /// How the principal was authenticated.
    pub authentication: Authentication,
    /// The sign-in that it belongs to; `None` where the operator issued the credential.
    pub sign_in: Option<SignInId>,
    /// The sign-ins that this one hangs on: where somebody acts for another, each has one.
    pub parents: Vec<SignInId>,
    /// Until when sessions of it may last, UTC nanoseconds: the end of the sign-in, else of what was presented.
    pub ends_utc_ns: u64,
}

impl Login {
    /// Somebody who is signed in opens a resource.
    pub fn under(sign_in: StoredSignIn, resource: ResourceName) -> Self {
        Self {
            principal: sign_in.principal,
            resource,
            credential: None,
            authentication: sign_in.authentication,
            sign_in: Some(sign_in.id),
            parents: sign_in.parents,
            ends_utc_ns: sign_in.expires_utc_ns,
        }
    }
}

impl Credentials {
    /// Checks the proof of a SCRAM exchange that was made with [`Credentials::scram_parameters`] of this name. Returns
    /// the server's final message too, which proves the gateway to the client.
    pub fn check_scram(
        &self,
        login_name: &str,
        proof: &ClientProof,
        source: IpAddr,
        now: Instant,
    ) -> Result<(Login, Vec<u8>), LoginFailure> {
        self.check(login_name, source, now, |stored| {
            proof.check(&scram_verifier(stored))
        })
    }

    /// Checks a secret that was sent as it is; the caller sees to it that it came through TLS.
    pub fn check_password(
        &self,
        login_name: &str,
        password: &str,
        source: IpAddr,
        now: Instant,
    ) -> Result<Login, LoginFailure> {
        // The form is public; what cannot be a credential need not cost a key derivation.
        if !is_secret_text(password) {
            return Err(LoginFailure::NoMatch);
        }
        let presented = self.verifier(login_name, password);
        let (login, ()) = self.check(login_name, source, now, |stored| {
            verify_slices_are_equal(&stored.stored_key, &presented.stored_key).ok()
        })?;
        Ok(login)
    }

    /// Whether a text is a connection credential by its form, and so nothing else that a client may present.
    pub fn is_secret(text: &str) -> bool {
        is_secret_text(text)
    }

    /// Who it is now, with the groups of now, if what somebody signed in with is still good. To be asked once more when
    /// the session can be found by whoever ends or changes a sign-in or revokes a credential: between the first check
    /// and that, nobody would have cut it.
    pub fn still_good(&self, login: &Login, now: Instant) -> Result<Option<Principal>, StoreError> {
        let credential = match login.credential {
            Some(id) => self
                .store()
                .credential(id)?
                .map(|found| found.revoked_utc_ns),
            None => Some(None),
        };
        if credential != Some(None) || now.utc_ns >= login.ends_utc_ns {
            return Ok(None);
        }
        let mut principal = login.principal.clone();
        if let Some(id) = login.sign_in {
            let Some(sign_in) = self.store().live_sign_in(id, now.utc_ns)? else {
                return Ok(None);
            };
            principal = under(sign_in, &principal);
        }
        give_own_groups(&mut principal, self.store())?;
        Ok(Some(principal))
    }

    /// Tries every credential of the name, whichever fits, so that the time taken does not tell which.
    fn check<T>(
        &self,
        login_name: &str,
        source: IpAddr,
        now: Instant,
        fits: impl Fn(&StoredVerifier) -> Option<T>,
    ) -> Result<(Login, T), LoginFailure> {
        let candidates = self
            .store()
            .credentials_named(login_name)
            .map_err(LoginFailure::Store)?;
        if candidates.is_empty() {
            drop(fits(self.decoy()));
            return Err(LoginFailure::UnknownName);
        }
        let mut matched = None;
        for candidate in candidates {
            if let Some(answer) = fits(&candidate.verifier) {
                matched = Some((candidate, answer));
            }
        }
        let (credential, answer) = matched.ok_or(LoginFailure::NoMatch)?;
        admit(&credential, source, now)?;
        let (ends_utc_ns, parents) = self.end_of_sessions(&credential, now)?;
        self.count_use(&credential)?;
        let login = Login {
            principal: credential.principal,
            resource: credential.resource,
            credential: Some(credential.id),
            authentication: credential.authentication,
            sign_in: credential.sign_in,
            parents,
            ends_utc_ns,
        };
        Ok((login, answer))
    }

    /// Until when sessions may last, and what their sign-in hangs on.
    fn end_of_sessions(
        &self,
        credential: &StoredCredential,
        now: Instant,
    ) -> Result<(u64, Vec<SignInId>), LoginFailure> {
        let Some(id) = credential.sign_in else {
            return Ok((credential.expires_utc_ns, Vec::new()));
        };
        let found = self
            .store()
            .live_sign_in(id, now.utc_ns)
            .map_err(LoginFailure::Store)?;
        found
            .map(|sign_in| (sign_in.expires_utc_ns, sign_in.parents))
            .ok_or(LoginFailure::SignInEnded {
                credential: credential.id,
            })
    }

    /// Costs a write to disk, so it is done only where there is a limit.
    fn count_use(&self, credential: &StoredCredential) -> Result<(), LoginFailure> {
        if credential.uses_max.is_none() {
            return Ok(());
        }
        let counted = self
            .store()
            .use_credential(credential.id, credential.uses_max)
            .map_err(LoginFailure::Store)?;
        if counted {
            return Ok(());
        }
        Err(LoginFailure::UsedUp {
            credential: credential.id,
        })
    }
}

/// A principal under a sign-in: with the groups of now, and not those of when a credential was issued.
fn under(sign_in: StoredSignIn, principal: &Principal) -> Principal {
    let own = sign_in.principal;
    if (&own.issuer, &own.subject) == (&principal.issuer, &principal.subject) {
        own
    } else {
        principal.clone()
    }
}

/// Whether the right secret is good here and now.
fn admit(credential: &StoredCredential, source: IpAddr, now: Instant) -> Result<(), LoginFailure> {
    let id = credential.id;
    let networks = &credential.source_networks;
    if credential.revoked_utc_ns.is_some() {
        return Err(LoginFailure::Revoked { credential: id });
    }
    if now.utc_ns >= credential.expires_utc_ns {
        return Err(LoginFailure::Expired { credential: id });
    }
    if !networks.is_empty() && !networks.iter().any(|network| network.contains(source)) {
        return Err(LoginFailure::WrongSource { credential: id });
    }
    Ok(())
}

fn scram_verifier(stored: &StoredVerifier) -> Verifier {
    Verifier {
        salt: stored.salt.clone(),
        iterations: stored.iterations,
        stored_key: stored.stored_key,
        server_key: stored.server_key,
    }
}
