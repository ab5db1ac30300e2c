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

    pub fn remove(&mut self, key: &K) -> Option<V> {
        let entry = self.entries.remove(key)?;
        self.cost -= entry.cost;
        Some(entry.value)
    }

    pub fn clear(&mut self) {
        self.entries.clear();
        self.cost = 0;
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
    fn a_key_holds_one_value() {
        let mut cache = Lru::new(10);
        cache.insert("a", 1, 4);
        cache.insert("a", 2, 5);
        assert_eq!((cache.get(&"a").copied(), cache.cost()), (Some(2), 5));
        cache.clear();
        assert_eq!((cache.len(), cache.cost()), (0, 0));
    }
}
