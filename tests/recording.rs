//! Recordings against the engine's own rows and the independent fixtures, and high-norm tokens.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use support::explained::{Fixture, TOLERANCE, assert_close, open};
use vitrine::relevance::{MAPS_LIMIT_BYTES, Method, MethodOptions, Recording, RelevanceError};
use vitrine::vit::{Batch, EngineError, Muted, Objective, Start, TraceOptions};

/// Models of `fixtures.json` with their token whose row is stored (`token_row_index`).
const MODELS: [(&str, usize); 5] = [("plain", 19), ("wide", 17), ("distilled", 20), ("registers", 23), ("avgpool", 18)];

const FAMILY: [Method; 4] = [Method::Gae, Method::Rollout, Method::RawAttention, Method::AttentionGradcam];

fn picture(fixture: &Fixture, index: usize) -> Batch {
    let each = fixture.batch.pixels.len() / fixture.batch.count;
    Batch { pixels: fixture.batch.pixels[index * each..][..each].to_vec(), count: 1, size: fixture.batch.size }
}

fn record(fixture: &Fixture, limit_bytes: usize) -> Vec<Recording> {
    (0..fixture.batch.count)
        .map(|index| {
            let objective = |_: &[f32]| Objective::Logit(fixture.targets[index]);
            Recording::take(&*fixture.engine, picture(fixture, index), &objective, limit_bytes).unwrap()
        })
        .collect()
}

#[test]
fn gae_matches_the_fixtures_from_every_first_block_and_token() {
    for (name, token) in MODELS {
        let fixture = open(name);
        let recordings = record(&fixture, MAPS_LIMIT_BYTES);
        let of = |start| -> Vec<_> {
            recordings.iter().map(|r| r.gae(&*fixture.engine, start, &Muted::default()).unwrap()).collect()
        };
        let readout = of(Start::Readout);
        for first_block in 0..4 {
            let values: Vec<f32> = readout.iter().flat_map(|maps| maps[first_block].values.clone()).collect();
            fixture.assert_matches(&format!("gae.start_{first_block}"), &values);
        }
        let token_rows: Vec<f32> = of(Start::Token(token)).iter().flat_map(|maps| maps[0].values.clone()).collect();
        fixture.assert_matches("gae.token_row", &token_rows);
    }
}

#[test]
fn every_method_of_the_family_equals_the_engine() {
    let muted = Muted { blocks: vec![1], heads: vec![(2, 0), (3, 2)] };
    for (name, token) in MODELS {
        let fixture = open(name);
        let recordings = record(&fixture, MAPS_LIMIT_BYTES);
        assert!(recordings.iter().all(Recording::keeps_maps));
        for method in FAMILY {
            for start in [Start::Readout, Start::Token(token), Start::Token(0)] {
                let options = MethodOptions { start, muted: muted.clone(), ..MethodOptions::default() };
                let expected = fixture.explain(method, &options).unwrap();
                for (recording, expected) in recordings.iter().zip(&expected) {
                    let maps = recording.maps(&*fixture.engine, method, start, &muted).unwrap();
                    assert_eq!(maps.len(), if method == Method::Gae { 4 } else { 1 });
                    assert_close(
                        &format!("{name} {method} {start:?}"),
                        &maps[0].values,
                        &expected.map.values,
                        TOLERANCE,
                    );
                    assert_close(name, recording.logits(), &expected.logits, TOLERANCE);
                }
            }
        }
    }
}

#[test]
fn maps_above_the_limit_are_not_kept_and_answers_stay_the_same() {
    let fixture = open("plain");
    // A and ∂y/∂A of 4 blocks, 3 heads and 37 tokens in f32.
    assert_eq!(Recording::map_bytes(fixture.engine.config(), fixture.batch.size), 2 * 4 * 3 * 37 * 37 * 4);
    let (kept, lean) = (record(&fixture, MAPS_LIMIT_BYTES), record(&fixture, 2 * 4 * 3 * 37 * 37 * 4 - 1));
    let muted = Muted { blocks: Vec::new(), heads: vec![(3, 1)] };
    for (kept, lean) in kept.iter().zip(&lean) {
        assert!(kept.keeps_maps() && !lean.keeps_maps());
        assert_eq!(kept.bytes() - lean.bytes(), 2 * 4 * 3 * 37 * 37 * 4);
        for method in FAMILY {
            let of = |recording: &Recording| recording.maps(&*fixture.engine, method, Start::Token(5), &muted).unwrap();
            for (kept, lean) in of(kept).iter().zip(of(lean)) {
                assert_close(method.name(), &kept.values, &lean.values, TOLERANCE);
            }
        }
    }
}

#[test]
fn what_the_model_lacks_is_refused() {
    let fixture = open("plain");
    let recording = &record(&fixture, MAPS_LIMIT_BYTES)[0];
    for method in FAMILY {
        let refused = recording.maps(&*fixture.engine, method, Start::Token(37), &Muted::default());
        let found = matches!(refused, Err(RelevanceError::Engine(EngineError::NoSuchToken { token: 37, tokens: 37 })));
        assert!(found, "{method}");
    }
    let muted = Muted { blocks: vec![4], heads: Vec::new() };
    let refused = recording.gae(&*fixture.engine, Start::Readout, &muted);
    assert!(matches!(refused, Err(RelevanceError::Engine(EngineError::NoSuchHead { block: 4, .. }))));
    let both = Recording::take(&*fixture.engine, fixture.batch.clone(), &|_| Objective::Logit(0), MAPS_LIMIT_BYTES);
    assert!(matches!(both, Err(RelevanceError::Engine(EngineError::Pixels { count: 2, .. }))));
}

#[test]
fn token_norms_come_with_a_recording_without_the_prefix() {
    for (name, _) in MODELS {
        let fixture = open(name);
        let options = TraceOptions { token_norms: true, ..TraceOptions::default() };
        let traces = fixture.engine.trace(&fixture.batch, &|_, _| Objective::Logit(0), &options).unwrap();
        let prefix = fixture.engine.config().prefix_tokens();
        for (recording, trace) in record(&fixture, MAPS_LIMIT_BYTES).iter().zip(&traces) {
            assert_eq!(trace.token_norms.len(), fixture.engine.config().tokens());
            assert_close(name, &recording.token_norms().values, &trace.token_norms[prefix..], TOLERANCE);
        }
    }
}
