//! Segment Anything with seeded random weights: the way from a click to a mask, held against candle-transformers' own.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use candle_nn::{VarBuilder, VarMap};
use candle_transformers::models::segment_anything::sam::Sam;
use image::{Rgb, RgbImage};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use vitrine::image::{Picture, Position};
use vitrine::jobs::mask::Clicker;
use vitrine::segment::{Prompt, SegmentAnything, SegmentError};
use vitrine::size::Size;

/// MobileSAM with weights drawn from a seed; also candle-transformers' model on them.
fn random_model(path: &Path) -> Sam {
    let map = VarMap::new();
    Sam::new_tiny(VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu)).unwrap();
    let mut random = Pcg64Mcg::seed_from_u64(7);
    let mut weights: Vec<(String, Tensor)> =
        map.data().lock().unwrap().iter().map(|(name, var)| (name.clone(), var.as_tensor().clone())).collect();
    weights.sort_by(|a, b| a.0.cmp(&b.0));
    let mut drawn = |(name, tensor): &(String, Tensor)| {
        let inputs = tensor.elem_count() / tensor.dim(0).unwrap().max(1);
        // About the size of trained weights, so that nothing over- or underflows; variances must be positive.
        let reach = if tensor.rank() > 1 { (3.0 / inputs as f32).sqrt() } else { 0.5 };
        let mut value = || match name.ends_with("running_var") {
            true => random.random_range(0.5_f32..1.5),
            false => random.random_range(-reach..reach),
        };
        let values: Vec<f32> = (0..tensor.elem_count()).map(|_| value()).collect();
        (name.clone(), Tensor::from_vec(values, tensor.shape(), &Device::Cpu).unwrap())
    };
    let weights: HashMap<String, Tensor> = weights.iter().map(&mut drawn).collect();
    candle_core::safetensors::save(&weights, path).unwrap();
    Sam::new_tiny(VarBuilder::from_tensors(weights, DType::F32, &Device::Cpu)).unwrap()
}

/// As large as the model's input, so that no resizing comes between.
fn photo() -> (Picture, Tensor) {
    let rgb = RgbImage::from_fn(1024, 600, |x, y| Rgb([(x / 4) as u8, (y / 3) as u8, ((x ^ y) & 255) as u8]));
    let pixels = Tensor::from_vec(rgb.as_raw().clone(), (600, 1024, 3), &Device::Cpu).unwrap();
    (Picture { rgb: rgb.into() }, pixels.permute((2, 0, 1)).unwrap())
}

#[test]
fn clicks_and_boxes_are_answered_from_one_embedding() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mobile_sam.safetensors");
    let theirs = random_model(&path);
    let model = SegmentAnything::open(&path).unwrap();
    let (picture, pixels) = photo();
    let embedding = model.embed(&picture).unwrap();

    let click = Prompt { points: vec![(Position::new(300.5, 200.5), true)], area: None };
    let ours = model.segment(&embedding, &click).unwrap();
    assert_eq!((ours.grid, ours.logits.len()), (Size::new(150, 256), 150 * 256));
    // Theirs counts pixels from their corners: 300.5 is pixel 300.
    let their_embedding = theirs.embeddings(&pixels).unwrap();
    let point = [(300.0 / 1024.0, 200.0 / 600.0, true)];
    let (masks, ious) = theirs.forward_for_embeddings(&their_embedding, 600, 1024, &point, true).unwrap();
    let ious = ious.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let best = (0..3).max_by(|a, b| ious[*a].total_cmp(&ious[*b])).unwrap();
    let mask = masks.get(0).unwrap().get(best).unwrap().narrow(0, 0, 150).unwrap();
    let expected = mask.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let largest = expected.iter().fold(0_f32, |largest, value| largest.max(value.abs()));
    let error = ours.logits.iter().zip(&expected).fold(0_f32, |error, (a, b)| error.max((a - b).abs()));
    // The same layers; the input is normalised in another order of rounding.
    assert!(error < 1e-3 * largest, "off by {error} of {largest}");
    assert!((ours.expected_iou - ious[best]).abs() < 1e-3 * ious[best].abs().max(1.0));

    // Every part of a prompt counts, and a box is the same from any two opposite corners.
    let mut prompts = vec![click.clone()];
    let mut also_beside = click.clone();
    also_beside.points.push((Position::new(700.0, 500.0), false));
    let corners = (Position::new(200.0, 100.0), Position::new(500.0, 400.0));
    let boxed = Prompt { points: Vec::new(), area: Some(corners) };
    let turned = Prompt { area: Some((Position::new(500.0, 100.0), Position::new(200.0, 400.0))), ..boxed.clone() };
    prompts.extend([also_beside, boxed, Prompt { area: Some(corners), ..click }]);
    let answers: Vec<_> = prompts.iter().map(|prompt| model.segment(&embedding, prompt).unwrap().logits).collect();
    for (index, answer) in answers.iter().enumerate() {
        assert!(answer.iter().all(|value| value.is_finite()));
        assert!(answers[..index].iter().all(|other| other != answer), "prompt {index} makes a difference");
    }
    assert_eq!(model.segment(&embedding, &turned).unwrap().logits, answers[2]);
    assert!(matches!(model.segment(&embedding, &Prompt::default()), Err(SegmentError::NoPrompt)));
}

#[test]
fn a_click_becomes_a_mask_in_photo_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mobile_sam.safetensors");
    random_model(&path);
    let mut clicker = Clicker::open(Some(&path)).unwrap();
    assert!(clicker.is_of(Some(&path)) && !clicker.is_of(Some(folder.path())));
    let small = Picture { rgb: RgbImage::from_fn(90, 60, |x, y| Rgb([(2 * x) as u8, (3 * y) as u8, 90])).into() };
    let prompt = Prompt { points: vec![(Position::new(30.0, 20.0), true)], area: None };
    let first = clicker.mask("small", &small, Path::new("small.jpg"), &prompt).unwrap();
    assert_eq!(first.file.mask.size(), Size::new(60, 90));
    assert!(
        first.file.record.method.as_ref().unwrap().starts_with("segment anything (MobileSAM), 1 point, expected IoU")
    );
    // The embedding is kept: the same click has the same answer, another one another.
    let again = clicker.mask("small", &small, Path::new("small.jpg"), &prompt).unwrap();
    assert_eq!(again.file, first.file);
    let more =
        Prompt { points: vec![(Position::new(30.0, 20.0), true), (Position::new(80.0, 50.0), false)], area: None };
    let words = clicker.mask("small", &small, Path::new("small.jpg"), &more).unwrap().file.record.method.unwrap();
    assert!(words.contains("2 points"), "{words}");
}

#[test]
fn other_files_are_refused_with_the_way_to_the_right_one() {
    let folder = tempfile::tempdir().unwrap();
    let message = |path: &Path| SegmentAnything::open(path).unwrap_err().to_string();
    assert!(message(&folder.path().join("missing.safetensors")).ends_with("missing.safetensors"));
    let path = folder.path().join("other.safetensors");
    let one = HashMap::from([("weight".to_owned(), Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap())]);
    candle_core::safetensors::save(&one, &path).unwrap();
    assert!(message(&path).contains("vitrine models get mobile-sam"));
}
