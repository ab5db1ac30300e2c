//! From a run's configuration to the steps of [`super::train_step`].

use crate::size::Size;
use crate::vit::{Batch, Engine, Learning, Trainable, Update};

use super::config::{FinetuneConfig, Term};
use super::loader::Example;
use super::{StepConfig, StepError, StepStats, TrainBatch, train_step};

impl TrainBatch {
    /// `input`: size of the model input in pixels.
    pub fn collect(examples: Vec<Example>, input: Size) -> Self {
        let count = examples.len();
        let mut batch = Self {
            pictures: Batch { pixels: Vec::new(), count, size: input },
            labels: Vec::with_capacity(count),
            masks: Vec::with_capacity(count * input.area()),
            counted: Vec::with_capacity(count * input.area()),
        };
        for example in examples {
            batch.pictures.pixels.extend(example.pixels);
            batch.masks.extend(example.foreground);
            batch.counted.extend(example.weight);
            batch.labels.push(example.class);
        }
        batch
    }
}

impl FinetuneConfig {
    /// The settings of a step of a model with `depth` blocks; terms that are left out weigh 0.
    pub fn step_config(&self, depth: usize, update: Update) -> StepConfig {
        let weight = |term, lambda| if self.has(term) { lambda } else { 0.0 };
        // The mask term of GradMask and RRR has no weight of its own within the mask terms.
        let is_relevance = self.method == super::LossMethod::Relevance;
        let lambda_seg = if is_relevance { self.lambda_seg } else { weight(Term::Background, self.lambda_seg) };
        StepConfig {
            method: self.method,
            as_released: self.as_released,
            class_target: self.class_target,
            mask_profile: self.mask_profile,
            lambda_seg,
            lambda_bg: weight(Term::Background, self.lambda_bg),
            lambda_fg: weight(Term::Foreground, self.lambda_fg),
            lambda_cls: weight(Term::Classification, self.lambda_cls),
            temperature: self.temperature,
            trainable: match self.last_blocks {
                0 => Trainable::ALL,
                last => Trainable { embedding: false, first_block: depth.saturating_sub(last), head: true },
            },
            update,
        }
    }

    fn learning(&self, lr: f32) -> Learning {
        Learning {
            lr: f64::from(lr),
            weight_decay: f64::from(self.weight_decay),
            clip: (self.clip > 0.0).then(|| f64::from(self.clip)),
            ..Learning::default()
        }
    }
}

/// One step of the optimiser over all batches; losses are means over their pictures, the gradient's norm is that of
/// the step. If a loss was no finite number, nothing was learned.
///
/// # Errors
/// As [`train_step`].
pub fn learn(
    engine: &mut dyn Engine,
    batches: &[TrainBatch],
    config: &FinetuneConfig,
    lr: f32,
) -> Result<StepStats, StepError> {
    let depth = engine.config().depth;
    let pictures: usize = batches.iter().map(|batch| batch.labels.len()).sum();
    let mut whole = StepStats::default();
    for (index, batch) in batches.iter().enumerate() {
        let is_last = index + 1 == batches.len();
        let update = if is_last { Update::Learn(config.learning(lr)) } else { Update::Collect };
        let stats = train_step(engine, batch, &config.step_config(depth, update)).inspect_err(|_| {
            engine.forget_gradients();
        })?;
        let share = batch.labels.len() as f64 / pictures.max(1) as f64;
        whole.total += share * stats.total;
        whole.background += share * stats.background;
        whole.foreground += share * stats.foreground;
        whole.classification += share * stats.classification;
        whole.confidence += share * stats.confidence;
        whole.correct += stats.correct;
        whole.flat_maps.extend(stats.flat_maps);
        (whole.gradient_norm, whole.steps, whole.learned) = (stats.gradient_norm, stats.steps, stats.learned);
        if !stats.learned {
            engine.forget_gradients();
            break;
        }
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::super::LossMethod;
    use super::*;

    #[test]
    fn terms_left_out_weigh_nothing_and_frozen_blocks_are_counted_from_the_end() {
        let config = FinetuneConfig { without: vec![Term::Foreground], last_blocks: 2, ..FinetuneConfig::default() };
        let step = config.step_config(12, Update::Collect);
        assert_eq!((step.lambda_fg, step.lambda_bg, step.lambda_cls), (0.0, 2.0, 0.2));
        assert_eq!(step.trainable, Trainable { embedding: false, first_block: 10, head: true });
        let all = FinetuneConfig::default().step_config(12, Update::Collect);
        assert_eq!(all, StepConfig::paper(Update::Collect));
        let masks_off =
            FinetuneConfig { method: LossMethod::Rrr, without: vec![Term::Background], ..FinetuneConfig::default() };
        assert_eq!(masks_off.step_config(12, Update::Collect).lambda_seg, 0.0);
    }
}
