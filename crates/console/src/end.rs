//! The end of a sign-in: nothing that hangs on it opens anything any more, at once.

use std::net::SocketAddr;

use custos_evidence::{DetailValue, RecordOutcome, RecordType};
use custos_identity::{SignInsOf, StoredSignIn};
use custos_model::{Principal, SignInId};

use crate::console::Console;
use crate::record::Entry;

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
    /// The machine is another one in the configuration, or gone from it.
    Configuration,
}

impl Cause {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Provider => "provider",
            Self::Check(_) => "check",
            Self::Provisioning => "provisioning",
            Self::Configuration => "configuration",
        }
    }

    fn reason(self) -> Option<&'static str> {
        match self {
            Self::Check(word) => Some(word),
            _ => None,
        }
    }
}

impl Console {
    /// Ends a sign-in. It is over when this returns; the record of it comes after, because an attack must not last
    /// until the disk has room. `peer` is who asked for it. Tells whether there was anything to end.
    pub(crate) async fn end_sign_in(
        &self,
        sign_in: &StoredSignIn,
        cause: Cause,
        actor: Option<&Principal>,
        peer: impl Into<Option<SocketAddr>>,
    ) -> bool {
        let peer = peer.into();
        let id = sign_in.id;
        let ended = self
            .blocking(move |console| {
                let now = console.now();
                console.sign_ins.end(id, now)
            })
            .await;
        let ended = match ended {
            Some(Ok(ended)) => ended,
            Some(Err(error)) => {
                tracing::error!(%error, "a sign-in could not be ended in the store; its sessions are cut");
                true
            }
            None => true,
        };
        let cut = self.cut_sessions(id, cause.as_str());
        if !ended {
            return false;
        }
        let text = id.to_string();
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
                outcome: RecordOutcome::Ok,
                actor: Some(actor.unwrap_or(&sign_in.principal)),
                peer,
                target: None,
                reason: cause.reason(),
                detail: &detail,
            })
            .await;
        if let Err(error) = recorded {
            tracing::error!(%error, "the end of a sign-in could not be put on record");
        }
        true
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
