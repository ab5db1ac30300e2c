//! Seeded random draws with the few distributions the scenes need.

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// A reproducible source of random numbers: the same seed gives the same draws on every machine.
pub struct Dice(Pcg64Mcg);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(Pcg64Mcg::seed_from_u64(seed))
    }

    /// Uniform in `[low, high)`.
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.0.random::<f32>()
    }

    /// Uniform in `[centre − spread, centre + spread)`.
    pub fn around(&mut self, centre: f32, spread: f32) -> f32 {
        self.range(centre - spread, centre + spread)
    }

    /// Uniform in `0..count`.
    pub fn below(&mut self, count: usize) -> usize {
        // u32 so that 32-bit machines draw the same numbers.
        self.0.random_range(0..count as u32) as usize
    }

    pub fn chance(&mut self, probability: f32) -> bool {
        self.0.random::<f32>() < probability
    }

    /// One of the values, all equally likely.
    pub fn pick<T: Copy, const N: usize>(&mut self, values: [T; N]) -> T {
        values[self.below(N)]
    }

    /// A seed for an independent stream.
    pub fn seed(&mut self) -> u64 {
        self.0.random()
    }

    /// Normal with mean 0 and the given deviation, cut at two deviations: timm's `trunc_normal_` in effect.
    pub fn truncated_normal(&mut self, deviation: f32) -> f32 {
        loop {
            // Box–Muller; 1 − u lies in (0, 1], so the logarithm is finite.
            let radius = (-2.0 * (1.0 - self.0.random::<f32>()).ln()).sqrt();
            let value = radius * (std::f32::consts::TAU * self.0.random::<f32>()).cos();
            if value.abs() <= 2.0 {
                return value * deviation;
            }
        }
    }
}
