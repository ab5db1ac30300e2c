//! The maps on screen and the range of their colours.

use std::sync::Arc;

use crate::jobs::engine_thread::ViewId;
use crate::render::{HeatMap, RangeMode, ValueRange};

use super::session::Session;
use super::settings::View;
use super::views;

impl Session {
    /// Makes the maps that the views show; called before each frame.
    pub fn prepare_maps(&mut self) {
        let shown = self.shown();
        for view in self.views.values_mut() {
            view.prepare_heat(shown);
        }
    }

    /// The map that a view shows.
    pub fn heat(&self, view: ViewId) -> Option<&Arc<HeatMap>> {
        self.views.get(&view)?.heat()
    }

    /// What the ends of the colours stand for on a map; `None` for a flat one.
    pub fn range_of(&self, map: &HeatMap) -> Option<ValueRange> {
        let in_view: Vec<&[f32]> = self.compared().iter().filter_map(|&view| Some(self.heat(view)?.values())).collect();
        // Two models are only comparable on one scale.
        let mode = match self.settings.range {
            RangeMode::PerImage if self.compares() && self.settings.view != View::Grid => RangeMode::Shared,
            mode => mode,
        };
        mode.resolve(map.values(), &in_view, self.settings.locked_range, self.settings.style.colours)
    }

    /// The views whose maps share a scale, whether or not all of them are drawn just now.
    fn compared(&self) -> Vec<ViewId> {
        match self.settings.view {
            View::Grid => self.grid().into_iter().map(|(slot, method)| views::in_grid(slot, method)).collect(),
            _ if self.compares() => vec![views::MAIN, views::SECOND],
            _ => vec![views::MAIN],
        }
    }

    /// Keeps the range of the map now shown.
    pub(super) fn lock_range(&mut self) {
        match self.heat(views::MAIN).and_then(|map| self.range_of(map)) {
            Some(range) => {
                self.settings.locked_range = Some(range);
                self.settings.range = RangeMode::Locked;
            }
            None => self.notices.warning("There is no range to lock: no map is shown, or it is flat."),
        }
    }
}
