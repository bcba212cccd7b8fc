//! Checking what a client presents.

use std::net::IpAddr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use custos_model::{Instant, Principal, ResourceName};
use custos_scram::{ClientProof, Verifier};
use custos_store::{CredentialId, StoredCredential, StoredVerifier};

use crate::credentials::Credentials;
use crate::error::LoginFailure;
use crate::issue::is_secret_text;

/// A sign-in that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Who it is.
    pub principal: Principal,
    /// What the credential opens.
    pub resource: ResourceName,
    /// The credential that was presented.
    pub credential: CredentialId,
    /// Until when it could be presented, UTC nanoseconds.
    pub expires_utc_ns: u64,
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
        let login = Login {
            principal: credential.principal,
            resource: credential.resource,
            credential: credential.id,
            expires_utc_ns: credential.expires_utc_ns,
        };
        Ok((login, answer))
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
