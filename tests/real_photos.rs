//! The main job on real photos with a real model: DeiT-Tiny, ImageNet-1k, and an independent PyTorch's answers.
//!
//! Model and photos lie beside the repository (`../shared`), for their terms differ; without them the tests say so.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "helpers of tests fail by panicking, as tests do"
)]

mod support;

use safetensors::SafeTensors;
use vitrine::engine::Device;
use vitrine::jobs::Cancel;
use vitrine::jobs::explain::{Event, ExplainJob, Explained, Explainer};
use vitrine::jobs::inputs::{Input, collect};
use vitrine::jobs::model::{LoadedModel, ModelSource, Profile};
use vitrine::vit::argmax;
use vitrine::vit::weights::LoadOptions;

use support::shared;

fn deit_tiny() -> Option<LoadedModel> {
    let path = shared("models/deit_tiny_patch16_224.safetensors")?;
    let source = ModelSource::from(Some(&path));
    Some(LoadedModel::open(&source, Device::Cpu, &LoadOptions::default()).unwrap())
}

fn explain(model: &LoadedModel, job: &ExplainJob, inputs: &[Input]) -> Vec<Explained> {
    let mut done = Vec::new();
    Explainer::new(model, job).unwrap().run(inputs, &Cancel::default(), &mut |event| match event {
        Event::Explained { explained, .. } => done.push(*explained),
        Event::Failed { path, error, .. } => panic!("{}: {error}", path.display()),
        Event::Started { .. } | Event::Advanced(_) => {}
    });
    done
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn predictions_and_maps_equal_pytorch_under_both_profiles() {
    let (Some(model), Some(fixture), Some(photos)) =
        (deit_tiny(), shared("fixtures/deit_tiny.expected.safetensors"), shared("photos/imagenette"))
    else {
        return;
    };
    let bytes = std::fs::read(fixture).unwrap();
    let expected = SafeTensors::deserialize(&bytes).unwrap();
    let numbers = |name: &str| -> Vec<f32> {
        expected.tensor(name).unwrap().data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    };
    let inputs: Vec<Input> = collect(&[photos]).into_iter().map(Result::unwrap).collect();
    let names: Vec<&str> = expected.names().into_iter().filter_map(|n| n.strip_suffix(".model.input")).collect();
    assert_eq!(names.len(), 5);
    for name in names {
        let input: Vec<Input> = inputs
            .iter()
            .filter(|i| {
                i.source.path().file_stem().unwrap() == name
                    && i.source.path().components().any(|c| c.as_os_str() == "images")
            })
            .take(1)
            .cloned()
            .collect();
        for (profile, key) in [(Profile::Model, "model"), (Profile::Paper, "paper")] {
            let explained = explain(&model, &ExplainJob { profile, ..ExplainJob::default() }, &input).remove(0);
            let logits = numbers(&format!("{name}.{key}.logits"));
            assert_eq!(explained.report.top[0].index, argmax(&logits), "{name}, {key}");
            // Pixels differ by at most 1/255 from PyTorch's; 0.999 is the bar for what that may do to a map.
            let similarity = cosine(&explained.map.values, &numbers(&format!("{name}.{key}.relevance")));
            assert!(similarity >= 0.999, "{name}, {key}: cosine {similarity}");
        }
    }
}

#[test]
fn top_1_on_real_validation_photos() {
    let (Some(model), Some(photos)) = (deit_tiny(), shared("photos/imagenette/val/images")) else { return };
    let inputs: Vec<Input> = collect(&[photos]).into_iter().map(Result::unwrap).collect();
    let explained = explain(&model, &ExplainJob::default(), &inputs);
    let right = explained.iter().filter(|e| e.report.truth.as_ref().unwrap().index == e.report.top[0].index).count();
    let share = right as f64 / explained.len() as f64;
    println!("DeiT-Tiny on {} photos: top-1 {:.1} %", explained.len(), 100.0 * share);
    assert!(explained.iter().all(|e| !e.report.flat));
    // PyTorch: 70.4 % on 500 photos that hold these, 67.5 % on 271 of these; 60 % is far below either by chance.
    assert!(share > 0.60, "top-1 {share}");
}
