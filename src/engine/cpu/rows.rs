//! Row kernels: layer norm, GELU and their backwards, one pass over memory each.

#![allow(unsafe_code)] // New buffers are not cleared before they are written; `new_rows` says why none is read.

use std::mem::MaybeUninit;

use pulp::Arch;
use rayon::prelude::*;

use super::{columns, math};

/// Elements a task should have so that handing it to another thread pays.
const TASK_ELEMENTS: usize = 16 * 1024;
/// Width of the rows into which a buffer is cut whose rows mean nothing: some that fit the innermost cache.
const ELEMENTWISE: usize = 1024;

fn rows_per_task(width: usize) -> usize {
    (TASK_ELEMENTS / width.max(1)).max(1)
}

/// Calls `f(row index, row of out)` for each row of `out`, vectorised and in parallel.
pub fn for_each_row(out: &mut [f32], width: usize, f: impl Fn(usize, &mut [f32]) + Sync) {
    let rows = rows_per_task(width);
    out.par_chunks_mut(width * rows).enumerate().for_each(|(task, chunk)| {
        Arch::new().dispatch(|| {
            for (i, row) in chunk.chunks_exact_mut(width).enumerate() {
                f(task * rows + i, row);
            }
        });
    });
}

/// A new buffer of `len` elements: calls `f(row index, row of zeros)` for each of its rows, vectorised and in parallel.
///
/// A row is cleared where `f` finds it in the cache; memory sees the results alone.
pub fn new_rows(len: usize, width: usize, f: impl Fn(usize, &mut [f32]) + Sync) -> Vec<f32> {
    let rows = rows_per_task(width);
    let mut out = Vec::with_capacity(len);
    let chunks = out.spare_capacity_mut()[..len].par_chunks_mut(width.max(1) * rows);
    chunks.enumerate().for_each(|(task, chunk)| {
        Arch::new().dispatch(|| {
            for (i, row) in chunk.chunks_mut(width.max(1)).enumerate() {
                row.fill(MaybeUninit::new(0.0));
                // SAFETY: just filled.
                f(task * rows + i, unsafe { row.assume_init_mut() });
            }
        });
    });
    // SAFETY: the chunks are all of the first `len` elements, and every row of each was filled.
    unsafe { out.set_len(len) };
    out
}

/// erf-GELU of every element.
pub fn gelu(x: &[f32]) -> Vec<f32> {
    new_rows(x.len(), ELEMENTWISE, |i, out| {
        for (out, &x) in out.iter_mut().zip(&x[i * ELEMENTWISE..]) {
            *out = math::gelu(x);
        }
    })
}

/// In place: `d · GELU'(x)`.
pub fn gelu_backward(d: &mut [f32], x: &[f32]) {
    d.par_chunks_mut(TASK_ELEMENTS).zip(x.par_chunks(TASK_ELEMENTS)).for_each(|(d, x)| {
        Arch::new().dispatch(|| {
            for (d, &x) in d.iter_mut().zip(x) {
                *d *= math::gelu_derivative(x);
            }
        });
    });
}

/// Mean and reciprocal standard deviation of a row.
#[inline(always)]
fn moments(row: &[f32], eps: f32) -> (f32, f32) {
    let n = row.len() as f32;
    let mean = math::sum(row) / n;
    let variance = math::sum_of_squares_about(row, mean) / n;
    (mean, 1.0 / (variance + eps).sqrt())
}

/// Layer norm over rows of `gamma.len()` elements.
pub fn layer_norm(x: &[f32], gamma: &[f32], beta: &[f32], eps: f32) -> Vec<f32> {
    let width = gamma.len();
    new_rows(x.len(), width, |i, out| {
        let row = &x[i * width..][..width];
        let (mean, inv_std) = moments(row, eps);
        for (((out, &x), &gamma), &beta) in out.iter_mut().zip(row).zip(gamma).zip(beta) {
            *out = (x - mean) * inv_std * gamma + beta;
        }
    })
}

/// Gradient of layer norm with respect to `x`, plus `residual` (the gradient that bypasses the norm).
///
/// With x̂ the normalised row and g = d_out·γ: d_x = (g − mean(g) − x̂·mean(g·x̂)) / σ.
pub fn layer_norm_backward(d_out: &[f32], x: &[f32], gamma: &[f32], eps: f32, residual: Option<&[f32]>) -> Vec<f32> {
    let width = gamma.len();
    new_rows(x.len(), width, |i, d_x| {
        if let Some(residual) = residual {
            d_x.copy_from_slice(&residual[i * width..][..width]);
        }
        let (row, d_out) = (&x[i * width..][..width], &d_out[i * width..][..width]);
        let (mean, inv_std) = moments(row, eps);
        let g_sum = math::dot(d_out, gamma);
        let gx_sum = math::dot_with_centred(d_out, gamma, row, mean) * inv_std;
        let n = width as f32;
        let (g_mean, gx_mean) = (g_sum / n, gx_sum / n);
        for (((d_x, &d), &gamma), &x) in d_x.iter_mut().zip(d_out).zip(gamma).zip(row) {
            *d_x += inv_std * (d * gamma - g_mean - (x - mean) * inv_std * gx_mean);
        }
    })
}

/// Gradients of layer norm with respect to γ, Σ d_out·x̂, and to β, Σ d_out, x̂ being the normalised rows.
pub fn layer_norm_gradients(d_out: &[f32], x: &[f32], width: usize, eps: f32) -> (Vec<f32>, Vec<f32>) {
    let mut d_gamma = columns::sum_rows(x.len() / width.max(1), 2 * width, |sums, i| {
        let (row, d_out) = (&x[i * width..][..width], &d_out[i * width..][..width]);
        let (mean, inv_std) = moments(row, eps);
        let (gamma, beta) = sums.split_at_mut(width);
        for (((gamma, beta), &x), &d) in gamma.iter_mut().zip(beta).zip(row).zip(d_out) {
            *gamma += d * ((x - mean) * inv_std);
            *beta += d;
        }
    });
    let d_beta = d_gamma.split_off(width);
    (d_gamma, d_beta)
}

/// In place: every row of `x` (already holding a matrix product) becomes `(x + bias)·scale + residual`.
///
/// `residual` may be shorter than `x`: it then repeats (a position embedding over a batch).
pub fn epilogue(x: &mut [f32], bias: Option<&[f32]>, scale: Option<&[f32]>, residual: Option<&[f32]>, width: usize) {
    if bias.is_none() && scale.is_none() && residual.is_none() {
        return;
    }
    for_each_row(x, width, |i, row| {
        if let Some(bias) = bias {
            for (x, &bias) in row.iter_mut().zip(bias) {
                *x += bias;
            }
        }
        if let Some(scale) = scale {
            for (x, &scale) in row.iter_mut().zip(scale) {
                *x *= scale;
            }
        }
        if let Some(residual) = residual {
            let start = (i * width) % residual.len();
            for (x, &residual) in row.iter_mut().zip(&residual[start..]) {
                *x += residual;
            }
        }
    });
}
