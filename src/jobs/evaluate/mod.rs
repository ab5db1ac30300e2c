//! A model judged on a data set: its answers, its maps against masks, and how much it leans on backgrounds.
//!
//! Configuration in, [`Judged`] pictures out, one [`Evaluation::step`] each, so that a window is served in between;
//! [`summary::summarise`] makes a table of them.

mod cutouts;
mod dataset;
mod faithfulness;
mod imagenet_s;
mod judge;
mod layout;
mod measure;
mod objectnet;
mod photo;
pub mod summary;

use serde::Serialize;

use crate::eval::Bootstrap;
use crate::jobs::model::{LoadedModel, Profile};
use crate::relevance::{Method, MethodOptions};

pub use cutouts::Cutouts;
pub use dataset::{Dataset, DatasetError, Labelled, Masks, Place};
pub use faithfulness::{FaithfulnessOfAll, FaithfulnessScores};
pub use judge::{AgainstMask, Baselines, Judge, JudgeError, Judged, MaskUse, OnPass};
pub use layout::{Layout, LayoutError};
pub use measure::{Better, Group, Measure, SUMS, Sums};
pub use photo::{PhotoError, load as load_photo};

/// Whose map is compared with the mask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExplainedClass {
    /// The true class, as in the loss; the predicted one where the truth is not known.
    #[default]
    Truth,
    Predicted,
}

/// What is measured, and how.
#[derive(Clone, Debug, Serialize)]
pub struct EvaluateJob {
    pub profile: Profile,
    pub method: Method,
    #[serde(skip)]
    pub options: MethodOptions,
    pub explained: ExplainedClass,
    /// Whether maps are computed: to be compared with masks, or to be shown.
    pub maps: bool,
    /// Whether pictures with masks are taken apart and put on other backgrounds.
    pub backgrounds: bool,
    /// Whether pixels are taken away and given in the order of the map: some two hundred passes per picture.
    pub perturbation: bool,
    /// Of the choice of backgrounds and of the random map.
    pub seed: u64,
    pub bootstrap: Bootstrap,
}

impl Default for EvaluateJob {
    fn default() -> Self {
        Self {
            profile: Profile::default(),
            method: Method::default(),
            options: MethodOptions::default(),
            explained: ExplainedClass::default(),
            maps: true,
            backgrounds: true,
            perturbation: false,
            seed: 0,
            bootstrap: Bootstrap::default(),
        }
    }
}

/// A picture that could not be judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    pub image: String,
    /// A sentence that ends with the file's path.
    pub error: String,
}

/// One model on one data set, picture by picture.
#[derive(Debug)]
pub struct Evaluation {
    job: EvaluateJob,
    truths: Vec<Option<usize>>,
    next: usize,
    pub judged: Vec<Judged>,
    pub failures: Vec<Failure>,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A picture was judged, or could not be.
    Advanced,
    Cancelled,
    /// There is no picture left.
    Finished,
}

impl Evaluation {
    pub fn new(job: EvaluateJob, dataset: &Dataset) -> Self {
        let failures = dataset.unreadable.clone();
        Self { job, truths: dataset.first_truths(), next: 0, judged: Vec::new(), failures }
    }

    pub fn job(&self) -> &EvaluateJob {
        &self.job
    }

    /// Pictures that had their turn.
    pub fn done(&self) -> usize {
        self.next
    }

    /// Judges the next picture. After [`Step::Cancelled`] the same picture is next.
    pub fn step(
        &mut self,
        model: &LoadedModel,
        dataset: &Dataset,
        cutouts: &mut Cutouts,
        on_pass: &mut OnPass<'_>,
    ) -> Step {
        let Some(labelled) = dataset.pictures.get(self.next) else { return Step::Finished };
        let judge = Judge { model, job: &self.job, dataset, truths: &self.truths };
        match judge.judge(self.next, cutouts, on_pass) {
            Ok(judged) => self.judged.push(judged),
            Err(JudgeError::Cancelled) => return Step::Cancelled,
            Err(error) => {
                let image = labelled.source.path().display().to_string();
                let error = error.to_string();
                let error = if error.contains(&image) { error } else { format!("{error}: {image}") };
                self.failures.push(Failure { image, error });
            }
        }
        self.next += 1;
        Step::Advanced
    }
}
