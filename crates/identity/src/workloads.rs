//! Machines: what they present is their platform's own signed token, so that no secret has to be kept anywhere.
//!
//! A workload is told by claims that do not change hands: numeric ids of a repository or project, the uid of a service
//! account. Names alone are not enough, since somebody else can take a name over.

mod binding;
mod claim;
mod kind;

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use custos_jwt::{Class, Rejection, Token, Verified};
use custos_model::{Authentication, Instant, Principal, PrincipalKind};

use crate::keyring::Keyring;
use binding::Bindings;

pub use claim::{ClaimError, ClaimValue};
pub use kind::WorkloadKind;

/// Tokens in use at once; more are refused until some expire.
const TOKENS_MAX: usize = 100_000;

/// An issuer whose tokens machines present.
#[derive(Clone, Debug)]
pub struct WorkloadIssuer {
    /// Its name in the configuration, and in records.
    pub name: String,
    /// Whose tokens they are.
    pub kind: WorkloadKind,
    /// Its record and keys.
    pub keyring: Keyring,
}

/// A machine identity.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Its login name.
    pub name: String,
    /// Name of its issuer in the configuration.
    pub issuer: String,
    /// What its tokens say, all of it.
    pub claims: Vec<ClaimValue>,
    /// Groups that it belongs to.
    pub groups: Vec<String>,
}

/// A token that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadLogin {
    /// Who it is.
    pub principal: Principal,
    /// By whom, with what the token says of repository, workflow and run.
    pub authentication: Authentication,
    /// The end of the token, UTC nanoseconds.
    pub ends_utc_ns: u64,
}

/// Settings that do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkloadError {
    /// The issuer of a workload is not configured.
    #[error("workload `{workload}` is of issuer `{issuer}`, which is not there")]
    NoSuchIssuer {
        /// The workload.
        workload: String,
        /// What it names.
        issuer: String,
    },
    /// Nothing pins the workload to one that cannot be taken over.
    #[error("workload `{workload}` must say one of: {}", needed.join(", "))]
    NotPinned {
        /// The workload.
        workload: String,
        /// Claims of which one is needed.
        needed: &'static [&'static str],
    },
    /// Two of one name.
    #[error("there are two workloads `{workload}`")]
    Repeated {
        /// The name.
        workload: String,
    },
}

/// Why a token is refused: for the record only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFailure {
    /// No workload has that name.
    #[error("unknown workload")]
    UnknownName,
    /// The token itself.
    #[error("token refused: {_0}")]
    Rejected(Rejection),
    /// The token is good, and somebody else's.
    #[error("the token's claim `{claim}` is not that of the workload")]
    OtherWorkload {
        /// The claim.
        claim: String,
    },
    /// The token is good, and fits more than one workload.
    #[error("the token fits more than one workload")]
    Ambiguous,
    /// The same token was presented from another address before.
    #[error("the token was presented from another address before")]
    Replayed,
    /// Too many tokens are in use.
    #[error("too many tokens are in use")]
    Full,
}

impl TokenFailure {
    /// A stable word for records and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownName => "unknown_name",
            Self::Rejected(rejection) => rejection.code(),
            Self::OtherWorkload { .. } => "other_workload",
            Self::Ambiguous => "ambiguous",
            Self::Replayed => "replayed",
            Self::Full => "full",
        }
    }
}

/// The machine identities of a node. Clones share everything.
#[derive(Clone, Default)]
pub struct Workloads {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    issuers: HashMap<String, WorkloadIssuer>,
    workloads: HashMap<String, Workload>,
    bindings: Bindings,
}

impl Workloads {
    /// Checks that every workload has its issuer and is pinned.
    pub fn new(
        issuers: Vec<WorkloadIssuer>,
        workloads: Vec<Workload>,
    ) -> Result<Self, WorkloadError> {
        let issuers: HashMap<_, _> = issuers
            .into_iter()
            .map(|issuer| (issuer.name.clone(), issuer))
            .collect();
        let mut by_name = HashMap::new();
        for workload in workloads {
            let name = workload.name.clone();
            let Some(issuer) = issuers.get(&workload.issuer) else {
                return Err(WorkloadError::NoSuchIssuer {
                    workload: name,
                    issuer: workload.issuer,
                });
            };
            let needed = issuer.kind.pins();
            if !workload
                .claims
                .iter()
                .any(|claim| needed.contains(&claim.path()))
            {
                return Err(WorkloadError::NotPinned {
                    workload: name,
                    needed,
                });
            }
            if by_name.insert(name.clone(), workload).is_some() {
                return Err(WorkloadError::Repeated { workload: name });
            }
        }
        let inner = Inner {
            issuers,
            workloads: by_name,
            bindings: Bindings::new(TOKENS_MAX),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Whether a login name is a workload's. Names of workloads are no secret.
    pub fn expects_token(&self, login_name: &str) -> bool {
        self.inner.workloads.contains_key(login_name)
    }

    /// The issuers, to keep their keys fresh.
    pub fn issuers(&self) -> impl Iterator<Item = &WorkloadIssuer> {
        self.inner.issuers.values()
    }

    /// Takes a workload's token. The same token can be presented again, since jobs connect more than once, but only
    /// from the address that presented it first.
    pub async fn check(
        &self,
        login_name: &str,
        token: &str,
        source: IpAddr,
        now: Instant,
    ) -> Result<WorkloadLogin, TokenFailure> {
        let found = self.inner.workloads.get(login_name);
        let workload = found.ok_or(TokenFailure::UnknownName)?;
        let issuer = self.inner.issuers.get(&workload.issuer);
        let issuer = issuer.ok_or(TokenFailure::UnknownName)?;
        let verified = verify(issuer, token, now)
            .await
            .map_err(TokenFailure::Rejected)?;
        if let Some(claim) = workload.claims.iter().find(|claim| !claim.is_in(&verified)) {
            return Err(TokenFailure::OtherWorkload {
                claim: claim.path().to_owned(),
            });
        }
        self.taken(workload, issuer, &verified, token, source, now)
    }

    /// Takes a token without being told whose it is: the one workload that it fits.
    pub async fn identify(
        &self,
        token: &str,
        source: IpAddr,
        now: Instant,
    ) -> Result<WorkloadLogin, TokenFailure> {
        let parsed = Token::parse(token.as_bytes()).map_err(TokenFailure::Rejected)?;
        let issuers = self.inner.issuers.values();
        let issuers: Vec<_> = issuers.collect();
        let records: Vec<_> = issuers
            .iter()
            .map(|issuer| issuer.keyring.issuer())
            .collect();
        let chosen = parsed
            .choose(&records)
            .ok_or(TokenFailure::Rejected(Rejection::IssuerWrong))?;
        let issuer = issuers
            .into_iter()
            .find(|issuer| issuer.keyring.issuer() == *chosen)
            .ok_or(TokenFailure::UnknownName)?;
        let verified = verify(issuer, token, now)
            .await
            .map_err(TokenFailure::Rejected)?;
        let mut fitting = self.inner.workloads.values().filter(|workload| {
            workload.issuer == issuer.name
                && workload.claims.iter().all(|claim| claim.is_in(&verified))
        });
        let workload = fitting.next().ok_or(TokenFailure::UnknownName)?;
        if fitting.next().is_some() {
            return Err(TokenFailure::Ambiguous);
        }
        self.taken(workload, issuer, &verified, token, source, now)
    }

    fn taken(
        &self,
        workload: &Workload,
        issuer: &WorkloadIssuer,
        verified: &Verified,
        token: &str,
        source: IpAddr,
        now: Instant,
    ) -> Result<WorkloadLogin, TokenFailure> {
        let ends_at = verified.expires_at().unwrap_or_default();
        self.inner
            .bindings
            .bind(verified.issuer(), token, source, ends_at, now)?;
        Ok(WorkloadLogin {
            principal: Principal {
                issuer: verified.issuer().to_owned(),
                subject: verified.subject().unwrap_or_default().to_owned(),
                name: workload.name.clone(),
                kind: PrincipalKind::Workload,
                groups: workload.groups.clone(),
                on_behalf_of: Vec::new(),
            },
            authentication: Authentication {
                facts: facts(issuer.kind, workload, verified),
                ..Authentication::by(&issuer.name, verified.issued_at() * 1_000_000_000)
            },
            ends_utc_ns: ends_at.saturating_mul(1_000_000_000),
        })
    }
}

async fn verify(issuer: &WorkloadIssuer, token: &str, now: Instant) -> Result<Verified, Rejection> {
    let token = Token::parse(token.as_bytes())?;
    let keys = issuer.keyring.for_token(token.header()).await?;
    keys.verify(&token, &Class::WorkloadToken, now)
}

/// What is pinned and what else the platform says of the job, each once.
fn facts(kind: WorkloadKind, workload: &Workload, verified: &Verified) -> Vec<(String, String)> {
    let pinned = workload.claims.iter().map(ClaimValue::path);
    let mut paths: Vec<&str> = pinned.chain(kind.recorded().iter().copied()).collect();
    paths.sort_unstable();
    paths.dedup();
    let value = |path: &str| {
        let text = claim::text_of(verified, path)?;
        Some((path.to_owned(), text))
    };
    paths.into_iter().filter_map(value).collect()
}

impl fmt::Debug for Workloads {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Workloads").finish_non_exhaustive()
    }
}
