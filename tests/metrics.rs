//! Every metric of maps against an independent Python implementation.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use support::{Tensors, fixture};
use vitrine::eval::{MapScores, Overlap, Truth};
use vitrine::image::Framing;
use vitrine::mask::Mask;
use vitrine::relevance::{RelevanceMap, normalise};
use vitrine::size::Size;

const PATCH: Size = Size::square(16);
const GRID: Size = Size::square(14);
const INPUT: Size = Size::square(224);

fn expected() -> Tensors {
    fixture("metrics.expected.safetensors")
}

/// Six maps with their masks, scored.
fn scores(tensors: &Tensors) -> Vec<MapScores> {
    let patches = tensors["patches"].1.chunks_exact(GRID.area());
    let masks = tensors["mask"].1.chunks_exact(INPUT.area());
    let score = |(patches, mask): (&[f32], &[f32])| {
        let map = RelevanceMap { grid: GRID, values: patches.to_vec() };
        let mask = Mask::from_fn(INPUT, |row, column| mask[row * INPUT.width + column] > 0.5);
        let coverage = mask.resampled(&Framing::centred(INPUT, INPUT, INPUT)).unwrap();
        MapScores::new(&map, PATCH, &Truth::new(&coverage, INPUT).unwrap()).unwrap()
    };
    let scores: Vec<MapScores> = patches.zip(masks).map(score).collect();
    assert_eq!(scores.len(), 6);
    scores
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

/// The expected numbers are f32, and a pixel within rounding of a threshold may fall on its other side: one of 50 176.
const CLOSE: f64 = 3e-5;

#[track_caller]
fn assert_close(got: f64, expected: f32) {
    assert!((got - f64::from(expected)).abs() < CLOSE, "{got}, expected {expected}");
}

#[test]
fn upsampling_and_scaling_agree() {
    let tensors = expected();
    for (index, patches) in tensors["patches"].1.chunks_exact(GRID.area()).enumerate() {
        let of = |name: &str| &tensors[name].1[index * INPUT.area()..][..INPUT.area()];
        let mut pixels = RelevanceMap { grid: GRID, values: patches.to_vec() }.upsample(PATCH);
        // Interpolation in f32.
        assert!(pixels.iter().zip(of("upsampled")).all(|(a, b)| (a - b).abs() < 1e-6));
        normalise(&mut pixels).unwrap();
        assert!(pixels.iter().zip(of("normalised")).all(|(a, b)| (a - b).abs() < 2e-6));
    }
}

#[test]
fn figures_of_single_pictures_agree() {
    let tensors = expected();
    for (index, scores) in scores(&tensors).iter().enumerate() {
        assert_close(scores.mean.mean_iou(), tensors["miou_per_image"].1[index]);
        assert_close(scores.mass, tensors["relevance_mass"].1[index]);
        assert_close(scores.rank, tensors["relevance_rank"].1[index]);
        assert_close(scores.pointing, tensors["pointing_hit"].1[index]);
        assert!(!scores.flat);
    }
}

#[test]
fn figures_of_the_data_set_agree() {
    let tensors = expected();
    let scores = scores(&tensors);
    let one = |name: &str| tensors[name].1[0];
    let mut counts = [0.0; 4];
    for scores in &scores {
        counts.iter_mut().zip(scores.mean.counts()).for_each(|(sum, count)| *sum += count);
    }
    let all = Overlap::from_counts(counts);
    assert_close(all.pixel_accuracy(), one("pixel_accuracy"));
    assert_close(all.mean_iou(), one("miou_dataset"));
    assert_close(mean(scores.iter().map(|of| of.two_channel_ap)), one("map_two_channel"));
    assert_close(mean(scores.iter().map(|of| of.foreground_ap)), one("ap_foreground"));
    assert_close(mean(scores.iter().map(|of| of.mean.f1())), one("f1"));
}
