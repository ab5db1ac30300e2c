//! How sure a difference is: bootstrap intervals, and McNemar's exact test of paired answers.

use rayon::prelude::*;
use serde::Serialize;

use crate::relevance::Random;

/// How intervals are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bootstrap {
    /// Times the pictures are drawn anew.
    pub resamples: usize,
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: 1000, seed: 0 }
    }
}

/// Where a value lies with 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

impl Bootstrap {
    /// The percentile intervals (2.5 to 97.5 %) of several statistics, each over the same resamples of `count`
    /// pictures: indices drawn with replacement. One call for every metric and both models makes differences those of
    /// the same pictures.
    ///
    /// `statistics` gives one value per statistic, `None` where a resample has none. A statistic with fewer than 40
    /// values has no interval, for then there is no 2.5th percentile to speak of.
    pub fn intervals(
        &self,
        count: usize,
        statistics: impl Fn(&[u32]) -> Vec<Option<f64>> + Sync,
    ) -> Vec<Option<Interval>> {
        let resamples: Vec<Vec<Option<f64>>> =
            (0..self.resamples).into_par_iter().map(|resample| statistics(&self.draw(resample, count))).collect();
        let of_all = |at: usize| {
            let values = resamples.iter().filter_map(|values| values.get(at).copied().flatten());
            interval(values.filter(|value| value.is_finite()).collect())
        };
        (0..resamples.first().map_or(0, Vec::len)).map(of_all).collect()
    }

    fn draw(&self, resample: usize, count: usize) -> Vec<u32> {
        let mut random = Random::of_item(self.seed, resample);
        (0..count).map(|_| random.below(count) as u32).collect()
    }
}

fn interval(mut values: Vec<f64>) -> Option<Interval> {
    if values.len() < 40 {
        return None;
    }
    values.sort_by(f64::total_cmp);
    Some(Interval { low: quantile(&values, 0.025), high: quantile(&values, 0.975) })
}

/// Linear between the sorted values, as NumPy's default.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let (below, rest) = (position.floor() as usize, position.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + rest * (sorted[above] - sorted[below])
}

/// Answers to the same pictures before and after: how many turned right and how many wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct McNemar {
    /// Wrong before, right after.
    pub fixed: usize,
    /// Right before, wrong after.
    pub broken: usize,
    /// Two-sided, exact: how likely flips as uneven as these are if either direction is as likely.
    pub p: f64,
}

impl McNemar {
    pub fn new(fixed: usize, broken: usize) -> Self {
        let flips = fixed + broken;
        let smaller = fixed.min(broken);
        // P(X ≤ smaller) for X ~ Binomial(flips, ½), by logarithms: 2⁻ⁿ underflows from n = 1075.
        let mut log_choose = 0.0;
        let mut tail = 0.0;
        for k in 0..=smaller {
            if k > 0 {
                log_choose += ((flips - k + 1) as f64 / k as f64).ln();
            }
            tail += (log_choose - flips as f64 * std::f64::consts::LN_2).exp();
        }
        Self { fixed, broken, p: (2.0 * tail).min(1.0) }
    }

    /// Of (before, after) for each picture.
    pub fn of(pairs: impl Iterator<Item = (bool, bool)>) -> Self {
        let (mut fixed, mut broken) = (0, 0);
        for (before, after) in pairs {
            fixed += usize::from(!before && after);
            broken += usize::from(before && !after);
        }
        Self::new(fixed, broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mcnemar_is_exact() {
        // scipy.stats.binomtest(k, n, 0.5).pvalue for (k, n) = (1, 10), (3, 8), (20, 60); 0 flips say nothing.
        let expected = [(9, 1, 0.021484375), (5, 3, 0.7265625), (40, 20, 0.013489), (0, 0, 1.0), (4, 4, 1.0)];
        for (fixed, broken, p) in expected {
            let test = McNemar::new(fixed, broken);
            assert!((test.p - p).abs() < 1e-6, "{test:?}");
            assert_eq!(test.p, McNemar::new(broken, fixed).p);
        }
        // 2·2⁻²⁰⁰⁰ is below the smallest double; 900 of 2000 is not (z = 4.47, p about 8·10⁻⁶).
        assert_eq!(McNemar::new(2000, 0).p, 0.0);
        assert!((7e-6..9e-6).contains(&McNemar::new(1100, 900).p), "{}", McNemar::new(1100, 900).p);
        let pairs = [(false, true), (true, false), (true, true), (false, true)];
        assert_eq!(McNemar::of(pairs.into_iter()), McNemar::new(2, 1));
    }

    #[test]
    fn the_interval_of_a_mean_is_that_of_theory() {
        // 400 values, half 0 and half 1: standard error of the mean ½/√400 = 0.025, 95 %: ±0.049.
        let mean = |draw: &[u32]| draw.iter().filter(|&&at| at % 2 == 0).count() as f64 / draw.len() as f64;
        let of_seed = |seed| {
            let bootstrap = Bootstrap { resamples: 2000, seed };
            bootstrap.intervals(400, |draw| vec![Some(mean(draw)), Some(-mean(draw)), None])
        };
        let found = of_seed(3);
        let (mean, mirrored) = (found[0].unwrap(), found[1].unwrap());
        // The 2.5 % quantile of 2000 draws has a standard error of about 0.0015.
        assert!((mean.low - 0.451).abs() < 0.006 && (mean.high - 0.549).abs() < 0.006, "{mean:?}");
        assert!((mean.low + mirrored.high).abs() < 1e-12, "the same draws for every statistic");
        assert_eq!(found[2], None);
        assert_eq!(found, of_seed(3), "seeded");
        assert_ne!(found, of_seed(4));
    }

    #[test]
    fn too_few_resamples_make_no_interval() {
        let few = Bootstrap { resamples: 30, seed: 0 };
        assert_eq!(few.intervals(5, |_| vec![Some(1.0)]), [None]);
        // numpy.quantile([0, 1, 2, 3], 0.975) = 2.925
        assert!((quantile(&[0.0, 1.0, 2.0, 3.0], 0.975) - 2.925).abs() < 1e-12);
    }
}
