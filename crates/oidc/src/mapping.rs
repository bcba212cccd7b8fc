//! From claims to a principal.

use std::collections::BTreeSet;

use custos_model::{Principal, PrincipalKind, is_shown_as_it_is};
use serde_json::{Map, Value};

use crate::claim_path::ClaimPath;
use crate::identity::Identity;
use crate::overage;
use crate::provider::Provider;
use crate::rejection::Rejection;

/// Most groups of one person.
pub const MAX_GROUPS: usize = 512;
/// Longest name of a group, without the namespace.
pub const MAX_GROUP_BYTES: usize = 256;
/// Longest name of a person.
pub const MAX_NAME_BYTES: usize = 256;

/// Where name and groups are read: one source, so that no two can disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimSource {
    /// The identity token.
    IdToken,
    /// The userinfo endpoint.
    Userinfo,
}

/// From claims to name and groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Where they are read.
    pub source: ClaimSource,
    /// Claims that may hold the name, in the order in which they are tried. The first that is there counts.
    pub name: Vec<ClaimPath>,
    /// The claim that holds the groups. `None`: this provider gives no groups.
    pub groups: Option<GroupsClaim>,
}

/// The claim that holds the groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupsClaim {
    /// Where it stands.
    pub path: ClaimPath,
    /// Whether a missing claim means no groups. Otherwise it is an error: nobody keeps groups of earlier, and a
    /// provider that forgets to send them is noticed.
    pub optional: bool,
}

impl Provider {
    /// The principal: its key is issuer and subject, its name is for people to read, its groups carry the
    /// provider's name.
    ///
    /// # Errors
    /// [`Rejection::ClaimsSource`] for claims of another provider or source; [`Rejection::NameMissing`],
    /// [`Rejection::NameMalformed`], [`Rejection::EmailNotVerified`]; [`Rejection::GroupsMissing`],
    /// [`Rejection::GroupsMalformed`], [`Rejection::GroupMalformed`], [`Rejection::GroupsTooMany`],
    /// [`Rejection::GroupsOverage`].
    pub fn principal(&self, identity: &Identity) -> Result<Principal, Rejection> {
        let settings = self.settings();
        let mapping = &settings.mapping;
        if identity.issuer != settings.issuer || identity.source != mapping.source {
            return Err(Rejection::ClaimsSource);
        }
        Ok(Principal {
            issuer: identity.issuer.clone(),
            subject: identity.subject.clone(),
            name: mapping.name(&identity.claims)?,
            kind: PrincipalKind::Human,
            groups: mapping.groups(&settings.name, &identity.claims)?,
            on_behalf_of: Vec::new(),
        })
    }
}

impl Mapping {
    fn name(&self, claims: &Map<String, Value>) -> Result<String, Rejection> {
        for path in &self.name {
            let Some(value) = path.find(claims).map_err(|_| Rejection::NameMalformed)? else {
                continue;
            };
            let name = value.as_str().ok_or(Rejection::NameMalformed)?;
            if !is_shown_as_it_is(name, MAX_NAME_BYTES) {
                return Err(Rejection::NameMalformed);
            }
            let unverified = claims
                .get("email_verified")
                .is_some_and(|verified| *verified != true);
            if path.is("email") && unverified {
                return Err(Rejection::EmailNotVerified);
            }
            return Ok(name.to_owned());
        }
        Err(Rejection::NameMissing)
    }

    fn groups(
        &self,
        namespace: &str,
        claims: &Map<String, Value>,
    ) -> Result<Vec<String>, Rejection> {
        let Some(claim) = &self.groups else {
            return Ok(Vec::new());
        };
        overage::check(claims, &claim.path)?;
        let found = claim
            .path
            .find(claims)
            .map_err(|_| Rejection::GroupsMalformed)?;
        let values = match found {
            Some(Value::Array(values)) => values,
            Some(_) => return Err(Rejection::GroupsMalformed),
            None if claim.optional => return Ok(Vec::new()),
            None => return Err(Rejection::GroupsMissing),
        };
        if values.len() > MAX_GROUPS {
            return Err(Rejection::GroupsTooMany);
        }
        let mut groups = BTreeSet::new();
        for value in values {
            let group = value.as_str().ok_or(Rejection::GroupsMalformed)?;
            if !is_shown_as_it_is(group, MAX_GROUP_BYTES) {
                return Err(Rejection::GroupMalformed);
            }
            groups.insert(format!("{namespace}:{group}"));
        }
        Ok(groups.into_iter().collect())
    }
}
