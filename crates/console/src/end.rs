//! The end of a sign-in: nothing that hangs on it opens anything any more, at once.

use std::net::SocketAddr;
use std::time::Duration;

use custos_evidence::{DetailValue, RecordOutcome, RecordType};
use custos_identity::{SignInEnd, SignInsOf, StoredSignIn};
use custos_model::{Principal, SignInId};

use crate::console::Console;
use crate::record::Entry;

/// How often it is looked whether ends of sign-ins are still to be stored.
const RETRY: Duration = Duration::from_secs(1);

/// Why a sign-in ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Its owner signed out.
    Logout,
    /// The provider said so.
    Provider,
    /// The provider, asked whether she still is who she was, said something else; the word for it.
    Check(&'static str),
    /// The provider's directory does not know its owner any more, or not so.
    Provisioning,
    /// The machine or provider is another one in the configuration, or gone from it.
    Configuration,
    /// The sign-in ended that it hung on.
    Parent,
    /// Other groups of it could not be stored.
    Store,
}

impl Cause {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Provider => "provider",
            Self::Check(_) => "check",
            Self::Provisioning => "provisioning",
            Self::Configuration => "configuration",
            Self::Parent => "parent",
            Self::Store => "store",
        }
    }

    fn reason(self) -> Option<&'static str> {
        match self {
            Self::Check(word) => Some(word),
            _ => None,
        }
    }
}

/// How far the end of a sign-in has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It is over, for good.
    Stored,
    /// It is over in this process, and is stored as soon as the store takes it; until then a crash would forget it.
    NotStoredYet,
    /// It was over before.
    Before,
}

impl Console {
    /// Ends a sign-in. It is over when this returns; the record of it comes after, because an attack must not last
    /// until the disk has room. `peer` is who asked for it. Where the store fails it is over too, in this process, and
    /// is stored later; its record says so.
    pub(crate) async fn end_sign_in(
        &self,
        sign_in: &StoredSignIn,
        cause: Cause,
        actor: Option<&Principal>,
        peer: impl Into<Option<SocketAddr>>,
    ) -> Ended {
        let peer = peer.into();
        let id = sign_in.id;
        // Before the store, which may take its time, and after it for those that came in between.
        let mut cut = self.cut_sessions(id, cause.as_str());
        let end = self
            .blocking(move |console| console.sign_ins.end_with_children(id, console.now()))
            .await;
        cut += self.cut_sessions(id, cause.as_str());
        let Some(SignInEnd { stored, children }) = end else {
            self.record_end(sign_in, cause, actor, peer, (false, cut))
                .await;
            return Ended::NotStoredYet;
        };
        let ended = match stored {
            Ok(true) => Ended::Stored,
            Ok(false) => return Ended::Before,
            Err(error) => {
                tracing::error!(%error, "the end of a sign-in could not be stored; it is over, and will be stored later");
                Ended::NotStoredYet
            }
        };
        let children = children.unwrap_or_else(|error| {
            tracing::error!(%error, "what hangs on a sign-in could not be looked up; it is over without records of its own");
            Vec::new()
        });
        let stored = ended == Ended::Stored;
        self.record_end(sign_in, cause, actor, peer, (stored, cut))
            .await;
        for (child, stored) in &children {
            self.record_end(child, Cause::Parent, actor, peer, (*stored, 0))
                .await;
        }
        ended
    }

    /// Ends a sign-in that cannot be read, and so not be put on record.
    pub(crate) async fn end_unread(&self, id: SignInId, cause: Cause) {
        let ended = self.blocking(move |console| console.sign_ins.end(id, console.now()));
        if let Some(Err(error)) = ended.await {
            tracing::error!(%error, sign_in = %id, "a sign-in could not be ended in the store; its sessions are cut");
        }
        self.cut_sessions(id, cause.as_str());
    }

    async fn record_end(
        &self,
        sign_in: &StoredSignIn,
        cause: Cause,
        actor: Option<&Principal>,
        peer: Option<SocketAddr>,
        (stored, cut): (bool, usize),
    ) {
        let text = sign_in.id.to_string();
        let detail = [
            ("cause", DetailValue::Text(cause.as_str())),
            ("principal", DetailValue::Text(&sign_in.principal.name)),
            (
                "principal_iss",
                DetailValue::Text(&sign_in.principal.issuer),
            ),
            (
                "principal_sub",
                DetailValue::Text(&sign_in.principal.subject),
            ),
            ("sessions", DetailValue::from(cut)),
            ("sign_in", DetailValue::Text(&text)),
        ];
        let recorded = self
            .record(Entry {
                kind: RecordType::SignInEnded,
                outcome: if stored {
                    RecordOutcome::Ok
                } else {
                    RecordOutcome::Failed
                },
                actor: Some(actor.unwrap_or(&sign_in.principal)),
                peer,
                target: None,
                reason: if stored {
                    cause.reason()
                } else {
                    Some("not_stored_yet")
                },
                detail: &detail,
            })
            .await;
        if let Err(error) = recorded {
            tracing::error!(%error, "the end of a sign-in could not be put on record");
        }
    }

    /// Stores what could not be stored when it ended, as soon as it can be.
    pub(crate) async fn keep_ends_stored(&self) {
        let mut looks = tokio::time::interval(RETRY);
        loop {
            looks.tick().await;
            let stored = self
                .blocking(|console| console.services.store.store_owed_ends())
                .await;
            match stored {
                Some(Ok(0)) | None => {}
                Some(Ok(stored)) => tracing::info!(stored, "ends of sign-ins are stored now"),
                Some(Err(error)) => {
                    tracing::error!(%error, "ends of sign-ins cannot be stored yet");
                }
            }
        }
    }

    /// Ends all sign-ins of a machine whose configuration has changed.
    pub async fn end_sign_ins_of(&self, issuer: &str, subject: &str) {
        let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
        let found = self
            .blocking(move |console| {
                let of = SignInsOf::Principal {
                    issuer: &issuer,
                    subject: &subject,
                };
                console.sign_ins.live_of(of, console.now())
            })
            .await;
        match found {
            Some(Ok(found)) => {
                for sign_in in &found {
                    self.end_sign_in(sign_in, Cause::Configuration, None, None)
                        .await;
                }
            }
            Some(Err(error)) => {
                tracing::error!(%error, "the sign-ins of a machine could not be looked up");
            }
            None => {}
        }
    }

    /// Cuts the live sessions of a sign-in and forgets its browsers; tells how many sessions.
    pub(crate) fn cut_sessions(&self, id: SignInId, cause: &str) -> usize {
        self.browsers.forget_sign_in(id);
        let reason = format!("the sign-in has ended ({cause})");
        self.gateway
            .cut_where(&reason, |session| session.hangs_on(id))
    }
}
