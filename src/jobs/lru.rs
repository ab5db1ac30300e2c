//! A cache with a budget that forgets what was not used for longest.

use std::collections::HashMap;
use std::hash::Hash;

/// Values with a cost each (bytes, or 1 to count); their sum stays within the budget.
pub struct Lru<K, V> {
    entries: HashMap<K, Entry<V>>,
    budget: usize,
    cost: usize,
    clock: u64,
}

struct Entry<V> {
    value: V,
    cost: usize,
    used_at: u64,
}

impl<K: Hash + Eq + Clone, V> Lru<K, V> {
    pub fn new(budget: usize) -> Self {
        Self { entries: HashMap::new(), budget, cost: 0, clock: 0 }
    }

    /// The value, which counts as used now.
    pub fn get(&mut self, key: &K) -> Option<&mut V> {
        self.clock += 1;
        let entry = self.entries.get_mut(key)?;
        entry.used_at = self.clock;
        Some(&mut entry.value)
    }

    /// Keeps a value in place of the key's old one, and forgets others until the budget holds. A value that alone
    /// exceeds it is kept until the next one comes.
    pub fn insert(&mut self, key: K, value: V, cost: usize) {
        self.clock += 1;
        self.remove(&key);
        self.make_room(cost);
        self.cost += cost;
        self.entries.insert(key, Entry { value, cost, used_at: self.clock });
    }

    /// The value most recently used of those whose key will do; it counts as used now.
    pub fn find(&mut self, will_do: impl Fn(&K) -> bool) -> Option<&mut V> {
        let fitting = self.entries.iter().filter(|(key, _)| will_do(key));
        let key = fitting.max_by_key(|(_, entry)| entry.used_at)?.0.clone();
        self.get(&key)
    }

    /// Forgets the entries whose key does not pass.
    pub fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.entries.retain(|key, _| keep(key));
        self.cost = self.entries.values().map(|entry| entry.cost).sum();
    }

    pub fn remove(&mut self, key: &K) -> Option<V> {
        let entry = self.entries.remove(key)?;
        self.cost -= entry.cost;
        Some(entry.value)
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sum of the costs.
    pub fn cost(&self) -> usize {
        self.cost
    }

    /// Forgets an eighth of the budget at a time, so that a full cache does not search for its oldest at every insert.
    fn make_room(&mut self, cost: usize) {
        if self.cost + cost <= self.budget {
            return;
        }
        let mut by_age: Vec<(u64, K)> = self.entries.iter().map(|(key, entry)| (entry.used_at, key.clone())).collect();
        by_age.sort_unstable_by_key(|(used_at, _)| *used_at);
        let target = (self.budget - self.budget / 8).min(self.budget.saturating_sub(cost));
        for (_, key) in by_age {
            if self.cost <= target {
                break;
            }
            self.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut cache = Lru::new(3);
        for key in ["a", "b", "c"] {
            cache.insert(key, key.len(), 1);
        }
        assert!(cache.get(&"a").is_some());
        cache.insert("d", 1, 1);
        assert!(cache.get(&"b").is_none(), "b was oldest");
        assert!(["a", "c", "d"].iter().all(|key| cache.get(key).is_some()));
    }

    #[test]
    fn costs_stay_within_the_budget() {
        let mut cache = Lru::new(100);
        for key in 0..1000 {
            cache.insert(key, (), 7);
            assert!(cache.cost() <= 100 && cache.cost() == 7 * cache.len());
        }
        assert!(!cache.is_empty());
        cache.insert(1000, (), 500);
        assert_eq!((cache.len(), cache.cost()), (1, 500), "one that is too large stands alone");
        cache.insert(1001, (), 7);
        assert_eq!((cache.len(), cache.cost()), (1, 7));
    }

    #[test]
    fn of_several_keys_that_will_do_the_latest_used_counts() {
        let mut cache = Lru::new(10);
        for key in ["a1", "a2", "b1"] {
            cache.insert(key, key, 1);
        }
        assert!(cache.get(&"a1").is_some());
        assert_eq!(cache.find(|key| key.starts_with('a')).copied(), Some("a1"));
        assert!(cache.find(|key| key.starts_with('c')).is_none());
    }

    #[test]
    fn retain_frees_the_costs() {
        let mut cache = Lru::new(10);
        cache.insert("a", 1, 6);
        cache.insert("b", 2, 4);
        cache.retain(|key| *key != "a");
        cache.insert("c", 3, 6);
        let mut kept = |key| cache.get(&key).copied();
        assert_eq!((kept("a"), kept("b"), kept("c")), (None, Some(2), Some(3)));
    }

    #[test]
    fn a_key_holds_one_value() {
        let mut cache = Lru::new(10);
        cache.insert("a", 1, 4);
        cache.insert("a", 2, 5);
        assert_eq!((cache.get(&"a").copied(), cache.cost()), (Some(2), 5));
        cache.retain(|_| false);
        assert_eq!((cache.len(), cache.cost()), (0, 0));
    }
}
