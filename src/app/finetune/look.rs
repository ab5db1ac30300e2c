//! Which weights the views of the tuned model show: those at work, a checkpoint's, or weights between two.

use crate::finetune::run::model_file;
use crate::jobs::engine_thread::{Blend, Request};

use super::super::command::Slot;
use super::super::session::Session;
use super::SavedWeights;

/// Which weights are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Shows {
    /// Those at work.
    #[default]
    Live,
    /// θ = (1 − α)·θ₀ + α·θ₁: θ₀ before the run, θ₁ the checkpoint of `step`.
    Blend { step: usize, alpha: f32 },
}

impl Session {
    /// Shows other weights in the slot of the tuned model.
    pub(super) fn look(&mut self, shows: Shows) {
        let Some(run) = &mut self.finetune.run else { return };
        let shows = match shows {
            Shows::Live => Shows::Live,
            Shows::Blend { step, alpha } => match run.nearest(step) {
                Some(saved) => Shows::Blend { step: saved.step, alpha: alpha.clamp(0.0, 1.0) },
                None => return self.notices.warning("The run has no checkpoint yet."),
            },
        };
        run.shows = shows;
        match shows {
            Shows::Live => self.show_live(),
            Shows::Blend { .. } => self.show_blend(),
        }
    }

    fn show_live(&mut self) {
        let Some(live) = self.finetune.run.as_ref().and_then(|run| run.live.clone()) else { return };
        if self.models.get(Slot::Second).is_none_or(|shown| shown.id != live.id) {
            self.models.put(Slot::Second, live);
        }
    }

    /// Loads the copy that shows other weights, if need be, and gives it these.
    fn show_blend(&mut self) {
        let Some(run) = &mut self.finetune.run else { return };
        let Some(viewer) = run.viewer else {
            let Some(live) = &run.live else { return };
            let source = live.source.clone();
            let id = self.load(Slot::Second, source);
            if let Some(run) = &mut self.finetune.run {
                run.viewer = Some(id);
            }
            return;
        };
        if let Some(blend) = self.blend() {
            self.engine.send(Request::Blend { model: viewer, blend });
        }
    }

    /// What the slider asks for.
    fn blend(&self) -> Option<Blend> {
        let run = self.finetune.run.as_ref()?;
        let Shows::Blend { step, alpha } = run.shows else { return None };
        let weights = |saved: &SavedWeights| model_file(&saved.folder);
        let before = run.checkpoints.first().map(weights)?;
        Some(Blend { before, after: run.nearest(step).map(weights)?, alpha })
    }

    /// The copy that shows other weights is there: it is given those that are asked for by now.
    pub(super) fn viewer_loaded(&mut self) {
        let shows = self.finetune.run.as_ref().map(|run| run.shows);
        match shows {
            Some(Shows::Live) => self.show_live(),
            Some(Shows::Blend { .. }) => self.show_blend(),
            None => {}
        }
    }
}
