//! What is known about each view: its photo, its result, and the heat maps made of it.

use std::sync::Arc;

use crate::image::{Picture, Prepared};
use crate::jobs::engine_thread::{DecodedPhoto, ViewId, ViewResult};
use crate::relevance::Method;
use crate::render::{HeatMap, Photo};
use crate::size::Size;

use super::command::Slot;

/// The main model's view.
pub const MAIN: ViewId = of_slot(Slot::Main);
/// The second model's view.
pub const SECOND: ViewId = of_slot(Slot::Second);

/// A model's view, of the chosen method.
pub const fn of_slot(slot: Slot) -> ViewId {
    ViewId(slot as u64)
}

/// The grid's view of a model and a method: its own, so that no method is ever shown under another one's name.
pub const fn in_grid(slot: Slot, method: Method) -> ViewId {
    ViewId(((slot as u64 + 1) << 8) + method as u64)
}

/// The view of a pinned image.
pub const fn pinned(index: usize) -> ViewId {
    ViewId((1 << 32) + index as u64)
}

/// Which map of a result is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// GAE's rule started at this block; the other methods have one map whatever is asked.
    Relevance { first_block: usize },
    /// ‖token‖ after the last block.
    Norms,
}

/// A heat map and what it was made from.
struct Cached {
    result: Arc<ViewResult>,
    shown: Shown,
    heat: Arc<HeatMap>,
}

/// One view. What was shown stays until something newer is there.
#[derive(Default)]
pub struct ViewState {
    pub photo: Option<PhotoOnScreen>,
    pub prepared: Option<Arc<Prepared>>,
    pub result: Option<Arc<ViewResult>>,
    /// Of the running computation: done and total.
    pub progress: Option<(usize, usize)>,
    /// Why there is no result.
    pub error: Option<String>,
    cached: Option<Cached>,
}

/// A photo and its twin for the graphics card.
#[derive(Clone)]
pub struct PhotoOnScreen {
    pub decoded: Arc<DecodedPhoto>,
    pub drawn: Arc<Photo>,
}

impl PhotoOnScreen {
    pub fn picture(&self) -> &Picture {
        &self.decoded.picture
    }

    pub fn size(&self) -> Size {
        self.picture().size()
    }
}

impl ViewState {
    /// The map to draw.
    pub fn heat(&self) -> Option<&Arc<HeatMap>> {
        self.cached.as_ref().map(|cached| &cached.heat)
    }

    /// Makes the map to draw, once per result and choice. A first block beyond the model's is its last.
    pub(super) fn prepare_heat(&mut self, shown: Shown) {
        let is_made = |cached: &Cached, result| Arc::ptr_eq(&cached.result, result) && cached.shown == shown;
        if self.cached.as_ref().zip(self.result.as_ref()).is_some_and(|(cached, result)| is_made(cached, result)) {
            return;
        }
        self.cached = self.result.clone().and_then(|result| {
            let map = match shown {
                Shown::Relevance { first_block } => result.maps.get(first_block).or_else(|| result.maps.last())?,
                Shown::Norms => result.token_norms.as_ref()?,
            };
            let crop = result.prepared.framing.crop_in_image();
            let heat = Arc::new(HeatMap::new(map.values.clone(), map.grid, crop).ok()?);
            Some(Cached { result, shown, heat })
        });
    }

    /// Begins with another model: the photo stays, its result goes.
    pub fn forget_result(&mut self) {
        *self = Self { photo: self.photo.take(), ..Self::default() };
    }

    /// Begins with another image: nothing of the old one may be shown as if it belonged to the new one.
    pub fn start_over(&mut self) {
        *self = Self::default();
    }
}
