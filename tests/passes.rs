//! The hand-derived passes against an independent PyTorch implementation, on both faces of the candle backend
//! and on WGSL.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use support::model::{Expected, MODELS, engines, relative_error};
use vitrine::vit::{Engine, EngineError, KeepMaps, Muted, Objective, Start, Trace, TraceOptions};

/// f32 against f32 in another order of summation; the fixtures' own definition of parity.
const PARITY: f32 = 1e-4;

fn everything() -> TraceOptions {
    TraceOptions {
        relevance: true,
        rollout: true,
        attention: KeepMaps::All,
        gradients: KeepMaps::All,
        input_gradient: true,
        ..TraceOptions::default()
    }
}

fn traces(engine: &dyn Engine, expected: &Expected, options: &TraceOptions) -> Vec<Trace> {
    engine.trace(&expected.batch, &|i, _| Objective::Logit(expected.targets[i]), options).unwrap()
}

#[track_caller]
fn assert_parity(got: &[f32], expected: &[f32], what: &str) {
    let error = relative_error(got, expected);
    assert!(error <= PARITY, "{what}: relative error {error}");
}

#[test]
fn logits_attention_gradients_and_every_first_block_match() {
    for name in MODELS {
        let expected = Expected::of(name);
        for (backend, engine) in engines(name) {
            let prefix = engine.config().prefix_tokens();
            for (image, trace) in traces(&*engine, &expected, &everything()).iter().enumerate() {
                let check = |got: &[f32], key: &str| {
                    assert_parity(got, expected.of_image(key, image), &format!("{name}, {backend}, {key}"));
                };
                check(&trace.logits, "logits");
                for block in 0..4 {
                    check(&trace.attention[block], &format!("attention.{block}"));
                    check(&trace.gradients[block], &format!("gradient.{block}"));
                    check(&trace.relevance[block][prefix..], &format!("gae.start_{block}"));
                }
                check(&trace.input_gradient, "input_gradient");
                check(&trace.rollout[prefix..], "rollout");
            }
        }
    }
}

#[test]
fn skipping_what_nobody_reads_changes_nothing() {
    for name in MODELS {
        let expected = Expected::of(name);
        for (_, engine) in engines(name) {
            let all = traces(&*engine, &expected, &everything());
            let lean = traces(&*engine, &expected, &TraceOptions::relevance());
            let logits = engine.classify(&expected.batch).unwrap();
            for ((all, lean), logits) in all.iter().zip(&lean).zip(&logits) {
                for (all, lean) in all.relevance.iter().zip(&lean.relevance) {
                    assert_parity(lean, all, name);
                }
                assert_parity(logits, &all.logits, name);
                assert!(lean.attention.is_empty() && lean.gradients.is_empty() && lean.input_gradient.is_empty());
            }
        }
    }
}

#[test]
fn the_row_of_any_token_matches() {
    // `token_row_index` of fixtures.json.
    for (name, token) in [("plain", 19), ("wide", 17), ("distilled", 20), ("registers", 23), ("avgpool", 18)] {
        let expected = Expected::of(name);
        for (backend, engine) in engines(name) {
            let options = TraceOptions { start: Start::Token(token), ..TraceOptions::relevance() };
            let prefix = engine.config().prefix_tokens();
            for (image, trace) in traces(&*engine, &expected, &options).iter().enumerate() {
                let row = &trace.relevance[0][prefix..];
                assert_parity(row, expected.of_image("gae.token_row", image), &format!("{name}, {backend}"));
            }
        }
    }
}

#[test]
fn another_input_size_resizes_the_position_embedding() {
    let expected = Expected::of("plain.at_80px");
    for (_, engine) in engines("plain") {
        assert_parity(&engine.classify(&expected.batch).unwrap()[0], expected.of_image("logits", 0), "80 px");
    }
}

#[test]
fn muting_drops_heads_from_the_mean_and_keeps_the_divisor() {
    let expected = Expected::of("plain");
    for (_, engine) in engines("plain") {
        let muted = Muted { blocks: vec![0, 1, 2], heads: vec![(3, 0), (3, 2)] };
        let options = TraceOptions { muted, ..everything() };
        for trace in traces(&*engine, &expected, &options) {
            // By hand: only head 1 of the last block is left, so r = e_CLS + max(0, A ⊙ G)[1, CLS] / 3.
            let tokens = 37;
            let head = tokens * tokens;
            let mut by_hand: Vec<f32> = (0..tokens)
                .map(|j| (trace.attention[3][head + j] * trace.gradients[3][head + j]).max(0.0) / 3.0)
                .collect();
            by_hand[0] += 1.0;
            assert_parity(&trace.relevance[0], &by_hand, "muted");
            assert_eq!(trace.relevance[0], trace.relevance[3], "muted blocks pass the row on");
        }
    }
}

#[test]
fn gradients_agree_with_central_differences_for_every_objective() {
    let expected = Expected::of("registers");
    let (_, engine) = engines("registers").remove(0);
    let objectives =
        [Objective::Logit(3), Objective::Contrast(1, 7), Objective::Probability(2), Objective::LogProbabilities];
    for objective in objectives {
        let value = |logits: &[f32]| match objective {
            Objective::Logit(class) => logits[class],
            Objective::Contrast(class, other) => logits[class] - logits[other],
            Objective::Probability(class) => vitrine::vit::softmax(logits)[class],
            Objective::LogProbabilities => vitrine::vit::softmax(logits).iter().map(|p| (p + 1e-11).ln()).sum(),
        };
        let options = TraceOptions { input_gradient: true, ..TraceOptions::default() };
        let traces = engine.trace(&expected.batch, &|_, _| objective, &options).unwrap();
        // Along the gradient itself, the directional derivative is its norm.
        let gradient = &traces[0].input_gradient;
        let norm = gradient.iter().map(|g| g * g).sum::<f32>().sqrt();
        let step = 1e-2;
        let y = |sign: f32| {
            let mut batch = expected.batch.clone();
            batch.pixels.iter_mut().zip(gradient).for_each(|(x, g)| *x += sign * step * g / norm);
            value(&engine.classify(&batch).unwrap()[0])
        };
        let difference = (y(1.0) - y(-1.0)) / (2.0 * step);
        // Third-order error of the step plus rounding of two f32 logits: below 1 % of the norm here.
        assert!((difference / norm - 1.0).abs() < 1e-2, "{objective:?}: {difference} and {norm}");
    }
}

#[test]
fn what_does_not_fit_the_model_is_refused_by_name() {
    let expected = Expected::of("plain");
    let (_, engine) = engines("plain").remove(0);
    let trace = |objective, options: &TraceOptions| engine.trace(&expected.batch, &|_, _| objective, options);
    let refused = trace(Objective::Contrast(0, 10), &TraceOptions::relevance());
    assert!(matches!(refused, Err(EngineError::NoSuchClass { class: 10, last: 9 })));
    let options = TraceOptions { start: Start::Token(37), ..TraceOptions::relevance() };
    assert!(matches!(trace(Objective::Logit(0), &options), Err(EngineError::NoSuchToken { token: 37, tokens: 37 })));
    let muted = Muted { blocks: vec![4], heads: vec![] };
    let options = TraceOptions { muted, ..TraceOptions::relevance() };
    assert!(matches!(trace(Objective::Logit(0), &options), Err(EngineError::NoSuchHead { block: 4, .. })));
    let mut short = expected.batch.clone();
    short.pixels.pop();
    assert!(matches!(engine.classify(&short), Err(EngineError::Pixels { .. })));
}
