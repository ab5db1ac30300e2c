//! What a model makes of photos: losses, answers, and where it looks. Nothing is learned.

use crate::relevance::RelevanceMap;
use crate::vit::{Engine, EngineError, Objective, Trace, TraceOptions, argmax, softmax};

use super::config::{FinetuneConfig, Term};
use super::loader::Example;
use super::loss::{MapWeights, MaskPlanes, cross_entropy, map_terms, masked_gradient};
use super::{ClassTarget, LossMethod, TrainBatch};

/// One photo as the model sees it now. Terms are means over its pixels, before their weights.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Judgement {
    pub is_right: bool,
    /// Probability of the model's own answer.
    pub confidence: f64,
    pub classification: f64,
    /// Of photos with masks.
    pub map: Option<MapJudgement>,
    /// The method's own mask term: L_bg and L_fg weighted, or that of GradMask and RRR; 0 without a mask.
    pub mask_term: f64,
}

/// Where a photo's relevance lies.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MapJudgement {
    /// L_bg
    pub background: f64,
    /// L_fg
    pub foreground: f64,
    /// Σ R·S / ΣR; the object's area for a flat map.
    pub on_object: f64,
    pub is_flat: bool,
}

impl Judgement {
    /// λ_seg times the mask term + λ_cls·L_cls.
    pub fn total(&self, config: &FinetuneConfig) -> f64 {
        let weight = |term, lambda: f32| if config.has(term) { f64::from(lambda) } else { 0.0 };
        f64::from(config.lambda_seg) * self.mask_term
            + weight(Term::Classification, config.lambda_cls) * self.classification
    }
}

/// Judges photos, all at once; those without a mask have no mask terms.
///
/// # Errors
/// If the photos do not fit the model or the device fails.
pub fn judge(
    engine: &dyn Engine,
    examples: Vec<Example>,
    config: &FinetuneConfig,
) -> Result<Vec<Judgement>, EngineError> {
    if examples.is_empty() {
        return Ok(Vec::new());
    }
    let model = engine.config();
    let input = model.input;
    let has_mask: Vec<bool> = examples.iter().map(|example| example.weight.iter().any(|&w| w > 0.0)).collect();
    let batch = TrainBatch::collect(examples, input);
    let any_mask = has_mask.contains(&true);
    let by_gradient = any_mask && matches!(config.method, LossMethod::Gradmask | LossMethod::Rrr);
    let options = TraceOptions {
        relevance: any_mask,
        input_gradient: by_gradient && config.method == LossMethod::Gradmask,
        ..TraceOptions::default()
    };
    let label = |index: usize, _: &[f32]| Objective::Logit(batch.labels[index]);
    let traces = engine.trace(&batch.pictures, &label, &options)?;
    let gradients = match by_gradient && config.method == LossMethod::Rrr {
        true => {
            let options = TraceOptions { input_gradient: true, ..TraceOptions::default() };
            Some(engine.trace(&batch.pictures, &|_, _| Objective::LogProbabilities, &options)?)
        }
        false => None,
    };
    let judge_one = |index: usize| {
        let trace = &traces[index];
        let planes = batch.planes(index, config.mask_profile);
        let mut judgement = answer(trace, batch.labels[index], config);
        if has_mask[index] {
            let map = judge_map(engine, trace, &planes);
            let gradient = gradients.as_ref().map_or(trace, |gradients| &gradients[index]);
            judgement.mask_term = mask_term(&map, gradient, &planes.background, config);
            judgement.map = Some(map);
        }
        judgement
    };
    Ok((0..traces.len()).map(judge_one).collect())
}

fn answer(trace: &Trace, label: usize, config: &FinetuneConfig) -> Judgement {
    let predicted = argmax(&trace.logits);
    let by_label = config.method != LossMethod::Relevance || config.class_target == ClassTarget::GroundTruth;
    let (classification, _) =
        cross_entropy(&trace.logits, if by_label { label } else { predicted }, config.temperature);
    let confidence = softmax(&trace.logits).get(predicted).copied().map_or(0.0, f64::from);
    Judgement { is_right: predicted == label, confidence, classification, ..Judgement::default() }
}

fn judge_map(engine: &dyn Engine, trace: &Trace, planes: &MaskPlanes) -> MapJudgement {
    let model = engine.config();
    let (grid, prefix) = (model.grid(), model.prefix_tokens());
    let values = trace.relevance.first().and_then(|row| row.get(prefix..)).unwrap_or_default().to_vec();
    let map = RelevanceMap { grid, values };
    let within_patches = |plane: &[f32]| super::step::covered(plane, model, model.input);
    let mask = MaskPlanes { object: within_patches(&planes.object), background: within_patches(&planes.background) };
    let terms = map_terms(&map, model.patch, &mask, MapWeights { background: 0.0, foreground: 0.0 });
    let pixels = mask.object.len() as f64;
    let upsampled = map.upsample(model.patch);
    let total: f64 = upsampled.iter().copied().map(f64::from).sum();
    let inside: f64 = upsampled.iter().zip(&mask.object).map(|(&r, &s)| f64::from(r) * f64::from(s)).sum();
    let area = mask.object.iter().copied().map(f64::from).sum::<f64>() / pixels;
    MapJudgement {
        background: terms.background / pixels,
        foreground: terms.foreground / pixels,
        on_object: if total > 0.0 && total.is_finite() { inside / total } else { area },
        is_flat: terms.is_flat,
    }
}

fn mask_term(map: &MapJudgement, gradient: &Trace, background: &[f32], config: &FinetuneConfig) -> f64 {
    let weight = |term, lambda: f32| if config.has(term) { f64::from(lambda) } else { 0.0 };
    let by_gradient = || masked_gradient(&gradient.input_gradient, background).0;
    match config.method {
        LossMethod::Relevance => {
            weight(Term::Background, config.lambda_bg) * map.background
                + weight(Term::Foreground, config.lambda_fg) * map.foreground
        }
        LossMethod::Gradmask => {
            weight(Term::Background, 1.0) * by_gradient() / gradient.input_gradient.len().max(1) as f64
        }
        // Of one photo; the loss of a step is the sum over its batch.
        LossMethod::Rrr => weight(Term::Background, 1.0) * by_gradient(),
        LossMethod::CrossEntropy => 0.0,
    }
}
