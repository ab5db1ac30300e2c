//! What the window asks of the engine thread.

use std::path::PathBuf;
use std::sync::Arc;

use crate::engine::Device;
use crate::image::{ImageSource, PatchIndex};
use crate::jobs::Cancel;
use crate::jobs::compare::Report;
use crate::jobs::explain::ExplainJob;
use crate::jobs::finetune::{RunCommand, Start};
use crate::jobs::model::{ModelSource, Profile};
use crate::relevance::{Method, MethodOptions};
use crate::vit::weights::LoadOptions;
use crate::vit::{Muted, Score};

use super::blends::Blend;
use super::compare::CompareRequest;
use super::masks::{MaskBatchRequest, MaskRequest};
use super::occlusion::Occlusion;

/// A loaded model, numbered by the caller; never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelId(pub u64);

/// A place in the window that shows one explanation at a time, numbered by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ViewId(pub u64);

/// A job over many pictures, numbered by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BatchId(pub u64);

/// A finetuning run, numbered by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(pub u64);

/// Served in this order: models and runs' commands, then explanations (one per view, the longest waiting first), masks,
/// then steps of runs and pictures of batches in turn.
#[derive(Debug)]
pub enum Request {
    Load {
        id: ModelId,
        source: ModelSource,
        device: Device,
        options: LoadOptions,
    },
    /// Frees a model. What its views still wait for is dropped without an answer; its batches end with an error.
    Unload(ModelId),
    /// The latest of a view wins: an older one that waits is dropped, one that runs stops at its next step.
    /// Neither is answered.
    Explain(Box<ExplainRequest>),
    /// A view was closed: nothing more is said about it, except what is on the way already.
    Forget(ViewId),
    /// The mask that a method finds in one photo; the latest of a view wins, as for explanations.
    Mask(Box<MaskRequest>),
    /// In the background, as [`Request::Batch`].
    MaskBatch(Box<MaskBatchRequest>),
    /// In the background: explanations that come in are served before the batch goes on.
    Batch {
        id: BatchId,
        model: ModelId,
        job: Box<ExplainJob>,
        sources: Vec<ImageSource>,
        cancel: Cancel,
    },
    /// In the background, as a batch: two loaded models on a data set, picture by picture. Answered by
    /// [`super::Event::CompareAdvanced`] and, at its end or when cancelled, [`super::Event::Compared`].
    Compare {
        id: BatchId,
        compare: Box<CompareRequest>,
        cancel: Cancel,
    },
    /// Draws a report into one HTML page; both models must still be loaded. Answered by [`super::Event::PageSaved`].
    SavePage {
        compare: Box<CompareRequest>,
        report: Arc<Report>,
        path: PathBuf,
    },
    /// Starts a run that trains the loaded model itself: views of it show the weights of the moment. A model has one
    /// run at a time. Answered by [`super::Event::Run`] until its `Done`, `Stopped` or `Failed`.
    Finetune {
        id: RunId,
        model: ModelId,
        start: Box<Start>,
        /// Photos whose maps are drawn into the run's folder with every checkpoint.
        pinned: Vec<ImageSource>,
    },
    /// Tells a run what to do; done after the step at work, and answered by [`super::Event::Run`].
    Run {
        id: RunId,
        command: RunCommand,
    },
    /// Gives a loaded model the weights between two checkpoints of its architecture. The latest of a model wins.
    /// Refused while a run trains the model. Answered by [`super::Event::Blended`] or `BlendFailed`; what was
    /// explained before is stale then, so ask again.
    Blend {
        model: ModelId,
        blend: Blend,
    },
}

/// One picture, one method, one view.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainRequest {
    pub view: ViewId,
    pub model: ModelId,
    pub image: ImageSource,
    /// What is painted over the picture before the model sees it.
    pub occlusion: Option<Arc<Occlusion>>,
    pub profile: Profile,
    /// Index of the class to explain; `None`: the predicted one.
    pub target: Option<usize>,
    /// Explain the target rather than this class.
    pub contrast: Option<usize>,
    /// Which number of the target; without meaning under a contrast.
    pub score: Score,
    pub method: Method,
    /// Seeds, steps and the like. Start, muting and first block are not read: `patch` and `muted` say it, and GAE
    /// answers for every first block.
    pub options: MethodOptions,
    /// The row of this patch instead of what the classifier reads.
    pub patch: Option<PatchIndex>,
    /// Read by GAE.
    pub muted: Muted,
    /// Whether [`super::ViewResult::token_norms`] is wanted.
    pub want_norms: bool,
}

impl ExplainRequest {
    /// GAE of the predicted class, everything else at its default.
    pub fn new(view: ViewId, model: ModelId, image: ImageSource) -> Self {
        Self {
            view,
            model,
            image,
            occlusion: None,
            profile: Profile::default(),
            target: None,
            contrast: None,
            score: Score::default(),
            method: Method::default(),
            options: MethodOptions::default(),
            patch: None,
            muted: Muted::default(),
            want_norms: false,
        }
    }
}
