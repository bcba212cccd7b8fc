//! Ends of sign-ins that could not be stored. They hold for this process all the same, until they can.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use custos_model::SignInId;

use crate::database::Store;
use crate::error::StoreError;

/// What is still to be written: a sign-in, and since when it is over.
#[derive(Debug, Default)]
pub(crate) struct Owed(Mutex<HashMap<SignInId, u64>>);

impl Owed {
    fn all(&self) -> MutexGuard<'_, HashMap<SignInId, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, id: SignInId, utc_ns: u64) {
        self.all().entry(id).or_insert(utc_ns);
    }

    pub(crate) fn remove(&self, id: SignInId) {
        self.all().remove(&id);
    }

    pub(crate) fn since(&self, id: SignInId) -> Option<u64> {
        self.all().get(&id).copied()
    }
}

impl Store {
    /// Writes the ends of sign-ins that could not be stored when they ended; to be called from time to time. Tells how
    /// many are written.
    pub fn store_owed_ends(&self) -> Result<usize, StoreError> {
        let owed: Vec<_> = self
            .owed()
            .all()
            .iter()
            .map(|(id, since)| (*id, *since))
            .collect();
        for (id, since) in &owed {
            self.revoke_sign_in(*id, *since)?;
        }
        Ok(owed.len())
    }
}
