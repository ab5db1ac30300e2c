//! Before and after: the main model and the one beside it, judged on the same images.

mod start;

use std::sync::Arc;

use crate::jobs::compare::{Flip, FlipKind, Report};
use crate::jobs::engine_thread::CompareRequest;

/// What was compared, and what is shown of it.
#[derive(Default)]
pub struct Evaluate {
    /// Instead of those that the gallery shows.
    pub all_images: bool,
    /// Whether objects are put on other backgrounds too.
    pub backgrounds: bool,
    /// Which flips the list shows.
    pub kind: Shown,
    /// The comparison at work.
    pub(super) job: Option<(u64, CompareRequest)>,
    pub result: Option<Compared>,
    /// What was shown when the dialog that asks where to save it was opened.
    pub(super) to_save: Option<Compared>,
}

/// Which flips are shown; the first of them by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown(pub FlipKind);

impl Default for Shown {
    fn default() -> Self {
        Self(FlipKind::Fixed)
    }
}

/// A finished comparison.
#[derive(Clone)]
pub struct Compared {
    pub report: Arc<Report>,
    pub job: CompareRequest,
}

/// What the user asks of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EvaluateCommand {
    /// Main model before, second model after.
    Start,
    AllImages(bool),
    Backgrounds(bool),
    Show(FlipKind),
    /// Selects the image of a flip: its place in the report.
    Look(usize),
    SaveReport,
}

impl Evaluate {
    /// Whether a comparison is at work.
    pub fn is_at_work(&self) -> bool {
        self.job.is_some()
    }

    /// The flips of the chosen kind with their places in the report.
    pub fn flips(&self) -> Vec<(usize, &Flip)> {
        let Some(Compared { report, .. }) = &self.result else { return Vec::new() };
        report.flips.iter().enumerate().filter(|(_, flip)| flip.kind == self.kind.0).collect()
    }
}
