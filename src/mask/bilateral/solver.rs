//! The linear system over the grid's vertices, and its solution.

use super::grid::{Grid, SELF_WEIGHT};

/// Steps that make the blur's rows sum to the vertices' sizes.
const BISTOCHASTIC_STEPS: usize = 10;
/// Below this, a diagonal entry is no scale to divide by.
const LEAST_DIAGONAL: f64 = 1e-5;
const TOLERANCE: f64 = 1e-5;
const ITERATIONS: usize = 25;

/// A = λ·(D_m − D_n·blur·D_n) + D_w, symmetric and positive.
#[derive(Clone, Debug)]
pub(super) struct System {
    /// D_n: scales that make the blur bistochastic.
    scale: Vec<f64>,
    /// λ·D_m + D_w
    diagonal: Vec<f64>,
    /// D_w: the sum of confidences at each vertex.
    weight: Vec<f64>,
    lambda: f64,
}

impl System {
    pub(super) fn of(grid: &Grid, lambda: f64, confidence: f64) -> Self {
        let size = grid.splat(|_| 1.0);
        let mut scale = vec![1.0; grid.vertices()];
        for _ in 0..BISTOCHASTIC_STEPS {
            let blurred = grid.blur(&scale);
            for ((n, m), blurred) in scale.iter_mut().zip(&size).zip(&blurred) {
                *n = (*n * m / blurred).sqrt();
            }
        }
        // What the scales achieve stands for the size: constant masks then cost nothing, however few the steps.
        let reached = scale.iter().zip(grid.blur(&scale)).map(|(n, blurred)| n * blurred);
        let weight: Vec<f64> = size.iter().map(|size| size * confidence).collect();
        let diagonal = reached.zip(&weight).map(|(m, w)| lambda * m + w).collect();
        Self { scale, diagonal, weight, lambda }
    }

    /// y with A·y = `splat`, the weighted mask summed over each vertex: conjugate gradients, preconditioned by A's
    /// diagonal, from the mask's mean at each vertex.
    pub(super) fn solve(&self, grid: &Grid, splat: &[f64]) -> Vec<f64> {
        let mut y: Vec<f64> = splat.iter().zip(&self.weight).map(|(sum, weight)| sum / weight).collect();
        let mut residual: Vec<f64> = splat.iter().zip(self.times(grid, &y)).map(|(b, a)| b - a).collect();
        let enough = TOLERANCE * dot(splat, splat).sqrt();
        let mut direction = vec![0.0; y.len()];
        let mut last = 1.0;
        for step in 0..ITERATIONS {
            if dot(&residual, &residual).sqrt() <= enough {
                break;
            }
            let scaled = self.preconditioned(&residual);
            let now = dot(&residual, &scaled);
            let keep = if step == 0 { 0.0 } else { now / last };
            direction.iter_mut().zip(&scaled).for_each(|(d, z)| *d = z + keep * *d);
            let image = self.times(grid, &direction);
            let length = now / dot(&direction, &image);
            y.iter_mut().zip(&direction).for_each(|(y, d)| *y += length * d);
            residual.iter_mut().zip(&image).for_each(|(r, q)| *r -= length * q);
            last = now;
        }
        y
    }

    fn times(&self, grid: &Grid, y: &[f64]) -> Vec<f64> {
        let scaled: Vec<f64> = y.iter().zip(&self.scale).map(|(y, n)| y * n).collect();
        let mut product = grid.blur(&scaled);
        for (at, value) in product.iter_mut().enumerate() {
            *value = self.diagonal[at] * y[at] - self.lambda * self.scale[at] * *value;
        }
        product
    }

    /// Divided by A's diagonal.
    fn preconditioned(&self, residual: &[f64]) -> Vec<f64> {
        let diagonal = |at: usize| self.diagonal[at] - self.lambda * SELF_WEIGHT * self.scale[at] * self.scale[at];
        residual.iter().enumerate().map(|(at, value)| value / diagonal(at).max(LEAST_DIAGONAL)).collect()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::bilateral::BilateralOptions;
    use ::image::{Rgb, RgbImage};

    /// Few vertices of many colours and sizes.
    fn example() -> Grid {
        let colour = |x: u32, y: u32| Rgb([(x * 3) as u8, (y * 5) as u8, ((x * y) / 9) as u8]);
        Grid::of(&RgbImage::from_fn(60, 40, colour), &BilateralOptions::default())
    }

    #[test]
    fn a_constant_mask_is_its_own_solution() {
        let grid = example();
        let system = System::of(&grid, 256.0, 0.999);
        let solved = system.solve(&grid, &grid.splat(|_| 0.999));
        assert!(solved.iter().all(|value| (value - 1.0).abs() < 1e-9));
    }

    #[test]
    fn the_iteration_finds_what_elimination_finds() {
        let grid = example();
        let system = System::of(&grid, 2.0, 0.999);
        let order = grid.vertices();
        let splat = grid.splat(|pixel| if pixel % 60 < 25 { 0.999 } else { 0.0 });
        // A, column by column, solved by faer's LU.
        let unit = |at: usize| (0..order).map(|i| if i == at { 1.0 } else { 0.0 }).collect::<Vec<f64>>();
        let columns: Vec<Vec<f64>> = (0..order).map(|at| system.times(&grid, &unit(at))).collect();
        let matrix = faer::Mat::from_fn(order, order, |i, j| columns[j][i]);
        use faer::linalg::solvers::Solve;
        let exact = matrix.partial_piv_lu().solve(faer::Col::from_fn(order, |i| splat[i]));
        let found = system.solve(&grid, &splat);
        // The tolerance bounds the residual by 1e-5 of the right side; at λ = 2 the condition is below 100.
        assert!((0..order).all(|i| (found[i] - exact[i]).abs() < 1e-3), "{order} vertices");
        for (i, column) in columns.iter().enumerate() {
            for (j, value) in column.iter().enumerate() {
                assert!((value - columns[j][i]).abs() < 1e-12, "A is symmetric");
            }
        }
    }
}
