//! Finetuning: how the next run is set up, and how the one that is open goes.
//!
//! A run trains a second copy of the main model, in the slot beside it. So the views that compare two models show the
//! model before and, live, the model at work. To look at earlier weights, or between two sets of them, a third copy
//! takes the slot: the one at work must not be touched.

mod command;
mod look;
mod progress;
mod run;
mod samples;
mod start;

use std::collections::HashMap;
use std::path::PathBuf;

use crate::finetune::{FinetuneConfig, Preset};
use crate::image::ImageSource;
use crate::jobs::engine_thread::ViewId;

use super::models::Ready;

pub use command::FinetuneCommand;
pub use look::Shows;
pub use progress::{Progress, spoken};
pub use run::{Phase, Run, SavedWeights};
pub use samples::Offer;

/// More maps cost more between two steps than they tell.
pub const MOST_PINNED: usize = 6;

/// The run to come and the one that is open.
#[derive(Default)]
pub struct Finetune {
    pub preset: Preset,
    pub config: FinetuneConfig,
    pub pause_after_check: bool,
    /// Instead of those that the gallery shows.
    pub all_images: bool,
    /// Images whose maps follow the weights.
    pub pinned: Vec<ImageSource>,
    /// Where the next run goes, if the user chose a place.
    pub folder: Option<PathBuf>,
    pub run: Option<Run>,
    /// Before and after are judged once the best weights are shown.
    compares_next: bool,
    next_run: u64,
    /// Views that were asked for again because weights changed, and whether they changed once more meanwhile.
    refreshing: HashMap<ViewId, bool>,
}

impl Finetune {
    /// What a model is called: a copy that the run trains or shows has the name of the model before, and is told from it
    /// by its step.
    pub fn name_of(&self, model: &Ready) -> String {
        let name = &model.info.name;
        match self.run.as_ref().filter(|run| run.has(model.id)) {
            None => name.clone(),
            Some(run) => match run.shows {
                Shows::Live | Shows::Blend { alpha: 1.0, .. } => format!("{name} of {}", run.weights()),
                Shows::Blend { .. } => format!("{name}, {}", run.weights()),
            },
        }
    }
}
