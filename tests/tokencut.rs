//! TokenCut against numbers of an independent implementation, and its speed-critical sizes.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use support::{Tensors, fixture};
use vitrine::image::PatchIndex;
use vitrine::mask::{MaskProfile, Spectrum, TokenCutError};
use vitrine::size::Size;

/// `tau` of `fixtures.json`.
const TAU: f32 = 0.2;

struct Case {
    tensors: Tensors,
    name: &'static str,
}

impl Case {
    fn all() -> [Self; 3] {
        ["large_object", "small_object", "two_parts"]
            .map(|name| Self { tensors: fixture("tokencut.expected.safetensors"), name })
    }

    fn numbers(&self, key: &str) -> &[f32] {
        &self.tensors[&format!("{}.{key}", self.name)].1
    }

    fn grid(&self) -> Size {
        let shape = &self.tensors[&format!("{}.coarse", self.name)].0;
        Size::new(shape[0], shape[1])
    }

    /// An i64; read as two f32, the low word is its value.
    fn seed(&self) -> usize {
        self.numbers("seed")[0].to_bits() as usize
    }

    fn spectrum(&self) -> Spectrum {
        Spectrum::of(self.numbers("features"), self.grid(), TAU, 2).unwrap()
    }
}

fn set(mask: &[f32]) -> Vec<bool> {
    mask.iter().map(|value| *value > 0.5).collect()
}

#[test]
fn eigenvalues_seed_bipartition_and_coarse_mask_are_those_of_the_reference() {
    for case in Case::all() {
        let spectrum = case.spectrum();
        for (ours, theirs) in spectrum.eigenvalues().iter().zip(case.numbers("eigenvalues")) {
            // The reference is stored in f32; its smallest value here is 8e-4.
            assert!((ours - f64::from(*theirs)).abs() < 1e-6, "{}: {ours} and {theirs}", case.name);
        }
        let cut = spectrum.cut(0, MaskProfile::Paper);
        let grid = case.grid();
        let (seed, theirs) = (cut.seed.row * grid.width + cut.seed.column, case.seed());
        // Where patches of one part have the same features, the largest entry is theirs alike.
        let largest = case.numbers("eigenvector")[seed];
        assert!(seed == theirs || largest > 1.0 - 1e-5, "{}: seed {seed} and {theirs}", case.name);
        for (ours, theirs) in cut.eigenvector.iter().zip(case.numbers("eigenvector")) {
            // f32 features and cosines in another order of summation.
            assert!((ours - theirs).abs() < 1e-4, "{}: {ours} and {theirs}", case.name);
        }
        assert_eq!(cut.bipartition, set(case.numbers("bipartition")), "{}", case.name);
        assert_eq!(cut.coarse, set(case.numbers("coarse")), "{}", case.name);
    }
}

#[test]
fn a_large_object_comes_out_inverted_in_the_paper_and_not_by_default() {
    let [large, small, parts] = Case::all();
    let ours = large.spectrum().cut(0, MaskProfile::Default);
    assert!(ours.is_inverted);
    let inside: Vec<bool> = set(large.numbers("coarse")).iter().map(|ring| !ring).collect();
    assert_eq!(ours.coarse, inside);
    for case in [small, parts] {
        let spectrum = case.spectrum();
        assert_eq!(spectrum.cut(0, MaskProfile::Default), spectrum.cut(0, MaskProfile::Paper), "{}", case.name);
    }
}

#[test]
fn a_click_chooses_another_part() {
    let [.., parts] = Case::all();
    let spectrum = parts.spectrum();
    let other = spectrum.part_at(0, PatchIndex { row: 3, column: 4 }).unwrap();
    // By the fixture's bipartition: rows 2 to 5, columns 3 to 8.
    let expected: Vec<bool> =
        (0..16 * 24).map(|at| (2..6).contains(&(at / 24)) && (3..9).contains(&(at % 24))).collect();
    assert_eq!(other.coarse, expected);
    let background = spectrum.part_at(0, PatchIndex { row: 0, column: 0 }).unwrap();
    assert!(background.bipartition.iter().zip(&other.bipartition).all(|(a, b)| a != b), "the other side");
    assert!(spectrum.part_at(0, PatchIndex { row: 16, column: 0 }).is_none());
}

#[test]
fn grids_of_one_patch_and_broken_features_are_refused() {
    let one = Size::square(1);
    assert_eq!(Spectrum::of(&[1.0; 8], one, TAU, 2), Err(TokenCutError::TooFewPatches { grid: one }));
    let four = Size::square(2);
    assert_eq!(Spectrum::of(&[1.0; 7], four, TAU, 2), Err(TokenCutError::WrongLength { got: 7, grid: four }));
    assert_eq!(Spectrum::of(&[f32::NAN; 8], four, TAU, 2), Err(TokenCutError::NotFinite));
    assert_eq!(Spectrum::of(&[1.0; 8], four, 2.0, 2), Err(TokenCutError::Threshold(2.0)));
}

#[test]
fn patches_that_are_all_alike_or_all_strange_still_give_an_answer() {
    for grid in [Size::new(1, 2), Size::square(3), Size::square(28)] {
        let same = vec![1.0; grid.area() * 4];
        let strange: Vec<f32> =
            (0..grid.area() * grid.area()).map(|at| f32::from(at % (grid.area() + 1) == 0)).collect();
        for features in [same, strange, vec![0.0; grid.area() * 4]] {
            let spectrum = Spectrum::of(&features, grid, TAU, 4).unwrap();
            let cut = spectrum.cut(0, MaskProfile::Default);
            assert!(cut.eigenvector.iter().all(|value| value.is_finite()));
            assert!(cut.holds(cut.seed) != cut.is_inverted);
        }
    }
}
