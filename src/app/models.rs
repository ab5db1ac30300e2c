//! The models at hand: the main one, and others to compare with.

use std::sync::Arc;

use crate::jobs::engine_thread::{ModelId, ModelInfo};
use crate::jobs::model::ModelSource;

use super::command::Slot;

/// A model that is ready.
#[derive(Clone)]
pub struct Ready {
    pub id: ModelId,
    pub source: ModelSource,
    pub info: Arc<ModelInfo>,
}

/// A model on its way. What was there before stays until this one is ready.
pub struct Pending {
    pub id: ModelId,
    pub slot: Slot,
    pub source: ModelSource,
}

/// The models and what is on its way.
#[derive(Default)]
pub struct Models {
    ready: [Option<Ready>; Slot::ALL.len()],
    pub pending: Vec<Pending>,
    next: u64,
}

impl Models {
    /// Begins to replace what is in a slot; an earlier wish for it is forgotten.
    pub fn begin(&mut self, slot: Slot, source: ModelSource) -> ModelId {
        self.pending.retain(|pending| pending.slot != slot);
        self.next += 1;
        let id = ModelId(self.next);
        self.pending.push(Pending { id, slot, source });
        id
    }

    /// Takes the wish with this id off the list; `None` if a later wish replaced it.
    pub fn take_pending(&mut self, id: ModelId) -> Option<Pending> {
        let index = self.pending.iter().position(|pending| pending.id == id)?;
        Some(self.pending.swap_remove(index))
    }

    pub fn get(&self, slot: Slot) -> Option<&Ready> {
        self.ready[slot as usize].as_ref()
    }

    /// All that are ready, the main one first.
    pub fn all(&self) -> impl Iterator<Item = (Slot, &Ready)> {
        Slot::ALL.into_iter().filter_map(|slot| Some((slot, self.get(slot)?)))
    }

    /// Notes what is new about a model; `false` if it is not here any more.
    pub fn renew(&mut self, id: ModelId, info: Arc<ModelInfo>) -> bool {
        let known = self.ready.iter_mut().flatten().find(|ready| ready.id == id);
        known.map(|ready| ready.info = info).is_some()
    }

    /// Fills a slot and returns what was there.
    pub fn put(&mut self, slot: Slot, ready: Ready) -> Option<Ready> {
        self.ready[slot as usize].replace(ready)
    }

    /// Empties a slot; those behind it move up.
    pub fn take(&mut self, slot: Slot) -> Option<Ready> {
        let taken = self.ready[slot as usize].take();
        self.ready[slot as usize..].rotate_left(1);
        taken
    }

    pub fn swap(&mut self, a: Slot, b: Slot) {
        self.ready.swap(a as usize, b as usize);
    }

    /// What a slot waits for.
    pub fn pending(&self, slot: Slot) -> Option<&Pending> {
        self.pending.iter().find(|pending| pending.slot == slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_wish_for_a_slot_wins() {
        let mut models = Models::default();
        let first = models.begin(Slot::Main, ModelSource::Embedded);
        let other = models.begin(Slot::Second, ModelSource::Embedded);
        let second = models.begin(Slot::Main, ModelSource::Named("b".into()));
        assert!(models.take_pending(first).is_none());
        assert_eq!(models.pending(Slot::Main).map(|pending| pending.id), Some(second));
        assert!(models.take_pending(other).is_some() && models.take_pending(second).is_some());
    }
}
