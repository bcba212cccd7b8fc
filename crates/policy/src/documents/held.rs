//! Slices that sessions hold, for others to share.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use custos_model::Principal;

use super::question::Environment;
use super::slice::Slice;
use super::target::Resource;

/// Slices beneath which nobody looks for those that are not held any more.
const SWEEP_MIN: usize = 32;

/// The slices that sessions hold.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// By issuer and subject.
    slices: HashMap<(String, String), Vec<HeldSlice>>,
    count: usize,
    /// At so many, those that nobody holds any more are thrown out.
    sweep_at: usize,
}

/// All that a slice depends on, beside the documents.
#[derive(Debug)]
struct HeldSlice {
    principal: Principal,
    resource: Resource,
    environment: Environment,
    slice: Weak<Slice>,
}

impl Held {
    pub(super) fn get(
        &self,
        principal: &Principal,
        resource: &Resource,
        environment: &Environment,
    ) -> Option<Arc<Slice>> {
        let same = |held: &&HeldSlice| {
            held.principal == *principal
                && held.resource == *resource
                && held.environment == *environment
        };
        let of_principal = self.slices.get(&key_of(principal))?;
        let mut same = of_principal.iter().filter(same);
        same.find_map(|held| held.slice.upgrade())
    }

    pub(super) fn put(
        &mut self,
        principal: &Principal,
        resource: &Resource,
        environment: &Environment,
        slice: &Arc<Slice>,
    ) {
        if self.count >= self.sweep_at {
            for held in self.slices.values_mut() {
                held.retain(|held| held.slice.strong_count() > 0);
            }
            self.slices.retain(|_, held| !held.is_empty());
            self.count = self.slices.values().map(Vec::len).sum();
            self.sweep_at = self.count.max(SWEEP_MIN) * 2;
        }
        self.count += 1;
        let held = HeldSlice {
            principal: principal.clone(),
            resource: resource.clone(),
            environment: environment.clone(),
            slice: Arc::downgrade(slice),
        };
        self.slices.entry(key_of(principal)).or_default().push(held);
    }
}

fn key_of(principal: &Principal) -> (String, String) {
    (principal.issuer.clone(), principal.subject.clone())
}

#[cfg(test)]
mod tests {
    use custos_model::PrincipalKind;

    use super::*;
    use crate::documents::{Document, PolicySet};

    const TEXT: &str = "version: 1\nrules:\n- {id: all, who: '*', on: '*', may: session.open}\n";

    fn set() -> PolicySet {
        let document = Document {
            name: "test",
            text: TEXT,
        };
        PolicySet::parse(&[document]).expect("documents")
    }

    fn person(subject: &str) -> Principal {
        Principal {
            issuer: "https://idp.example".to_owned(),
            subject: subject.to_owned(),
            kind: PrincipalKind::Human,
            ..Principal::unknown(subject)
        }
    }

    #[test]
    fn sessions_of_one_principal_in_one_place_share_a_slice() {
        let set = set();
        let (shop, environment) = (Resource::named("postgres/shop"), Environment::default());
        let first = set.shared_slice(&person("alice"), &shop, &environment);
        let again = set.shared_slice(&person("alice"), &shop, &environment);
        assert!(Arc::ptr_eq(&first, &again));

        let elsewhere = Environment {
            reason_given: true,
            ..Environment::default()
        };
        let in_a_group = Principal {
            groups: vec!["dev".to_owned()],
            ..person("alice")
        };
        for other in [
            set.shared_slice(&person("bob"), &shop, &environment),
            set.shared_slice(&in_a_group, &shop, &environment),
            set.shared_slice(
                &person("alice"),
                &Resource::named("postgres/x"),
                &environment,
            ),
            set.shared_slice(&person("alice"), &shop, &elsewhere),
        ] {
            assert!(!Arc::ptr_eq(&first, &other));
        }
    }

    #[test]
    fn slices_that_nobody_holds_are_forgotten() {
        let set = set();
        let (shop, environment) = (Resource::named("postgres/shop"), Environment::default());
        let mut held = Held::default();
        let kept = Arc::new(set.slice(&person("kept"), &shop, &environment));
        held.put(&person("kept"), &shop, &environment, &kept);
        for number in 0..10 * SWEEP_MIN {
            let person = person(&number.to_string());
            let slice = Arc::new(set.slice(&person, &shop, &environment));
            held.put(&person, &shop, &environment, &slice);
            assert!(held.get(&person, &shop, &environment).is_some());
        }
        assert!(held.count <= 3 * SWEEP_MIN, "{}", held.count);
        assert!(held.get(&person("kept"), &shop, &environment).is_some());
        assert!(held.get(&person("0"), &shop, &environment).is_none());
    }
}
