//! Where the model looks: ten methods, one file per family, all on the patch grid.
//!
//! [`explain`] runs any of them; [`RelevanceMap`] enlarges and scales the result.

mod attention;
mod gae;
mod gradients;
mod map;
mod method;
mod outliers;
mod perturbation;
mod random;
mod recording;
mod rows;
mod session;

use crate::vit::{Batch, Engine, EngineError};

pub use gradients::{gradient_x_input, input_gradient, integrated_gradients};
pub use map::{Flat, RelevanceMap, normalise, upsample_backward};
pub use method::{Method, MethodOptions, UnknownMethod};
pub use outliers::far_out;
pub use random::Random;
pub use recording::{MAPS_LIMIT_BYTES, Recording};
pub use session::{ObjectiveOf, OnProgress, Progress};

use session::Session;

/// What a method found in one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Of the picture as it is; empty for a model without a head.
    pub logits: Vec<f32>,
    /// Never negative: what mattered, whichever method was asked.
    pub map: RelevanceMap,
    /// For gradient and perturbation methods: above 0 what spoke for the objective, below 0 what spoke against it.
    pub signed: Option<RelevanceMap>,
}

/// Explains every picture of `pixels` with one method.
///
/// `objective` is asked once per picture, with the logits of the unchanged picture; methods that change the picture
/// keep that answer, so the class cannot switch on the way. `on_progress` is called after every batch.
///
/// # Errors
/// If the pictures, the objective or the options do not fit the model, the device fails, or the work is cancelled.
pub fn explain(
    engine: &dyn Engine,
    pixels: &Batch,
    objective: &ObjectiveOf<'_>,
    method: Method,
    options: &MethodOptions,
    on_progress: &mut OnProgress<'_>,
) -> Result<Vec<Explanation>, RelevanceError> {
    if method.needs_head() && engine.config().classes == 0 {
        return Err(EngineError::NoHead.into());
    }
    let mut session = Session::new(engine, pixels, objective, options, on_progress)?;
    match method {
        Method::Gae => gae::gae(&mut session),
        Method::Rollout => attention::rollout(&mut session),
        Method::RawAttention => attention::raw_attention(&mut session),
        Method::AttentionGradcam => attention::gradcam(&mut session),
        Method::InputGradient => gradients::plain(&mut session).map(|g| gradients::on_patches(&session, g)),
        Method::GradientXInput => gradients::times_input(&mut session).map(|g| gradients::on_patches(&session, g)),
        Method::IntegratedGradients => gradients::integrated(&mut session).map(|g| gradients::on_patches(&session, g)),
        Method::SmoothGrad => gradients::smooth(&mut session).map(|g| gradients::on_patches(&session, g)),
        Method::Occlusion => perturbation::occlusion(&mut session),
        Method::Rise => perturbation::rise(&mut session),
    }
}

/// Why there is no explanation.
#[derive(Debug, thiserror::Error)]
pub enum RelevanceError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("cancelled")]
    Cancelled,
    #[error("block {first_block} does not exist: the rule can start at blocks 0 to {last}")]
    NoSuchBlock { first_block: usize, last: usize },
    #[error("the {0} must be at least 1")]
    Zero(&'static str),
    #[error("a stride of {stride} patches leaves gaps between windows of {window}; use a stride of at most {window}")]
    Gaps { stride: usize, window: usize },
    #[error("the {name} must lie between 0 and 1, not at {value}")]
    Share { name: &'static str, value: f64 },
}
