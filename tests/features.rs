//! Queries, keys and values of every block, against the attention that an independent implementation made of them.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use support::model::{Expected, MODELS, engines};
use support::{fixture, model::relative_error};
use vitrine::size::Size;
use vitrine::vit::{Batch, Engine, EngineError, FeatureChoice, FeatureKind, KeepMaps, PatchFeatures, TraceOptions};

/// f32 against f32 in another order of summation; the fixtures' own definition of parity.
const PARITY: f32 = 1e-4;

fn features(engine: &dyn Engine, batch: &Batch, block: usize, kind: FeatureKind) -> Vec<PatchFeatures> {
    engine.features(batch, FeatureChoice { block, kind }).unwrap()
}

/// Softmax of q·k/√d over the patches, `[heads, patches, patches]`: the attention, were there no prefix tokens.
fn attention_among_patches(q: &PatchFeatures, k: &PatchFeatures, heads: usize) -> Vec<f32> {
    let (patches, each) = (q.grid.area(), q.width / heads);
    let part =
        |of: &PatchFeatures, patch: usize, head: usize| of.values[patch * of.width + head * each..][..each].to_vec();
    let mut maps = Vec::new();
    for head in 0..heads {
        for i in 0..patches {
            let query = part(q, i, head);
            let score = |j: usize| {
                let dot: f64 = query.iter().zip(part(k, j, head)).map(|(a, b)| f64::from(*a) * f64::from(b)).sum();
                (dot / (each as f64).sqrt()).exp()
            };
            let row: Vec<f64> = (0..patches).map(score).collect();
            let sum: f64 = row.iter().sum();
            maps.extend(row.into_iter().map(|value| (value / sum) as f32));
        }
    }
    maps
}

/// What attention maps `[heads, tokens, tokens]` give the patches, each row scaled to sum to 1.
fn among_patches(maps: &[f32], tokens: usize, prefix: usize) -> Vec<f32> {
    let mut rows = Vec::new();
    for (index, row) in maps.chunks_exact(tokens).enumerate() {
        if index % tokens >= prefix {
            let sum: f64 = row[prefix..].iter().map(|value| f64::from(*value)).sum();
            rows.extend(row[prefix..].iter().map(|value| (f64::from(*value) / sum) as f32));
        }
    }
    rows
}

#[test]
fn queries_and_keys_make_the_expected_attention_in_every_block() {
    for name in MODELS {
        let expected = Expected::of(name);
        for (backend, engine) in engines(name) {
            let config = engine.config().clone();
            for block in 0..config.depth {
                let q = features(&*engine, &expected.batch, block, FeatureKind::Q);
                let k = features(&*engine, &expected.batch, block, FeatureKind::K);
                assert_eq!((q.len(), q[0].grid, q[0].width), (expected.batch.count, config.grid(), config.dim));
                for (image, (q, k)) in q.iter().zip(&k).enumerate() {
                    let maps = expected.of_image(&format!("attention.{block}"), image);
                    let theirs = among_patches(maps, config.tokens(), config.prefix_tokens());
                    let error = relative_error(&attention_among_patches(q, k, config.heads), &theirs);
                    assert!(error < PARITY, "{name}, {backend}, block {block}: {error}");
                }
            }
        }
    }
}

#[test]
fn pictures_of_another_size_have_features_on_their_own_grid() {
    let tensors = fixture("plain.at_80px.expected.safetensors");
    let (shape, pixels) = &tensors["image"];
    let batch = Batch { count: 1, size: Size::new(shape[2], shape[3]), pixels: pixels.clone() };
    for (backend, engine) in engines("plain") {
        let config = engine.config().clone();
        let options = TraceOptions { attention: KeepMaps::All, ..TraceOptions::default() };
        let trace = engine.trace(&batch, &|_, _| unreachable!("nothing is explained"), &options).unwrap().remove(0);
        let q = features(&*engine, &batch, 2, FeatureKind::Q);
        let k = features(&*engine, &batch, 2, FeatureKind::K);
        assert_eq!(q[0].grid, Size::square(10));
        let theirs = among_patches(&trace.attention[2], config.tokens_of(batch.size), config.prefix_tokens());
        let error = relative_error(&attention_among_patches(&q[0], &k[0], config.heads), &theirs);
        assert!(error < PARITY, "{backend}: {error}");
    }
}

#[test]
fn all_three_stand_side_by_side() {
    let expected = Expected::of("registers");
    let (_, engine) = engines("registers").remove(0);
    let of = |kind| features(&*engine, &expected.batch, 1, kind).remove(1);
    let (k, q, v, all) = (of(FeatureKind::K), of(FeatureKind::Q), of(FeatureKind::V), of(FeatureKind::Kqv));
    assert_eq!(all.width, 3 * k.width);
    for (patch, all) in all.values.chunks_exact(all.width).enumerate() {
        let part = |of: &PatchFeatures| of.values[patch * of.width..][..of.width].to_vec();
        assert_eq!(all, [part(&k), part(&q), part(&v)].concat());
    }
}

#[test]
fn blocks_that_do_not_exist_are_named() {
    let expected = Expected::of("plain");
    let (_, engine) = engines("plain").remove(0);
    let choice = FeatureChoice { block: 4, kind: FeatureKind::K };
    let error = engine.features(&expected.batch, choice).unwrap_err();
    assert!(matches!(error, EngineError::NoSuchBlock { block: 4, last: 3 }), "{error}");
}
