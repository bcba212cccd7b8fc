//! Asking providers from time to time whether those who are signed in still are who they were, and in which groups.

use std::collections::HashMap;
use std::time::Duration;

use custos_evidence::{DetailValue, RecordOutcome, RecordType};
use custos_identity::{OidcCheck, ProviderFailure, StoredProviderSession, StoredSignIn};
use custos_model::{Instant, SignInId};
use custos_oidc::RefreshGrant;
use tokio_util::sync::CancellationToken;

use crate::console::{Console, OpenIdProvider, Provider};
use crate::end::Cause;
use crate::record::Entry;

/// How often it is looked whether anybody is due.
const LOOK: Duration = Duration::from_secs(1);
/// Questions to one provider at a time.
const AT_ONCE_MAX: usize = 32;
/// When a provider is asked again that could not answer; sooner where it is asked more often anyway.
const RETRY: Duration = Duration::from_mins(1);

/// Sign-ins whose provider could not answer the last time, and until when each lasts at most, UTC nanoseconds.
type Unchecked = HashMap<SignInId, u64>;

impl OpenIdProvider {
    /// When somebody who was checked now is to be checked again, UTC nanoseconds.
    pub(crate) fn next_check(&self, now: Instant) -> u64 {
        after(now, self.check_interval)
    }
}

impl Console {
    /// Checks everybody who is signed in, each provider's people on their own, until `stop`.
    pub async fn keep_checked(self, stop: CancellationToken) {
        let openid = self.providers.iter().filter_map(|web| match &web.provider {
            Provider::OpenId(openid) => Some(openid),
            // Nothing can be asked of it.
            Provider::Saml(_) => None,
        });
        let checks = openid.map(|provider| self.keep_people_checked(provider));
        let both = futures_util::future::join(
            futures_util::future::join_all(checks),
            self.keep_ends_stored(),
        );
        tokio::select! {
            _ = both => {}
            () = stop.cancelled() => {}
        }
    }

    async fn keep_people_checked(&self, provider: &OpenIdProvider) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut unchecked = Unchecked::new();
        loop {
            looks.tick().await;
            while self.check_some(provider, &mut unchecked).await == AT_ONCE_MAX {}
        }
    }

    /// Checks those who are due, and tells how many of them are not due any more.
    async fn check_some(&self, provider: &OpenIdProvider, unchecked: &mut Unchecked) -> usize {
        let name = provider.provider.name().to_owned();
        let due = self
            .blocking(move |console| {
                let now = console.now();
                console.sign_ins.to_be_checked(&name, now, AT_ONCE_MAX)
            })
            .await;
        let due = match due {
            Some(Ok(due)) => due,
            Some(Err(error)) => {
                tracing::error!(%error, "who is to be checked could not be looked up");
                return 0;
            }
            None => return 0,
        };
        let questions = due.iter().map(|session| async {
            let grant = grant(session)?;
            Some(provider.provider.check(grant, self.bytes()).await)
        });
        let answers = futures_util::future::join_all(questions).await;
        let mut kept = 0;
        for (session, answer) in due.into_iter().zip(answers) {
            if let Some(answer) = answer
                && self.answered(provider, session, answer, unchecked).await
            {
                kept += 1;
            }
        }
        kept
    }

    /// Does what follows from an answer; tells whether the store could keep when to ask next.
    async fn answered(
        &self,
        provider: &OpenIdProvider,
        session: StoredProviderSession,
        answer: Result<OidcCheck, ProviderFailure>,
        unchecked: &mut Unchecked,
    ) -> bool {
        let id = session.sign_in;
        let now = self.now();
        let pause = provider.check_interval.min(RETRY);
        let (next, answer) = match answer {
            Ok(check) => {
                let next = StoredProviderSession {
                    refresh_token: Some(check.refresh.refresh_token),
                    due_utc_ns: Some(provider.next_check(now)),
                    ..session
                };
                (next, Ok(check.principal.groups))
            }
            Err(failure) => {
                let next = StoredProviderSession {
                    due_utc_ns: Some(after(now, pause)),
                    ..session
                };
                (next, Err(failure))
            }
        };
        // Neither waits for the other: what follows holds also where the store cannot keep when to ask next.
        let keeping = self.blocking(move |console| console.sign_ins.keep_provider_session(&next));
        let following = self.follow(id, answer, unchecked);
        let (kept, ()) = futures_util::future::join(keeping, following).await;
        if let Some(Err(error)) = &kept {
            tracing::error!(%error, sign_in = %id, "when a sign-in is to be checked next could not be stored");
        }
        matches!(kept, Some(Ok(_)))
    }

    /// What an answer means for a sign-in: the groups that the provider gives now, or why it gave none.
    async fn follow(
        &self,
        id: SignInId,
        answer: Result<Vec<String>, ProviderFailure>,
        unchecked: &mut Unchecked,
    ) {
        let sign_in = self
            .blocking(move |console| console.sign_ins.live(id, console.now()))
            .await;
        let sign_in = match sign_in {
            Some(Ok(Some(sign_in))) => sign_in,
            // It ended meanwhile.
            Some(Ok(None)) => return,
            Some(Err(error)) => {
                tracing::error!(%error, sign_in = %id, "a sign-in that was checked cannot be read, so it is ended");
                return self.end_unread(id, Cause::Store).await;
            }
            None => return self.end_unread(id, Cause::Store).await,
        };
        match answer {
            // Its directory says which groups, and says it by itself.
            Ok(_)
                if self
                    .provisioning_of(&sign_in.authentication.provider)
                    .is_some() =>
            {
                unchecked.remove(&id);
            }
            Ok(given) => {
                unchecked.remove(&id);
                if let Err(error) = self.regroup(&sign_in, &given, "check").await {
                    tracing::error!(%error, "a change of groups could not be put on record");
                }
            }
            Err(failure) if failure.ends_sign_in() => {
                unchecked.remove(&id);
                tracing::info!(sign_in = %id, kind = failure.code(), "the provider ended a sign-in");
                self.end_sign_in(&sign_in, Cause::Check(failure.code()), None, None)
                    .await;
            }
            Err(failure) => {
                let now = self.now().utc_ns;
                unchecked.retain(|_, expires| now < *expires);
                if unchecked.insert(id, sign_in.expires_utc_ns).is_none() {
                    self.record_unchecked(&sign_in, &failure).await;
                }
            }
        }
    }

    async fn record_unchecked(&self, sign_in: &StoredSignIn, failure: &ProviderFailure) {
        let provider = sign_in.authentication.provider.as_str();
        tracing::warn!(provider, kind = failure.code(), sign_in = %sign_in.id, "a sign-in could not be checked; it goes on");
        let id = sign_in.id.to_string();
        let reason = failure.to_string();
        let detail = [
            ("kind", DetailValue::Text(failure.code())),
            ("provider", DetailValue::Text(provider)),
            ("sign_in", DetailValue::Text(&id)),
        ];
        let recorded = self
            .record(Entry {
                kind: RecordType::SignInUnchecked,
                outcome: RecordOutcome::Failed,
                actor: Some(&sign_in.principal),
                peer: None,
                target: None,
                reason: Some(&reason),
                detail: &detail,
            })
            .await;
        if let Err(error) = recorded {
            tracing::error!(%error, "that a sign-in could not be checked could not be put on record");
        }
    }
}

fn grant(session: &StoredProviderSession) -> Option<RefreshGrant> {
    Some(RefreshGrant {
        refresh_token: session.refresh_token.clone()?,
        subject: session.subject.clone(),
        nonce: session.nonce.clone(),
        authenticated_at: session.authenticated_at,
    })
}

fn after(now: Instant, pause: Duration) -> u64 {
    let pause = u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX);
    now.utc_ns.saturating_add(pause)
}
