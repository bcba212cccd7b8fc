//! Groups that only the gateway gives.

use custos_model::Principal;
use custos_store::{Store, StoreError};

/// The group of administrators.
pub const ADMINISTRATORS: &str = "custos:administrators";

/// Gives a principal, and all for whom it acts, the groups of the gateway's own as they are now, in place of those that
/// they had.
pub fn give_own_groups(principal: &mut Principal, store: &Store) -> Result<(), StoreError> {
    give(principal, store)?;
    for other in &mut principal.on_behalf_of {
        give(other, store)?;
    }
    Ok(())
}

fn give(principal: &mut Principal, store: &Store) -> Result<(), StoreError> {
    principal.groups.retain(|group| group != ADMINISTRATORS);
    if store.is_administrator(&principal.issuer, &principal.subject)? {
        principal.groups.push(ADMINISTRATORS.to_owned());
    }
    Ok(())
}
