//! The terms of the loss as functions on slices, each with its gradient by hand.

use crate::relevance::{RelevanceMap, upsample_backward};
use crate::size::Size;

use super::MaskProfile;

/// The terms that read one picture's relevance map, summed over its pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct MapTerms {
    /// Σ (R̂·S̄)²
    pub background: f64,
    /// Σ (R̂·S − S)²
    pub foreground: f64,
    /// Gradient of the weighted terms with respect to the patches of the map, `[grid.height, grid.width]`.
    pub d_patches: Vec<f32>,
    /// The map had no contrast: R̂ counts as 0 and there is no gradient.
    pub is_flat: bool,
}

/// How much each pixel's part of the two terms weighs in the gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MapWeights {
    pub background: f32,
    pub foreground: f32,
}

/// What the loss compares a map with, pixel by pixel: S and S̄, both 0 where nothing counts.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskPlanes {
    pub object: Vec<f32>,
    pub background: Vec<f32>,
}

impl MaskPlanes {
    /// `counted`: the share of each pixel that is not ignored; empty if all are counted whole.
    pub fn new(mask: &[f32], counted: &[f32], profile: MaskProfile) -> Self {
        let weight = |pixel: usize| counted.get(pixel).copied().unwrap_or(1.0);
        let plane = |of: &dyn Fn(f32) -> f32| mask.iter().enumerate().map(|(i, &s)| of(s) * weight(i)).collect();
        Self { object: plane(&|s| s), background: plane(&|s| profile.background(s)) }
    }
}

/// L_bg and L_fg of one picture: R̂ is the map enlarged to pixels, its smallest value at 0 and its largest at 1.
///
/// Of the object and background planes, `[grid·patch]` each, see [`MaskPlanes`]. The gradient flows through the enlargement and through
/// minimum and maximum, each to the first pixel that attains it.
pub fn map_terms(map: &RelevanceMap, patch: Size, mask: &MaskPlanes, weights: MapWeights) -> MapTerms {
    let mut pixels = map.upsample(patch);
    let Some(range) = Range::of(&pixels) else {
        let foreground = mask.object.iter().map(|&s| f64::from(s * s)).sum();
        return MapTerms { background: 0.0, foreground, d_patches: vec![0.0; map.values.len()], is_flat: true };
    };
    let (mut background, mut foreground) = (0.0, 0.0);
    // ∂/∂R̂ takes R̂'s place; the two sums are what the extremes will get.
    let (mut to_min, mut to_max) = (0.0, 0.0);
    for (pixel, (&s, &s_bar)) in pixels.iter_mut().zip(mask.object.iter().zip(&mask.background)) {
        let r = range.scale(*pixel);
        let (behind, missing) = (r * s_bar, r * s - s);
        background += f64::from(behind * behind);
        foreground += f64::from(missing * missing);
        let d = 2.0 * (weights.background * behind * s_bar + weights.foreground * missing * s);
        to_min += f64::from(d) * f64::from(r - 1.0);
        to_max -= f64::from(d) * f64::from(r);
        *pixel = d;
    }
    let inv_width = 1.0 / (range.max - range.min);
    pixels.iter_mut().for_each(|d| *d *= inv_width);
    pixels[range.min_at] += (to_min * f64::from(inv_width)) as f32;
    pixels[range.max_at] += (to_max * f64::from(inv_width)) as f32;
    MapTerms { background, foreground, d_patches: upsample_backward(&pixels, map.grid, patch), is_flat: false }
}

/// The extremes of an enlarged map and where they are first attained.
struct Range {
    min: f32,
    max: f32,
    min_at: usize,
    max_at: usize,
}

impl Range {
    /// `None` for a flat map, as [`RelevanceMap::is_flat`] defines it.
    fn of(pixels: &[f32]) -> Option<Self> {
        let first = *pixels.first()?;
        let mut range = Self { min: first, max: first, min_at: 0, max_at: 0 };
        for (at, &value) in pixels.iter().enumerate() {
            if !value.is_finite() {
                return None;
            }
            if value < range.min {
                (range.min, range.min_at) = (value, at);
            }
            if value > range.max {
                (range.max, range.max_at) = (value, at);
            }
        }
        let width = range.max - range.min;
        (width > 1e-12 * range.max.abs() && width.is_finite()).then_some(range)
    }

    fn scale(&self, value: f32) -> f32 {
        (value - self.min) / (self.max - self.min)
    }
}

/// −log softmax(z / T)\[class\] and its gradient with respect to z. The class must exist.
pub fn cross_entropy(logits: &[f32], class: usize, temperature: f32) -> (f64, Vec<f32>) {
    let scaled: Vec<f64> = logits.iter().map(|&z| f64::from(z) / f64::from(temperature)).collect();
    let max = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = scaled.iter().map(|z| (z - max).exp()).sum();
    let log_sum = max + sum.ln();
    let gradient = scaled.iter().enumerate().map(|(k, z)| {
        let target = if k == class { 1.0 } else { 0.0 };
        (((z - log_sum).exp() - target) / f64::from(temperature)) as f32
    });
    (log_sum - scaled[class], gradient.collect())
}

/// Σ (g·S̄)² over one picture's input gradient g `[channels, height, width]`, and v = S̄² ⊙ g: half the sum's gradient
/// with respect to g. `background` is S̄, `[height, width]`.
pub fn masked_gradient(gradient: &[f32], background: &[f32]) -> (f64, Vec<f32>) {
    let mut sum = 0.0;
    let weighted = gradient
        .chunks_exact(background.len().max(1))
        .flat_map(|channel| channel.iter().zip(background))
        .map(|(&g, &s_bar)| {
            sum += f64::from(g * s_bar) * f64::from(g * s_bar);
            g * s_bar * s_bar
        })
        .collect();
    (sum, weighted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: Size = Size::new(2, 3);
    const PATCH: Size = Size::new(4, 2);

    /// The weighted sum of both terms, evaluated apart from [`map_terms`]'s gradient.
    fn value(values: &[f32], mask: &[f32], profile: MaskProfile, weights: MapWeights) -> f64 {
        let map = RelevanceMap { grid: GRID, values: values.to_vec() };
        let terms = map_terms(&map, PATCH, &MaskPlanes::new(mask, &[], profile), weights);
        f64::from(weights.background) * terms.background + f64::from(weights.foreground) * terms.foreground
    }

    #[test]
    fn the_gradient_of_the_map_terms_equals_central_differences() {
        let values = [0.2, 0.9, 0.4, 0.05, 0.6, 0.3];
        let mask: Vec<f32> = (0..48).map(|i| [0.0, 1.0, 0.5][i % 3]).collect();
        let weights = MapWeights { background: 2.0, foreground: 0.3 };
        for profile in [MaskProfile::Complement, MaskProfile::Paper] {
            let map = RelevanceMap { grid: GRID, values: values.to_vec() };
            let terms = map_terms(&map, PATCH, &MaskPlanes::new(&mask, &[], profile), weights);
            for cell in 0..6 {
                let step = 1e-2;
                let moved = |by: f32| {
                    let mut values = values;
                    values[cell] += by;
                    value(&values, &mask, profile, weights)
                };
                let difference = (moved(step) - moved(-step)) / f64::from(2.0 * step);
                // Third-order error of a step of 1e-2 on values near 1: below 1e-3 of gradients near 10.
                let gradient = f64::from(terms.d_patches[cell]);
                assert!((gradient - difference).abs() < 2e-2, "{profile:?}, cell {cell}: {gradient}, {difference}");
            }
        }
    }

    #[test]
    fn a_flat_map_has_no_gradient_and_no_nan() {
        let weights = MapWeights { background: 1.0, foreground: 1.0 };
        for flat in [0.3, f32::NAN] {
            let map = RelevanceMap { grid: GRID, values: vec![flat; 6] };
            let planes = MaskPlanes::new(&[0.5; 48], &[], MaskProfile::Complement);
            let terms = map_terms(&map, PATCH, &planes, weights);
            // By hand: R̂ = 0 leaves Σ S² = 48 · 0.25.
            let expected = MapTerms { background: 0.0, foreground: 12.0, d_patches: vec![0.0; 6], is_flat: true };
            assert_eq!(terms, expected);
        }
    }

    #[test]
    fn shifting_or_stretching_a_map_changes_no_term() {
        // So the gradient is orthogonal to the constant map and to the map itself.
        let map = RelevanceMap { grid: GRID, values: vec![0.2, 0.9, 0.4, 0.05, 0.6, 0.3] };
        let mask: Vec<f32> = (0..48).map(|i| (i % 5) as f32 / 4.0).collect();
        let weights = MapWeights { background: 1.0, foreground: 1.0 };
        let planes = MaskPlanes::new(&mask, &[], MaskProfile::Complement);
        let terms = map_terms(&map, PATCH, &planes, weights);
        let along_ones: f32 = terms.d_patches.iter().sum();
        let along_map: f32 = terms.d_patches.iter().zip(&map.values).map(|(d, v)| d * v).sum();
        // Sums of 48 f32 terms of size 10.
        assert!(along_ones.abs() < 1e-4 && along_map.abs() < 1e-4, "{along_ones}, {along_map}");
    }

    #[test]
    fn ignored_pixels_have_no_part_in_any_term() {
        let map = RelevanceMap { grid: GRID, values: vec![0.2, 0.9, 0.4, 0.05, 0.6, 0.3] };
        let weights = MapWeights { background: 1.0, foreground: 1.0 };
        // The right half is ignored: whatever the mask says there, terms and gradient are the same.
        let counted: Vec<f32> = (0..48).map(|i| if i % 6 < 3 { 1.0 } else { 0.0 }).collect();
        let terms = |there: f32| {
            let mask: Vec<f32> = (0..48).map(|i| if i % 6 < 3 { (i % 2) as f32 } else { there }).collect();
            map_terms(&map, PATCH, &MaskPlanes::new(&mask, &counted, MaskProfile::Complement), weights)
        };
        assert_eq!(terms(0.0), terms(1.0));
        let all = MaskPlanes::new(&[0.0; 48], &[], MaskProfile::Complement);
        assert!(terms(0.0).background < map_terms(&map, PATCH, &all, weights).background);
    }

    #[test]
    fn cross_entropy_of_two_classes_is_the_logistic_loss() {
        // log(1 + e^(−(z₀−z₁)/T)) with z₀ − z₁ = 1 and T = 0.5: log(1 + e^−2).
        let (loss, gradient) = cross_entropy(&[2.0, 1.0], 0, 0.5);
        assert!((loss - (1.0 + (-2.0f64).exp()).ln()).abs() < 1e-12);
        // (p₁)·(−1, 1)/T with p₁ = 1/(1 + e²).
        let p = 1.0 / (1.0 + 2f64.exp());
        assert!((f64::from(gradient[1]) - 2.0 * p).abs() < 1e-7);
        assert!((gradient[0] + gradient[1]).abs() < 1e-7);
    }

    #[test]
    fn huge_logits_stay_finite() {
        let (loss, gradient) = cross_entropy(&[1e30, -1e30], 1, 1.0);
        assert!(loss.is_finite() && gradient.iter().all(|g| g.is_finite()));
    }

    #[test]
    fn masked_gradients_square_what_lies_behind_the_object() {
        // Two channels of two pixels; S̄ = (1, ½): Σ = 1 + 4·¼ + 9 + 16·¼ = 15.
        let (sum, weighted) = masked_gradient(&[1.0, 2.0, 3.0, 4.0], &[1.0, 0.5]);
        assert_eq!(sum, 15.0);
        assert_eq!(weighted, [1.0, 0.5, 3.0, 1.0]);
    }
}
