//! SSH certificates: a key of somebody's own that signs in for her as long as her sign-in lasts.
//!
//! A certificate names the sign-in that it was issued under, in a critical option that no other server knows: servers behind
//! the gateway that trust the same authority refuse it. Each use looks the sign-in up, so that ending it ends its
//! certificates.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_model::{Instant, SignInId};
use custos_signatures::SshKey;
use custos_ssh_wire::{Certificate, CertificateKind, Grant, PrivateKey};
use custos_store::{Store, StoredSignIn};

use crate::authority_key::authority_key;
use crate::error::IdentityError;
use crate::own_groups::give_own_groups;
use crate::sign_ins::SignIns;

/// The critical option with the sign-in's id.
const SIGN_IN: &str = "sign-in@custos";
/// Where the authority's seed is kept.
const SEED_SECRET: &str = "ssh.user_authority";
/// Clocks of clients that look at a certificate before they use it may be behind by so much.
const CLOCK_SKEW: Duration = Duration::from_mins(1);
const NANOSECONDS: u64 = 1_000_000_000;

/// Issues certificates, and checks them. Clones share everything. Calls block for a local disk access.
#[derive(Clone)]
pub struct CertificateAuthority {
    inner: Arc<Inner>,
}

struct Inner {
    key: PrivateKey,
    store: Store,
    sign_ins: SignIns,
    random: Box<Random>,
}

/// Fills a buffer with random bytes.
type Random = dyn Fn(&mut [u8]) + Send + Sync;

impl fmt::Debug for CertificateAuthority {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("CertificateAuthority")
            .field(&self.inner.key)
            .finish()
    }
}

/// A new certificate.
#[derive(Clone, Debug)]
pub struct IssuedCertificate {
    /// As it stands in a file `…-cert.pub`, without a remark.
    pub openssh: String,
    /// Its number.
    pub serial: u64,
    /// Until when, UTC nanoseconds.
    pub expires_utc_ns: u64,
}

/// What a client has presented: a certificate, and the signature that shows that it has the key.
#[derive(Clone, Copy)]
pub struct PresentedCertificate<'a> {
    /// The certificate, as it goes over the wire.
    pub certificate: &'a [u8],
    /// The name of the algorithm of its signature, without what marks a certificate.
    pub algorithm: &'a str,
    /// What was signed.
    pub signed: &'a [u8],
    /// The signature, as it goes over the wire.
    pub signature: &'a [u8],
}

impl fmt::Debug for PresentedCertificate<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PresentedCertificate({})", self.algorithm)
    }
}

/// Why a certificate is not taken. For the record; clients are told that the login failed.
#[derive(Debug, thiserror::Error)]
pub enum CertificateFailure {
    /// It cannot be read.
    #[error("it is no SSH certificate")]
    Malformed,
    /// Another authority's, or altered.
    #[error("it is not signed by this gateway's authority")]
    Authority,
    /// Whoever presents it has not its key.
    #[error("its key did not sign")]
    Signature,
    /// It is for servers.
    #[error("it is not for people")]
    Kind,
    /// Not yet, or no longer.
    #[error("it is not valid now")]
    Time,
    /// Another name.
    #[error("it is not for this name")]
    Principal,
    /// A condition that is not known, or none where there must be one.
    #[error("its critical options are not those of this gateway")]
    Options,
    /// The sign-in that it was issued under.
    #[error("its sign-in has ended")]
    SignInEnded,
    /// The state.
    #[error("the control state cannot be read")]
    State(#[source] IdentityError),
}

impl CertificateAuthority {
    /// The authority of this node; its key is made at the first start. `random` fills a buffer with random bytes of
    /// cryptographic quality.
    pub fn open(
        store: Store,
        sign_ins: SignIns,
        random: impl Fn(&mut [u8]) + Send + Sync + 'static,
    ) -> Result<Self, IdentityError> {
        let key = authority_key(&store, SEED_SECRET, &random)?;
        let inner = Inner {
            key,
            store,
            sign_ins,
            random: Box::new(random),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Its public key.
    pub fn public(&self) -> &SshKey {
        self.inner.key.public()
    }

    /// A certificate for a key, under a sign-in, for at most `ttl` and no longer than the sign-in lasts.
    pub fn issue(
        &self,
        sign_in: &StoredSignIn,
        key: &SshKey,
        ttl: Duration,
        now: Instant,
    ) -> Result<IssuedCertificate, IdentityError> {
        let ttl_ns = u64::try_from(ttl.as_nanos()).map_err(|_| IdentityError::TimeToLive)?;
        let expires_utc_ns = now
            .utc_ns
            .saturating_add(ttl_ns)
            .min(sign_in.expires_utc_ns);
        if expires_utc_ns <= now.utc_ns {
            return Err(IdentityError::SignInEnded);
        }
        let mut serial = [0; 8];
        (self.inner.random)(&mut serial);
        let mut nonce = [0; 32];
        (self.inner.random)(&mut nonce);
        let id = sign_in.id.to_string();
        let mut sign_in_option = (id.len() as u32).to_be_bytes().to_vec();
        sign_in_option.extend_from_slice(id.as_bytes());
        let grant = Grant {
            kind: CertificateKind::User,
            serial: u64::from_be_bytes(serial),
            key_id: format!("{} {id}", sign_in.principal.name),
            principals: vec![sign_in.principal.name.clone()],
            valid_after: now.utc_ns / NANOSECONDS - CLOCK_SKEW.as_secs(),
            valid_before: expires_utc_ns / NANOSECONDS,
            critical_options: BTreeMap::from([(SIGN_IN.to_owned(), sign_in_option)]),
            extensions: BTreeMap::new(),
        };
        let bytes = Certificate::issue(key, &grant, &self.inner.key, nonce)
            .map_err(|_| IdentityError::KeyKind)?;
        let kind = key.kind();
        let kind = kind.strip_suffix("@openssh.com").unwrap_or(kind);
        Ok(IssuedCertificate {
            openssh: format!("{kind}-cert-v01@openssh.com {}", STANDARD.encode(&bytes)),
            serial: grant.serial,
            expires_utc_ns,
        })
    }

    /// Checks a certificate by which somebody of this name signs in: its authority and what it says, that its key has signed,
    /// and that its sign-in lives. Who signed in counts as the sign-in, which is returned, says now.
    pub fn check(
        &self,
        login_name: &str,
        presented: &PresentedCertificate<'_>,
        now: Instant,
    ) -> Result<StoredSignIn, CertificateFailure> {
        let certificate = Certificate::decode(presented.certificate)
            .map_err(|_| CertificateFailure::Malformed)?;
        let id = self.judge(login_name, &certificate, now)?;
        certificate
            .key
            .verify_plain(presented.algorithm, presented.signed, presented.signature)
            .map_err(|_| CertificateFailure::Signature)?;
        let found = self.inner.sign_ins.live(id, now);
        let found = found.map_err(CertificateFailure::State)?;
        let mut sign_in = found.ok_or(CertificateFailure::SignInEnded)?;
        if sign_in.principal.name != login_name {
            return Err(CertificateFailure::Principal);
        }
        give_own_groups(&mut sign_in.principal, &self.inner.store)
            .map_err(IdentityError::store("look up the administrators"))
            .map_err(CertificateFailure::State)?;
        Ok(sign_in)
    }

    /// Whether a certificate would do for a name, whoever presents it.
    pub fn would_take(&self, login_name: &str, certificate: &[u8], now: Instant) -> bool {
        Certificate::decode(certificate)
            .is_ok_and(|certificate| self.judge(login_name, &certificate, now).is_ok())
    }

    /// What it says; the sign-in that it names.
    fn judge(
        &self,
        login_name: &str,
        certificate: &Certificate,
        now: Instant,
    ) -> Result<SignInId, CertificateFailure> {
        if !certificate.is_signed_by(self.public()) {
            return Err(CertificateFailure::Authority);
        }
        let grant = &certificate.grant;
        if grant.kind != CertificateKind::User {
            return Err(CertificateFailure::Kind);
        }
        let seconds = now.utc_ns / NANOSECONDS;
        if seconds < grant.valid_after || seconds >= grant.valid_before {
            return Err(CertificateFailure::Time);
        }
        if !grant.principals.iter().any(|name| name == login_name) {
            return Err(CertificateFailure::Principal);
        }
        // This and nothing else: a condition that is not known is a reason to refuse (PROTOCOL.certkeys).
        let mut options = grant.critical_options.iter();
        let (Some((name, value)), None) = (options.next(), options.next()) else {
            return Err(CertificateFailure::Options);
        };
        let id = value.get(4..).and_then(|id| std::str::from_utf8(id).ok());
        let id = id
            .filter(|_| name == SIGN_IN)
            .and_then(|id| id.parse().ok());
        id.ok_or(CertificateFailure::Options)
    }
}
