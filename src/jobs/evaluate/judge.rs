//! One picture, one model: everything that is measured about it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::Serialize;

use crate::eval::{Answer, MapScores, Scene, Truth, centred_map, random_map};
use crate::finetune::MaskProfile;
use crate::finetune::loss::{MapWeights, MaskPlanes, map_terms};
use crate::image::{self, Preparation};
use crate::jobs::model::LoadedModel;
use crate::mask::Coverage;
use crate::relevance::{self, Explanation, Progress, RelevanceError, RelevanceMap};
use crate::size::Size;
use crate::vit::{Batch, EngineError, Objective, argmax};

use super::cutouts::Cutouts;
use super::dataset::{Dataset, Labelled};
use super::faithfulness::{Faithfulness, FaithfulnessOfAll};
use super::photo::{self, PhotoError};
use super::{EvaluateJob, ExplainedClass};

/// Asked between passes through the model, so that a window can be served; `Break` stops the work.
pub type OnPass<'a> = dyn FnMut() -> ControlFlow<()> + 'a;

/// What one model made of one picture.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    /// Its place in the data set.
    pub index: usize,
    pub image: String,
    /// The classes that count as right.
    pub truth: Vec<usize>,
    /// `None` without a known class.
    pub answer: Option<Answer>,
    pub mask: MaskUse,
    /// Against the mask; `None` without one.
    pub map: Option<AgainstMask>,
    /// The same for a random map and for a Gaussian in the middle.
    pub baselines: Option<Baselines>,
    /// The answers to what was made of the picture; empty without a usable mask.
    pub scenes: BTreeMap<Scene, Answer>,
    /// What becomes of the answer as pixels go or come in the map's order; `None` if not asked for.
    pub faithfulness: Option<FaithfulnessOfAll>,
    /// On the patch grid, of the class that was explained; `None` if nobody needs it.
    #[serde(skip)]
    pub relevance: Option<RelevanceMap>,
}

/// What became of a picture's mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskUse {
    /// There is none.
    None,
    /// It has no object in the part that the model sees: excluded.
    Empty,
    Used,
}

/// Maps that never saw the picture, against its mask.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Baselines {
    pub random: AgainstMask,
    pub centred: AgainstMask,
}

/// A map against the mask: the metrics, and the terms of the finetuning loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AgainstMask {
    #[serde(flatten)]
    pub scores: MapScores,
    /// L_bg: mean of (R̂·S̄)² over the pixels.
    pub loss_background: f64,
    /// L_fg: mean of (R̂·S − S)².
    pub loss_foreground: f64,
}

impl AgainstMask {
    /// `None` if the map's pixels are not those of the mask.
    fn new(map: &RelevanceMap, patch: Size, truth: &Truth) -> Option<Self> {
        let scores = MapScores::new(map, patch, truth)?;
        let unweighted = MapWeights { background: 0.0, foreground: 0.0 };
        let planes = MaskPlanes::new(truth.soft(), &[], MaskProfile::default());
        let terms = map_terms(map, patch, &planes, unweighted);
        let pixels = truth.soft().len() as f64;
        Some(Self { scores, loss_background: terms.background / pixels, loss_foreground: terms.foreground / pixels })
    }
}

/// Why a picture was not judged.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    #[error(transparent)]
    Photo(#[from] PhotoError),
    #[error(transparent)]
    Prepare(#[from] image::ImageError),
    #[error(transparent)]
    Relevance(#[from] RelevanceError),
    #[error("cancelled")]
    Cancelled,
}

impl From<EngineError> for JudgeError {
    fn from(error: EngineError) -> Self {
        Self::Relevance(error.into())
    }
}

/// A model and what is asked of it.
pub struct Judge<'a> {
    pub model: &'a LoadedModel,
    pub job: &'a EvaluateJob,
    pub dataset: &'a Dataset,
    /// [`Dataset::first_truths`].
    pub truths: &'a [Option<usize>],
}

impl Judge<'_> {
    /// # Errors
    /// If the picture or its mask cannot be read, the device fails, or the work is cancelled.
    pub fn judge(&self, index: usize, cutouts: &mut Cutouts, on_pass: &mut OnPass<'_>) -> Result<Judged, JudgeError> {
        let labelled = &self.dataset.pictures[index];
        let (picture, mask) = photo::load(labelled, &self.dataset.masks)?;
        let preparation = self.model.preparation(self.job.profile);
        let prepared = image::prepare(&picture, &preparation)?;
        let coverage = mask.and_then(|mask| mask.resampled(&prepared.framing));
        let (logits, relevance) = self.look(&prepared.input, prepared.size, labelled, on_pass)?;

        let truth = coverage.as_ref().and_then(|coverage| Truth::new(coverage, self.map_size(coverage)));
        let mut judged = Judged {
            index,
            image: labelled.source.path().display().to_string(),
            truth: labelled.truth.clone(),
            answer: self.answer(&logits, labelled),
            mask: match (&coverage, &truth) {
                (None, _) => MaskUse::None,
                (Some(_), None) => MaskUse::Empty,
                (Some(_), Some(_)) => MaskUse::Used,
            },
            map: None,
            baselines: None,
            scenes: BTreeMap::new(),
            faithfulness: None,
            relevance,
        };
        let patch = self.model.engine.config().patch;
        if let (Some(truth), Some(map)) = (&truth, &judged.relevance) {
            let score = |map: &RelevanceMap| AgainstMask::new(map, patch, truth);
            judged.map = score(map);
            let random = random_map(map.grid, self.job.seed, index);
            judged.baselines = score(&random)
                .zip(score(&centred_map(map.grid)))
                .map(|(random, centred)| Baselines { random, centred });
        }
        if truth.is_some() && self.job.backgrounds {
            judged.scenes = self.scenes(index, labelled, &preparation, cutouts, on_pass)?;
            if let Some(original) = judged.answer.filter(|_| !judged.scenes.is_empty()) {
                judged.scenes.insert(Scene::Original, original);
            }
        }
        if let Some(map) = judged.relevance.as_ref().filter(|_| self.job.perturbation && judged.answer.is_some()) {
            let seed = self.job.seed;
            let test = Faithfulness { model: self.model, preparation: &preparation, input: &prepared.input };
            judged.faithfulness = Some(test.of_all(map, labelled, (seed, index), on_pass)?);
        }
        Ok(judged)
    }

    /// Logits, and where the model looks if that is asked for.
    fn look(
        &self,
        input: &[f32],
        size: Size,
        labelled: &Labelled,
        on_pass: &mut OnPass<'_>,
    ) -> Result<(Vec<f32>, Option<RelevanceMap>), JudgeError> {
        let batch = Batch { pixels: input.to_vec(), count: 1, size };
        if !self.job.maps {
            let logits = self.model.engine.classify(&batch)?.swap_remove(0);
            return match on_pass() {
                ControlFlow::Continue(()) => Ok((logits, None)),
                ControlFlow::Break(()) => Err(JudgeError::Cancelled),
            };
        }
        let objective = |_: usize, logits: &[f32]| {
            let known = labelled.truth.first().copied().filter(|_| self.job.explained == ExplainedClass::Truth);
            Objective::Logit(known.unwrap_or_else(|| argmax(logits)))
        };
        let mut on_progress = |_: Progress| on_pass();
        let explained = relevance::explain(
            &*self.model.engine,
            &batch,
            &objective,
            self.job.method,
            &self.job.options,
            &mut on_progress,
        );
        let Explanation { logits, map, .. } = explained
            .map_err(|error| match error {
                RelevanceError::Cancelled => JudgeError::Cancelled,
                error => error.into(),
            })?
            .swap_remove(0);
        Ok((logits, Some(map)))
    }

    /// The pixels that the map covers.
    fn map_size(&self, coverage: &Coverage) -> Size {
        let config = self.model.engine.config();
        let grid = config.grid_of(coverage.size);
        Size::new(grid.height * config.patch.height, grid.width * config.patch.width)
    }

    fn answer(&self, logits: &[f32], labelled: &Labelled) -> Option<Answer> {
        Answer::new(logits, &labelled.truth, &self.dataset.classes)
    }

    /// The model's answers to the picture taken apart and put together anew.
    fn scenes(
        &self,
        index: usize,
        labelled: &Labelled,
        preparation: &Preparation,
        cutouts: &mut Cutouts,
        on_pass: &mut OnPass<'_>,
    ) -> Result<BTreeMap<Scene, Answer>, JudgeError> {
        let pictures = cutouts.compose(self.dataset, self.truths, index, preparation, self.job.seed);
        let mut answers = BTreeMap::new();
        if pictures.is_empty() {
            return Ok(answers);
        }
        let pixels = pictures.iter().flat_map(|(_, picture)| preparation.normalise(picture)).collect();
        let batch = Batch { pixels, count: pictures.len(), size: preparation.input };
        let logits = self.model.engine.classify(&batch)?;
        if on_pass().is_break() {
            return Err(JudgeError::Cancelled);
        }
        for ((scene, _), logits) in pictures.iter().zip(logits) {
            answers.extend(self.answer(&logits, labelled).map(|answer| (*scene, answer)));
        }
        Ok(answers)
    }
}
