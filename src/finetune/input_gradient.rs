//! GradMask and RRR: the mask term reads the input gradient g = ∂y/∂x, so its own gradient is one of a gradient.
//!
//! With M = Σ (g·S̄)² and v = S̄² ⊙ g held fixed, ∇_θ M = 2·∇_θ (v · ∂y/∂x) = 2·∂/∂ε ∇_θ y(x + ε·v) at ε = 0: the change
//! of y's ordinary weight gradient as the picture moves along v. Taken as a central difference, both sides of which
//! go through the model in one batch with the picture itself: one backward sums all three with their signs.

use crate::vit::{Batch, Engine, LossGradients, Objective, TraceOptions};

use super::loss::masked_gradient;
use super::step::{on_logits, read_logits};
use super::{LossMethod, StepConfig, StepError, StepStats, TrainBatch};

/// Length of the central difference: ‖ε·v‖₂ of a picture's pixels. v points where y rises fastest, so y bends soon on
/// this way: its third-order error is below 1e-3 of RRR's gradient here, and grows with the square of the length.
/// Rounding is no concern: both sides take nearly the same roundings, and these cancel.
const STEP_LENGTH: f64 = 5e-3;

/// The way a picture moves.
struct Probe {
    /// Change of the pixels, ε·v.
    step: Vec<f32>,
    /// ±weight of y's gradient on either side: λ·2/(2ε).
    weight: f32,
}

pub(super) fn step(engine: &mut dyn Engine, batch: &TrainBatch, config: &StepConfig) -> Result<StepStats, StepError> {
    let channels = engine.config().channels;
    let scale = match config.method {
        LossMethod::Gradmask => 1.0 / (batch.pictures.count * channels * batch.pictures.size.area()) as f64,
        _ => 1.0,
    };
    let objective = |index: usize| match config.method {
        LossMethod::Gradmask => Objective::Logit(batch.labels[index]),
        _ => Objective::LogProbabilities,
    };
    let options = TraceOptions { input_gradient: true, ..TraceOptions::default() };
    let traces = engine.trace(&batch.pictures, &|index, _| objective(index), &options)?;

    let weight = f64::from(config.lambda_seg);
    let mut stats = StepStats::default();
    let mut probes = Vec::with_capacity(traces.len());
    for (index, trace) in traces.iter().enumerate() {
        let planes = batch.planes(index, config.mask_profile);
        let (sum, along) = masked_gradient(&trace.input_gradient, &planes.background);
        stats.background += scale * sum;
        probes.push(Probe::along(along, weight * scale));
    }
    stats.total = weight * stats.background;
    if config.as_released || weight == 0.0 {
        return on_logits(engine, batch, config, stats);
    }
    let pictures = moved(&batch.pictures, &probes);
    let count = batch.pictures.count;
    let learned = engine.train(&pictures, &config.train_options(None), &mut |logits, _| {
        let mut d_logits = read_logits(batch, config, &logits[..count], &mut stats);
        for (side, sign) in [(1, 1.0), (2, -1.0)] {
            for (index, probe) in probes.iter().enumerate() {
                let gradient = objective(index).gradient(&logits[side * count + index]);
                d_logits.extend(gradient.iter().map(|d| sign * probe.weight * d));
            }
        }
        stats.total.is_finite().then_some(LossGradients { d_logits, d_relevance: Vec::new() })
    })?;
    Ok(stats.after(learned))
}

impl Probe {
    fn along(mut direction: Vec<f32>, weight: f64) -> Self {
        let length = direction.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt();
        if length == 0.0 || !length.is_finite() {
            return Self { step: vec![0.0; direction.len()], weight: 0.0 };
        }
        let epsilon = STEP_LENGTH / length;
        direction.iter_mut().for_each(|v| *v = (f64::from(*v) * epsilon) as f32);
        Self { step: direction, weight: (weight / epsilon) as f32 }
    }
}

/// All pictures as they are, then moved forward, then moved back.
fn moved(pictures: &Batch, probes: &[Probe]) -> Batch {
    let mut pixels = pictures.pixels.clone();
    for sign in [1.0, -1.0] {
        let steps = probes.iter().flat_map(|probe| &probe.step);
        pixels.extend(pictures.pixels.iter().zip(steps).map(|(x, step)| x + sign * step));
    }
    Batch { pixels, count: 3 * pictures.count, size: pictures.size }
}
