//! Whether a backend computes the CPU's numbers: a small model, made up on the spot, explained and trained on both.

use std::collections::BTreeMap;

use crate::engine::candle::CandleOps;
use crate::engine::{Device, Ops};
use crate::size::Size;

use super::engine::{Batch, Engine, EngineError, Objective, Trace, TraceOptions};
use super::weights::{Tensor, expected_shapes};
use super::{Learning, LossGradients, Pooling, TrainOptions, Trainable, Update, Vit, VitConfig};

/// f32 in another order of summation and with a driver's own exp over two blocks: about 1e-6 in practice. A driver that
/// miscompiles a kernel is off by far more.
const TOLERANCE: f32 = 1e-3;

/// What a backend got wrong.
#[derive(Debug, thiserror::Error)]
pub enum SelfTestError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("its {what} differ from the CPU's by {error:e} of the largest")]
    Differs { what: &'static str, error: f32 },
}

/// Two heads and blocks, LayerScale, tokens and widths that fill no tile of any kernel.
fn config() -> VitConfig {
    VitConfig {
        dim: 40,
        depth: 2,
        heads: 2,
        hidden: 76,
        classes: 7,
        channels: 3,
        patch: Size::new(4, 4),
        input: Size::new(20, 28),
        class_token: true,
        distillation_token: false,
        registers: 1,
        pooling: Pooling::ClassToken,
        layer_scale: true,
        prefix_has_position: true,
        norm_eps: 1e-6,
    }
}

/// Explains two made-up pictures with a made-up model on `ops` and on the CPU, and lets both take a step of training.
///
/// # Errors
/// If the numbers differ, or `ops` does not compute at all.
pub fn self_test<O: Ops>(ops: O) -> Result<(), SelfTestError> {
    let config = config();
    let mut noise = Noise(1);
    let tensors = made_up_tensors(&config, &mut noise);
    let count = 2;
    let pixels = noise.numbers(count * config.channels * config.input.area(), 1.0);
    let batch = Batch { pixels, count, size: config.input };
    let cpu = CandleOps::new(Device::Cpu).map_err(EngineError::from)?;
    let mut reference = Vit::new(cpu, config.clone(), tensors.clone())?;
    let mut tested = Vit::new(ops, config, tensors.clone())?;
    for (got, expected) in explain(&tested, &batch)?.iter().zip(&explain(&reference, &batch)?) {
        compare("logits", &got.logits, &expected.logits)?;
        for (got, expected) in got.relevance.iter().zip(&expected.relevance) {
            compare("relevance maps", got, expected)?;
        }
        compare("input gradients", &got.input_gradient, &expected.input_gradient)?;
    }
    let expected = learned(&mut reference, &batch, &tensors)?;
    compare("weights after a step of training", &learned(&mut tested, &batch, &tensors)?, &expected)
}

/// What one step changes in all weights, one after the other.
fn learned(engine: &mut dyn Engine, batch: &Batch, before: &BTreeMap<String, Tensor>) -> Result<Vec<f32>, EngineError> {
    // With an eps this large a step is smooth in the gradient. Else the sign of a gradient that is all but zero would
    // decide, which rounding does.
    let learning = Learning { lr: 0.01, eps: 1.0, weight_decay: 0.1, ..Learning::default() };
    let options = TrainOptions {
        relevance_of: Some((0..batch.count).collect()),
        trainable: Trainable::ALL,
        update: Update::Learn(learning),
    };
    // Half the sum of all squares is a loss as good as any: its gradient is the values themselves.
    engine.train(batch, &options, &mut |logits, relevance| {
        Some(LossGradients { d_logits: logits.concat(), d_relevance: relevance.concat() })
    })?;
    let after = engine.weights()?;
    let change = |(name, before): (&String, &Tensor)| {
        let after = after.get(name).map_or(&[][..], |tensor| &tensor.data);
        after.iter().zip(&before.data).map(|(after, before)| after - before).collect::<Vec<f32>>()
    };
    Ok(before.iter().flat_map(change).collect())
}

fn explain(engine: &dyn Engine, batch: &Batch) -> Result<Vec<Trace>, EngineError> {
    let options = TraceOptions { input_gradient: true, ..TraceOptions::relevance() };
    engine.trace(batch, &|image, _| Objective::Logit(image), &options)
}

fn compare(what: &'static str, got: &[f32], expected: &[f32]) -> Result<(), SelfTestError> {
    let largest = expected.iter().fold(f32::MIN_POSITIVE, |max, v| max.max(v.abs()));
    let differences = got.iter().zip(expected).map(|(a, b)| (a - b).abs());
    // A NaN is the largest of all, and stays it.
    let error = differences.fold(0.0, |max: f32, d| if max.is_nan() || d <= max { max } else { d }) / largest;
    if error <= TOLERANCE && got.len() == expected.len() { Ok(()) } else { Err(SelfTestError::Differs { what, error }) }
}

/// Weights of a size that keeps the attention uneven and the activations near one.
fn made_up_tensors(config: &VitConfig, noise: &mut Noise) -> BTreeMap<String, Tensor> {
    let tensor = |(name, shape): (String, Vec<usize>)| {
        let count = shape.iter().product();
        let data = match shape.len() {
            1 if name.ends_with("weight") || name.ends_with("gamma") => {
                noise.numbers(count, 0.3).into_iter().map(|v| 1.0 + v).collect()
            }
            1 => noise.numbers(count, 0.2),
            3 => noise.numbers(count, 0.5),
            _ => noise.numbers(count, 3.0 / ((count / shape[0]) as f32).sqrt()),
        };
        (name, Tensor { shape, data })
    };
    expected_shapes(config).into_iter().map(tensor).collect()
}

/// Numbers that look random and are the same everywhere (a linear congruential generator with Knuth's MMIX constants).
struct Noise(u64);

impl Noise {
    /// Evenly between −`size` and `size`.
    fn numbers(&mut self, count: usize, size: f32) -> Vec<f32> {
        let mut next = || {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((self.0 >> 40) as f32 / (1_u32 << 23) as f32 - 1.0) * size
        };
        (0..count).map(|_| next()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_composed_backend_passes() {
        self_test(CandleOps::composed_on_cpu()).unwrap();
    }

    #[test]
    fn the_made_up_model_tells_its_pictures_and_tokens_apart() {
        let config = config();
        let mut noise = Noise(1);
        let tensors = made_up_tensors(&config, &mut noise);
        let pixels = noise.numbers(2 * 3 * config.input.area(), 1.0);
        let engine = Vit::new(CandleOps::new(Device::Cpu).unwrap(), config.clone(), tensors).unwrap();
        let traces = explain(&engine, &Batch { pixels, count: 2, size: config.input }).unwrap();
        let patches = &traces[0].relevance[0][config.prefix_tokens()..];
        let largest = patches.iter().fold(0.0_f32, |max, v| max.max(*v));
        let mean = patches.iter().sum::<f32>() / patches.len() as f32;
        // A flat map would hide most mistakes; on this one the best patch has several times the mean.
        assert!(largest > 1.5 * mean && mean > 0.0, "{largest} and {mean}");
        assert!(compare("logits", &traces[0].logits, &traces[1].logits).is_err());
    }

    #[test]
    fn a_wrong_number_is_told_by_name() {
        assert!(compare("logits", &[1.0, 2.0], &[1.0, 2.001]).is_ok());
        assert!(compare("logits", &[1.0, f32::NAN], &[1.0, 2.0]).is_err());
        assert!(compare("logits", &[1.0, f32::NAN, 0.0], &[1.0, 2.0, 0.0]).is_err());
        assert!(compare("logits", &[], &[1.0]).is_err());
        let told = compare("logits", &[1.0, 2.1], &[1.0, 2.0]).unwrap_err().to_string();
        assert!(told.contains("logits"), "{told}");
    }
}
