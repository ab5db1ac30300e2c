//! The models at hand: the main one, and a second one to compare with.

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

/// Both models and what is on its way.
#[derive(Default)]
pub struct Models {
    pub main: Option<Ready>,
    pub second: Option<Ready>,
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
        match slot {
            Slot::Main => self.main.as_ref(),
            Slot::Second => self.second.as_ref(),
        }
    }

    /// Fills a slot and returns what was there.
    pub fn put(&mut self, slot: Slot, ready: Ready) -> Option<Ready> {
        match slot {
            Slot::Main => self.main.replace(ready),
            Slot::Second => self.second.replace(ready),
        }
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
