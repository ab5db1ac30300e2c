//! Masks for many photos, one after the other; what has a mask already is left alone.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use crate::image::{ImageSource, Picture};
use crate::jobs::Cancel;
use crate::jobs::model::LoadedModel;
use crate::mask::{MaskRecord, MaskState, MaskStore, Origin, Review};
use crate::relevance::Progress;

use super::relevance::relevance_mask;
use super::workbench::{AutoMask, Workbench};
use super::{AutoMaskError, MaskJob, MaskMethod};

/// A job on a model and a folder of masks.
pub struct Masker<'a> {
    model: &'a LoadedModel,
    job: &'a MaskJob,
    store: &'a MaskStore,
}

/// What became of one photo.
#[derive(Clone, Debug, PartialEq)]
pub enum MaskOutcome {
    Made(Box<MaskReport>),
    /// There was a mask; its state.
    Kept(MaskState),
}

/// A mask that was made, as JSON tells it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MaskReport {
    pub model: String,
    /// Where the mask lies.
    pub mask: PathBuf,
    #[serde(flatten)]
    pub record: MaskRecord,
    pub seconds: f64,
}

/// What a job tells while it runs.
pub enum MaskEvent<'a> {
    /// A photo's turn has come.
    Started {
        index: usize,
        path: &'a Path,
    },
    /// Of the current photo, for methods that need many passes.
    Advanced(Progress),
    Done {
        index: usize,
        path: &'a Path,
        outcome: MaskOutcome,
    },
    Failed {
        index: usize,
        path: &'a Path,
        error: AutoMaskError,
    },
}

impl<'a> Masker<'a> {
    pub fn new(model: &'a LoadedModel, job: &'a MaskJob, store: &'a MaskStore) -> Self {
        Self { model, job, store }
    }

    /// Photos one by one; one that fails is reported and the others go on.
    pub fn run(&self, sources: &[ImageSource], cancel: &Cancel, on_event: &mut dyn FnMut(MaskEvent<'_>)) {
        for (index, source) in sources.iter().enumerate() {
            if cancel.is_cancelled() {
                return;
            }
            let path = source.path();
            on_event(MaskEvent::Started { index, path });
            let mut progress = |progress| {
                on_event(MaskEvent::Advanced(progress));
                if cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            match self.one(source, &mut progress) {
                Ok(outcome) => on_event(MaskEvent::Done { index, path, outcome }),
                Err(error) if error.is_cancelled() => return,
                Err(error) => on_event(MaskEvent::Failed { index, path, error }),
            }
        }
    }

    fn one(
        &self,
        source: &ImageSource,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<MaskOutcome, AutoMaskError> {
        let start = Instant::now();
        let path = source.path();
        let before = self.state_of(path);
        if let Some(state) = before.filter(|_| !self.job.overwrite) {
            return Ok(MaskOutcome::Kept(state));
        }
        let made = auto_mask(self.model, &source.decode()?, path, &self.job.method, progress)?;
        if before.is_some_and(is_of_a_person) {
            self.store.remove(path)?;
        }
        let mask = self.store.save(path, &made.file)?;
        Ok(MaskOutcome::Made(Box::new(MaskReport {
            model: self.model.name.clone(),
            mask,
            record: made.file.record,
            seconds: start.elapsed().as_secs_f64(),
        })))
    }

    fn state_of(&self, path: &Path) -> Option<MaskState> {
        // `find` waits until the folder has been read, `states` does not.
        self.store.find(path)?;
        self.store.states([path]).into_iter().next().flatten()
    }
}

/// Whether a person put work into a mask.
fn is_of_a_person(state: MaskState) -> bool {
    state.origin != Origin::Auto || state.review == Review::Accepted
}

/// The mask of one photo, not saved.
///
/// # Errors
/// If the photo, the options and the model do not fit each other, the work is cancelled, or the device fails.
pub fn auto_mask(
    model: &LoadedModel,
    picture: &Picture,
    image: &Path,
    method: &MaskMethod,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<AutoMask, AutoMaskError> {
    match method {
        MaskMethod::TokenCut(options) => Workbench::new(model, picture, options)?.mask(image, options),
        MaskMethod::Relevance(options) => relevance_mask(model, picture, image, options, progress),
    }
}
