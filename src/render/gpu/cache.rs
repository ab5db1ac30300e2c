//! Things on the GPU, kept while they are in use and for a little longer, and never more than a budget.

use std::collections::HashMap;

/// Frames after which what was not drawn is dropped: two seconds of a moving window.
const KEPT_FRAMES: u64 = 120;

pub struct Cache<T> {
    entries: HashMap<u64, Entry<T>>,
    budget: u64,
}

struct Entry<T> {
    thing: T,
    bytes: u64,
    last_used: u64,
}

impl<T> Cache<T> {
    /// `budget`: bytes above which unused things are dropped at once.
    pub fn new(budget: u64) -> Self {
        Self { entries: HashMap::new(), budget }
    }

    /// The thing with this id, made if need be with its size in bytes, and marked as used in this frame.
    pub fn get_or_make(&mut self, id: u64, frame: u64, make: impl FnOnce() -> (T, u64)) -> &mut T {
        let entry = self.entries.entry(id).or_insert_with(|| {
            let (thing, bytes) = make();
            Entry { thing, bytes, last_used: frame }
        });
        entry.last_used = frame;
        &mut entry.thing
    }

    pub fn get(&self, id: u64) -> Option<&T> {
        self.entries.get(&id).map(|entry| &entry.thing)
    }

    /// Drops what was not used for long, and what was used longest ago while there is too much; never what the last
    /// frame used.
    pub fn tidy(&mut self, last_frame: u64) {
        self.entries.retain(|_, entry| last_frame - entry.last_used <= KEPT_FRAMES);
        let mut idle: Vec<(u64, u64)> = self
            .entries
            .iter()
            .map(|(id, entry)| (entry.last_used, *id))
            .filter(|(used, _)| *used < last_frame)
            .collect();
        idle.sort_unstable();
        let mut bytes: u64 = self.entries.values().map(|entry| entry.bytes).sum();
        for (_, id) in idle {
            if bytes <= self.budget {
                break;
            }
            bytes -= self.entries.remove(&id).map_or(0, |entry| entry.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache_of(used: &[(u64, u64)], budget: u64) -> Cache<u64> {
        let mut cache = Cache::new(budget);
        for &(id, frame) in used {
            cache.get_or_make(id, frame, || (id, 10));
        }
        cache
    }

    fn kept(cache: &Cache<u64>) -> Vec<u64> {
        (0..10).filter(|id| cache.get(*id).is_some()).collect()
    }

    #[test]
    fn things_are_made_once() {
        let mut cache = cache_of(&[(1, 0)], 100);
        assert_eq!(*cache.get_or_make(1, 1, || (99, 10)), 1);
    }

    #[test]
    fn what_was_not_drawn_for_long_is_dropped() {
        let mut cache = cache_of(&[(1, 0), (2, 1), (3, KEPT_FRAMES + 1)], 100);
        cache.tidy(KEPT_FRAMES + 1);
        assert_eq!(kept(&cache), [2, 3]);
    }

    #[test]
    fn over_the_budget_the_oldest_go_first_and_what_is_in_use_stays() {
        let mut cache = cache_of(&[(1, 5), (2, 4), (3, 6), (4, 6)], 30);
        cache.tidy(6);
        assert_eq!(kept(&cache), [1, 3, 4]);
        let mut cache = cache_of(&[(1, 6), (2, 6)], 5);
        cache.tidy(6);
        assert_eq!(kept(&cache), [1, 2]);
    }
}
