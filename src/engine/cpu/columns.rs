//! Sums over rows: what a weight shared by all rows gets as its gradient.

use pulp::Arch;
use rayon::prelude::*;

/// Rows that one task sums. Fixed, so that the order of summation does not depend on the number of threads.
const ROWS_PER_TASK: usize = 128;
/// Elements that one task squares and sums.
const TASK_ELEMENTS: usize = 64 * 1024;

/// `[rows, width]` summed over its rows: `[width]`.
pub fn sum(x: &[f32], width: usize) -> Vec<f32> {
    sum_rows(x.len() / width.max(1), width, |sum, row| {
        for (sum, &x) in sum.iter_mut().zip(&x[row * width..]) {
            *sum += x;
        }
    })
}

/// `a ⊙ b`, both `[rows, width]`, summed over the rows: `[width]`.
pub fn dot(a: &[f32], b: &[f32], width: usize) -> Vec<f32> {
    sum_rows(a.len() / width.max(1), width, |sum, row| {
        for ((sum, &a), &b) in sum.iter_mut().zip(&a[row * width..]).zip(&b[row * width..]) {
            *sum += a * b;
        }
    })
}

/// Calls `add(sum [width], row)` for every row; tasks sum their own rows, then the sums are added in order.
pub(super) fn sum_rows(rows: usize, width: usize, add: impl Fn(&mut [f32], usize) + Sync) -> Vec<f32> {
    let starts: Vec<usize> = (0..rows).step_by(ROWS_PER_TASK).collect();
    let partial: Vec<Vec<f32>> = starts
        .into_par_iter()
        .map(|first| {
            let mut sum = vec![0.0; width];
            Arch::new().dispatch(|| {
                (first..rows.min(first + ROWS_PER_TASK)).for_each(|row| add(&mut sum, row));
            });
            sum
        })
        .collect();
    let mut out = vec![0.0; width];
    for partial in partial {
        out.iter_mut().zip(partial).for_each(|(out, p)| *out += p);
    }
    out
}

/// Σ x².
pub fn sum_of_squares(x: &[f32]) -> f32 {
    let partial: Vec<f32> =
        x.par_chunks(TASK_ELEMENTS).map(|x| Arch::new().dispatch(|| super::math::dot(x, x))).collect();
    partial.iter().map(|&sum| f64::from(sum)).sum::<f64>() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_counts_once_whatever_the_number_of_tasks() {
        // 300 rows make three tasks, the last one short; all values are exact in f32.
        let x: Vec<f32> = (0..900).map(|i| (i % 7) as f32).collect();
        let by_hand = |f: fn(f32) -> f32| [0, 1, 2].map(|c| x.iter().skip(c).step_by(3).map(|&x| f(x)).sum::<f32>());
        assert_eq!(sum(&x, 3), by_hand(|x| x));
        assert_eq!(dot(&x, &x, 3), by_hand(|x| x * x));
        assert_eq!(sum_of_squares(&x), by_hand(|x| x * x).iter().sum::<f32>());
    }

    #[test]
    fn no_rows_sum_to_zero() {
        assert_eq!(sum(&[], 2), [0.0, 0.0]);
        assert_eq!(sum_of_squares(&[]), 0.0);
    }
}
