//! State in memory, as the store keeps it on disk.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use custos_model::{Authentication, IdSource, Instant, Principal, PrincipalKind, SignInId};
use custos_oauth::{
    FoundRefreshToken, GrantId, NewSignIn, RefreshToken, RefreshTokens, Rotation, SecretHash,
    SignIn, SignIns, StateError, Workload, WorkloadVerifier,
};

pub(crate) const HOUR_NS: u64 = 3600 * 1_000_000_000;

pub(crate) struct Memory {
    ids: IdSource,
    sign_ins: RefCell<BTreeMap<SignInId, (SignIn, Authentication)>>,
    parents: RefCell<BTreeMap<SignInId, Vec<SignInId>>>,
    refresh_tokens: RefCell<BTreeMap<SecretHash, FoundRefreshToken>>,
    revoked: RefCell<BTreeSet<GrantId>>,
    /// Every access fails.
    pub(crate) broken: Cell<bool>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            ids: IdSource::new([7; 10]),
            sign_ins: RefCell::default(),
            parents: RefCell::default(),
            refresh_tokens: RefCell::default(),
            revoked: RefCell::default(),
            broken: Cell::default(),
        }
    }
}

impl Memory {
    pub(crate) fn sign_in(&self, principal: Principal, now: Instant, lasts_ns: u64) -> SignInId {
        let sign_in = SignIn {
            id: self.ids.sign_in(now.utc_ns),
            principal,
            expires_utc_ns: now.utc_ns + lasts_ns,
        };
        let id = sign_in.id;
        let by = Authentication::by("okta", now.utc_ns);
        self.sign_ins.borrow_mut().insert(id, (sign_in, by));
        id
    }

    pub(crate) fn authentication(&self, id: SignInId) -> Authentication {
        self.sign_ins.borrow()[&id].1.clone()
    }

    pub(crate) fn is_there(&self, id: SignInId) -> bool {
        self.sign_ins.borrow().contains_key(&id)
    }

    pub(crate) fn count(&self) -> usize {
        self.sign_ins.borrow().len()
    }

    /// All that is stored of refresh tokens, as text.
    pub(crate) fn stored_text(&self) -> String {
        let tokens = self.refresh_tokens.borrow();
        let hashes = tokens.keys().map(|hash| hash.as_bytes().to_vec());
        format!("{tokens:?} {:?}", hashes.collect::<Vec<_>>())
    }

    fn works(&self) -> Result<(), StateError> {
        if self.broken.get() {
            return Err(StateError::new("read the disk", "it is on fire"));
        }
        Ok(())
    }
}

impl SignIns for Memory {
    fn live(&self, id: SignInId, now: Instant) -> Result<Option<SignIn>, StateError> {
        self.works()?;
        for parent in self.parents.borrow().get(&id).into_iter().flatten() {
            if self.live(*parent, now)?.is_none() {
                return Ok(None);
            }
        }
        let sign_ins = self.sign_ins.borrow();
        let found = sign_ins.get(&id).map(|(sign_in, _)| sign_in.clone());
        Ok(found.filter(|sign_in| now.utc_ns < sign_in.expires_utc_ns))
    }

    fn begin(&self, new: NewSignIn, now: Instant) -> Result<SignIn, StateError> {
        self.works()?;
        let sign_in = SignIn {
            id: self.ids.sign_in(now.utc_ns),
            principal: new.principal,
            expires_utc_ns: now.utc_ns + new.lasts.as_nanos() as u64,
        };
        self.parents.borrow_mut().insert(sign_in.id, new.parents);
        let kept = (sign_in.clone(), new.authentication);
        self.sign_ins.borrow_mut().insert(sign_in.id, kept);
        Ok(sign_in)
    }

    fn end(&self, id: SignInId, _now: Instant) -> Result<(), StateError> {
        self.works()?;
        self.sign_ins.borrow_mut().remove(&id);
        Ok(())
    }
}

impl RefreshTokens for Memory {
    fn insert(&self, token: &RefreshToken) -> Result<Rotation, StateError> {
        self.works()?;
        if self.revoked.borrow().contains(&token.grant) {
            return Ok(Rotation::Revoked);
        }
        let found = FoundRefreshToken {
            token: token.clone(),
            used: false,
        };
        self.refresh_tokens.borrow_mut().insert(token.hash, found);
        Ok(Rotation::Rotated)
    }

    fn find(&self, hash: &SecretHash) -> Result<Option<FoundRefreshToken>, StateError> {
        self.works()?;
        Ok(self.refresh_tokens.borrow().get(hash).cloned())
    }

    fn rotate(&self, used: &SecretHash, next: &RefreshToken) -> Result<Rotation, StateError> {
        self.works()?;
        let mut tokens = self.refresh_tokens.borrow_mut();
        match tokens.get_mut(used) {
            Some(found) if !found.used => found.used = true,
            _ => return Ok(Rotation::AlreadyUsed),
        }
        drop(tokens);
        self.insert(next)
    }

    fn revoke(&self, grant: GrantId, _keep_utc_ns: u64) -> Result<(), StateError> {
        self.works()?;
        self.revoked.borrow_mut().insert(grant);
        Ok(())
    }

    fn is_revoked(&self, grant: GrantId) -> Result<bool, StateError> {
        self.works()?;
        Ok(self.revoked.borrow().contains(&grant))
    }
}

/// Takes `workload:NAME`, `agent:NAME` and `human:NAME` for tokens of a platform.
impl WorkloadVerifier for Memory {
    fn verify(&self, token: &str, now: Instant) -> Result<Workload, &'static str> {
        let (kind, name) = token.split_once(':').ok_or("issuer_unknown")?;
        let kind = match kind {
            "workload" => PrincipalKind::Workload,
            "agent" => PrincipalKind::Agent,
            "human" => PrincipalKind::Human,
            _ => return Err("issuer_unknown"),
        };
        Ok(Workload {
            principal: principal("https://ci.example", name, kind),
            authentication: Authentication::by("ci", now.utc_ns),
        })
    }
}

pub(crate) fn principal(issuer: &str, name: &str, kind: PrincipalKind) -> Principal {
    Principal {
        issuer: issuer.to_owned(),
        subject: format!("00u-{name}"),
        name: name.to_owned(),
        kind,
        groups: vec![format!("okta:{name}s")],
        on_behalf_of: Vec::new(),
    }
}

pub(crate) fn person(name: &str) -> Principal {
    principal("https://okta.example", name, PrincipalKind::Human)
}
