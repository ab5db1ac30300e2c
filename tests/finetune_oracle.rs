//! The gradient of the whole loss against central differences in double precision, for every kind of model.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use support::model::{Expected, MODELS, engines};
use support::reference::Reference;
use vitrine::finetune::{StepConfig, TrainBatch, train_step};
use vitrine::vit::{KeepMaps, Objective, TraceOptions, Update};

/// The fixture's pictures with a box as mask, soft at its border.
fn batch_of(expected: &Expected) -> TrainBatch {
    let size = expected.batch.size;
    let inside = |at: usize, length: usize| {
        let from_centre = (at as f32 + 0.5 - length as f32 / 2.0).abs() / length as f32;
        ((0.35 - from_centre) * 10.0).clamp(0.0, 1.0)
    };
    let mask: Vec<f32> = (0..size.area())
        .map(|pixel| inside(pixel / size.width, size.height) * inside(pixel % size.width, size.width))
        .collect();
    let masks = mask.repeat(expected.batch.count);
    TrainBatch { pictures: expected.batch.clone(), labels: expected.targets.clone(), masks, counted: Vec::new() }
}

#[test]
fn the_gradient_of_the_whole_loss_equals_central_differences() {
    let config = StepConfig { temperature: 0.65, ..StepConfig::paper(Update::Collect) };
    let mut random = Pcg64Mcg::seed_from_u64(5);
    for name in MODELS {
        let expected = Expected::of(name);
        let batch = batch_of(&expected);
        let (_, mut engine) = engines(name).remove(0);
        // G is a constant of the loss, so both sides take the same one.
        let options = TraceOptions { gradients: KeepMaps::All, ..TraceOptions::default() };
        let traces = engine.trace(&batch.pictures, &|i, _| Objective::Logit(batch.labels[i]), &options).unwrap();
        let maps: Vec<_> = traces.into_iter().map(|trace| trace.gradients).collect();
        let mut reference = Reference::new(engine.config(), &engine.weights().unwrap());
        let stats = train_step(&mut *engine, &batch, &config).unwrap();
        let value = reference.loss(&batch, &config, &maps);
        // f32 against f64.
        assert!((stats.total - value).abs() < 1e-5 * value, "{name}: {} and {value}", stats.total);

        let gradients = engine.gradients().unwrap();
        assert!(gradients.keys().eq(reference.weights.keys()), "{name}: every weight has a gradient");
        for (tensor, gradient) in &gradients {
            // Along random signs every element counts: an error anywhere changes the projection by about its size.
            let signs: Vec<f64> = gradient.data.iter().map(|_| if random.random() { 1.0 } else { -1.0 }).collect();
            let projection: f64 = gradient.data.iter().zip(&signs).map(|(&g, s)| f64::from(g) * s).sum();
            let step = 1e-5;
            let kept = reference.weights[tensor].clone();
            let mut at = |sign: f64| {
                let moved = kept.iter().zip(&signs).map(|(w, s)| w + sign * step * s).collect();
                reference.weights.insert(tensor.clone(), moved);
                reference.loss(&batch, &config, &maps)
            };
            let difference = (at(1.0) - at(-1.0)) / (2.0 * step);
            reference.weights.insert(tensor.clone(), kept);
            let norm = gradient.data.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
            // In double precision a step of 1e-5 leaves a relative error near 1e-8; what remains is that of the f32
            // gradient. The bias of the keys has no influence at all: its gradient is rounding, hence the floor.
            let error = (projection - difference).abs();
            assert!(error < 1e-3 * norm.max(1e-3), "{name}, {tensor}: {projection} and {difference}, norm {norm}");
        }
    }
}
