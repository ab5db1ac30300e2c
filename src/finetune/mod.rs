//! Finetuning on relevance maps: the losses, one step of training, the photos, and the run around them.
//!
//! Chefer, Schwartz, Wolf: «Optimizing Relevance Maps of Vision Transformers Improves Robustness», NeurIPS 2022,
//! arXiv 2206.01161. The loss lives here, on plain slices; [`crate::vit::Engine::train`] does the passes around it.
//!
//! [`folders::find`] lists photos with masks, [`split()`] draws the sets, a [`Run`] trains, a step at a time, into its
//! folder. [`FinetuneConfig`] says everything else.

mod blend;
mod config;
mod error;
pub mod export;
pub mod folders;
mod hash;
mod input_gradient;
mod judge;
mod learn;
mod loader;
pub mod loss;
mod method;
mod preflight;
mod preset;
pub mod run;
mod sample;
mod split;
mod step;

pub use blend::{BlendError, blend};
pub use config::{ConfigError, FinetuneConfig, Term, ValidationClasses};
pub use error::DataError;
pub use judge::{Judgement, MapJudgement, judge};
pub use loader::{Example, Loader};
pub use method::{ClassTarget, LossMethod, MaskProfile};
pub use preflight::{Preflight, PreflightReport, TermReport};
pub use preset::Preset;
pub use run::{Run, RunError, RunEvent};
pub use sample::{MaskSource, Sample, load_mask};
pub use split::{Split, split};
pub use step::{StepConfig, StepError, StepStats, TrainBatch, train_step};
