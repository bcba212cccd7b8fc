//! Sign-ins: somebody is present at the gateway until a time, or until something ends it earlier.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use custos_model::{Authentication, IdSource, Instant, Principal, PrincipalKind, SignInId};
use custos_store::{SignInsOf, Store, StoredProviderSession, StoredSignIn};

use crate::error::IdentityError;

/// The longest a sign-in lasts, whatever the provider says.
pub const SIGN_IN_MAX: Duration = Duration::from_hours(12);

/// An ended or expired sign-in is kept for so long, so that a late use of it is recorded as what it is.
const KEPT_AFTER_EXPIRY: Duration = Duration::from_hours(24);

/// Somebody who has just been authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSignIn {
    /// Who.
    pub principal: Principal,
    /// How.
    pub authentication: Authentication,
    /// The provider's own name for its session, for logout.
    pub provider_session: Option<String>,
    /// How long the provider lets it last; cut to [`SIGN_IN_MAX`].
    pub lasts: Duration,
    /// Sign-ins that it hangs on: it ends with the first of them.
    pub parents: Vec<SignInId>,
}

/// Begins, finds and ends sign-ins. Clones share everything. Calls block for a local disk access.
#[derive(Clone)]
pub struct SignIns {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    ids: IdSource,
    random: Box<Random>,
}

/// Fills a buffer with random bytes.
type Random = dyn Fn(&mut [u8]) + Send + Sync;

/// An end of a sign-in. It is in force whatever could be stored of it: see [`Store::store_owed_ends`].
#[derive(Debug)]
pub struct SignInEnd {
    /// Whether it was there and not ended yet.
    pub stored: Result<bool, IdentityError>,
    /// Those that hung on it, and whether their own ends are stored.
    pub children: Result<Vec<(StoredSignIn, bool)>, IdentityError>,
}

impl SignIns {
    /// `random` fills a buffer with random bytes of cryptographic quality.
    pub fn new(store: Store, random: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        let mut seed = [0; 10];
        random(&mut seed);
        let inner = Inner {
            store,
            ids: IdSource::new(seed),
            random: Box::new(random),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Begins a sign-in. It is on disk when this returns.
    pub fn begin(&self, new: NewSignIn, now: Instant) -> Result<StoredSignIn, IdentityError> {
        let principal = &new.principal;
        let known = !principal.issuer.is_empty() && !principal.subject.is_empty();
        if !known || principal.kind == PrincipalKind::Unknown {
            return Err(IdentityError::NotAPrincipal);
        }
        let kept_ns = KEPT_AFTER_EXPIRY.as_nanos() as u64;
        let store = &self.inner.store;
        store
            .delete_expired_sign_ins(now.utc_ns.saturating_sub(kept_ns))
            .map_err(IdentityError::store("delete expired sign-ins"))?;
        store
            .delete_expired_tokens(now.utc_ns.saturating_sub(kept_ns))
            .map_err(IdentityError::store("delete expired tokens"))?;
        let lasts_ns = new.lasts.min(SIGN_IN_MAX).as_nanos() as u64;
        let mut expires_utc_ns = now.utc_ns.saturating_add(lasts_ns);
        for parent in &new.parents {
            let parent = self.live(*parent, now)?.ok_or(IdentityError::SignInEnded)?;
            expires_utc_ns = expires_utc_ns.min(parent.expires_utc_ns);
        }
        let sign_in = StoredSignIn {
            id: self.inner.ids.sign_in(now.utc_ns),
            principal: new.principal,
            authentication: new.authentication,
            provider_session: new.provider_session,
            parents: new.parents,
            issued_utc_ns: now.utc_ns,
            expires_utc_ns,
            revoked_utc_ns: None,
        };
        store
            .add_sign_in(&sign_in, &self.inner.random)
            .map_err(IdentityError::store("store a sign-in"))?;
        Ok(sign_in)
    }

    /// A sign-in that is good now.
    pub fn live(&self, id: SignInId, now: Instant) -> Result<Option<StoredSignIn>, IdentityError> {
        self.inner
            .store
            .live_sign_in(id, now.utc_ns)
            .map_err(IdentityError::store("look up a sign-in"))
    }

    /// All that are kept, the oldest first.
    pub fn list(&self) -> Result<Vec<StoredSignIn>, IdentityError> {
        self.inner
            .store
            .all_sign_ins()
            .map_err(IdentityError::store("list the sign-ins"))
    }

    /// Those that hang on one, and are good now.
    pub fn children(&self, id: SignInId, now: Instant) -> Result<Vec<StoredSignIn>, IdentityError> {
        let mut all = self.list()?;
        all.retain(|one| one.parents.contains(&id) && one.is_live(now.utc_ns));
        Ok(all)
    }

    /// Those that are meant and good now.
    pub fn live_of(
        &self,
        of: SignInsOf<'_>,
        now: Instant,
    ) -> Result<Vec<StoredSignIn>, IdentityError> {
        let mut found = Vec::new();
        for sign_in in self.find(of)? {
            found.extend(self.live(sign_in.id, now)?);
        }
        Ok(found)
    }

    /// Gives a sign-in that is good now other groups. `None` where it is over.
    pub fn regroup(
        &self,
        id: SignInId,
        groups: Vec<String>,
        now: Instant,
    ) -> Result<Option<StoredSignIn>, IdentityError> {
        let Some(mut sign_in) = self.live(id, now)? else {
            return Ok(None);
        };
        sign_in.principal.groups = groups;
        let changed = self
            .inner
            .store
            .change_sign_in(&sign_in, &self.inner.random)
            .map_err(IdentityError::store("change a sign-in"))?;
        Ok(changed.then_some(sign_in))
    }

    /// Keeps what the provider gave with a sign-in, in place of what was kept.
    pub fn keep_provider_session(
        &self,
        session: &StoredProviderSession,
    ) -> Result<bool, IdentityError> {
        self.inner
            .store
            .put_provider_session(session, &self.inner.random)
            .map_err(IdentityError::store("keep a provider's session"))
    }

    /// What the provider gave with a sign-in.
    pub fn provider_session(
        &self,
        id: SignInId,
    ) -> Result<Option<StoredProviderSession>, IdentityError> {
        self.inner
            .store
            .provider_session(id)
            .map_err(IdentityError::store("look up a provider's session"))
    }

    /// Those whose provider is to be asked again now, at most `at_most`.
    pub fn to_be_checked(
        &self,
        provider: &str,
        now: Instant,
        at_most: usize,
    ) -> Result<Vec<StoredProviderSession>, IdentityError> {
        self.inner
            .store
            .provider_sessions_due(provider, now.utc_ns, at_most)
            .map_err(IdentityError::store("look up what is to be checked"))
    }

    /// Ends a sign-in and its connection credentials; those that hang on it end with it. Tells whether it was there and
    /// not ended yet. Sessions that are
    /// open are the caller's to cut.
    pub fn end(&self, id: SignInId, now: Instant) -> Result<bool, IdentityError> {
        self.inner
            .store
            .revoke_sign_in(id, now.utc_ns)
            .map_err(IdentityError::store("end a sign-in"))
    }

    /// The same for a sign-in and, each with its own end, those that hang on it.
    pub fn end_with_children(&self, id: SignInId, now: Instant) -> SignInEnd {
        let stored = self.end(id, now);
        let children = self.children(id, now).map(|children| {
            let ends = children.into_iter().map(|child| {
                let stored = self.end(child.id, now).is_ok();
                (child, stored)
            });
            ends.collect()
        });
        SignInEnd { stored, children }
    }

    fn find(&self, of: SignInsOf<'_>) -> Result<Vec<StoredSignIn>, IdentityError> {
        self.inner
            .store
            .sign_ins(of)
            .map_err(IdentityError::store("look up sign-ins"))
    }
}

impl fmt::Debug for SignIns {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SignIns")
            .field("store", &self.inner.store)
            .finish_non_exhaustive()
    }
}
