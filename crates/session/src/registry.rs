//! The sessions that are live now, and the limits on their number.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use custos_model::{Principal, SessionId};

use crate::core::Core;

/// Live connections and counts. One lock, held for map operations only.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    maps: Mutex<Maps>,
}

#[derive(Debug, Default)]
struct Maps {
    live: HashMap<SessionId, Arc<Core>>,
    handshakes: usize,
    handshakes_by_source: HashMap<IpAddr, usize>,
    sessions: usize,
    sessions_by_principal: HashMap<(String, String), usize>,
}

/// A place among the unauthenticated connections.
#[derive(Debug)]
pub(crate) struct HandshakePlace {
    registry: Arc<Registry>,
    source: IpAddr,
}

/// A place among the sessions.
#[derive(Debug)]
pub(crate) struct Place {
    registry: Arc<Registry>,
    principal: (String, String),
}

impl Registry {
    fn maps(&self) -> MutexGuard<'_, Maps> {
        self.maps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn enter_handshake(
        self: &Arc<Self>,
        source: IpAddr,
        at_most: usize,
        at_most_per_source: usize,
    ) -> Option<HandshakePlace> {
        let mut maps = self.maps();
        let from_source = maps.handshakes_by_source.get(&source).copied().unwrap_or(0);
        if maps.handshakes >= at_most || from_source >= at_most_per_source {
            return None;
        }
        maps.handshakes += 1;
        maps.handshakes_by_source.insert(source, from_source + 1);
        Some(HandshakePlace {
            registry: Arc::clone(self),
            source,
        })
    }

    pub(crate) fn enter_session(
        self: &Arc<Self>,
        principal: &Principal,
        at_most: usize,
        at_most_per_principal: usize,
    ) -> Result<Place, &'static str> {
        let key = (principal.issuer.clone(), principal.subject.clone());
        let mut maps = self.maps();
        let of_principal = maps.sessions_by_principal.get(&key).copied().unwrap_or(0);
        if maps.sessions >= at_most {
            return Err("too many sessions");
        }
        if of_principal >= at_most_per_principal {
            return Err("too many sessions of this principal");
        }
        maps.sessions += 1;
        maps.sessions_by_principal
            .insert(key.clone(), of_principal + 1);
        Ok(Place {
            registry: Arc::clone(self),
            principal: key,
        })
    }

    pub(crate) fn add(&self, core: &Arc<Core>) {
        self.maps().live.insert(core.id, Arc::clone(core));
    }

    pub(crate) fn remove(&self, id: SessionId) {
        self.maps().live.remove(&id);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.maps().live.is_empty()
    }

    pub(crate) fn get(&self, id: SessionId) -> Option<Arc<Core>> {
        self.maps().live.get(&id).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Core>> {
        self.maps().live.values().cloned().collect()
    }
}

/// Takes one from a counter in a map and forgets the key at zero.
fn release<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

impl Drop for HandshakePlace {
    fn drop(&mut self) {
        let mut maps = self.registry.maps();
        maps.handshakes -= 1;
        release(&mut maps.handshakes_by_source, &self.source);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut maps = self.registry.maps();
        maps.sessions -= 1;
        release(&mut maps.sessions_by_principal, &self.principal);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use custos_model::Principal;

    use super::Registry;

    #[test]
    fn places_are_limited_and_given_back() {
        let registry = Arc::new(Registry::default());
        let alice = Principal::unknown("alice");
        let first = registry.enter_session(&alice, 2, 1).unwrap();
        assert_eq!(
            registry.enter_session(&alice, 2, 1).unwrap_err(),
            "too many sessions of this principal"
        );
        drop(first);
        let _again = registry.enter_session(&alice, 1, 1).unwrap();
        assert_eq!(
            registry.enter_session(&alice, 1, 2).unwrap_err(),
            "too many sessions"
        );

        let source = [127, 0, 0, 1].into();
        let place = registry.enter_handshake(source, 2, 1).unwrap();
        assert!(registry.enter_handshake(source, 2, 1).is_none());
        drop(place);
        assert!(registry.enter_handshake(source, 2, 1).is_some());
    }
}
