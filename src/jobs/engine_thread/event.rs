//! What the engine thread answers.

use std::path::PathBuf;
use std::sync::Arc;

use crate::engine::DeviceInfo;
use crate::image::{ImageSource, Picture, Preparation, Prepared};
use crate::jobs::explain::Report;
use crate::jobs::finetune::News;
use crate::jobs::model::{LoadedModel, ModelSource, Profile};
use crate::relevance::RelevanceMap;
use crate::size::Size;
use crate::vit::VitConfig;
use crate::vit::classes::ClassNames;
use crate::vit::weights::LoadReport;

use super::blends::Blend;
use super::compare::CompareEnd;
use super::masks::MaskAnswer;
use super::request::{BatchId, ExplainRequest, ModelId, RunId, ViewId};

/// In the order things happened; large values are shared, not copied.
#[derive(Clone, Debug)]
pub enum Event {
    ModelLoaded {
        id: ModelId,
        info: Arc<ModelInfo>,
        seconds: f64,
    },
    ModelFailed {
        id: ModelId,
        error: String,
    },
    /// Its device is gone; it was loaded again on another one, with the weights it was first loaded with.
    ModelMoved {
        id: ModelId,
        info: Arc<ModelInfo>,
        /// The device that was lost.
        from: String,
    },
    /// The picture is decoded; what the model finds in it follows.
    Photo {
        view: ViewId,
        photo: Arc<DecodedPhoto>,
        /// What the model will see; `None` if there is no such model, which a `Failed` then says.
        prepared: Option<Arc<Prepared>>,
    },
    /// Of a method that needs many passes through the model. The latest replaces those not drained yet.
    Progress {
        view: ViewId,
        done: usize,
        total: usize,
    },
    Explained {
        view: ViewId,
        result: Arc<ViewResult>,
    },
    /// No explanation; the sentence ends with the image's path.
    Failed {
        view: ViewId,
        image: ImageSource,
        error: String,
    },
    /// One more picture of a batch is done, or could not be.
    BatchAdvanced {
        id: BatchId,
        done: usize,
        total: usize,
        source: ImageSource,
        outcome: Result<Box<Report>, String>,
    },
    /// About masks.
    Mask(MaskAnswer),
    /// Nothing more comes of this batch.
    BatchDone {
        id: BatchId,
        end: BatchEnd,
    },
    /// Both models of a comparison have seen one more picture.
    CompareAdvanced {
        id: BatchId,
        done: usize,
        total: usize,
    },
    /// Nothing more comes of this comparison.
    Compared {
        id: BatchId,
        end: CompareEnd,
    },
    /// Where a report lies now, or why it does not.
    PageSaved {
        outcome: Result<PathBuf, String>,
    },
    /// Of a finetuning run.
    Run {
        id: RunId,
        news: Box<News>,
    },
    /// A model has the weights of this blend now.
    Blended {
        model: ModelId,
        blend: Blend,
    },
    BlendFailed {
        model: ModelId,
        error: String,
    },
}

/// How a batch ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchEnd {
    /// All pictures had their turn.
    Finished {
        explained: usize,
        failed: usize,
    },
    Cancelled,
    /// It could not start or go on: the model lacks what it asks for, or is gone.
    Refused(String),
}

/// A picture as a viewer shows it, nothing painted over it.
#[derive(Clone, Debug)]
pub struct DecodedPhoto {
    pub source: ImageSource,
    pub picture: Picture,
}

/// Everything a window tells about a loaded model.
#[derive(Clone, Debug)]
pub struct ModelInfo {
    pub name: String,
    pub source: ModelSource,
    pub config: VitConfig,
    pub classes: ClassNames,
    pub report: LoadReport,
    pub device: DeviceInfo,
    /// Number of weights.
    pub parameters: usize,
    /// See [`LoadedModel::is_self_supervised`]; decides what automatic masks start from.
    pub is_self_supervised: bool,
    profiles: [ProfileInfo; 2],
}

/// How a model's pictures are prepared under a profile, and what to know about it.
#[derive(Clone, Debug)]
pub struct ProfileInfo {
    pub profile: Profile,
    pub preparation: Preparation,
    /// Reasons not to trust the numbers.
    pub warnings: Vec<String>,
}

impl ModelInfo {
    pub(super) fn of(model: &LoadedModel, source: ModelSource) -> Self {
        let profile = |profile| ProfileInfo {
            profile,
            preparation: model.preparation(profile),
            warnings: model.warnings(profile),
        };
        Self {
            name: model.name.clone(),
            source,
            config: model.engine.config().clone(),
            classes: model.classes.clone(),
            report: model.report.clone(),
            device: model.engine.device(),
            parameters: model.report.parameters,
            is_self_supervised: model.is_self_supervised(),
            profiles: [profile(Profile::Model), profile(Profile::Paper)],
        }
    }

    pub fn profile(&self, profile: Profile) -> &ProfileInfo {
        match profile {
            Profile::Model => &self.profiles[0],
            Profile::Paper => &self.profiles[1],
        }
    }
}

impl ViewResult {
    /// The likeliest classes with their probabilities.
    pub fn top(&self, count: usize) -> Vec<(usize, f32)> {
        let mut ranked: Vec<(usize, f32)> = self.probabilities.iter().copied().enumerate().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranked.truncate(count);
        ranked
    }
}

/// What a view shows.
#[derive(Clone, Debug)]
pub struct ViewResult {
    /// What was asked: compare it to what is wanted now.
    pub request: ExplainRequest,
    /// Empty for a model without a head.
    pub logits: Vec<f32>,
    /// Softmax of the logits.
    pub probabilities: Vec<f32>,
    /// The class explained; `None` for a model without a head.
    pub target: Option<usize>,
    pub contrast: Option<usize>,
    /// GAE: one map per first block, `[depth]`, so that choosing one needs no request. Other methods: one.
    pub maps: Vec<RelevanceMap>,
    /// What spoke for and against the objective, for gradient and perturbation methods.
    pub signed: Option<RelevanceMap>,
    /// ‖x_i‖₂ of the patches after the last block, if asked for.
    pub token_norms: Option<RelevanceMap>,
    /// Framing and preview of what the model saw, occlusion included.
    pub prepared: Arc<Prepared>,
    /// In patches.
    pub grid: Size,
    /// In pixels of the model input.
    pub patch: Size,
    /// From taking up the request to its end.
    pub seconds: f64,
    /// Nothing was sent through the model.
    pub from_cache: bool,
}
