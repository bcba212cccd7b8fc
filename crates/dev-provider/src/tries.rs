//! How often a password may be tried.

use std::collections::BTreeMap;

use crate::opaque::Hash;

/// Tries for each name in a minute.
const TRIES: u32 = 5;
const MINUTE_NS: u64 = 60_000_000_000;
/// Names that are counted at once, invented ones included.
const NAMES: usize = 1024;

/// Counts tries by the hash of the name that was typed, whether there is such a person or not.
#[derive(Default)]
pub(crate) struct Tries {
    names: BTreeMap<Hash, Window>,
}

struct Window {
    began_ns: u64,
    tries: u32,
}

impl Tries {
    /// Counts one more. `false`: not now, and the password must not be looked at. When too many names were tried
    /// within the minute, other names have to wait too.
    pub(crate) fn one_more(&mut self, name: &str, now_ns: u64) -> bool {
        let over = |window: &Window| now_ns.saturating_sub(window.began_ns) >= MINUTE_NS;
        self.names.retain(|_, window| !over(window));
        let name = Hash::of(name);
        if self.names.len() >= NAMES && !self.names.contains_key(&name) {
            return false;
        }
        let window = self.names.entry(name).or_insert(Window {
            began_ns: now_ns,
            tries: 0,
        });
        window.tries = window.tries.saturating_add(1);
        window.tries <= TRIES
    }

    /// The right password was given.
    pub(crate) fn forget(&mut self, name: &str) {
        self.names.remove(&Hash::of(name));
    }
}

#[cfg(test)]
mod tests {
    use super::{MINUTE_NS, NAMES, TRIES, Tries};

    #[test]
    fn five_a_minute_for_each_name() {
        let mut tries = Tries::default();
        for _ in 0..TRIES {
            assert!(tries.one_more("alice", 0));
        }
        assert!(!tries.one_more("alice", MINUTE_NS - 1));
        assert!(tries.one_more("bob", MINUTE_NS - 1));
        assert!(tries.one_more("alice", MINUTE_NS));
        tries.forget("alice");
        for _ in 0..TRIES {
            assert!(tries.one_more("alice", MINUTE_NS));
        }
    }

    #[test]
    fn many_invented_names_do_not_fill_memory() {
        let mut tries = Tries::default();
        for number in 0..NAMES {
            assert!(tries.one_more(&number.to_string(), 0));
        }
        assert!(!tries.one_more("alice", 1));
        assert_eq!(tries.names.len(), NAMES);
        assert!(tries.one_more("alice", MINUTE_NS));
    }
}
