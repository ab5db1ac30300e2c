//! The fast bilateral solver (Barron & Poole, ECCV 2016): a mask that keeps to the photo's edges.
//!
//! Pixels that are near in place and colour share a vertex of a sparse grid; the mask is smoothed over that grid,
//! whose size is that of the photo's colours and not of its pixels.

mod grid;
mod solver;

use ::image::RgbImage;
use serde::{Deserialize, Serialize};

use grid::Grid;
use solver::System;

/// How far a pixel's neighbourhood reaches, and how much smoothness weighs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BilateralOptions {
    /// In pixels.
    pub sigma_spatial: f64,
    /// In steps of 0…255.
    pub sigma_luma: f64,
    /// In steps of 0…255.
    pub sigma_chroma: f64,
    /// λ: what unevenness costs beside departing from the mask.
    pub lambda: f64,
    /// How much each pixel of the mask is believed, 0…1.
    pub confidence: f64,
}

impl Default for BilateralOptions {
    /// As TokenCut uses it.
    fn default() -> Self {
        Self { sigma_spatial: 16.0, sigma_luma: 16.0, sigma_chroma: 8.0, lambda: 256.0, confidence: 0.999 }
    }
}

impl BilateralOptions {
    /// What no grid can be built from: a sigma below 1 would be finer than a pixel or a step of colour.
    fn within_reason(self) -> Self {
        let sigma = |value: f64| if value >= 1.0 { value } else { 1.0 };
        Self {
            sigma_spatial: sigma(self.sigma_spatial),
            sigma_luma: sigma(self.sigma_luma),
            sigma_chroma: sigma(self.sigma_chroma),
            lambda: self.lambda.max(0.0),
            confidence: if self.confidence > 0.0 { self.confidence.min(1.0) } else { f64::MIN_POSITIVE },
        }
    }
}

/// A photo made ready: masks over it are smoothed one after the other.
#[derive(Clone, Debug)]
pub struct BilateralSolver {
    grid: Grid,
    system: System,
    confidence: f64,
}

impl BilateralSolver {
    /// Options that make no sense are moved to the nearest that do.
    pub fn new(photo: &RgbImage, options: BilateralOptions) -> Self {
        let options = options.within_reason();
        let grid = Grid::of(photo, &options);
        let system = System::of(&grid, options.lambda, options.confidence);
        Self { grid, system, confidence: options.confidence }
    }

    /// The smoothed mask, about 0…1, one value per pixel of the photo in reading order.
    ///
    /// `target` has one entry per pixel; missing ones are background, those beyond the photo are not read.
    pub fn smooth(&self, target: &[bool]) -> Vec<f32> {
        let weighted = |index: usize| if target.get(index) == Some(&true) { self.confidence } else { 0.0 };
        let splat = self.grid.splat(weighted);
        let solved = self.system.solve(&self.grid, &splat);
        self.grid.slice(&solved)
    }

    /// How many vertices the grid has.
    pub fn vertices(&self) -> usize {
        self.grid.vertices()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::image::Rgb;

    #[test]
    fn the_smoothed_mask_is_that_of_the_authors_code() {
        let colour = |x: u32, y: u32| Rgb([(3 * x + y) as u8, (5 * y) as u8, (x * y / 7) as u8]);
        let solver = BilateralSolver::new(&RgbImage::from_fn(64, 48, colour), BilateralOptions::default());
        assert_eq!(solver.vertices(), 522);
        let target: Vec<bool> =
            (0..64 * 48).map(|at| (12..36).contains(&(at / 64)) && (20..50).contains(&(at % 64))).collect();
        let smooth = solver.smooth(&target);
        // The numpy code of Barron and Poole (10 bistochastisation steps, SciPy's cg with 25 iterations and 1e-5), in
        // double precision, by row and column.
        for (row, column, expected) in [
            (0, 0, 0.097405),
            (12, 20, 0.26188),
            (24, 35, 0.638513),
            (35, 49, 0.339441),
            (36, 50, 0.0),
            (10, 40, 0.241122),
            (30, 10, 0.102788),
        ] {
            let found = smooth[row * 64 + column];
            // Both stop at a residual of 1e-5; the numbers are printed with six digits and stored in f32.
            assert!((found - expected).abs() < 1e-5, "{row}, {column}: {found} and {expected}");
        }
        assert_eq!(smooth.iter().filter(|value| **value > 0.5).count(), 390);
    }
}
