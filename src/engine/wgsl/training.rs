//! What only training needs: sums over rows, the relevance's share of the gradient, the optimiser.

use std::sync::Arc;

use super::WgslOps;
use super::dispatch::expect;
use super::error::GpuError;
use super::matmul::{Product, Steps};
use super::memory::Buffer;
use super::relevance::map_lengths;
use super::sources::{ADAMW, ADD_SQUARES, COLUMN_SUM, COPY_TOKENS, INJECT_RELEVANCE, RELEVANCE_BACKWARD};
use crate::engine::{AdamWFactors, Moments, RelevanceTerm};

/// Columns per work group; `COLUMNS` of shaders/compute/column_sum.wgsl.
const COLUMNS: usize = 32;

/// Rows per work group: a long column is summed by several, whose sums are summed then.
const ROWS: usize = 128;

/// Numbers that together make a sum of squares: one per work group, enough of them to fill any hardware.
const PARTS: usize = 1024;

/// Elements from which another work group joins; each of its `LANES` then has a few.
const PART: usize = 256;

impl WgslOps {
    pub(super) fn weight_gradient(&self, d_out: &Buffer, x: &Buffer) -> Result<Buffer, GpuError> {
        let last = |buffer: &Buffer| buffer.shape.last().copied().filter(|&n| n > 0);
        let (Some(output), Some(input)) = (last(d_out), last(x)) else {
            return Err(GpuError::Shape { operation: "linear_weight_gradient", shape: x.shape.clone() });
        };
        let rows = d_out.len() / output;
        expect("linear_weight_gradient", &[(x, rows * input)])?;
        let gradient = self.gpu.buffer(vec![output, input])?;
        let extent = [output, input, rows];
        self.product(&Product::single(extent, (d_out, Steps::across(output)), (x, Steps::across(input)), &gradient))?;
        Ok(gradient)
    }

    /// Of `x`, or of `x ⊙ y`, seen as `[rows, width]`.
    pub(super) fn sum_rows(&self, x: &Buffer, y: Option<&Buffer>, width: usize) -> Result<Buffer, GpuError> {
        if width == 0 || !x.len().is_multiple_of(width) {
            return Err(GpuError::Shape { operation: "column_sum", shape: x.shape.clone() });
        }
        expect("column_dot", &[(y.unwrap_or(x), x.len())])?;
        let rows = x.len() / width;
        let chunks = rows.div_ceil(ROWS).max(1);
        let sums = self.gpu.buffer(vec![chunks, width])?;
        let sizes = [rows, width, ROWS, usize::from(y.is_some())].map(|n| n as u32);
        let groups = self.gpu.folded(chunks * width.div_ceil(COLUMNS));
        self.call(&COLUMN_SUM, &sizes, &[x, y.unwrap_or(x)], &[&sums], groups, x.len())?;
        if chunks > 1 { self.sum_rows(&sums, None, width) } else { Ok(Buffer { shape: vec![width], ..sums }) }
    }

    /// Σ x² on top of `sums`, spread over [`PARTS`] numbers.
    pub(super) fn squares(&self, sums: Option<Buffer>, x: &Buffer) -> Result<Buffer, GpuError> {
        let sums = match sums {
            Some(sums) => sums,
            None => self.gpu.upload(&[0.0; PARTS], &[PARTS])?,
        };
        expect("add_squares", &[(&sums, PARTS)])?;
        let parts = x.len().div_ceil(PART).min(PARTS);
        self.call(&ADD_SQUARES, &[x.len() as u32], &[x], &[&sums], [parts as u32, 1, 1], x.len())?;
        Ok(sums)
    }

    pub(super) fn fold_block_backward(
        &self,
        column: &Buffer,
        maps: &Buffer,
        gradients: &Buffer,
        head_weights: &[f32],
    ) -> Result<Buffer, GpuError> {
        let [images, heads, queries, tokens] = map_lengths("relevance_step_backward", maps)?;
        let weights = self.constant(head_weights)?;
        let lengths = [(column, images * tokens), (gradients, maps.len()), (&weights, heads)];
        expect("relevance_step_backward", &lengths)?;
        let out = self.gpu.buffer(column.shape.clone())?;
        let sizes = [images * tokens, tokens, queries, heads].map(|n| n as u32);
        let groups = self.gpu.folded(images * tokens);
        self.call(&RELEVANCE_BACKWARD, &sizes, &[column, maps, gradients, &weights], &[&out], groups, maps.len())?;
        Ok(out)
    }

    /// Adds the `term` to `d_maps`: in place, where nobody else holds it.
    pub(super) fn inject(
        &self,
        d_maps: Buffer,
        maps: &Buffer,
        term: &RelevanceTerm<'_, Buffer>,
    ) -> Result<Buffer, GpuError> {
        let &RelevanceTerm { gradients, head_weights, row, column } = term;
        let [images, heads, queries, tokens] = map_lengths("inject_relevance", maps)?;
        let weights = self.constant(head_weights)?;
        let (all, line) = (maps.len(), images * tokens);
        let lengths = [(&d_maps, all), (gradients, all), (&weights, heads), (row, line), (column, line)];
        expect("inject_relevance", &lengths)?;
        // Somebody else may still read it.
        let d_maps = if Arc::strong_count(&d_maps.memory) == 1 { d_maps } else { self.copy(&d_maps)? };
        let sizes = [tokens, queries, heads].map(|n| n as u32);
        self.elements(&INJECT_RELEVANCE, all, &sizes, &[maps, gradients, &weights, row, column], &[&d_maps])?;
        Ok(d_maps)
    }

    fn copy(&self, x: &Buffer) -> Result<Buffer, GpuError> {
        let out = self.gpu.buffer(x.shape.clone())?;
        // One token as wide as everything.
        self.elements(&COPY_TOKENS, x.len(), &[x.len() as u32, 1, 1, 0, 0, 1], &[x], &[&out])?;
        Ok(out)
    }

    pub(super) fn step(
        &self,
        weight: &Buffer,
        moments: &Moments<Buffer>,
        gradient: &Buffer,
        factors: AdamWFactors,
    ) -> Result<(), GpuError> {
        let count = weight.len();
        expect("adamw", &[(&moments.mean, count), (&moments.square, count), (gradient, count)])?;
        let AdamWFactors { keep, rate, inv_root, one_minus_beta1, beta2, one_minus_beta2, eps, gradient_scale } =
            factors;
        let sizes =
            [keep, rate, inv_root, one_minus_beta1, beta2, one_minus_beta2, eps, gradient_scale].map(f32::to_bits);
        self.elements(&ADAMW, count, &sizes, &[gradient], &[weight, &moments.mean, &moments.square])
    }
}
