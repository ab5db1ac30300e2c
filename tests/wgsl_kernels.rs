//! Every kernel against candle on the CPU: random sizes that fill no tile, outputs in memory full of NaN.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use std::fmt::Debug;

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use support::gpu;
use support::model::relative_error;
use vitrine::engine::candle::CandleOps;
use vitrine::engine::wgsl::{Tuning, WgslOps};
use vitrine::engine::{AdamW, Device, Epilogue, Moments, Ops, RelevanceTerm};

/// Single precision, other orders of summation, over at most 300 terms, and a driver's own exp.
const TOLERANCE: f32 = 2e-5;

/// Sizes tried per kernel; a software rasteriser takes milliseconds for each.
const ROUNDS: usize = 6;

/// Random sizes and numbers, the same in every run.
struct Dice(Pcg64Mcg);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(Pcg64Mcg::seed_from_u64(seed))
    }

    fn size(&mut self, from: usize, to: usize) -> usize {
        self.0.random_range(from..=to)
    }

    fn numbers(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.0.random_range(-1.0..1.0)).collect()
    }

    /// Rows that sum to one, as attention has.
    fn shares(&mut self, rows: usize, width: usize) -> Vec<f32> {
        let mut shares: Vec<f32> = (0..rows * width).map(|_| self.0.random_range(0.0..1.0)).collect();
        for row in shares.chunks_mut(width) {
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|share| *share /= sum);
        }
        shares
    }
}

/// Fills memory that tensors of these lengths will be given next.
fn poison(ops: &WgslOps, lengths: &[usize]) {
    // Several at once: what is given back one by one would be the same piece again and again.
    let poisoned = lengths.iter().flat_map(|&length| std::iter::repeat_n(length, 4));
    let held: Vec<_> = poisoned.map(|length| ops.upload(vec![f32::NAN; length], &[length]).unwrap()).collect();
    drop(held);
}

#[track_caller]
fn assert_same(got: &[f32], expected: &[f32], case: &dyn Debug) {
    assert!(got.iter().all(|v| v.is_finite()), "{case:?}: not all of the result was written");
    let error = relative_error(got, expected);
    assert!(error <= TOLERANCE, "{case:?}: relative error {error}");
}

/// Runs the same expression on candle and on WGSL and compares what it reads.
macro_rules! compare {
    ($gpu:expr, $case:expr, poison $poison:expr, |$ops:ident| $body:expr) => {{
        let expected: Vec<f32> = {
            let $ops = &CandleOps::new(Device::Cpu).unwrap();
            $ops.read(&$body).unwrap()
        };
        poison($gpu, &$poison);
        let $ops = $gpu;
        assert_same(&$ops.read(&$body).unwrap(), &expected, &$case);
    }};
}

/// A device that multiplies with these thresholds.
fn tuned(groups_for_large: usize, groups_to_fill: usize) -> Option<WgslOps> {
    let ops = WgslOps::new(gpu::unshared()?);
    ops.set_tuning(Tuning { groups_for_large, groups_to_fill, ..Tuning::default() }).unwrap();
    Some(ops)
}

#[test]
fn products_of_any_size_with_every_epilogue() {
    let Some(gpu) = &gpu::wgsl() else { return };
    every_product(gpu);
}

#[test]
fn products_in_small_tiles() {
    let Some(gpu) = &tuned(usize::MAX, 0) else { return };
    every_product(gpu);
}

#[test]
fn products_in_large_tiles() {
    let Some(gpu) = &tuned(0, 0) else { return };
    every_product(gpu);
}

#[test]
fn products_cut_along_the_inner_index() {
    let Some(gpu) = &tuned(64, 1024) else { return };
    every_product(gpu);
}

fn every_product(gpu: &WgslOps) {
    let mut dice = Dice::new(1);
    // The kernel for few rows, a tile that is full, one more than that, many tiles, and one with a long inner index.
    let fixed = [[1, 5, 7], [8, 33, 300], [32, 32, 8], [33, 65, 9], [700, 580, 3], [40, 70, 299]];
    let random: Vec<[usize; 3]> =
        (0..ROUNDS).map(|_| [dice.size(9, 90), dice.size(1, 90), dice.size(1, 120)]).collect();
    for [rows, output, input] in fixed.into_iter().chain(random) {
        let (x, w) = (dice.numbers(rows * input), dice.numbers(output * input));
        let [bias, scale] = [(); 2].map(|()| dice.numbers(output));
        let residual = dice.numbers(rows * output);
        for parts in [0, 7, 1, 2, 4] {
            compare!(gpu, ([rows, output, input], parts), poison[rows * output], |ops| {
                let x = ops.upload(x.clone(), &[1, rows, input]).unwrap();
                let w = ops.upload(w.clone(), &[output, input]).unwrap();
                let bias = ops.upload(bias.clone(), &[output]).unwrap();
                let scale = ops.upload(scale.clone(), &[output]).unwrap();
                let residual = ops.upload(residual.clone(), &[1, rows, output]).unwrap();
                let part = |bit, buffer| (parts & bit != 0).then_some(buffer);
                let then = Epilogue { bias: part(1, &bias), scale: part(2, &scale), residual: part(4, &residual) };
                ops.linear(&x, &w, then).unwrap()
            });
        }
        compare!(gpu, ("gelu", [rows, output, input]), poison[rows * output], |ops| {
            let x = ops.upload(x.clone(), &[1, rows, input]).unwrap();
            let w = ops.upload(w.clone(), &[output, input]).unwrap();
            let (hidden, activated) = ops.linear_gelu(&x, &w, &ops.upload(bias.clone(), &[output]).unwrap()).unwrap();
            ops.add(&activated, &hidden).unwrap()
        });
        compare!(gpu, ("gelu backward", [rows, output, input]), poison[rows * input], |ops| {
            let d_out = ops.upload(residual.clone(), &[1, rows, output]).unwrap();
            let w = ops.upload(w.clone(), &[output, input]).unwrap();
            ops.linear_gelu_backward(&d_out, &w, &ops.upload(x.clone(), &[1, rows, input]).unwrap()).unwrap()
        });
        compare!(gpu, ("backward", [rows, output, input]), poison[rows * input], |ops| {
            let d_out = ops.upload(residual.clone(), &[1, rows, output]).unwrap();
            let w = ops.upload(w.clone(), &[output, input]).unwrap();
            ops.linear_backward(&d_out, &w).unwrap()
        });
    }
}

#[test]
fn a_residual_repeats_over_the_batch() {
    let Some(gpu) = &gpu::wgsl() else { return };
    let mut dice = Dice::new(2);
    let (x, w, residual) = (dice.numbers(3 * 11 * 6), dice.numbers(10 * 6), dice.numbers(11 * 10));
    compare!(gpu, "position", poison[3 * 11 * 10], |ops| {
        let x = ops.upload(x[..].to_vec(), &[3, 11, 6]).unwrap();
        let w = ops.upload(w[..].to_vec(), &[10, 6]).unwrap();
        let residual = ops.upload(residual[..].to_vec(), &[11, 10]).unwrap();
        ops.linear(&x, &w, Epilogue { bias: None, scale: None, residual: Some(&residual) }).unwrap()
    });
}

#[test]
fn norms_and_their_gradients() {
    let Some(gpu) = &gpu::wgsl() else { return };
    let mut dice = Dice::new(3);
    for _ in 0..ROUNDS {
        let (rows, width) = (dice.size(1, 40), dice.size(2, 200));
        let [x, d_out, residual] = [(); 3].map(|()| dice.numbers(rows * width));
        let [gamma, beta] = [(); 2].map(|()| dice.numbers(width));
        compare!(gpu, ("layer_norm", rows, width), poison[rows * width], |ops| {
            let x = ops.upload(x.clone(), &[1, rows, width]).unwrap();
            let gamma = ops.upload(gamma.clone(), &[width]).unwrap();
            let beta = ops.upload(beta.clone(), &[width]).unwrap();
            ops.layer_norm(&x, &gamma, &beta, 1e-6).unwrap()
        });
        for of in ["gamma", "beta"] {
            compare!(gpu, (of, rows, width), poison[rows * width, width], |ops| {
                let [x, d_out] = [&x, &d_out].map(|data| ops.upload(data.clone(), &[1, rows, width]).unwrap());
                let (gamma, beta) = ops.layer_norm_gradients(&d_out, &x, 1e-6).unwrap();
                if of == "gamma" { gamma } else { beta }
            });
        }
        for around in [true, false] {
            compare!(gpu, ("layer_norm_backward", rows, width, around), poison[rows * width], |ops| {
                let x = ops.upload(x.clone(), &[1, rows, width]).unwrap();
                let d_out = ops.upload(d_out.clone(), &[1, rows, width]).unwrap();
                let gamma = ops.upload(gamma.clone(), &[width]).unwrap();
                let residual = ops.upload(residual.clone(), &[1, rows, width]).unwrap();
                ops.layer_norm_backward(&d_out, &x, &gamma, 1e-6, around.then_some(&residual)).unwrap()
            });
        }
    }
}

#[test]
fn elementwise_kernels() {
    let Some(gpu) = &gpu::wgsl() else { return };
    let mut dice = Dice::new(4);
    for _ in 0..ROUNDS {
        let (rows, width) = (dice.size(1, 60), dice.size(1, 90));
        // GELU bends between −3 and 3, and must neither overflow nor vanish far outside.
        let mut x: Vec<f32> = dice.numbers(rows * width).iter().map(|v| 4.0 * v).collect();
        x[0] = 80.0;
        let last = x.len() - 1;
        x[last] = -80.0;
        let d_out = dice.numbers(rows * width);
        let scale = dice.numbers(width);
        let shape = [1, rows, width];
        compare!(gpu, ("gelu", shape), poison[rows * width], |ops| {
            ops.gelu(&ops.upload(x.clone(), &shape).unwrap()).unwrap()
        });
        compare!(gpu, ("gelu_backward", shape), poison[rows * width], |ops| {
            let d_out = ops.upload(d_out.clone(), &shape).unwrap();
            ops.gelu_backward(d_out, &ops.upload(x.clone(), &shape).unwrap()).unwrap()
        });
        compare!(gpu, ("add", shape), poison[rows * width], |ops| {
            let d_out = ops.upload(d_out.clone(), &shape).unwrap();
            ops.add(&d_out, &ops.upload(x.clone(), &shape).unwrap()).unwrap()
        });
        compare!(gpu, ("scale_rows", shape), poison[rows * width], |ops| {
            let x = ops.upload(x.clone(), &shape).unwrap();
            ops.scale_rows(&x, &ops.upload(scale.clone(), &[width]).unwrap()).unwrap()
        });
    }
}

#[test]
fn attention_its_gradient_and_its_backward() {
    let Some(gpu) = &gpu::wgsl() else { return };
    let mut dice = Dice::new(5);
    for round in 0..ROUNDS {
        let (images, heads, head_dim) = (dice.size(1, 3), dice.size(1, 4), dice.size(1, 20));
        let tokens = dice.size(2, 70);
        // Only the class token reads the last block; two tokens do in a distilled model.
        let queries = [tokens, 1, 2, dice.size(1, tokens)][round % 4].min(tokens);
        let (dim, maps_len) = (heads * head_dim, images * heads * queries * tokens);
        let qkv: Vec<f32> = dice.numbers(images * tokens * 3 * dim).iter().map(|v| 3.0 * v).collect();
        let d_out = dice.numbers(images * queries * dim);
        let case = ([images, heads, head_dim, tokens, queries], "attention");
        let qkv_shape = [images, tokens, 3 * dim];
        let d_shape = [images, queries, dim];
        compare!(gpu, case, poison[maps_len], |ops| {
            ops.attention(&ops.upload(qkv.clone(), &qkv_shape).unwrap(), heads, queries).unwrap()
        });
        compare!(gpu, (case, "mix"), poison [maps_len, images * queries * dim], |ops| {
            let qkv = ops.upload(qkv.clone(), &qkv_shape).unwrap();
            ops.attention_mix(&ops.attention(&qkv, heads, queries).unwrap(), &qkv).unwrap()
        });
        compare!(gpu, (case, "gradient"), poison[maps_len], |ops| {
            let qkv = ops.upload(qkv.clone(), &qkv_shape).unwrap();
            ops.attention_gradient(&ops.upload(d_out.clone(), &d_shape).unwrap(), &qkv, heads).unwrap()
        });
        compare!(gpu, (case, "backward"), poison [maps_len, qkv.len()], |ops| {
            let qkv = ops.upload(qkv.clone(), &qkv_shape).unwrap();
            let d_out = ops.upload(d_out.clone(), &d_shape).unwrap();
            let maps = ops.attention(&qkv, heads, queries).unwrap();
            let gradients = ops.attention_gradient(&d_out, &qkv, heads).unwrap();
            ops.attention_backward(gradients, &maps, &d_out, &qkv, None).unwrap()
        });
    }
}

#[test]
fn steps_of_the_relevance_rule() {
    let Some(gpu) = &gpu::wgsl() else { return };
    let mut dice = Dice::new(6);
    for round in 0..ROUNDS {
        let (images, heads, tokens) = (dice.size(1, 3), dice.size(1, 5), dice.size(2, 90));
        let queries = if round % 2 == 0 { tokens } else { 1 };
        let maps = dice.shares(images * heads * queries, tokens);
        let gradients = dice.numbers(maps.len());
        let row = dice.shares(images, tokens);
        let mut weights = vec![1.0 / heads as f32; heads];
        weights[round % heads] = 0.0;
        let map_shape = [images, heads, queries, tokens];
        let case = (map_shape, "relevance");
        let poisoned = [images * heads * tokens, images * tokens];
        compare!(gpu, case, poison poisoned, |ops| {
            let row = ops.upload(row.clone(), &[images, tokens]).unwrap();
            let maps = ops.upload(maps.clone(), &map_shape).unwrap();
            let gradients = ops.upload(gradients.clone(), &map_shape).unwrap();
            ops.relevance_step(&row, &maps, &gradients, &weights).unwrap()
        });
        compare!(gpu, (case, "rollout"), poison poisoned, |ops| {
            let row = ops.upload(row.clone(), &[images, tokens]).unwrap();
            ops.rollout_step(&row, &ops.upload(maps.clone(), &map_shape).unwrap()).unwrap()
        });
    }
}

#[test]
fn tokens_are_moved_padded_and_averaged() {
    let Some(gpu) = &gpu::wgsl() else { return };
    let mut dice = Dice::new(7);
    for _ in 0..ROUNDS {
        let (images, tokens, width, prefix) = (dice.size(1, 3), dice.size(1, 30), dice.size(1, 40), dice.size(1, 5));
        let start = dice.size(0, tokens - 1);
        let count = dice.size(1, tokens - start);
        let (x, front) = (dice.numbers(images * tokens * width), dice.numbers(prefix * width));
        let shape = [images, tokens, width];
        let case = (shape, start, count, prefix);
        compare!(gpu, case, poison[images * (tokens + prefix) * width], |ops| {
            let front = ops.upload(front.clone(), &[prefix, width]).unwrap();
            ops.prepend(&front, &ops.upload(x.clone(), &shape).unwrap()).unwrap()
        });
        compare!(gpu, case, poison[images * count * width], |ops| {
            ops.tokens(&ops.upload(x.clone(), &shape).unwrap(), start, count).unwrap()
        });
        let total = start + tokens + prefix;
        compare!(gpu, case, poison[images * total * width], |ops| {
            ops.pad_tokens(&ops.upload(x.clone(), &shape).unwrap(), start, total).unwrap()
        });
        compare!(gpu, case, poison[images * width], |ops| {
            ops.mean_tokens(&ops.upload(x.clone(), &shape).unwrap()).unwrap()
        });
        compare!(gpu, case, poison[images * count * width], |ops| {
            let mean = ops.upload(x[..images * width].to_vec(), &[images, 1, width]).unwrap();
            ops.mean_tokens_backward(&mean, count).unwrap()
        });
    }
}

#[test]
fn gradients_of_weights_and_sums_over_rows() {
    let Some(gpu) = &gpu::wgsl() else { return };
    gradients_and_sums(gpu);
    let Some(gpu) = &tuned(0, 1024) else { return };
    gradients_and_sums(gpu);
}

fn gradients_and_sums(gpu: &WgslOps) {
    let mut dice = Dice::new(8);
    for round in 0..ROUNDS {
        // In the last round columns are long enough to be summed in chunks, and inner indices to be cut.
        let images = dice.size(1, 3);
        let rows = if round + 1 < ROUNDS { dice.size(1, 50) } else { 131 };
        let (input, output) = (dice.size(1, 70), dice.size(1, 70));
        let count = images * rows;
        let (x, d_out, other) =
            (dice.numbers(count * input), dice.numbers(count * output), dice.numbers(count * input));
        let case = ([images, rows, input, output], "sums");
        compare!(gpu, case, poison[output * input], |ops| {
            let d_out = ops.upload(d_out.clone(), &[images, rows, output]).unwrap();
            ops.linear_weight_gradient(&d_out, &ops.upload(x.clone(), &[images, rows, input]).unwrap()).unwrap()
        });
        for width in [input, rows * input] {
            compare!(gpu, (case, width), poison[width], |ops| {
                ops.column_sum(&ops.upload(x.clone(), &[images, rows, input]).unwrap(), width).unwrap()
            });
        }
        compare!(gpu, (case, "dot"), poison[input], |ops| {
            let x = ops.upload(x.clone(), &[images, rows, input]).unwrap();
            ops.column_dot(&x, &ops.upload(other.clone(), &[images, rows, input]).unwrap()).unwrap()
        });
    }
}

#[test]
fn squares_of_several_tensors() {
    let Some(gpu) = &gpu::wgsl() else { return };
    let mut dice = Dice::new(11);
    // One element, a part of 256 and one more, and more than all 1024 parts take at once.
    let tensors = [1, 257, 300_000].map(|length| dice.numbers(length));
    let mut sums = None;
    for x in &tensors {
        let x = gpu.upload(x.clone(), &[x.len()]).unwrap();
        sums = Some(gpu.add_squares(sums, &x).unwrap());
    }
    let total: f64 = gpu.read(&sums.unwrap()).unwrap().into_iter().map(f64::from).sum();
    let expected: f64 = tensors.iter().flatten().map(|&x| f64::from(x) * f64::from(x)).sum();
    assert_same(&[total as f32], &[expected as f32], &"squares");
}

#[test]
fn relevance_from_the_other_side() {
    let Some(gpu) = &gpu::wgsl() else { return };
    let mut dice = Dice::new(9);
    for round in 0..ROUNDS {
        let (images, heads, tokens) = (dice.size(1, 3), dice.size(1, 4), dice.size(2, 80));
        let queries = if round % 2 == 0 { tokens } else { 1 };
        let map_shape = [images, heads, queries, tokens];
        let maps = dice.shares(images * heads * queries, tokens);
        let [gradients, d_maps] = [(); 2].map(|()| dice.numbers(maps.len()));
        let [row, column] = [(); 2].map(|()| dice.numbers(images * tokens));
        let mut weights = vec![1.0 / heads as f32; heads];
        weights[round % heads] = 0.0;
        compare!(gpu, (map_shape, "backward"), poison[images * tokens], |ops| {
            let column = ops.upload(column.clone(), &[images, tokens]).unwrap();
            let maps = ops.upload(maps.clone(), &map_shape).unwrap();
            let gradients = ops.upload(gradients.clone(), &map_shape).unwrap();
            ops.relevance_step_backward(&column, &maps, &gradients, &weights).unwrap()
        });
        let dim = 3 * heads;
        let (qkv, d_out) = (dice.numbers(images * tokens * 3 * dim), dice.numbers(images * queries * dim));
        for is_shared in [false, true] {
            compare!(gpu, (map_shape, "term", is_shared), poison[maps.len(), qkv.len()], |ops| {
                let upload = |data: &[f32], shape: &[usize]| ops.upload(data.to_vec(), shape).unwrap();
                let [row, column] = [&row, &column].map(|data| upload(data, &[images, tokens]));
                let [maps, gradients, before] = [&maps, &gradients, &d_maps].map(|data| upload(data, &map_shape));
                let (qkv, d_out) = (upload(&qkv, &[images, tokens, 3 * dim]), upload(&d_out, &[images, queries, dim]));
                let kept = is_shared.then(|| before.clone());
                let term =
                    RelevanceTerm { gradients: &gradients, head_weights: &weights, row: &row, column: &column };
                let d_qkv = ops.attention_backward(before, &maps, &d_out, &qkv, Some(term)).unwrap();
                if let Some(kept) = kept {
                    assert_eq!(ops.read(&kept).unwrap(), d_maps, "somebody else's gradient is left alone");
                }
                d_qkv
            });
        }
    }
}

#[test]
fn a_step_of_the_optimiser() {
    let Some(gpu) = &gpu::wgsl() else { return };
    let mut dice = Dice::new(10);
    let length = 777;
    let [weight, mean, gradient] = [(); 3].map(|()| dice.numbers(length));
    let square: Vec<f32> = dice.numbers(length).iter().map(|v| v * v).collect();
    let step = AdamW { lr: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-3, weight_decay: 0.05, step: 3, gradient_scale: 0.5 };
    for result in 0..3 {
        compare!(gpu, ("adamw", result), poison[length], |ops| {
            let upload = |data: &[f32]| ops.upload(data.to_vec(), &[length]).unwrap();
            let mut weight = upload(&weight);
            let mut moments = Moments { mean: upload(&mean), square: upload(&square) };
            ops.adamw(&mut weight, &mut moments, &upload(&gradient), &step).unwrap();
            Vec::from([weight, moments.mean, moments.square]).swap_remove(result)
        });
    }
}
