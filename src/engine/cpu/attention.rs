//! Attention and its backward straight on the packed `qkv` buffer: no head is ever split off or merged back.

#![allow(unsafe_code)] // Tasks write disjoint blocks of one output; each block's disjointness is argued where it is taken.

use std::ops::Range;

use gemm::Parallelism;
use pulp::Arch;
use rayon::prelude::*;

use super::gemm::{Shared, View, ViewMut, Written};
use super::{math, rows};
use crate::engine::RelevanceTerm;

/// Sizes of one attention layer: `qkv` is `[batch, tokens, 3, heads, head_dim]`.
///
/// `queries` ≤ `tokens`: only the first so many rows of the attention map are computed. In the last block a class
/// token alone reads the result, so the other rows would be thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub batch: usize,
    pub tokens: usize,
    pub heads: usize,
    pub head_dim: usize,
    pub queries: usize,
}

/// One piece of work: some rows of one head of one image.
struct Task {
    image: usize,
    head: usize,
    rows: Range<usize>,
}

impl Shape {
    fn dim(self) -> usize {
        self.heads * self.head_dim
    }

    fn map_len(self) -> usize {
        self.queries * self.tokens
    }

    fn scale(self) -> f32 {
        (self.head_dim as f32).powf(-0.5)
    }

    /// Offset of a head's attention map in `[batch, heads, queries, tokens]`.
    pub(super) fn map_start(self, image: usize, head: usize) -> usize {
        (image * self.heads + head) * self.map_len()
    }

    /// `rows` of q (part 0), k (1) or v (2) of one head.
    fn part<'a>(self, qkv: &'a [f32], part: usize, image: usize, head: usize, rows: Range<usize>) -> View<'a> {
        let stride = 3 * self.dim();
        let start = self.part_start(part, image, head) + rows.start * stride;
        View::new(&qkv[start..], rows.len(), self.head_dim, stride)
    }

    fn part_start(self, part: usize, image: usize, head: usize) -> usize {
        image * self.tokens * 3 * self.dim() + part * self.dim() + head * self.head_dim
    }

    /// `rows` of one head inside a `[batch, queries, dim]` buffer.
    fn merged<'a>(self, x: &'a [f32], image: usize, head: usize, rows: Range<usize>) -> View<'a> {
        View::new(&x[self.merged_start(image, head, rows.start)..], rows.len(), self.head_dim, self.dim())
    }

    fn merged_start(self, image: usize, head: usize, row: usize) -> usize {
        (image * self.queries + row) * self.dim() + head * self.head_dim
    }

    fn map<'a>(self, maps: &'a [f32], image: usize, head: usize, rows: Range<usize>) -> View<'a> {
        let start = self.map_start(image, head) + rows.start * self.tokens;
        View::new(&maps[start..], rows.len(), self.tokens, self.tokens)
    }

    /// One map per head and image, `[batch, heads, queries, tokens]`, which `write` fills in blocks of whole rows.
    fn new_maps(self, write: impl for<'a> Fn(ViewMut<'a>, Task) -> Written<'a> + Sync) -> Vec<f32> {
        let fill = |maps: &Shared<'_>| {
            self.tasks(self.queries).into_par_iter().for_each(|task| {
                let start = self.map_start(task.image, task.head) + task.rows.start * self.tokens;
                // SAFETY: tasks cover disjoint rows of disjoint maps.
                write(unsafe { maps.block(start, task.rows.len(), self.tokens, self.tokens) }, task);
            });
        };
        // SAFETY: the tasks cover all rows of all maps, and `write` can only get what it returns by writing its block.
        unsafe { Shared::fill_new(self.batch * self.heads * self.map_len(), fill) }
    }

    /// All heads of all images, cut into blocks of `rows` so that every thread gets several.
    fn tasks(self, rows: usize) -> Vec<Task> {
        const TASKS_PER_THREAD: usize = 4;
        const ROWS_AT_LEAST: usize = 32;
        let wanted = TASKS_PER_THREAD * rayon::current_num_threads();
        let blocks = wanted.div_ceil(self.batch * self.heads).min(rows.div_ceil(ROWS_AT_LEAST)).max(1);
        let step = rows.div_ceil(blocks).max(1);
        let mut tasks = Vec::new();
        for image in 0..self.batch {
            for head in 0..self.heads {
                for start in (0..rows).step_by(step) {
                    tasks.push(Task { image, head, rows: start..(start + step).min(rows) });
                }
            }
        }
        tasks
    }
}

/// Softmax in place over every row of a vectorised block.
#[inline(always)]
fn softmax_row(row: &mut [f32]) {
    let max = math::max(row);
    for x in row.iter_mut() {
        *x = math::exp(*x - max);
    }
    let inv_sum = 1.0 / math::sum(row);
    for x in row {
        *x *= inv_sum;
    }
}

/// A = softmax(q·kᵀ / √head_dim): `[batch, heads, queries, tokens]`.
pub fn probabilities(qkv: &[f32], shape: Shape) -> Vec<f32> {
    shape.new_maps(|block, Task { image, head, rows }| {
        let q = shape.part(qkv, 0, image, head, rows);
        let k = shape.part(qkv, 1, image, head, 0..shape.tokens);
        let mut scores = block.assign(shape.scale(), q, k.t(), Parallelism::None);
        Arch::new().dispatch(|| scores.rows_mut().for_each(softmax_row));
        scores
    })
}

/// A·v with the heads side by side: `[batch, queries, dim]`.
pub fn mix(maps: &[f32], qkv: &[f32], shape: Shape) -> Vec<f32> {
    let fill = |out: &Shared<'_>| {
        shape.tasks(shape.queries).into_par_iter().for_each(|Task { image, head, rows }| {
            let map = shape.map(maps, image, head, rows.clone());
            let v = shape.part(qkv, 2, image, head, 0..shape.tokens);
            let start = shape.merged_start(image, head, rows.start);
            // SAFETY: tasks cover disjoint rows or disjoint columns (heads) of the output.
            let block = unsafe { out.block(start, rows.len(), shape.head_dim, shape.dim()) };
            block.assign(1.0, map, v, Parallelism::None);
        });
    };
    // SAFETY: the tasks cover all rows of all heads of all images.
    unsafe { Shared::fill_new(shape.batch * shape.queries * shape.dim(), fill) }
}

/// G = ∂y/∂A = d_out·vᵀ per head: `[batch, heads, queries, tokens]`, from `d_out` of shape `[batch, queries, dim]`.
pub fn gradient(d_out: &[f32], qkv: &[f32], shape: Shape) -> Vec<f32> {
    shape.new_maps(|block, Task { image, head, rows }| {
        let d_out = shape.merged(d_out, image, head, rows);
        let v = shape.part(qkv, 2, image, head, 0..shape.tokens);
        block.assign(1.0, d_out, v.t(), Parallelism::None)
    })
}

impl RelevanceTerm<'_, [f32]> {
    /// Adds the share of row `index` of all maps, whose attention is `a`, to `d`.
    #[inline(always)]
    fn add_to(&self, d: &mut [f32], a: &[f32], index: usize, shape: Shape) {
        let (map, i) = (index / shape.queries, index % shape.queries);
        let (image, head) = (map / shape.heads, map % shape.heads);
        let weight = self.row[image * shape.tokens + i] * self.head_weights[head];
        let g = &self.gradients[index * shape.tokens..][..shape.tokens];
        let column = &self.column[image * shape.tokens..][..shape.tokens];
        for (((d, &a), &g), &q) in d.iter_mut().zip(a).zip(g).zip(column) {
            *d += if a * g > 0.0 { g * weight * q } else { 0.0 };
        }
    }
}

/// Gradient of the scores before scaling and softmax: A ⊙ (G − rowsum(G ⊙ A)), same shape as `maps`; with a `term`,
/// it is added to G first.
fn softmax_backward(
    gradients: &[f32],
    maps: &[f32],
    term: Option<&RelevanceTerm<'_, [f32]>>,
    shape: Shape,
) -> Vec<f32> {
    let tokens = shape.tokens;
    rows::new_rows(maps.len(), tokens, |i, d| {
        let a = &maps[i * tokens..][..tokens];
        d.copy_from_slice(&gradients[i * tokens..][..tokens]);
        if let Some(term) = term {
            term.add_to(d, a, i, shape);
        }
        let inner = math::dot(d, a);
        for (d, &a) in d.iter_mut().zip(a) {
            *d = a * (*d - inner);
        }
    })
}

/// Gradient with respect to `qkv`, from G (plus a `term`), A and the gradient of [`mix`]'s output; same shape as `qkv`.
pub fn backward(
    gradients: &[f32],
    maps: &[f32],
    d_out: &[f32],
    qkv: &[f32],
    term: Option<&RelevanceTerm<'_, [f32]>>,
    shape: Shape,
) -> Vec<f32> {
    let d_scores = softmax_backward(gradients, maps, term, shape);
    let all_queries = 0..shape.queries;
    let fill = |d_qkv: &Shared<'_>| {
        shape.tasks(shape.tokens).into_par_iter().for_each(|Task { image, head, rows }| {
            // SAFETY: parts, heads and row blocks are disjoint columns and rows of the output.
            let block = |part: usize, rows: &Range<usize>| unsafe {
                let start = shape.part_start(part, image, head) + rows.start * 3 * shape.dim();
                d_qkv.block(start, rows.len(), shape.head_dim, 3 * shape.dim())
            };
            let columns = |maps| {
                let map: View<'_> = shape.map(maps, image, head, all_queries.clone());
                map.columns(rows.clone())
            };
            let q = shape.part(qkv, 0, image, head, all_queries.clone());
            block(1, &rows).assign(shape.scale(), columns(&d_scores).t(), q, Parallelism::None);
            let d_out = shape.merged(d_out, image, head, all_queries.clone());
            block(2, &rows).assign(1.0, columns(maps).t(), d_out, Parallelism::None);

            let read = rows.start.min(shape.queries)..rows.end.min(shape.queries);
            let unread = read.end.max(rows.start)..rows.end;
            if !read.is_empty() {
                let k = shape.part(qkv, 1, image, head, 0..shape.tokens);
                let d_scores = shape.map(&d_scores, image, head, read.clone());
                block(0, &read).assign(shape.scale(), d_scores, k, Parallelism::None);
            }
            if !unread.is_empty() {
                block(0, &unread).clear();
            }
        });
    };
    // SAFETY: the tasks cover all rows of all heads of all images, and each its rows of the three parts.
    unsafe { Shared::fill_new(qkv.len(), fill) }
}
