//! Provisioning: a provider's people and groups as its directory says by SCIM 2.0 (RFC 7643, RFC 7644).
//!
//! Where a provider is provisioned, its directory alone says who may sign in and with which groups. What happens to a
//! user there happens to the sign-ins that were begun in her name.
//!
//! **Invariant**: a change is on record before it is made, and made before it is answered.
//! **Invariant**: requests of one provider, and sign-ins with it, come one after the other: nobody signs in by what a
//! request is just taking away.

mod endpoint;
mod settle;
mod told;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use custos_evidence::{DetailValue, RecordOutcome, RecordType};
use custos_identity::{IdentityError, NewSignIn, StoredSignIn};
use custos_model::{Instant, Principal, Secret};
use custos_oidc::MAX_GROUPS;
use custos_scim::ServiceProvider;
use custos_store::{PersonKey, StoreError};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::console::Console;
use crate::record::Entry;

pub(crate) use endpoint::answer;

/// Who may write a provider's directory, and how its people are found in it.
#[derive(Clone, Debug)]
pub struct ProvisioningSettings {
    /// The provider whose people they are.
    pub provider: String,
    /// Bearer tokens of the provisioning source: the one in use, and the next one.
    pub tokens: Vec<Secret>,
    /// What of a user is the same as what the provider says when she signs in.
    pub matched_by: MatchedBy,
}

/// How a person who signs in is found in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchedBy {
    /// `externalId` is the sign-in's subject.
    ExternalId,
    /// `userName` is the sign-in's name, its case included.
    UserName,
}

/// The directory of one provider.
pub(crate) struct Provisioning {
    provider: String,
    matched_by: MatchedBy,
    token_hashes: Vec<[u8; 32]>,
    service: ServiceProvider,
    turn: Arc<Mutex<()>>,
    /// A request whose changes are on record and were not made, until that is on record too.
    owed: std::sync::Mutex<Option<NotStored>>,
}

/// Changes that were not made after all.
#[derive(Clone, Debug)]
struct NotStored {
    request: String,
    reason: String,
    peer: SocketAddr,
}

/// Somebody whom a directory lets in. It stands still until this is dropped.
pub(crate) struct Admitted {
    provider: String,
    user_id: String,
    _turn: OwnedMutexGuard<()>,
}

/// Why a directory lets somebody not in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAdmitted {
    /// There is no active user of hers.
    NotProvisioned,
    /// She is in more groups than anybody may be.
    GroupsTooMany,
    /// The directory cannot be read.
    Unavailable,
}

/// What a directory says of somebody.
enum Standing {
    /// She may sign in, with these groups under the provider's name.
    Active {
        user_id: String,
        given: Vec<String>,
    },
    Refused(NotAdmitted),
}

/// A sign-in could not be begun in the name of a user.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BeginError {
    #[error(transparent)]
    SignIn(#[from] IdentityError),
    #[error("whose sign-in it is could not be stored")]
    Link(#[source] StoreError),
}

impl Provisioning {
    /// `base_url` is the gateway's, without a slash at its end.
    pub(crate) fn new(settings: &ProvisioningSettings, base_url: &str) -> Self {
        let provider = &settings.provider;
        let tokens = settings.tokens.iter();
        Self {
            provider: provider.clone(),
            matched_by: settings.matched_by,
            token_hashes: tokens.map(|token| sha256(token.expose())).collect(),
            service: ServiceProvider::new(&format!("{base_url}/scim/v2/{provider}")),
            turn: Arc::default(),
            owed: std::sync::Mutex::default(),
        }
    }

    /// Whether the token is one of its source's. Takes as long for each.
    fn knows(&self, token: &str) -> bool {
        let hash = sha256(token);
        self.token_hashes.iter().fold(false, |known, own| {
            known | verify_slices_are_equal(own, &hash).is_ok()
        })
    }

    async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.turn).lock_owned().await
    }
}

impl NotAdmitted {
    /// A stable word for records.
    fn code(self) -> &'static str {
        match self {
            Self::NotProvisioned => "not_provisioned",
            Self::GroupsTooMany => "groups_too_many",
            Self::Unavailable => "directory_unavailable",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::NotProvisioned => "the provider's directory has no active user for this person",
            Self::GroupsTooMany => "this person is in too many groups of the provider's directory",
            Self::Unavailable => "the provider's directory cannot be read",
        }
    }
}

impl Console {
    pub(crate) fn provisioning_of(&self, provider: &str) -> Option<&Arc<Provisioning>> {
        let mut all = self.provisioning.iter();
        all.find(|provisioning| provisioning.provider == provider)
    }

    /// Asks the directory of a provider whether somebody may sign in, and gives her the groups that it says. `None`
    /// where the provider is not provisioned: then her groups are those that she came with.
    pub(crate) async fn admit(
        &self,
        provider: &str,
        principal: &mut Principal,
    ) -> Result<Option<Admitted>, NotAdmitted> {
        let Some(provisioning) = self.provisioning_of(provider).cloned() else {
            return Ok(None);
        };
        let turn = provisioning.turn().await;
        let asked = principal.clone();
        let standing = self
            .blocking(move |console| console.standing(&provisioning, &asked))
            .await;
        match standing {
            Some(Ok(Standing::Active { user_id, given })) => {
                principal.groups = given;
                Ok(Some(Admitted {
                    provider: provider.to_owned(),
                    user_id,
                    _turn: turn,
                }))
            }
            Some(Ok(Standing::Refused(why))) => Err(why),
            Some(Err(error)) => {
                tracing::error!(%error, provider, "a provider's directory cannot be read");
                Err(NotAdmitted::Unavailable)
            }
            None => Err(NotAdmitted::Unavailable),
        }
    }

    /// Begins a sign-in in the name of whom the directory let in. Blocks for the disk.
    pub(crate) fn begin_admitted(
        &self,
        new: NewSignIn,
        admitted: Option<Admitted>,
        now: Instant,
    ) -> Result<StoredSignIn, BeginError> {
        let sign_in = self.sign_ins.begin(new, now)?;
        if let Some(admitted) = admitted {
            let store = &self.services.store;
            let linked =
                store.link_provisioned_sign_in(sign_in.id, &admitted.provider, &admitted.user_id);
            if let Err(error) = linked {
                // Nobody has got it yet.
                self.sign_ins.end(sign_in.id, now)?;
                return Err(BeginError::Link(error));
            }
        }
        Ok(sign_in)
    }

    /// Puts on record that a directory did not let somebody in who has proved who she is.
    pub(crate) async fn record_not_admitted(
        &self,
        provider: &str,
        principal: &Principal,
        why: NotAdmitted,
        peer: SocketAddr,
    ) {
        let detail = [
            ("kind", DetailValue::Text(why.code())),
            ("provider", DetailValue::Text(provider)),
        ];
        let recorded = self
            .record(Entry {
                kind: RecordType::SignInFailed,
                outcome: match why {
                    NotAdmitted::Unavailable => RecordOutcome::Failed,
                    NotAdmitted::NotProvisioned | NotAdmitted::GroupsTooMany => {
                        RecordOutcome::Denied
                    }
                },
                actor: Some(principal),
                peer: Some(peer),
                target: None,
                reason: Some(why.text()),
                detail: &detail,
            })
            .await;
        if let Err(error) = recorded {
            tracing::error!(%error, "a failed sign-in could not be put on record");
        }
    }

    fn standing(
        &self,
        provisioning: &Provisioning,
        principal: &Principal,
    ) -> Result<Standing, StoreError> {
        let Provisioning { provider, .. } = provisioning;
        let key = match provisioning.matched_by {
            MatchedBy::ExternalId => PersonKey::ExternalId(&principal.subject),
            MatchedBy::UserName => PersonKey::UserName(&principal.name),
        };
        let person = self.services.store.provisioned_person(provider, key)?;
        let Some(person) = person.filter(|person| person.active) else {
            return Ok(Standing::Refused(NotAdmitted::NotProvisioned));
        };
        Ok(match under_name(provider, &person.groups) {
            Ok(given) => Standing::Active {
                given,
                user_id: person.user_id,
            },
            Err(why) => Standing::Refused(why),
        })
    }
}

/// A directory's groups as those of its provider: all of them, or nobody is let in by a part of them.
fn under_name(provider: &str, groups: &[String]) -> Result<Vec<String>, NotAdmitted> {
    if groups.len() > MAX_GROUPS {
        return Err(NotAdmitted::GroupsTooMany);
    }
    let groups = groups.iter();
    Ok(groups.map(|group| format!("{provider}:{group}")).collect())
}

fn sha256(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}

impl fmt::Debug for Provisioning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Provisioning")
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use custos_model::Secret;

    use super::{
        MAX_GROUPS, MatchedBy, NotAdmitted, Provisioning, ProvisioningSettings, under_name,
    };

    fn provisioning(tokens: &[&str]) -> Provisioning {
        let tokens = tokens.iter().map(|&token| Secret::new(token.to_owned()));
        let settings = ProvisioningSettings {
            provider: "okta".to_owned(),
            tokens: tokens.collect(),
            matched_by: MatchedBy::ExternalId,
        };
        Provisioning::new(&settings, "https://custos.example.com")
    }

    #[test]
    fn the_token_in_use_and_the_next_one_are_good_and_no_other() {
        let both = provisioning(&["one", "two"]);
        assert!(both.knows("one") && both.knows("two"));
        for other in ["", "on", "one ", "One", "three", "onetwo"] {
            assert!(!both.knows(other), "{other:?}");
        }
        assert!(!provisioning(&[]).knows(""));
        assert!(!format!("{both:?}").contains("one"));
    }

    #[test]
    fn nobody_is_let_in_by_a_part_of_the_groups() {
        let mut groups = vec!["dba".to_owned(); MAX_GROUPS];
        let given = under_name("okta", &groups).unwrap();
        assert_eq!((given.len(), given[0].as_str()), (MAX_GROUPS, "okta:dba"));
        groups.push("one more".to_owned());
        assert_eq!(under_name("okta", &groups), Err(NotAdmitted::GroupsTooMany));
    }
}
