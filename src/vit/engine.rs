//! What jobs and the command line see of a model: plain data in, plain data out, whatever computes.

use std::collections::BTreeMap;

use crate::engine::{DeviceInfo, KernelTimes};
use crate::size::Size;

use super::weights::Tensor;
use super::{FeatureChoice, Learned, Loss, OptimiserState, PatchFeatures, Pooling, TrainOptions, VitConfig};

/// Normalised pictures of one size.
#[derive(Clone, Debug)]
pub struct Batch {
    /// `[count, channels, height, width]`, row-major.
    pub pixels: Vec<f32>,
    pub count: usize,
    pub size: Size,
}

impl Batch {
    /// Whether there are as many values as pictures of this size need, and a patch in each.
    pub(crate) fn check(&self, config: &VitConfig) -> Result<(), EngineError> {
        let (channels, size) = (config.channels, self.size);
        let needed = checked_elements(&[self.count, channels, size.height, size.width]);
        if self.count == 0 || needed != Some(self.pixels.len()) {
            return Err(EngineError::Pixels { got: self.pixels.len(), count: self.count, channels, size });
        }
        if config.grid_of(size).area() == 0 {
            return Err(EngineError::TooSmall { size, patch: config.patch });
        }
        Ok(())
    }
}

/// Product of declared lengths, `None` on overflow.
fn checked_elements(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |product, n| product.checked_mul(*n))
}

/// The scalar y whose gradient explains a prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Objective {
    /// The raw logit of a class.
    Logit(usize),
    /// logit_a − logit_b: why a rather than b.
    Contrast(usize, usize),
    /// The softmax probability of a class.
    Probability(usize),
    /// Σ_k log(p_k + 1e-11) over all classes: what «right for the right reasons» differentiates
    /// (Ross et al., arXiv 1703.03717).
    LogProbabilities,
}

/// Keeps [`Objective::LogProbabilities`] finite where a probability underflows.
const LEAST_PROBABILITY: f64 = 1e-11;

impl Objective {
    fn classes(self) -> impl Iterator<Item = usize> {
        let (a, b) = match self {
            Self::Logit(a) | Self::Probability(a) => (Some(a), None),
            Self::Contrast(a, b) => (Some(a), Some(b)),
            Self::LogProbabilities => (None, None),
        };
        a.into_iter().chain(b)
    }

    pub(super) fn largest_class(self) -> usize {
        self.classes().max().unwrap_or(0)
    }

    /// y itself.
    ///
    /// # Errors
    /// [`EngineError::NoSuchClass`].
    pub fn value(self, logits: &[f32]) -> Result<f64, EngineError> {
        let at = |values: &[f32], class: usize| {
            let missing = EngineError::NoSuchClass { class, last: values.len().saturating_sub(1) };
            values.get(class).copied().map(f64::from).ok_or(missing)
        };
        match self {
            Self::Logit(class) => at(logits, class),
            Self::Contrast(class, other) => Ok(at(logits, class)? - at(logits, other)?),
            Self::Probability(class) => at(&softmax(logits), class),
            Self::LogProbabilities => {
                Ok(softmax(logits).iter().map(|&p| (f64::from(p) + LEAST_PROBABILITY).ln()).sum())
            }
        }
    }

    /// ∂y/∂logits. The classes must exist.
    pub fn gradient(self, logits: &[f32]) -> Vec<f32> {
        let mut d_logits = vec![0.0; logits.len()];
        match self {
            Self::Logit(class) => d_logits[class] = 1.0,
            Self::Contrast(class, other) => {
                d_logits[class] += 1.0;
                d_logits[other] -= 1.0;
            }
            Self::Probability(class) => {
                let p = softmax(logits);
                for (d, q) in d_logits.iter_mut().zip(&p) {
                    *d = -p[class] * q;
                }
                d_logits[class] += p[class];
            }
            Self::LogProbabilities => {
                let p = softmax(logits);
                let shares: Vec<f64> = p.iter().map(|&p| f64::from(p) / (f64::from(p) + LEAST_PROBABILITY)).collect();
                let total: f64 = shares.iter().sum();
                for ((d, &p), share) in d_logits.iter_mut().zip(&p).zip(shares) {
                    *d = (share - f64::from(p) * total) as f32;
                }
            }
        }
        d_logits
    }
}

/// Which token's row of R is followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// What the classifier reads: the class token, or the mean of the patches.
    #[default]
    Readout,
    /// Any token, counted from 0 with the prefix tokens first: «what does this patch look at».
    Token(usize),
}

impl Start {
    /// The weights of the tokens whose rows are followed, `[N]`: e_CLS, the mean of the patches' e_j, or e_token.
    /// A token beyond the last gives zeros; [`TraceOptions::check`] refuses it.
    pub fn row(self, config: &VitConfig, tokens: usize) -> Vec<f32> {
        let prefix = config.prefix_tokens();
        let mut row = vec![0.0; tokens];
        let read = match self {
            Self::Token(token) => token..token + 1,
            Self::Readout if config.pooling == Pooling::MeanOfPatches => prefix..tokens,
            Self::Readout => 0..1,
        };
        if let Some(weights) = row.get_mut(read) {
            weights.fill(1.0 / weights.len() as f32);
        }
        row
    }
}

/// Heads and blocks left out of the relevance (their attention still computes the prediction).
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Muted {
    pub blocks: Vec<usize>,
    /// (block, head)
    pub heads: Vec<(usize, usize)>,
}

impl Muted {
    /// 1/h per head; 0 for what is muted. The mean still divides by all heads.
    pub fn head_weights(&self, block: usize, heads: usize) -> Vec<f32> {
        let is_muted = |head| self.blocks.contains(&block) || self.heads.contains(&(block, head));
        (0..heads).map(|head| if is_muted(head) { 0.0 } else { 1.0 / heads as f32 }).collect()
    }
}

/// Which attention maps and gradients come back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeepMaps {
    #[default]
    None,
    /// Of the last block, all query rows.
    Last,
    All,
}

/// What an explanation should contain besides the logits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceOptions {
    pub start: Start,
    pub muted: Muted,
    /// GAE rows for every first block. Needs a backward pass.
    pub relevance: bool,
    pub rollout: bool,
    pub attention: KeepMaps,
    /// ∂y/∂A. Needs a backward pass.
    pub gradients: KeepMaps,
    /// ∂y/∂x. Needs a backward pass.
    pub input_gradient: bool,
    /// ‖x‖₂ of every token after the last block.
    pub token_norms: bool,
}

impl TraceOptions {
    /// GAE from the classifier's token, nothing else.
    pub fn relevance() -> Self {
        Self { relevance: true, ..Self::default() }
    }

    /// Whether start token and muted heads exist in a model for that many tokens.
    ///
    /// # Errors
    /// [`EngineError::NoSuchToken`] or [`EngineError::NoSuchHead`].
    pub fn check(&self, config: &VitConfig, tokens: usize) -> Result<(), EngineError> {
        let VitConfig { depth, heads, .. } = *config;
        if let Start::Token(token) = self.start
            && token >= tokens
        {
            return Err(EngineError::NoSuchToken { token, tokens });
        }
        let muted_heads = self.muted.heads.iter().copied();
        for (block, head) in muted_heads.chain(self.muted.blocks.iter().map(|&block| (block, 0))) {
            if block >= depth || head >= heads {
                return Err(EngineError::NoSuchHead { block, head, depth, heads });
            }
        }
        Ok(())
    }

    pub(super) fn needs_backward(&self) -> bool {
        self.relevance || self.input_gradient || self.gradients != KeepMaps::None
    }
}

/// What one image left behind in the model. Vectors not asked for are empty.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    pub logits: Vec<f32>,
    /// `relevance[s]`: token relevance `[N]` when the rule starts at block s. Prefix tokens first.
    pub relevance: Vec<Vec<f32>>,
    /// Attention rollout of the tokens, `[N]`.
    pub rollout: Vec<f32>,
    /// Post-softmax attention per kept block, `[h, N, N]`; with [`KeepMaps::Last`] one entry.
    pub attention: Vec<Vec<f32>>,
    /// ∂y/∂A, like `attention`.
    pub gradients: Vec<Vec<f32>>,
    /// ∂y/∂x, `[channels, height, width]`.
    pub input_gradient: Vec<f32>,
    /// ‖x_i‖₂ of the last block's output before the final norm, `[N]`. Patches of little content may carry tokens of
    /// far larger norm, in which the model keeps notes (Darcet et al., arXiv 2309.16588).
    pub token_norms: Vec<f32>,
}

/// A loaded model on some hardware. Object-safe; one thread owns it.
pub trait Engine: Send {
    fn device(&self) -> DeviceInfo;
    /// Whether the device is gone, and the model with it: it has to be loaded again.
    fn is_lost(&self) -> bool {
        false
    }
    fn config(&self) -> &VitConfig;

    /// Runs `work` with every kernel timed by the device's own clock; `None` where there is no such clock.
    fn profile(&self, work: &mut dyn FnMut()) -> Option<KernelTimes> {
        work();
        None
    }

    /// Logits of every picture, `[count][classes]`.
    ///
    /// # Errors
    /// If the pictures do not fit the model or the device fails.
    fn classify(&self, batch: &Batch) -> Result<Vec<Vec<f32>>, EngineError>;

    /// One [`Trace`] per picture; `objective` is asked with the picture's index and logits.
    ///
    /// # Errors
    /// If the pictures, objectives, token or muted heads do not fit the model, or the device fails.
    fn trace(
        &self,
        batch: &Batch,
        objective: &dyn Fn(usize, &[f32]) -> Objective,
        options: &TraceOptions,
    ) -> Result<Vec<Trace>, EngineError>;

    /// Queries, keys or values of one block for every picture, prefix tokens left out. Pictures may have any size
    /// that holds a patch; later blocks are not computed.
    ///
    /// # Errors
    /// If the pictures do not fit the model, there is no such block, or the device fails.
    fn features(&self, batch: &Batch, choice: FeatureChoice) -> Result<Vec<PatchFeatures>, EngineError>;

    /// Forward, `loss`, gradients of all weights that learn, and what [`TrainOptions::update`] makes of them.
    /// `None` if the loss ended the step: then nothing changed.
    ///
    /// # Errors
    /// If the pictures or classes do not fit the model or nothing would learn: then nothing changed. If the device
    /// fails: then some weights may have learned already.
    fn train(
        &mut self,
        batch: &Batch,
        options: &TrainOptions,
        loss: &mut Loss<'_>,
    ) -> Result<Option<Learned>, EngineError>;

    /// The mean of the gradients that [`super::Update::Collect`] gathered, under the weights' names.
    ///
    /// # Errors
    /// If the device fails.
    fn gradients(&self) -> Result<BTreeMap<String, Tensor>, EngineError>;
    /// Drops collected gradients.
    fn forget_gradients(&mut self);

    /// All weights as they are now, under their timm names.
    ///
    /// # Errors
    /// If the device fails.
    fn weights(&self) -> Result<BTreeMap<String, Tensor>, EngineError>;
    /// Replaces all weights; the optimiser's memory stays as it is.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape (then nothing changed), or the device has no room.
    fn set_weights(&mut self, tensors: BTreeMap<String, Tensor>) -> Result<(), EngineError>;

    /// What the optimiser remembers.
    ///
    /// # Errors
    /// If the device fails.
    fn optimiser(&self) -> Result<OptimiserState, EngineError>;
    /// Lets the optimiser go on from a saved state (or anew, from the default one); collected gradients are dropped.
    ///
    /// # Errors
    /// If a tensor does not fit the model, or the device has no room; then nothing changed.
    fn set_optimiser(&mut self, state: OptimiserState) -> Result<(), EngineError>;
}

/// Why a model did not compute.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Compute(#[from] crate::engine::Error),
    #[error("the model has no tensor «{0}»; its weights were not read by vit::weights::load")]
    MissingTensor(String),
    #[error(transparent)]
    Position(#[from] super::weights::Problem),
    #[error("{got} input values do not make {count} pictures of {channels} channels and {size} pixels")]
    Pixels { got: usize, count: usize, channels: usize, size: Size },
    #[error("pictures of {size} pixels hold no whole patch of {patch}")]
    TooSmall { size: Size, patch: Size },
    #[error("the model has no classification head, so no class can be explained; use raw attention or rollout")]
    NoHead,
    #[error("class {class} does not exist: the model has classes 0 to {last}")]
    NoSuchClass { class: usize, last: usize },
    #[error("the tensor «{name}» has the shape {got:?}, where the model has {expected:?}")]
    WrongShape { name: String, got: Vec<usize>, expected: Vec<usize> },
    #[error("{got} target classes were given for {count} pictures")]
    Targets { got: usize, count: usize },
    #[error("everything is frozen, so there is nothing to train; let at least one block or the head learn")]
    NothingLearns,
    #[error("token {token} does not exist: there are {tokens} tokens")]
    NoSuchToken { token: usize, tokens: usize },
    #[error("block {block} does not exist: the model has blocks 0 to {last}")]
    NoSuchBlock { block: usize, last: usize },
    #[error("head {head} of block {block} does not exist: the model has {depth} blocks of {heads} heads")]
    NoSuchHead { block: usize, head: usize, depth: usize, heads: usize },
}

impl EngineError {
    /// Whether the device is gone, with everything on it: the same work may succeed on another one.
    pub fn is_device_lost(&self) -> bool {
        matches!(self, Self::Compute(error) if error.is_device_lost())
    }
}

/// Softmax in double precision, for probabilities shown to people.
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exps: Vec<f64> = logits.iter().map(|&z| f64::from(z - max).exp()).collect();
    let sum: f64 = exps.iter().sum();
    exps.into_iter().map(|e| (e / sum) as f32).collect()
}

/// Index of the largest logit; the first of equals, 0 for none.
pub fn argmax(logits: &[f32]) -> usize {
    let mut best = 0;
    for (i, &z) in logits.iter().enumerate() {
        if z > logits[best] {
            best = i;
        }
    }
    best
}
