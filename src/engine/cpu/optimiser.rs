//! AdamW in one pass over memory.

use pulp::Arch;
use rayon::prelude::*;

use crate::engine::AdamW;

/// Elements that one task updates.
const TASK_ELEMENTS: usize = 16 * 1024;

/// One step of [`AdamW`] in place; `mean` and `square` are the moments. All four slices are equally long.
pub fn adamw(weight: &mut [f32], mean: &mut [f32], square: &mut [f32], gradient: &[f32], step: &AdamW) {
    let f = step.factors();
    let tasks = weight.par_chunks_mut(TASK_ELEMENTS).zip(mean.par_chunks_mut(TASK_ELEMENTS));
    let tasks = tasks.zip(square.par_chunks_mut(TASK_ELEMENTS)).zip(gradient.par_chunks(TASK_ELEMENTS));
    tasks.for_each(|(((weight, mean), square), gradient)| {
        Arch::new().dispatch(|| {
            for (((w, m), v), &g) in weight.iter_mut().zip(mean).zip(square).zip(gradient) {
                let g = g * f.gradient_scale;
                *m += (g - *m) * f.one_minus_beta1;
                *v = *v * f.beta2 + g * g * f.one_minus_beta2;
                *w = *w * f.keep - f.rate * *m / (v.sqrt() * f.inv_root + f.eps);
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: AdamW =
        AdamW { lr: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.01, step: 1, gradient_scale: 1.0 };

    #[test]
    fn the_first_step_has_the_length_of_the_learning_rate() {
        // By hand: m/(1−β₁) = g and √(v/(1−β₂)) = |g|, so w ← w·(1 − lr·wd) − lr·sign(g), however small g is.
        let (mut w, mut m, mut v) = (vec![1.0, 1.0, -2.0], vec![0.0; 3], vec![0.0; 3]);
        adamw(&mut w, &mut m, &mut v, &[3.0, -0.01, 0.5], &STEP);
        for (w, expected) in w.iter().zip([0.999 - 0.1, 0.999 + 0.1, -1.998 - 0.1_f32]) {
            // A few roundings of numbers near one.
            assert!((w - expected).abs() < 1e-6, "{w} and {expected}");
        }
    }

    #[test]
    fn a_scaled_gradient_is_another_gradient() {
        let run = |gradient: f32, gradient_scale: f64| {
            let (mut w, mut m, mut v) = (vec![0.5], vec![0.1], vec![0.2]);
            adamw(&mut w, &mut m, &mut v, &[gradient], &AdamW { step: 3, gradient_scale, ..STEP });
            (w, m, v)
        };
        assert_eq!(run(4.0, 0.25), run(1.0, 1.0));
        assert_ne!(run(4.0, 1.0), run(1.0, 1.0));
    }
}
