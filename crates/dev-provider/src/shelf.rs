//! Bounded memory whose entries expire.

use std::collections::BTreeMap;

use crate::opaque::Hash;

/// The shelf holds as many live entries as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// Values by the hash of the secret that stands for them. Times are monotonic nanoseconds.
pub(crate) struct Shelf<V> {
    entries: BTreeMap<Hash, Entry<V>>,
    capacity: usize,
    life_ns: u64,
}

struct Entry<V> {
    value: V,
    expires_ns: u64,
}

impl<V> Shelf<V> {
    pub(crate) fn new(capacity: usize, life_seconds: u64) -> Self {
        Self {
            entries: BTreeMap::new(),
            capacity,
            life_ns: life_seconds.saturating_mul(1_000_000_000),
        }
    }

    /// Makes room among the expired only.
    pub(crate) fn insert(&mut self, key: Hash, value: V, now_ns: u64) -> Result<(), Full> {
        self.entries.retain(|_, entry| now_ns < entry.expires_ns);
        if self.entries.len() >= self.capacity {
            return Err(Full);
        }
        let expires_ns = now_ns.saturating_add(self.life_ns);
        self.entries.insert(key, Entry { value, expires_ns });
        Ok(())
    }

    /// Drops the oldest entry where there is no room: for what anybody may ask for and nothing is lost by.
    pub(crate) fn insert_over_oldest(&mut self, key: Hash, value: V, now_ns: u64) {
        if self.entries.len() >= self.capacity {
            let oldest = self
                .entries
                .iter()
                .min_by_key(|(_, entry)| entry.expires_ns);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                self.entries.remove(&oldest);
            }
        }
        let expires_ns = now_ns.saturating_add(self.life_ns);
        self.entries.insert(key, Entry { value, expires_ns });
    }

    pub(crate) fn get(&self, key: &Hash, now_ns: u64) -> Option<&V> {
        let entry = self.entries.get(key)?;
        (now_ns < entry.expires_ns).then_some(&entry.value)
    }

    pub(crate) fn get_mut(&mut self, key: &Hash, now_ns: u64) -> Option<&mut V> {
        let entry = self.entries.get_mut(key)?;
        (now_ns < entry.expires_ns).then_some(&mut entry.value)
    }

    pub(crate) fn take(&mut self, key: &Hash, now_ns: u64) -> Option<V> {
        let entry = self.entries.remove(key)?;
        (now_ns < entry.expires_ns).then_some(entry.value)
    }

    /// Live values.
    pub(crate) fn iter(&self, now_ns: u64) -> impl Iterator<Item = (&Hash, &V)> {
        let live = self.entries.iter();
        live.filter(move |(_, entry)| now_ns < entry.expires_ns)
            .map(|(key, entry)| (key, &entry.value))
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&V) -> bool) {
        self.entries.retain(|_, entry| keep(&entry.value));
    }
}

#[cfg(test)]
mod tests {
    use super::{Full, Shelf};
    use crate::opaque::Hash;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn entries_expire_and_make_room() {
        let mut shelf = Shelf::new(2, 10);
        let keys = ["a", "b", "c"].map(Hash::of);
        assert_eq!(shelf.insert(keys[0], 'a', 0), Ok(()));
        assert_eq!(shelf.insert(keys[1], 'b', SECOND), Ok(()));
        assert_eq!(shelf.insert(keys[2], 'c', 9 * SECOND), Err(Full));
        assert_eq!(shelf.get(&keys[0], 10 * SECOND - 1), Some(&'a'));
        assert_eq!(shelf.get(&keys[0], 10 * SECOND), None);
        assert_eq!(shelf.insert(keys[2], 'c', 10 * SECOND), Ok(()));
        assert_eq!(shelf.iter(10 * SECOND).count(), 2);
        assert_eq!(shelf.take(&keys[1], 10 * SECOND), Some('b'));
        assert_eq!(shelf.take(&keys[1], 10 * SECOND), None);
    }

    #[test]
    fn the_oldest_goes_where_that_is_harmless() {
        let mut shelf = Shelf::new(2, 10);
        for (at, name) in ["a", "b", "c"].into_iter().enumerate() {
            shelf.insert_over_oldest(Hash::of(name), name, at as u64);
        }
        assert_eq!(shelf.get(&Hash::of("a"), 3), None);
        assert_eq!(shelf.get(&Hash::of("b"), 3), Some(&"b"));
        assert_eq!(shelf.get(&Hash::of("c"), 3), Some(&"c"));
    }
}
