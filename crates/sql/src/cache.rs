//! Scripts by their text.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::SqlError;
use crate::parse::{Trees, parse_with_trees};
use crate::script::Script;

/// Locks, so that sessions do not wait for each other.
const SHARDS: usize = 16;

type Known = Arc<Result<Script, SqlError>>;

/// Scripts by the text that they were made of, bounded by the bytes of those texts.
///
/// A script depends on its text alone, so entries of one session serve all others. Each shard has two generations:
/// a full young one becomes the old one, and what the old one still held is forgotten. What is used moves up.
#[derive(Debug)]
pub struct Cache {
    hasher: RandomState,
    shards: Vec<Mutex<Shard>>,
    generation_bytes: usize,
    entry_bytes: usize,
}

#[derive(Debug, Default)]
struct Shard {
    young: HashMap<Box<str>, Known>,
    old: HashMap<Box<str>, Known>,
    young_bytes: usize,
}

impl Cache {
    /// Keeps at most about `bytes` of statement texts; a script takes some ten times its text.
    /// Texts longer than 16 KiB, or than a thirty-second of what a shard keeps, are analysed each time.
    pub fn new(bytes: usize) -> Self {
        let generation_bytes = bytes / SHARDS / 2;
        Self {
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            generation_bytes,
            entry_bytes: (generation_bytes / 16).min(16 << 10),
        }
    }

    /// [`parse`](crate::parse), or what it said of this text before. Failures are kept too.
    pub fn parse(&self, text: &str) -> Arc<Result<Script, SqlError>> {
        self.parse_with_trees(text).0
    }

    /// The same with the trees, where they had to be made: they are too large to be kept.
    pub fn parse_with_trees(&self, text: &str) -> (Arc<Result<Script, SqlError>>, Option<Trees>) {
        let shard = self.shard(text).filter(|_| text.len() <= self.entry_bytes);
        if let Some(known) = shard.and_then(|shard| lock(shard).get(text, self.generation_bytes)) {
            return (known, None);
        }
        // Outside the lock: others need not wait for the parser. Two may do the same work.
        let (known, trees) = match parse_with_trees(text) {
            Ok((script, trees)) => (Arc::new(Ok(script)), Some(trees)),
            Err(error) => (Arc::new(Err(error)), None),
        };
        if let Some(shard) = shard {
            lock(shard).put(text.into(), Arc::clone(&known), self.generation_bytes);
        }
        (known, trees)
    }

    /// How many texts it knows.
    pub fn len(&self) -> usize {
        let sizes = self.shards.iter().map(|shard| {
            let shard = lock(shard);
            shard.young.len() + shard.old.len()
        });
        sizes.sum()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shard(&self, text: &str) -> Option<&Mutex<Shard>> {
        let hash = usize::try_from(self.hasher.hash_one(text) >> 32).unwrap_or(0);
        self.shards.get(hash % SHARDS)
    }
}

fn lock(shard: &Mutex<Shard>) -> std::sync::MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shard {
    fn get(&mut self, text: &str, limit: usize) -> Option<Known> {
        if let Some(known) = self.young.get(text) {
            return Some(Arc::clone(known));
        }
        let (text, known) = self.old.remove_entry(text)?;
        self.put(text, Arc::clone(&known), limit);
        Some(known)
    }

    fn put(&mut self, text: Box<str>, known: Known, limit: usize) {
        let bytes = text.len() + 64;
        if self.young_bytes + bytes > limit {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        if self.young.insert(text, known).is_none() {
            self.young_bytes += bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Cache;

    #[test]
    fn a_text_is_analysed_once() {
        let cache = Cache::new(1 << 20);
        let first = cache.parse("select 1");
        assert!(Arc::ptr_eq(&first, &cache.parse("select 1")));
        assert!(!Arc::ptr_eq(&first, &cache.parse("select 2")));
        assert!(Arc::ptr_eq(&cache.parse("selec"), &cache.parse("selec")));
    }

    #[test]
    fn trees_are_given_when_they_are_made_and_not_kept() {
        let cache = Cache::new(1 << 20);
        assert!(cache.parse_with_trees("select 1").1.is_some());
        assert!(cache.parse_with_trees("select 1").1.is_none());
        assert!(cache.parse_with_trees("selec").1.is_none());
        let long = format!("select '{}'", "x".repeat(20 << 10));
        assert!(cache.parse_with_trees(&long).1.is_some());
        assert!(cache.parse_with_trees(&long).1.is_some());
    }

    #[test]
    fn it_does_not_grow_beyond_its_bound() {
        let cache = Cache::new(64 << 10);
        for number in 0..5000 {
            cache.parse(&format!("select {number}"));
        }
        assert!(!cache.is_empty() && cache.len() < 1000, "{}", cache.len());
    }

    #[test]
    fn what_is_used_stays() {
        let cache = Cache::new(64 << 10);
        let first = cache.parse("select 'kept'");
        for number in 0..2000 {
            cache.parse(&format!("select {number}"));
            assert!(Arc::ptr_eq(&first, &cache.parse("select 'kept'")));
        }
    }

    #[test]
    fn a_long_text_is_not_kept() {
        let cache = Cache::new(64 << 10);
        cache.parse(&format!("select '{}'", "x".repeat(20 << 10)));
        assert!(cache.is_empty());
    }
}
