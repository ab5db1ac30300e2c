//! One step of training against an independent PyTorch implementation: losses, every gradient, AdamW.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use std::collections::BTreeMap;

use support::model::{engines, relative_error};
use support::{Tensors, fixture};
use vitrine::finetune::{
    ClassTarget, LossMethod, MaskProfile, StepConfig, StepError, StepStats, TrainBatch, train_step,
};
use vitrine::size::Size;
use vitrine::vit::weights::Tensor;
use vitrine::vit::{Batch, Engine, EngineError, Learning, OptimiserState, Trainable, Update};

/// `optimiser` of fixtures.json.
const LEARNING: Learning = Learning { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 1e-4, clip: None };

struct Fixture {
    tensors: Tensors,
}

impl Fixture {
    fn read() -> Self {
        Self { tensors: fixture("finetune.expected.safetensors") }
    }

    fn batch(&self, mask: &str) -> TrainBatch {
        let (shape, pixels) = &self.tensors["image"];
        let pictures = Batch { pixels: pixels.clone(), count: shape[0], size: Size::new(shape[2], shape[3]) };
        // The targets are i64; read as f32 pairs, the low word of each is its value.
        let labels = self.tensors["target"].1.chunks(2).map(|pair| pair[0].to_bits() as usize).collect();
        TrainBatch { pictures, labels, masks: self.tensors[mask].1.clone(), counted: Vec::new() }
    }

    fn scalar(&self, name: &str) -> f64 {
        f64::from(self.tensors[name].1[0])
    }

    /// Every tensor whose name starts with `prefix`, without it.
    fn under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a [f32])> {
        self.tensors.iter().filter_map(move |(name, (_, data))| Some((name.strip_prefix(prefix)?, data.as_slice())))
    }
}

/// The variants of fixtures.json, with the mask each was made with.
fn variants() -> Vec<(&'static str, &'static str, StepConfig)> {
    let paper = StepConfig::paper(Update::Collect);
    vec![
        ("paper", "mask", paper.clone()),
        ("temperature", "mask", StepConfig { temperature: 0.65, ..paper.clone() }),
        ("ground_truth", "mask", StepConfig { class_target: ClassTarget::GroundTruth, ..paper.clone() }),
        ("soft_faithful", "soft_mask", StepConfig { mask_profile: MaskProfile::Paper, ..paper.clone() }),
        ("soft_complement", "soft_mask", paper.clone()),
        ("gradmask", "mask", StepConfig { method: LossMethod::Gradmask, ..paper.clone() }),
        ("rrr", "mask", StepConfig { method: LossMethod::Rrr, ..paper }),
    ]
}

fn learn(learning: Learning) -> StepConfig {
    StepConfig::paper(Update::Learn(learning))
}

#[track_caller]
fn assert_close(got: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((got - expected).abs() <= tolerance * expected.abs().max(1.0), "{what}: {got}, expected {expected}");
}

#[test]
fn losses_and_every_gradient_match_in_every_variant() {
    let fixture = Fixture::read();
    for (variant, mask, config) in variants() {
        for (backend, mut engine) in engines("plain") {
            let stats = train_step(&mut *engine, &fixture.batch(mask), &config).unwrap();
            let loss = |part: &str| fixture.scalar(&format!("{variant}.loss.{part}"));
            let what = format!("{variant}, {backend}");
            // f32 against f32 in another order of summation.
            assert_close(stats.total, loss("total"), 1e-5, &what);
            assert_close(stats.classification, loss("classification"), 1e-5, &what);
            let second_order = matches!(config.method, LossMethod::Gradmask | LossMethod::Rrr);
            if second_order {
                assert_close(stats.background, loss("mask"), 1e-5, &what);
            } else {
                assert_close(stats.background, loss("background"), 1e-5, &what);
                assert_close(stats.foreground, loss("foreground"), 1e-5, &what);
            }
            // A gradient of a gradient, taken as a difference of two f32 gradients, loses some digits.
            let tolerance = if second_order { 5e-3 } else { 1e-3 };
            let gradients = engine.gradients().unwrap();
            let prefix = format!("{variant}.grad.");
            let mut worst = 0f32;
            for (name, expected) in fixture.under(&prefix) {
                let error = relative_error(&gradients[name].data, expected);
                worst = worst.max(error);
                assert!(error <= tolerance, "{what}, {name}: relative error {error}");
            }
            println!("{what}: worst gradient {worst:.1e}");
            assert_eq!(fixture.under(&prefix).count(), gradients.len(), "{what}");
        }
    }
}

#[test]
fn the_step_reports_what_it_saw() {
    let fixture = Fixture::read();
    let (_, mut engine) = engines("plain").remove(0);
    let batch = fixture.batch("mask");
    let stats = train_step(&mut *engine, &batch, &StepConfig::paper(Update::Collect)).unwrap();
    let logits: Vec<&[f32]> = fixture.tensors["paper.logits"].1.chunks(10).collect();
    let correct = logits.iter().zip(&batch.labels).filter(|(z, label)| vitrine::vit::argmax(z) == **label).count();
    let largest = |z: &&[f32]| f64::from(vitrine::vit::softmax(z).into_iter().fold(0.0, f32::max));
    assert_eq!(stats.correct, correct);
    assert_close(stats.confidence, logits.iter().map(largest).sum::<f64>() / 4.0, 1e-5, "confidence");
    assert!(stats.learned && stats.flat_maps.is_empty() && stats.steps == 0);
    let square_sum: f64 =
        fixture.under("paper.grad.").flat_map(|(_, data)| data).map(|&g| f64::from(g) * f64::from(g)).sum();
    assert_close(stats.gradient_norm / square_sum.sqrt(), 1.0, 1e-3, "gradient norm");
}

/// Six steps on the fixture's batch.
fn run(engine: &mut dyn Engine, config: &StepConfig, steps: usize) -> Vec<StepStats> {
    let batch = Fixture::read().batch("mask");
    (0..steps).map(|_| train_step(engine, &batch, config).unwrap()).collect()
}

#[track_caller]
fn assert_weights(engine: &dyn Engine, fixture: &Fixture, steps: usize, what: &str) {
    let weights = engine.weights().unwrap();
    let prefix = format!("after_step_{steps}.");
    for (name, expected) in fixture.under(&prefix) {
        let gradient = &fixture.tensors[&format!("paper.grad.{name}")].1;
        let largest = |data: &[f32]| data.iter().fold(0f32, |m, v| m.max(v.abs()));
        // AdamW divides a gradient by its size, so its rounding (1e-5 of the largest, as measured above) moves a weight
        // by that share of the learning rate: all of it, in a random direction, where nothing but rounding is left,
        // as for the bias of the keys, which softmax does not see.
        let rounding = 1e-5 * largest(gradient);
        let way = 2.0 * LEARNING.lr as f32 * steps as f32;
        for ((got, expected_value), gradient) in weights[name].data.iter().zip(expected).zip(gradient) {
            let tolerance = 1e-4 * largest(expected) + way * (rounding / gradient.abs()).min(1.0);
            let error = (got - expected_value).abs();
            assert!(error <= tolerance, "{what}, {prefix}{name}: {got}, expected {expected_value}, {gradient:e}");
        }
    }
    assert_eq!(fixture.under(&prefix).count(), weights.len());
}

#[test]
fn weights_match_after_one_and_six_steps() {
    let fixture = Fixture::read();
    let clipped_at_nothing = Learning { clip: Some(1e9), ..LEARNING };
    for (backend, mut engine) in engines("plain") {
        let curve: Vec<StepStats> = run(&mut *engine, &learn(LEARNING), 1);
        assert_weights(&*engine, &fixture, 1, backend);
        let curve = [curve, run(&mut *engine, &learn(LEARNING), 5)].concat();
        assert_weights(&*engine, &fixture, 6, backend);
        for (stats, expected) in curve.iter().zip(fixture.tensors["curve"].1.chunks(4)) {
            let got = [stats.total, stats.background, stats.foreground, stats.classification];
            for (got, &expected) in got.into_iter().zip(expected) {
                // Weights that differ by 1e-4 make losses that differ by as much.
                assert_close(got, f64::from(expected), 1e-4, backend);
            }
        }
        assert_eq!(curve[5].steps, 6);
    }
    // Waiting for all gradients before the step is the same step.
    let (backend, mut engine) = engines("plain").remove(0);
    run(&mut *engine, &learn(clipped_at_nothing), 1);
    assert_weights(&*engine, &fixture, 1, backend);
}

#[test]
fn a_resumed_run_goes_on_with_the_same_numbers() {
    let (_, mut straight) = engines("plain").remove(0);
    let through = run(&mut *straight, &learn(LEARNING), 4);

    let (_, mut first) = engines("plain").remove(0);
    run(&mut *first, &learn(LEARNING), 2);
    let (weights, state) = (first.weights().unwrap(), first.optimiser().unwrap());
    let (_, mut second) = engines("plain").remove(0);
    second.set_weights(weights).unwrap();
    second.set_optimiser(state).unwrap();
    let resumed = run(&mut *second, &learn(LEARNING), 2);
    // To the bit: saved and restored numbers are the same numbers.
    assert_eq!(resumed, through[2..]);
    assert_eq!(second.weights().unwrap(), straight.weights().unwrap());
    assert_eq!(second.optimiser().unwrap(), straight.optimiser().unwrap());
}

#[test]
fn a_forgotten_optimiser_starts_anew() {
    let (_, mut engine) = engines("plain").remove(0);
    let before = engine.weights().unwrap();
    let first = run(&mut *engine, &learn(LEARNING), 2);
    engine.set_weights(before).unwrap();
    engine.set_optimiser(OptimiserState::default()).unwrap();
    assert_eq!(run(&mut *engine, &learn(LEARNING), 2), first);
}

/// Pictures `range` of a batch.
fn part(batch: &TrainBatch, range: std::ops::Range<usize>) -> TrainBatch {
    let cut = |data: &[f32]| {
        let each = data.len() / batch.pictures.count;
        data[range.start * each..range.end * each].to_vec()
    };
    let pictures = Batch { pixels: cut(&batch.pictures.pixels), count: range.len(), size: batch.pictures.size };
    TrainBatch { pictures, labels: batch.labels[range.clone()].to_vec(), masks: cut(&batch.masks), counted: Vec::new() }
}

#[test]
fn collected_halves_make_the_step_of_the_whole_batch() {
    let fixture = Fixture::read();
    let batch = fixture.batch("mask");
    for (backend, mut engine) in engines("plain") {
        train_step(&mut *engine, &part(&batch, 0..2), &StepConfig::paper(Update::Collect)).unwrap();
        let stats = train_step(&mut *engine, &part(&batch, 2..4), &learn(LEARNING)).unwrap();
        assert_weights(&*engine, &fixture, 1, backend);
        assert_eq!(stats.steps, 1);
        assert!(engine.gradients().unwrap().is_empty(), "{backend}");
    }
}

#[test]
fn clipping_scales_the_gradient_to_the_given_norm() {
    // AdamW divides by the gradient's size, so the first moments tell: m = 0.1·g after one step.
    let moments = |clip| {
        let (_, mut engine) = engines("plain").remove(0);
        let stats = run(&mut *engine, &learn(Learning { clip, ..LEARNING }), 1).remove(0);
        let mean = engine.optimiser().unwrap().mean;
        let norm = mean.values().flat_map(|t| &t.data).map(|&m| f64::from(m).powi(2)).sum::<f64>().sqrt();
        (stats.gradient_norm, norm)
    };
    let (norm, free) = moments(None);
    assert_close(free / (0.1 * norm), 1.0, 1e-4, "without clipping");
    let (reported, clipped) = moments(Some(norm / 4.0));
    assert_close(reported / norm, 1.0, 1e-5, "the norm is reported before clipping");
    assert_close(clipped / (0.1 * norm / 4.0), 1.0, 1e-4, "with clipping");
    assert_close(moments(Some(norm * 2.0)).1 / free, 1.0, 1e-6, "with a clip that is not reached");
}

fn changed(before: &BTreeMap<String, Tensor>, after: &BTreeMap<String, Tensor>) -> Vec<String> {
    before.keys().filter(|name| before[*name] != after[*name]).cloned().collect()
}

#[test]
fn only_what_is_not_frozen_learns() {
    let cases = [
        (Trainable { embedding: false, first_block: 2, head: true }, vec!["blocks.2.", "blocks.3.", "norm.", "head."]),
        (Trainable { embedding: false, first_block: 4, head: true }, vec!["norm.", "head."]),
        (Trainable { embedding: false, first_block: 3, head: false }, vec!["blocks.3."]),
        (Trainable { embedding: true, first_block: 4, head: false }, vec!["cls_token", "patch_embed.", "pos_embed"]),
    ];
    let all = {
        let (_, mut engine) = engines("plain").remove(0);
        run(&mut *engine, &learn(LEARNING), 1);
        engine.weights().unwrap()
    };
    for (trainable, learning) in cases {
        let (_, mut engine) = engines("plain").remove(0);
        let before = engine.weights().unwrap();
        run(&mut *engine, &StepConfig { trainable, ..learn(LEARNING) }, 1);
        let after = engine.weights().unwrap();
        let expected: Vec<String> =
            before.keys().filter(|name| learning.iter().any(|part| name.starts_with(part))).cloned().collect();
        assert_eq!(changed(&before, &after), expected, "{trainable:?}");
        // Freezing changes nothing about the rest.
        assert!(expected.iter().all(|name| after[name] == all[name]), "{trainable:?}");
    }
}

#[test]
fn terms_that_are_switched_off_leave_the_loss() {
    let run = |config: StepConfig| {
        let (_, mut engine) = engines("plain").remove(0);
        run(&mut *engine, &config, 1).remove(0)
    };
    let paper = StepConfig::paper(Update::Collect);
    let all = run(paper.clone());
    for (config, rest) in [
        (StepConfig { lambda_bg: 0.0, ..paper.clone() }, 0.24 * all.foreground + 0.2 * all.classification),
        (StepConfig { lambda_fg: 0.0, ..paper.clone() }, 1.6 * all.background + 0.2 * all.classification),
        (StepConfig { lambda_cls: 0.0, ..paper }, 1.6 * all.background + 0.24 * all.foreground),
    ] {
        assert_close(run(config).total, rest, 1e-6, "ablation");
    }
    assert_close(all.total, 1.6 * all.background + 0.24 * all.foreground + 0.2 * all.classification, 1e-6, "all");
}

#[test]
fn as_released_the_mask_term_trains_nothing() {
    let fixture = Fixture::read();
    let gradients = |config: &StepConfig| {
        let (_, mut engine) = engines("plain").remove(0);
        let stats = train_step(&mut *engine, &fixture.batch("mask"), config).unwrap();
        (stats, engine.gradients().unwrap())
    };
    let control = StepConfig { method: LossMethod::CrossEntropy, ..StepConfig::paper(Update::Collect) };
    let released = StepConfig { method: LossMethod::Gradmask, as_released: true, ..control };
    let ((control, by_control), (released, by_released)) = (gradients(&control), gradients(&released));
    assert_eq!(by_control, by_released);
    assert_close(released.background, fixture.scalar("gradmask.loss.mask"), 1e-5, "the term is still reported");
    assert_close(control.total, 0.2 * fixture.scalar("gradmask.loss.classification"), 1e-5, "cross entropy alone");
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_changes() {
    let fixture = Fixture::read();
    let good = fixture.batch("mask");
    let config = learn(LEARNING);
    let (_, mut engine) = engines("plain").remove(0);
    let before = engine.weights().unwrap();
    let mut refused = |batch: &TrainBatch, config: &StepConfig| train_step(&mut *engine, batch, config).unwrap_err();

    let labels = vec![0, 1, 2, 10];
    let error = refused(&TrainBatch { labels, ..good.clone() }, &config);
    assert!(matches!(error, StepError::NoSuchLabel { label: 10, classes: 10 }), "{error}");
    let error = refused(&TrainBatch { labels: vec![0], ..good.clone() }, &config);
    assert!(matches!(error, StepError::Labels { got: 1, count: 4 }), "{error}");
    let error = refused(&TrainBatch { masks: Vec::new(), ..good.clone() }, &config);
    assert!(matches!(error, StepError::Masks { got: 0, expected: 9216 }), "{error}");
    let error = refused(&good, &StepConfig { temperature: 0.0, ..config.clone() });
    assert!(matches!(error, StepError::Temperature(_)), "{error}");
    let trainable = Trainable { embedding: false, first_block: 4, head: false };
    let error = refused(&good, &StepConfig { trainable, ..config.clone() });
    assert!(matches!(error, StepError::Engine(EngineError::NothingLearns)), "{error}");

    let mut not_a_number = good;
    not_a_number.pictures.pixels[0] = f32::NAN;
    let stats = train_step(&mut *engine, &not_a_number, &config).unwrap();
    assert!(!stats.learned && stats.steps == 0);

    let mut short = before.clone();
    short.remove("head.bias");
    assert!(matches!(engine.set_weights(short), Err(EngineError::MissingTensor(name)) if name == "head.bias"));
    let mut wrong = before.clone();
    wrong.get_mut("norm.bias").unwrap().shape = vec![24];
    assert!(matches!(engine.set_weights(wrong), Err(EngineError::WrongShape { name, .. }) if name == "norm.bias"));
    assert_eq!(engine.weights().unwrap(), before);
}
