//! Making a connection credential.

use std::num::NonZeroU32;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use custos_model::{
    Authentication, Instant, Principal, PrincipalKind, ResourceName, Secret, SignInId,
};
use custos_scram::Verifier;
use custos_store::{CANDIDATES_MAX, CredentialId, SourceNetwork, StoredCredential, StoredVerifier};
use zeroize::Zeroizing;

use crate::credentials::Credentials;
use crate::error::IdentityError;

/// What a credential is asked for.
#[derive(Clone, Debug)]
pub struct IssueRequest {
    /// Whom it signs in. `principal.name` becomes the login name.
    pub principal: Principal,
    /// The one resource that it opens.
    pub resource: ResourceName,
    /// How long it can be presented, from [`TTL_MIN`] to [`TTL_MAX`].
    pub ttl: Duration,
    /// Where it may be used from, at most [`SOURCE_NETWORKS_MAX`]; empty: anywhere.
    pub source_networks: Vec<SourceNetwork>,
    /// How the principal was authenticated.
    pub authentication: Authentication,
    /// The sign-in under which it is issued. The credential ends with it; `None` where the operator issues it.
    pub sign_in: Option<SignInId>,
    /// How often it may be presented, at least once; `None`: as often as wanted.
    pub uses_max: Option<u64>,
}

/// A new credential. This is the only time that its secret is seen.
#[derive(Clone, Debug)]
pub struct Issued {
    /// Its public name.
    pub id: CredentialId,
    /// What the client presents as password: `cus_` and 43 letters, digits, `-` and `_`.
    pub secret: Secret,
    /// Until when, UTC nanoseconds.
    pub expires_utc_ns: u64,
}

/// The shortest life of a credential.
pub const TTL_MIN: Duration = Duration::from_secs(1);
/// The longest life of a credential.
pub const TTL_MAX: Duration = Duration::from_hours(1);
/// As many source networks can be given.
pub const SOURCE_NETWORKS_MAX: usize = 32;

/// The principal stands in every record of its sessions, and a record is less than 64 KiB.
const PRINCIPAL_BYTES_MAX: usize = 8 * 1024;
/// An expired credential is kept for so long, so that a late sign-in is recorded as what it is.
const KEPT_AFTER_EXPIRY: Duration = Duration::from_hours(24);
/// Credentials of one principal at a time, beside those that an operator issued. Principals of several providers may have
/// one login name, and none of them may take all the room that the name has.
const LIVE_OF_PRINCIPAL_MAX: usize = 250;
const SECRET_PREFIX: &str = "cus_";
const SECRET_RANDOM_BYTES: usize = 32;
/// Unpadded base64 writes 32 bytes as 43 characters.
const SECRET_TEXT_BYTES: usize = SECRET_PREFIX.len() + 43;

impl Credentials {
    /// Makes a credential. It is on disk when this returns.
    pub fn issue(&self, request: IssueRequest, now: Instant) -> Result<Issued, IdentityError> {
        check_request(&request)?;
        self.check_state(&request, now)?;
        let ends_utc_ns = self.end_of_sign_in(request.sign_in, now)?;
        let secret = self.new_secret();
        let mut id_bytes = [0; 10];
        self.random(&mut id_bytes);
        let ttl_ns =
            u64::try_from(request.ttl.as_nanos()).map_err(|_| IdentityError::TimeToLive)?;
        let credential = StoredCredential {
            id: CredentialId::new(now.utc_ns, id_bytes),
            verifier: self.verifier(&request.principal.name, secret.expose()),
            principal: request.principal,
            resource: request.resource,
            issued_utc_ns: now.utc_ns,
            expires_utc_ns: now.utc_ns.saturating_add(ttl_ns).min(ends_utc_ns),
            revoked_utc_ns: None,
            source_networks: request.source_networks,
            authentication: request.authentication,
            sign_in: request.sign_in,
            uses_max: request.uses_max,
            uses: 0,
        };
        self.store()
            .add_credential(&credential, |bytes| self.random(bytes))
            .map_err(IdentityError::store("store a credential"))?;
        Ok(Issued {
            id: credential.id,
            secret,
            expires_utc_ns: credential.expires_utc_ns,
        })
    }

    /// What the name's parameters and this secret give.
    pub(crate) fn verifier(&self, login_name: &str, secret: &str) -> StoredVerifier {
        let parameters = self.scram_parameters(login_name);
        let iterations = NonZeroU32::new(parameters.iterations).unwrap_or(NonZeroU32::MIN);
        let derived = Verifier::derive(secret, &parameters.salt, iterations);
        StoredVerifier {
            salt: derived.salt.clone(),
            iterations: derived.iterations,
            stored_key: derived.stored_key,
            server_key: derived.server_key,
        }
    }

    fn check_state(&self, request: &IssueRequest, now: Instant) -> Result<(), IdentityError> {
        let store = self.store();
        let kept_ns = KEPT_AFTER_EXPIRY.as_nanos() as u64;
        store
            .delete_expired(now.utc_ns.saturating_sub(kept_ns))
            .map_err(IdentityError::store("delete expired credentials"))?;
        let resource = store
            .resource(&request.resource)
            .map_err(IdentityError::store("look up a resource"))?;
        if resource.is_none() {
            return Err(IdentityError::ResourceUnknown(request.resource.clone()));
        }
        let Principal {
            name: login_name,
            issuer,
            subject,
            ..
        } = &request.principal;
        let own = store
            .live_credentials_of(issuer, subject, now.utc_ns)
            .map_err(IdentityError::store("count credentials"))?;
        let valid = store
            .live_credentials_count(login_name, now.utc_ns)
            .map_err(IdentityError::store("count credentials"))?;
        if valid >= CANDIDATES_MAX || own >= LIVE_OF_PRINCIPAL_MAX {
            return Err(IdentityError::TooMany {
                login_name: login_name.clone(),
            });
        }
        Ok(())
    }

    /// Until when the sign-in lasts that a credential is issued under; the end of time where there is none.
    fn end_of_sign_in(&self, id: Option<SignInId>, now: Instant) -> Result<u64, IdentityError> {
        let Some(id) = id else { return Ok(u64::MAX) };
        let found = self
            .store()
            .live_sign_in(id, now.utc_ns)
            .map_err(IdentityError::store("look up a sign-in"))?;
        found
            .map(|sign_in| sign_in.expires_utc_ns)
            .ok_or(IdentityError::SignInEnded)
    }

    fn new_secret(&self) -> Secret {
        let mut bytes = Zeroizing::new([0; SECRET_RANDOM_BYTES]);
        self.random(bytes.as_mut_slice());
        let mut text = String::with_capacity(SECRET_TEXT_BYTES);
        text.push_str(SECRET_PREFIX);
        URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut text);
        Secret::new(text)
    }
}

/// Whether a text can be a credential's secret at all.
pub(crate) fn is_secret_text(text: &str) -> bool {
    text.len() == SECRET_TEXT_BYTES && text.starts_with(SECRET_PREFIX) && text.is_ascii()
}

fn check_request(request: &IssueRequest) -> Result<(), IdentityError> {
    let principal = &request.principal;
    if !(1..=63).contains(&principal.name.len()) || principal.name.contains(char::is_control) {
        return Err(IdentityError::LoginName);
    }
    if principal.issuer.is_empty()
        || principal.subject.is_empty()
        || principal.kind == PrincipalKind::Unknown
    {
        return Err(IdentityError::NotAPrincipal);
    }
    let too_large = IdentityError::PrincipalTooLarge {
        limit_bytes: PRINCIPAL_BYTES_MAX,
    };
    match serde_json::to_vec(principal) {
        Ok(json) if json.len() <= PRINCIPAL_BYTES_MAX => {}
        _ => return Err(too_large),
    }
    if !(TTL_MIN..=TTL_MAX).contains(&request.ttl) {
        return Err(IdentityError::TimeToLive);
    }
    if request.uses_max == Some(0) {
        return Err(IdentityError::Uses);
    }
    if request.source_networks.len() > SOURCE_NETWORKS_MAX {
        return Err(IdentityError::SourceNetworks {
            limit: SOURCE_NETWORKS_MAX,
        });
    }
    Ok(())
}
