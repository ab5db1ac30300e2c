//! Every method against an independent PyTorch implementation, and what each must do beyond those numbers.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use std::ops::ControlFlow;

use support::data;
use support::explained::{TOLERANCE, assert_close, open, open_each};
use vitrine::engine::Device;
use vitrine::engine::candle::CandleOps;
use vitrine::relevance::{
    Flat, Method, MethodOptions, Progress, RelevanceError, RelevanceMap, explain, gradient_x_input, input_gradient,
    integrated_gradients, normalise,
};
use vitrine::size::Size;
use vitrine::vit::weights::{LoadOptions, load};
use vitrine::vit::{Batch, EngineError, KeepMaps, Muted, Objective, Start, TraceOptions, Vit};

/// Models of `fixtures.json` with their token whose row is stored (`token_row_index`).
const MODELS: [(&str, usize); 5] = [("plain", 19), ("wide", 17), ("distilled", 20), ("registers", 23), ("avgpool", 18)];

fn options() -> MethodOptions {
    MethodOptions::default()
}

#[test]
fn gae_matches_from_every_first_block_and_token() {
    for (name, token) in MODELS {
        for fixture in open_each(name) {
            for first_block in 0..4 {
                let maps = fixture.maps(Method::Gae, &MethodOptions { first_block, ..options() });
                fixture.assert_matches(&format!("gae.start_{first_block}"), &maps);
            }
            let of_token = MethodOptions { start: Start::Token(token), ..options() };
            fixture.assert_matches("gae.token_row", &fixture.maps(Method::Gae, &of_token));
        }
    }
}

#[test]
fn upsampled_and_normalised_maps_match() {
    for (name, _) in MODELS {
        for fixture in open_each(name) {
            let patch = fixture.engine.config().patch;
            let mut upsampled: Vec<Vec<f32>> =
                fixture.explain(Method::Gae, &options()).unwrap().iter().map(|e| e.map.upsample(patch)).collect();
            fixture.assert_matches("gae.upsampled", &upsampled.concat());
            upsampled.iter_mut().for_each(|map| normalise(map).unwrap());
            fixture.assert_matches("gae.normalised", &upsampled.concat());
        }
    }
}

#[test]
fn attention_methods_match() {
    for (name, _) in MODELS {
        for fixture in open_each(name) {
            fixture.assert_matches("raw_attention", &fixture.maps(Method::RawAttention, &options()));
            fixture.assert_matches("rollout", &fixture.maps(Method::Rollout, &options()));
            fixture.assert_matches("attention_gradcam", &fixture.maps(Method::AttentionGradcam, &options()));
        }
    }
}

#[test]
fn gradients_match_pixel_by_pixel() {
    for (name, _) in MODELS {
        for fixture in open_each(name) {
            let (engine, batch, objective) =
                (&*fixture.engine, &fixture.batch, |i, _: &[f32]| Objective::Logit(fixture.targets[i]));
            let plain = input_gradient(engine, batch, &objective).unwrap();
            fixture.assert_matches("input_gradient", &plain.concat());
            let times_input = gradient_x_input(engine, batch, &objective).unwrap();
            fixture.assert_matches("gradient_x_input", &times_input.concat());
            // The same gradients sixteen times over: a rasteriser in software need not show it for every model.
            if engine.device().device == "cpu" || name == "wide" {
                // 16 steps: `fixtures.json`.
                let integrated = integrated_gradients(engine, batch, &objective, 16).unwrap();
                fixture.assert_matches("integrated_gradients", &integrated.concat());
            }
        }
    }
}

/// Sums `term` of `[channels, height, width]` over channels and patches, in the order of the definition.
fn by_hand_on_patches(pixels: &[f32], size: Size, patch: Size, term: impl Fn(f32) -> f32) -> Vec<f32> {
    let mut sums = Vec::new();
    for top in (0..size.height).step_by(patch.height) {
        for left in (0..size.width).step_by(patch.width) {
            let mut sum = 0.0;
            for channel in 0..3 {
                for y in top..top + patch.height {
                    for x in left..left + patch.width {
                        sum += term(pixels[channel * size.area() + y * size.width + x]);
                    }
                }
            }
            sums.push(sum);
        }
    }
    sums
}

#[test]
fn gradient_maps_sum_over_channels_and_patches() {
    let fixture = open("wide");
    let (size, patch) = (fixture.batch.size, fixture.engine.config().patch);
    let cases = [
        (Method::InputGradient, "input_gradient"),
        (Method::GradientXInput, "gradient_x_input"),
        (Method::IntegratedGradients, "integrated_gradients"),
    ];
    for (method, key) in cases {
        let explanations = fixture.explain(method, &MethodOptions { steps: 16, ..options() }).unwrap();
        for (explanation, pixels) in explanations.iter().zip(fixture.expected[key].1.chunks(3 * size.area())) {
            let absolute = by_hand_on_patches(pixels, size, patch, f32::abs);
            assert_close(key, &explanation.map.values, &absolute, TOLERANCE);
            let signed = by_hand_on_patches(pixels, size, patch, |v| v);
            // Terms cancel, so the error is measured against the terms.
            let worst = explanation.signed.as_ref().unwrap().values.iter().zip(&signed).map(|(a, b)| (a - b).abs());
            let largest = absolute.iter().copied().fold(0.0, f32::max);
            assert!(worst.fold(0.0, f32::max) <= TOLERANCE * largest, "{key}");
        }
    }
}

#[test]
fn integrated_gradients_account_for_the_change_of_the_logit() {
    let fixture = open("plain");
    let grey =
        Batch { pixels: vec![0.0; fixture.batch.pixels.len()], count: fixture.batch.count, size: fixture.batch.size };
    let (logits, base) = (fixture.logits(&fixture.batch), fixture.logits(&grey));
    let options = MethodOptions { steps: 128, ..options() };
    for (i, explanation) in fixture.explain(Method::IntegratedGradients, &options).unwrap().iter().enumerate() {
        let change = logits[i][fixture.targets[i]] - base[i][fixture.targets[i]];
        let sum: f32 = explanation.signed.as_ref().unwrap().values.iter().sum();
        // The midpoint rule with 128 steps; completeness is exact only in the limit.
        assert!((sum - change).abs() < 5e-3 * change.abs(), "{sum} instead of {change}");
    }
}

#[test]
fn integrated_gradients_keep_the_class_of_the_picture() {
    let fixture = open("plain");
    let mut asked = Vec::new();
    let asked_cell = std::cell::RefCell::new(&mut asked);
    let objective = |i: usize, logits: &[f32]| {
        asked_cell.borrow_mut().push((i, logits.to_vec()));
        Objective::Logit(0)
    };
    integrated_gradients(&*fixture.engine, &fixture.batch, &objective, 4).unwrap();
    let logits = fixture.logits(&fixture.batch);
    assert_eq!(asked, [(0, logits[0].clone()), (1, logits[1].clone())]);
}

#[test]
fn smooth_grad_without_noise_is_the_gradient() {
    let fixture = open("plain");
    let still = fixture.maps(Method::SmoothGrad, &MethodOptions { noise: 0.0, samples: 3, ..options() });
    assert_close("no noise", &still, &fixture.maps(Method::InputGradient, &options()), 1e-6);

    let noisy = |seed| fixture.maps(Method::SmoothGrad, &MethodOptions { samples: 3, seed, ..options() });
    assert_eq!(noisy(1), noisy(1));
    assert_ne!(noisy(1), noisy(2));
    assert_ne!(noisy(1), still);
}

#[test]
fn every_method_reports_progress_and_stops_when_told() {
    let fixture = open("plain");
    let small = MethodOptions { steps: 3, samples: 3, masks: 3, batch_size: 2, ..options() };
    for method in Method::ALL {
        let objective = |i: usize, _: &[f32]| Objective::Logit(fixture.targets[i]);
        let mut seen: Vec<Progress> = Vec::new();
        let mut watch = |progress| {
            seen.push(progress);
            ControlFlow::Continue(())
        };
        explain(&*fixture.engine, &fixture.batch, &objective, method, &small, &mut watch).unwrap();
        assert!(seen.windows(2).all(|pair| pair[0].done < pair[1].done && pair[0].total == pair[1].total), "{method}");
        let last = seen.last().unwrap();
        assert_eq!(last.done, last.total, "{method}");

        let mut calls = 0;
        let mut stop = |_| {
            calls += 1;
            ControlFlow::Break(())
        };
        let stopped = explain(&*fixture.engine, &fixture.batch, &objective, method, &small, &mut stop);
        assert!(matches!(stopped, Err(RelevanceError::Cancelled)), "{method}");
        assert_eq!(calls, 1, "{method}");
    }
}

#[test]
fn the_batch_size_changes_no_map() {
    let fixture = open("registers");
    let small = MethodOptions { steps: 3, samples: 3, masks: 5, ..options() };
    for method in Method::ALL {
        let one = fixture.maps(method, &MethodOptions { batch_size: 1, ..small.clone() });
        // Only rounding: matrix products of another shape. Perturbation maps are differences of logits near 1.
        assert_close(method.name(), &fixture.maps(method, &small), &one, 1e-3);
    }
}

#[test]
fn muting_every_block_leaves_nothing_on_the_patches() {
    let fixture = open("plain");
    let muted = Muted { blocks: vec![0, 1, 2, 3], heads: Vec::new() };
    for mut explanation in fixture.explain(Method::Gae, &MethodOptions { muted, ..options() }).unwrap() {
        assert_eq!(explanation.map.values, [0.0; 36]);
        assert!(explanation.map.is_flat());
        assert_eq!(normalise(&mut explanation.map.values), Err(Flat));
    }
}

#[test]
fn muted_heads_are_left_out_of_the_rule() {
    let fixture = open("plain");
    let muted = Muted { blocks: vec![1], heads: vec![(2, 0), (3, 2)] };
    let maps = fixture.maps(Method::Gae, &MethodOptions { muted: muted.clone(), ..options() });
    let (tokens, heads) = (37, 3);
    let mut expected = Vec::new();
    for picture in 0..2 {
        let mut row = vec![0.0_f32; tokens];
        row[0] = 1.0;
        for block in (0..4).rev().filter(|block| !muted.blocks.contains(block)) {
            let attention = &fixture.expected[&format!("attention.{block}")].1;
            let gradient = &fixture.expected[&format!("gradient.{block}")].1;
            let before = row.clone();
            for head in (0..heads).filter(|&head| !muted.heads.contains(&(block, head))) {
                for (i, weight) in before.iter().enumerate() {
                    for (j, sum) in row.iter_mut().enumerate() {
                        let at = ((picture * heads + head) * tokens + i) * tokens + j;
                        *sum += weight * (attention[at] * gradient[at]).max(0.0) / heads as f32;
                    }
                }
            }
        }
        expected.extend_from_slice(&row[1..]);
    }
    assert_close("muted", &maps, &expected, TOLERANCE);
}

#[test]
fn attention_methods_show_the_row_of_a_token() {
    let fixture = open("distilled");
    let token = 20;
    let maps = fixture.maps(Method::RawAttention, &MethodOptions { start: Start::Token(token), ..options() });
    let attention = &fixture.expected["attention.3"].1;
    let mean = |picture: usize, patch: usize| {
        (0..3).map(|head| attention[((picture * 3 + head) * 38 + token) * 38 + 2 + patch]).sum::<f32>() / 3.0
    };
    let expected: Vec<f32> =
        (0..2).flat_map(|picture| (0..36).map(move |patch| (picture, patch))).map(|(i, p)| mean(i, p)).collect();
    assert_close("row", &maps, &expected, TOLERANCE);
}

#[test]
fn methods_explain_contrast_and_probability() {
    let fixture = open("plain");
    let mut go_on = |_| ControlFlow::Continue(());
    for objective in [Objective::Contrast(3, 7), Objective::Probability(3)] {
        let y = |logits: &[f32]| match objective {
            Objective::Contrast(a, b) => logits[a] - logits[b],
            _ => logits[3].exp() / logits.iter().map(|z| z.exp()).sum::<f32>(),
        };
        let all = MethodOptions { window: 6, stride: 6, ..options() };
        let explanations =
            explain(&*fixture.engine, &fixture.batch, &|_, _| objective, Method::Occlusion, &all, &mut go_on).unwrap();
        let grey = Batch {
            pixels: vec![0.0; fixture.batch.pixels.len()],
            count: fixture.batch.count,
            size: fixture.batch.size,
        };
        let (clear, hidden) = (fixture.logits(&fixture.batch), fixture.logits(&grey));
        for (i, explanation) in explanations.iter().enumerate() {
            let fall = y(&clear[i]) - y(&hidden[i]);
            assert_close("fall", &explanation.signed.as_ref().unwrap().values, &[fall; 36], 1e-3);
        }
    }
}

#[test]
fn options_that_do_not_fit_are_refused() {
    let fixture = open("plain");
    let refused = |method, options: MethodOptions| fixture.explain(method, &options).unwrap_err().to_string();
    let message = refused(Method::Gae, MethodOptions { first_block: 4, ..options() });
    assert_eq!(message, "block 4 does not exist: the rule can start at blocks 0 to 3");
    let start = Start::Token(37);
    for method in [Method::Gae, Method::Rollout, Method::RawAttention, Method::AttentionGradcam] {
        let message = refused(method, MethodOptions { start, ..options() });
        assert_eq!(message, "token 37 does not exist: there are 37 tokens", "{method}");
    }
    assert!(refused(Method::Occlusion, MethodOptions { stride: 2, ..options() }).contains("leaves gaps"));
    assert!(refused(Method::Rise, MethodOptions { visible: f64::NAN, ..options() }).contains("between 0 and 1"));
    let zeros = [
        (Method::Gae, MethodOptions { batch_size: 0, ..options() }),
        (Method::IntegratedGradients, MethodOptions { steps: 0, ..options() }),
        (Method::SmoothGrad, MethodOptions { samples: 0, ..options() }),
        (Method::Occlusion, MethodOptions { window: 0, ..options() }),
        (Method::Occlusion, MethodOptions { stride: 0, ..options() }),
        (Method::Rise, MethodOptions { masks: 0, ..options() }),
        (Method::Rise, MethodOptions { cells: 0, ..options() }),
    ];
    for (method, options) in zeros {
        assert!(refused(method, options).ends_with("must be at least 1"), "{method}");
    }
}

#[test]
fn a_class_the_model_lacks_is_refused_by_every_method() {
    let fixture = open("plain");
    let mut go_on = |_| ControlFlow::Continue(());
    for method in Method::ALL.into_iter().filter(|method| method.needs_head()) {
        let small = MethodOptions { steps: 1, samples: 1, masks: 1, ..options() };
        let none = explain(&*fixture.engine, &fixture.batch, &|_, _| Objective::Logit(10), method, &small, &mut go_on);
        let found = matches!(none, Err(RelevanceError::Engine(EngineError::NoSuchClass { class: 10, last: 9 })));
        assert!(found, "{method}");
    }
}

#[test]
fn a_model_without_a_head_shows_attention_only() {
    let mut checkpoint = load(&data("plain.model.safetensors"), &LoadOptions { heads: Some(3), input: None }).unwrap();
    checkpoint.tensors.retain(|name, _| !name.starts_with("head."));
    checkpoint.config.classes = 0;
    let ops = CandleOps::new(Device::Cpu).unwrap();
    let engine = Vit::new(ops, checkpoint.config, checkpoint.tensors).unwrap();
    let fixture = open("plain");
    let mut go_on = |_| ControlFlow::Continue(());
    for method in Method::ALL {
        let result = explain(&engine, &fixture.batch, &|_, _| Objective::Logit(0), method, &options(), &mut go_on);
        if method.needs_head() {
            assert!(matches!(result, Err(RelevanceError::Engine(EngineError::NoHead))), "{method}");
        } else {
            let explanations = result.unwrap();
            assert!(explanations.iter().all(|explanation| explanation.logits.is_empty()));
            let maps: Vec<f32> = explanations.into_iter().flat_map(|e| e.map.values).collect();
            assert_eq!(maps, fixture.maps(method, &options()), "{method}");
        }
    }
}

#[test]
fn pictures_that_do_not_fit_are_refused() {
    let mut fixture = open("plain");
    fixture.batch.pixels.pop();
    let refused = fixture.explain(Method::Occlusion, &options());
    assert!(matches!(refused, Err(RelevanceError::Engine(EngineError::Pixels { .. }))));
    fixture.batch = Batch { pixels: vec![0.0; 3 * 7 * 7], count: 1, size: Size::square(7) };
    let refused = fixture.explain(Method::Rise, &options());
    assert!(matches!(refused, Err(RelevanceError::Engine(EngineError::TooSmall { .. }))));
}

#[test]
fn the_maps_of_a_picture_do_not_depend_on_its_neighbours() {
    let fixture = open("avgpool");
    let each = fixture.batch.pixels.len() / 2;
    let second = Batch { pixels: fixture.batch.pixels[each..].to_vec(), count: 1, size: fixture.batch.size };
    let mut go_on = |_| ControlFlow::Continue(());
    let small = MethodOptions { steps: 2, samples: 2, masks: 9, batch_size: 1, ..options() };
    for method in Method::ALL {
        let objective = |_: usize, _: &[f32]| Objective::Logit(fixture.targets[1]);
        let alone = explain(&*fixture.engine, &second, &objective, method, &small, &mut go_on).unwrap();
        assert_eq!(alone[0], fixture.explain(method, &small).unwrap()[1], "{method}");
    }
}

#[test]
fn flat_maps_are_told_and_never_not_a_number() {
    let map = |values: Vec<f32>| RelevanceMap { grid: Size::new(1, values.len()), values };
    let flat = [
        vec![0.0, 0.0],
        vec![2.5, 2.5],
        vec![-1.0, -1.0],
        vec![f32::NAN, 1.0],
        vec![f32::INFINITY, 1.0],
        vec![f32::NEG_INFINITY, 1.0],
        vec![f32::MAX, -f32::MAX],
    ];
    for mut values in flat {
        assert!(map(values.clone()).is_flat(), "{values:?}");
        assert_eq!(normalise(&mut values), Err(Flat));
        assert_eq!(values, [0.0, 0.0]);
    }
    let mut values = vec![-1.0, 3.0, 1.0];
    assert!(!map(values.clone()).is_flat());
    assert_eq!((map(values.clone()).min(), map(values.clone()).max()), (-1.0, 3.0));
    normalise(&mut values).unwrap();
    assert_eq!(values, [0.0, 1.0, 0.5]);
}

#[test]
fn methods_have_one_name_everywhere() {
    use clap::ValueEnum;
    for method in Method::ALL {
        assert_eq!(method.to_string().parse(), Ok(method));
        assert_eq!(serde_json::to_value(method).unwrap(), method.name());
        assert_eq!(method.to_possible_value().unwrap().get_name(), method.name());
    }
    assert_eq!(Method::value_variants(), Method::ALL);
    let unknown = "GAE".parse::<Method>().unwrap_err().to_string();
    assert!(unknown.starts_with("«GAE» is not a method; choose one of gae, rollout,"), "{unknown}");
}

/// The rule's first step on its own: with the last block alone, GAE is one product of attention and gradient.
#[test]
fn gae_of_the_last_block_is_attention_times_positive_gradient() {
    let fixture = open("plain");
    let trace = TraceOptions { attention: KeepMaps::Last, gradients: KeepMaps::Last, ..TraceOptions::default() };
    let objective = |i: usize, _: &[f32]| Objective::Logit(fixture.targets[i]);
    let traces = fixture.engine.trace(&fixture.batch, &objective, &trace).unwrap();
    let maps = fixture.explain(Method::Gae, &MethodOptions { first_block: 3, ..options() }).unwrap();
    for (trace, explanation) in traces.iter().zip(maps) {
        let product = |head: usize, patch: usize| {
            let at = head * 37 * 37 + 1 + patch;
            (trace.attention[0][at] * trace.gradients[0][at]).max(0.0)
        };
        let expected: Vec<f32> = (0..36).map(|p| (0..3).map(|h| product(h, p)).sum::<f32>() / 3.0).collect();
        assert_close("last block", &explanation.map.values, &expected, 1e-5);
    }
}
