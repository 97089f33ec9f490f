//! A bounded map that forgets what was not asked for of late.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{PoisonError, RwLock},
};

/// Keeps at most twice `half` values: when the young half is full it becomes the
/// old one, and what nobody asked for since the last time is dropped.
pub struct Cache<K, V> {
    half: usize,
    halves: RwLock<Halves<K, V>>,
}

struct Halves<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash + Clone, V: Clone> Cache<K, V> {
    /// An empty cache.
    pub fn new(half: usize) -> Self {
        let (young, old) = (HashMap::new(), HashMap::new());
        Self {
            half,
            halves: RwLock::new(Halves { young, old }),
        }
    }

    /// What is kept under a key.
    pub fn get(&self, key: &K) -> Option<V> {
        let halves = self.halves.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = halves.young.get(key) {
            return Some(value.clone());
        }
        let value = halves.old.get(key)?.clone();
        drop(halves);
        self.put(key.clone(), value.clone());
        Some(value)
    }

    /// Keeps a value.
    pub fn put(&self, key: K, value: V) {
        let mut halves = self.halves.write().unwrap_or_else(PoisonError::into_inner);
        if halves.young.len() >= self.half && !halves.young.contains_key(&key) {
            halves.old = std::mem::take(&mut halves.young);
        }
        halves.young.insert(key, value);
    }

    /// Drops a value.
    pub fn remove(&self, key: &K) {
        let mut halves = self.halves.write().unwrap_or_else(PoisonError::into_inner);
        halves.young.remove(key);
        halves.old.remove(key);
    }

    /// Drops everything.
    pub fn clear(&self) {
        let mut halves = self.halves.write().unwrap_or_else(PoisonError::into_inner);
        halves.young.clear();
        halves.old.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_is_bounded() {
        let cache = Cache::new(10);
        cache.put(0, "kept");
        for key in 1..1000 {
            cache.put(key, "passing");
            assert_eq!(cache.get(&0), Some("kept"), "after {key}");
        }
        let left = (1..1000).filter(|key| cache.get(key).is_some()).count();
        assert!(left <= 20, "{left} are left");
        cache.put(1, "new");
        cache.remove(&1);
        assert_eq!(cache.get(&1), None);
        cache.clear();
        assert_eq!(cache.get(&0), None);
    }
}
