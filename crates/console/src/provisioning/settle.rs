//! What a directory means for sign-ins that live: each is held against the directory as it is now.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use custos_identity::{IdentityError, StoredSignIn};
use custos_model::SignInId;
use custos_store::StoreError;

use super::{Provisioning, Standing};
use crate::console::Console;
use crate::end::Cause;

/// Sign-ins that are held against a directory at a time: their records then share a wait for the disk.
const SETTLED_AT_ONCE: usize = 16;

/// What becomes of a sign-in.
enum Held {
    /// It is over already.
    Over,
    /// It goes on, with these groups of the provider.
    Good {
        sign_in: StoredSignIn,
        given: Vec<String>,
    },
    Ends(StoredSignIn),
}

/// A sign-in could not be held against its directory.
#[derive(Debug, thiserror::Error)]
enum HoldError {
    #[error(transparent)]
    SignIn(#[from] IdentityError),
    #[error("the provider's directory cannot be read")]
    Directory(#[from] StoreError),
}

impl Console {
    /// Holds every live sign-in of provisioned providers against their directories, as they are now. Done at the start:
    /// the configuration may be another one than before, and the gateway may have stopped between a change and what
    /// follows from it.
    pub async fn settle_provisioned(&self) -> Result<(), IdentityError> {
        for provisioning in &self.provisioning {
            let turn = provisioning.turn().await;
            let ids = self.live_sign_ins(|sign_in| {
                sign_in.authentication.provider == provisioning.provider
            })?;
            let ids = ids.iter().map(|sign_in| sign_in.id).collect();
            self.settle(provisioning, ids, None).await;
            drop(turn);
        }
        Ok(())
    }

    /// Holds the live sign-ins of these users against the directory, after a change. `peer` made it. Blocks.
    pub(super) fn settle_users(
        &self,
        provisioning: &Arc<Provisioning>,
        users: &BTreeSet<String>,
        peer: SocketAddr,
    ) {
        let store = &self.services.store;
        let utc_ns = self.now().utc_ns;
        match store.provisioned_sign_ins(&provisioning.provider, users, utc_ns) {
            Ok(ids) if ids.is_empty() => {}
            Ok(ids) => {
                let settled = self.settle(provisioning, ids, Some(peer));
                tokio::runtime::Handle::current().block_on(settled);
            }
            Err(error) => {
                tracing::error!(%error, "sign-ins of changed users cannot be looked up; all sessions of people are cut");
                self.cut_all();
            }
        }
    }

    async fn settle(
        &self,
        provisioning: &Arc<Provisioning>,
        ids: Vec<SignInId>,
        peer: Option<SocketAddr>,
    ) {
        for ids in ids.chunks(SETTLED_AT_ONCE) {
            let each = ids
                .iter()
                .map(|id| self.settle_one(provisioning, *id, peer));
            futures_util::future::join_all(each).await;
        }
    }

    async fn settle_one(
        &self,
        provisioning: &Arc<Provisioning>,
        id: SignInId,
        peer: Option<SocketAddr>,
    ) {
        let directory = Arc::clone(provisioning);
        let held = self.blocking(move |console| console.held_against(&directory, id));
        match held.await {
            Some(Ok(Held::Over)) => {}
            Some(Ok(Held::Good { sign_in, given })) => {
                if let Err(error) = self.regroup(&sign_in, &given, "provisioning").await {
                    tracing::error!(%error, "a change of groups could not be put on record");
                }
            }
            Some(Ok(Held::Ends(sign_in))) => {
                self.end_sign_in(&sign_in, Cause::Provisioning, None, peer)
                    .await;
            }
            Some(Err(error)) => {
                tracing::error!(%error, "a sign-in cannot be held against its directory, so it is ended");
                self.end_unread(id, Cause::Provisioning).await;
            }
            None => self.end_unread(id, Cause::Provisioning).await,
        }
    }

    fn held_against(&self, provisioning: &Provisioning, id: SignInId) -> Result<Held, HoldError> {
        let Some(sign_in) = self.sign_ins.live(id, self.now())? else {
            return Ok(Held::Over);
        };
        let user = self
            .services
            .store
            .provisioned_user_of(&provisioning.provider, id)?;
        Ok(match self.standing(provisioning, &sign_in.principal)? {
            // Another user may have taken over the key or name: then it is not her sign-in.
            Standing::Active { user_id, given } if Some(&user_id) == user.as_ref() => {
                Held::Good { sign_in, given }
            }
            Standing::Active { .. } | Standing::Refused(_) => Held::Ends(sign_in),
        })
    }

    /// Cuts the sessions of everybody who has signed in: whose they are cannot be told while the store does not answer.
    fn cut_all(&self) {
        self.gateway
            .cut_where("the provider's directory cannot be read", |session| {
                session.sign_in.is_some()
            });
    }
}
