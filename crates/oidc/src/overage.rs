//! Groups that a provider left out because there are too many.

use serde_json::{Map, Value};

use crate::claim_path::ClaimPath;
use crate::rejection::Rejection;

/// Entra ID leaves groups out from about 200 on and says so by `_claim_names` (OpenID Connect Core 5.6.2) or
/// `hasgroups`. A list that is there beside it may be a part of the whole; it is refused too.
pub(crate) fn check(claims: &Map<String, Value>, groups: &ClaimPath) -> Result<(), Rejection> {
    match claims.get("_claim_names") {
        None => {}
        Some(Value::Object(elsewhere)) if !elsewhere.contains_key(groups.first()) => {}
        Some(_) => return Err(Rejection::GroupsOverage),
    }
    let told = claims
        .get("hasgroups")
        .is_some_and(|told| *told != Value::Bool(false));
    if told && groups.is("groups") {
        return Err(Rejection::GroupsOverage);
    }
    Ok(())
}
