//! Finetuning on relevance maps: the losses, and one step of training.
//!
//! Chefer, Schwartz, Wolf: «Optimizing Relevance Maps of Vision Transformers Improves Robustness», NeurIPS 2022,
//! arXiv 2206.01161. The loss lives here, on plain slices; [`crate::vit::Engine::train`] does the passes around it.

mod input_gradient;
pub mod loss;
mod method;
mod step;

pub use method::{ClassTarget, LossMethod, MaskProfile};
pub use step::{StepConfig, StepError, StepStats, TrainBatch, train_step};
