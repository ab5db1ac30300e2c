//! A cache bounded by bytes that forgets what was not used for longest.

use std::collections::VecDeque;

/// Looked through from the newest entry: keys are few, and rarely have an order or a hash.
pub struct Lru<K, V> {
    limit_bytes: usize,
    used_bytes: usize,
    /// The most recently used first.
    entries: VecDeque<Entry<K, V>>,
}

struct Entry<K, V> {
    key: K,
    value: V,
    bytes: usize,
}

impl<K: PartialEq, V: Clone> Lru<K, V> {
    pub fn new(limit_bytes: usize) -> Self {
        Self { limit_bytes, used_bytes: 0, entries: VecDeque::new() }
    }

    /// The value of a key, which becomes the most recently used one.
    pub fn get(&mut self, key: &K) -> Option<V> {
        self.find(|known| known == key)
    }

    /// The most recently used value whose key will do; it becomes the most recently used of all.
    pub fn find(&mut self, will_do: impl Fn(&K) -> bool) -> Option<V> {
        let at = self.entries.iter().position(|entry| will_do(&entry.key))?;
        let entry = self.entries.remove(at)?;
        let value = entry.value.clone();
        self.entries.push_front(entry);
        Some(value)
    }

    /// Keeps a value in place of an older one under the same key. One that is larger than the limit is not kept.
    pub fn insert(&mut self, key: K, value: V, bytes: usize) {
        self.retain(|known| *known != key);
        self.used_bytes += bytes;
        self.entries.push_front(Entry { key, value, bytes });
        while self.used_bytes > self.limit_bytes {
            let Some(oldest) = self.entries.pop_back() else { break };
            self.used_bytes -= oldest.bytes;
        }
    }

    /// Forgets the entries whose key does not pass.
    pub fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.entries.retain(|entry| keep(&entry.key));
        self.used_bytes = self.entries.iter().map(|entry| entry.bytes).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut cache = Lru::new(10);
        cache.insert("a", 1, 4);
        cache.insert("b", 2, 4);
        assert_eq!(cache.get(&"a"), Some(1));
        cache.insert("c", 3, 4);
        assert_eq!((cache.get(&"a"), cache.get(&"b"), cache.get(&"c")), (Some(1), None, Some(3)));
    }

    #[test]
    fn a_key_holds_one_value_and_its_bytes_count_once() {
        let mut cache = Lru::new(10);
        cache.insert("a", 1, 9);
        cache.insert("a", 2, 5);
        cache.insert("b", 3, 5);
        assert_eq!((cache.get(&"a"), cache.get(&"b")), (Some(2), Some(3)));
    }

    #[test]
    fn a_value_larger_than_the_limit_leaves_an_empty_cache_that_still_works() {
        let mut cache = Lru::new(10);
        cache.insert("a", 1, 11);
        assert_eq!(cache.get(&"a"), None);
        cache.insert("b", 2, 10);
        assert_eq!(cache.get(&"b"), Some(2));
    }

    #[test]
    fn retain_frees_the_bytes() {
        let mut cache = Lru::new(10);
        cache.insert("a", 1, 6);
        cache.insert("b", 2, 4);
        cache.retain(|key| *key != "a");
        cache.insert("c", 3, 6);
        assert_eq!((cache.get(&"b"), cache.get(&"c")), (Some(2), Some(3)));
    }
}
