//! One step of training: a batch and its settings in, what happened out.

use crate::relevance::RelevanceMap;
use crate::vit::{
    Batch, Engine, EngineError, LossGradients, TrainOptions, Trainable, Update, VitConfig, argmax, softmax,
};

use super::loss::{MapWeights, MaskPlanes, cross_entropy, map_terms};
use super::{ClassTarget, LossMethod, MaskProfile, input_gradient};

/// Pictures with their labels and masks.
#[derive(Clone, Debug)]
pub struct TrainBatch {
    /// Normalised pictures of one size.
    pub pictures: Batch,
    /// The ground-truth class of each picture.
    pub labels: Vec<usize>,
    /// S, `[count, height, width]`: 1 on the object, 0 behind it. May be empty for [`LossMethod::CrossEntropy`].
    pub masks: Vec<f32>,
    /// Share of each mask pixel that is not ignored, like `masks`; empty if all of all count.
    pub counted: Vec<f32>,
}

/// The settings of one step; see `algorithms.md` §3 for the loss.
#[derive(Clone, Debug, PartialEq)]
pub struct StepConfig {
    pub method: LossMethod,
    /// GradMask and RRR as released, where the gradient counts as a constant and the mask term trains nothing.
    pub as_released: bool,
    pub class_target: ClassTarget,
    pub mask_profile: MaskProfile,
    /// Weight of the mask terms together.
    pub lambda_seg: f32,
    /// Weight of L_bg within the mask terms of [`LossMethod::Relevance`]; 0 leaves it out.
    pub lambda_bg: f32,
    /// Weight of L_fg, like `lambda_bg`.
    pub lambda_fg: f32,
    /// Weight of the classification term; 0 leaves it out.
    pub lambda_cls: f32,
    /// T of the classification term.
    pub temperature: f32,
    pub trainable: Trainable,
    pub update: Update,
}

impl StepConfig {
    /// The paper's weights for ViT-B.
    pub fn paper(update: Update) -> Self {
        Self {
            method: LossMethod::Relevance,
            as_released: false,
            class_target: ClassTarget::Predicted,
            mask_profile: MaskProfile::Complement,
            lambda_seg: 0.8,
            lambda_bg: 2.0,
            lambda_fg: 0.3,
            lambda_cls: 0.2,
            temperature: 1.0,
            trainable: Trainable::ALL,
            update,
        }
    }

    pub(super) fn train_options(&self, relevance_of: Option<Vec<usize>>) -> TrainOptions {
        TrainOptions { relevance_of, trainable: self.trainable, update: self.update }
    }

    fn reads_masks(&self) -> bool {
        self.method != LossMethod::CrossEntropy
    }
}

/// What one step saw and did. Losses are means over the batch, before their weights λ, and of the weights before the
/// step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepStats {
    /// The weighted sum: what was minimised.
    pub total: f64,
    /// L_bg; for GradMask and RRR their mask term.
    pub background: f64,
    /// L_fg; 0 for the other methods.
    pub foreground: f64,
    pub classification: f64,
    /// ‖gradient‖₂ over everything that learns, before clipping.
    pub gradient_norm: f64,
    /// Pictures whose largest logit is their label's.
    pub correct: usize,
    /// Mean probability of the largest logit.
    pub confidence: f64,
    /// Pictures whose relevance map had no contrast, by their index in the batch.
    pub flat_maps: Vec<usize>,
    /// False if the loss was not a finite number: then nothing was learned or collected.
    pub learned: bool,
    /// Steps of the optimiser so far.
    pub steps: u64,
}

/// Why a step was not made; nothing was learned.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("{got} labels were given for {count} pictures")]
    Labels { got: usize, count: usize },
    #[error("label {label} does not exist: the model has {classes} classes; map the labels to the model's classes")]
    NoSuchLabel { label: usize, classes: usize },
    #[error("{got} mask pixels were given where the batch has {expected}; give every picture a mask of its own size")]
    Masks { got: usize, expected: usize },
    #[error("the temperature must be above 0, not {0}")]
    Temperature(f32),
}

/// Trains on one batch.
///
/// # Errors
/// If labels or masks do not fit the pictures or the model, or the device fails.
pub fn train_step(engine: &mut dyn Engine, batch: &TrainBatch, config: &StepConfig) -> Result<StepStats, StepError> {
    check(engine.config(), batch, config)?;
    match config.method {
        LossMethod::Relevance => on_relevance(engine, batch, config),
        LossMethod::Gradmask | LossMethod::Rrr => input_gradient::step(engine, batch, config),
        LossMethod::CrossEntropy => on_logits(engine, batch, config, StepStats::default()),
    }
}

fn check(model: &VitConfig, batch: &TrainBatch, config: &StepConfig) -> Result<(), StepError> {
    let count = batch.pictures.count;
    if batch.labels.len() != count {
        return Err(StepError::Labels { got: batch.labels.len(), count });
    }
    if let Some(&label) = batch.labels.iter().find(|label| **label >= model.classes) {
        return Err(StepError::NoSuchLabel { label, classes: model.classes });
    }
    let expected = count * batch.pictures.size.area();
    if config.reads_masks() && batch.masks.len() != expected {
        return Err(StepError::Masks { got: batch.masks.len(), expected });
    }
    if !batch.counted.is_empty() && batch.counted.len() != batch.masks.len() {
        return Err(StepError::Masks { got: batch.counted.len(), expected: batch.masks.len() });
    }
    if config.temperature.is_nan() || config.temperature <= 0.0 {
        return Err(StepError::Temperature(config.temperature));
    }
    Ok(())
}

fn on_relevance(engine: &mut dyn Engine, batch: &TrainBatch, config: &StepConfig) -> Result<StepStats, StepError> {
    let model = engine.config().clone();
    let mut stats = StepStats::default();
    let options = config.train_options(Some(batch.labels.clone()));
    let learned = engine.train(&batch.pictures, &options, &mut |logits, rows| {
        let d_relevance = read_maps(&model, batch, config, rows, &mut stats);
        let d_logits = read_logits(batch, config, logits, &mut stats);
        stats.total += f64::from(config.lambda_seg * config.lambda_bg) * stats.background
            + f64::from(config.lambda_seg * config.lambda_fg) * stats.foreground;
        stats.total.is_finite().then_some(LossGradients { d_logits, d_relevance })
    })?;
    Ok(stats.after(learned))
}

/// A step on the logits alone; `stats` may hold what another term found.
pub(super) fn on_logits(
    engine: &mut dyn Engine,
    batch: &TrainBatch,
    config: &StepConfig,
    mut stats: StepStats,
) -> Result<StepStats, StepError> {
    let learned = engine.train(&batch.pictures, &config.train_options(None), &mut |logits, _| {
        let d_logits = read_logits(batch, config, logits, &mut stats);
        stats.total.is_finite().then_some(LossGradients { d_logits, d_relevance: Vec::new() })
    })?;
    Ok(stats.after(learned))
}

impl StepStats {
    /// Completed by what the engine reports.
    pub(super) fn after(self, learned: Option<crate::vit::Learned>) -> Self {
        match learned {
            Some(learned) => Self { learned: true, gradient_norm: learned.gradient_norm, steps: learned.steps, ..self },
            None => self,
        }
    }
}

/// The classification term of every picture: adds to `stats` and returns the weighted ∂Loss/∂logits.
pub(super) fn read_logits(
    batch: &TrainBatch,
    config: &StepConfig,
    logits: &[Vec<f32>],
    stats: &mut StepStats,
) -> Vec<f32> {
    let share = 1.0 / batch.labels.len() as f64;
    let mut d_logits = Vec::new();
    for (logits, &label) in logits.iter().zip(&batch.labels) {
        let predicted = argmax(logits);
        let by_label = config.method != LossMethod::Relevance || config.class_target == ClassTarget::GroundTruth;
        let (loss, gradient) = cross_entropy(logits, if by_label { label } else { predicted }, config.temperature);
        stats.classification += share * loss;
        stats.correct += usize::from(predicted == label);
        stats.confidence += share * softmax(logits).get(predicted).copied().map_or(0.0, f64::from);
        d_logits.extend(gradient.iter().map(|d| d * config.lambda_cls * share as f32));
    }
    stats.total += f64::from(config.lambda_cls) * stats.classification;
    d_logits
}

/// The map terms of every picture: adds to `stats` and returns the weighted ∂Loss/∂row, `[count · N]`.
fn read_maps(
    model: &VitConfig,
    batch: &TrainBatch,
    config: &StepConfig,
    rows: &[Vec<f32>],
    stats: &mut StepStats,
) -> Vec<f32> {
    let size = batch.pictures.size;
    let grid = model.grid_of(size);
    let prefix = model.prefix_tokens();
    let pixels = grid.area() * model.patch.area();
    let share = 1.0 / (rows.len() * pixels) as f64;
    let weight = |lambda: f32| (f64::from(config.lambda_seg) * f64::from(lambda) * share) as f32;
    let weights = MapWeights { background: weight(config.lambda_bg), foreground: weight(config.lambda_fg) };
    let mut d_relevance = Vec::with_capacity(rows.len() * model.tokens_of(size));
    for (index, row) in rows.iter().enumerate() {
        let MaskPlanes { object, background } = batch.planes(index, config.mask_profile);
        let mask = MaskPlanes { object: covered(&object, model, size), background: covered(&background, model, size) };
        let map = RelevanceMap { grid, values: row[prefix..].to_vec() };
        let terms = map_terms(&map, model.patch, &mask, weights);
        stats.background += share * terms.background;
        stats.foreground += share * terms.foreground;
        if terms.is_flat {
            stats.flat_maps.push(index);
        }
        d_relevance.extend(std::iter::repeat_n(0.0, prefix));
        d_relevance.extend(terms.d_patches);
    }
    d_relevance
}

impl TrainBatch {
    /// S and S̄ of a picture, `[height, width]` each.
    pub(super) fn planes(&self, index: usize, profile: MaskProfile) -> MaskPlanes {
        let area = self.pictures.size.area();
        let of_picture = |plane: &[f32]| plane.get(index * area..(index + 1) * area).unwrap_or_default().to_vec();
        MaskPlanes::new(&of_picture(&self.masks), &of_picture(&self.counted), profile)
    }
}

/// The part of a mask that whole patches cover, which is all unless the size is no multiple of the patch.
pub(super) fn covered(mask: &[f32], model: &VitConfig, size: crate::size::Size) -> Vec<f32> {
    let grid = model.grid_of(size);
    let (height, width) = (grid.height * model.patch.height, grid.width * model.patch.width);
    mask.chunks_exact(size.width).take(height).flat_map(|row| &row[..width]).copied().collect()
}
