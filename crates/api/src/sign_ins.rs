//! Sign-ins: who is present, and ending that.

use std::collections::HashSet;

use custos_evidence::{DetailValue, RecordOutcome, RecordType};
use custos_identity::{SignInEnd, SignInsOf, StoredSignIn};
use custos_model::{Rfc3339, SignInId};

use crate::admin::Admin;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::record::Act;
use crate::wire::SignInRow;

impl Admin {
    /// Every sign-in that is kept, oldest first.
    pub async fn sign_ins(&self) -> Result<Vec<SignInRow>, ApiError> {
        self.blocking(|admin| {
            let now = admin.services().clock.now();
            let list = admin
                .services()
                .sign_ins
                .list()
                .map_err(ApiError::Identity)?;
            let live: HashSet<SignInId> = list
                .iter()
                .filter(|sign_in| sign_in.is_live(now.utc_ns))
                .map(|sign_in| sign_in.id)
                .collect();
            let rows = list.into_iter();
            Ok(rows
                .map(|sign_in| row(sign_in, &live, now.utc_ns))
                .collect())
        })
        .await
    }

    /// Ends a sign-in: its tokens and credentials open nothing any more, and its sessions are cut. The record comes
    /// after that, because what is to be stopped must not go on until the disk has room.
    pub async fn end_sign_in(
        &self,
        caller: impl Into<Caller>,
        id: SignInId,
    ) -> Result<(), ApiError> {
        let (admin, caller) = (self.clone(), caller.into());
        self.to_the_end(async move { admin.end_recorded(&caller, id).await })
            .await
    }

    async fn end_recorded(&self, caller: &Caller, id: SignInId) -> Result<(), ApiError> {
        let ended = self
            .blocking(move |admin| {
                let sign_ins = &admin.services().sign_ins;
                let now = admin.services().clock.now();
                let found = sign_ins
                    .live_of(SignInsOf::Id(id), now)
                    .map_err(ApiError::Identity)?;
                Ok((found, sign_ins.end_with_children(id, now)))
            })
            .await;
        // Whatever could be stored: the end is in force.
        let cut = self
            .gateway()
            .cut_where("the sign-in has ended (administrator)", |session| {
                session.hangs_on(id)
            });
        let (found, SignInEnd { stored, children }) = ended?;
        let Some(sign_in) = found.into_iter().next() else {
            // Ended before, or its time was over; that is on record already.
            return if stored.map_err(ApiError::Identity)? {
                Ok(())
            } else {
                Err(ApiError::NotFound(format!("live sign-in {id}")))
            };
        };
        let cause = ("administrator", cut);
        self.record_end(caller, &sign_in, cause, stored.is_ok())
            .await?;
        for (child, stored) in children.as_deref().unwrap_or_default() {
            self.record_end(caller, child, ("parent", 0), *stored)
                .await?;
        }
        stored.map_err(ApiError::Identity)?;
        children.map_err(ApiError::Identity)?;
        tracing::info!(sign_in = %id, sessions = cut, "sign-in ended");
        Ok(())
    }

    async fn record_end(
        &self,
        caller: &Caller,
        sign_in: &StoredSignIn,
        (cause, cut): (&str, usize),
        stored: bool,
    ) -> Result<(), ApiError> {
        let text = sign_in.id.to_string();
        let principal = &sign_in.principal;
        let detail = [
            ("cause", DetailValue::Text(cause)),
            ("principal", DetailValue::Text(&principal.name)),
            ("principal_iss", DetailValue::Text(&principal.issuer)),
            ("principal_sub", DetailValue::Text(&principal.subject)),
            ("sessions", DetailValue::from(cut)),
            ("sign_in", DetailValue::Text(&text)),
        ];
        self.record(
            caller,
            Act {
                kind: RecordType::SignInEnded,
                outcome: if stored {
                    RecordOutcome::Ok
                } else {
                    RecordOutcome::Failed
                },
                reason: (!stored).then_some("not_stored_yet"),
                target: None,
                detail: &detail,
            },
        )
        .await?;
        Ok(())
    }
}

fn row(sign_in: StoredSignIn, live: &HashSet<SignInId>, now_utc_ns: u64) -> SignInRow {
    let alone = sign_in.parents.iter().any(|parent| !live.contains(parent));
    let state =
        if sign_in.revoked_utc_ns.is_some() || (alone && now_utc_ns < sign_in.expires_utc_ns) {
            "ended"
        } else if sign_in.is_live(now_utc_ns) {
            "live"
        } else {
            "expired"
        };
    SignInRow {
        id: sign_in.id,
        state: state.to_owned(),
        principal: sign_in.principal,
        provider: sign_in.authentication.provider,
        started: Rfc3339(sign_in.issued_utc_ns).to_string(),
        expires: Rfc3339(sign_in.expires_utc_ns).to_string(),
    }
}
