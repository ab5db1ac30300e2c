//! The activation-only backward pass: ∂y/∂A of every block, and ∂y/∂x if asked. No weight gradients.

use crate::engine::Ops;
use crate::size::Size;

use super::Vit;
use super::engine::EngineError;
use super::forward::{BlockTape, Output};
use super::parameters::{Block, Linear, Norm};

impl<O: Ops> Vit<O> {
    /// ∂y/∂(output of the last block) from ∂y/∂logits: `[B, R, D]`.
    pub(super) fn read_out_backward(
        &self,
        d_logits: Vec<f32>,
        output: &Output<O::Buffer>,
    ) -> Result<O::Buffer, EngineError> {
        let (ops, parameters) = (&self.ops, &self.parameters);
        let head = parameters.head.as_ref().ok_or(EngineError::NoHead)?;
        let (batch, rows) = (ops.shape(&output.tokens)[0], ops.shape(&output.tokens)[1]);
        let d_logits = ops.upload(d_logits, &[batch, 1, self.config.classes])?;
        let through_norm = |d_logits: &O::Buffer, head: &Linear<O::Buffer>, read: &O::Buffer| {
            let d_normed = ops.linear_backward(d_logits, &head.weight)?;
            ops.layer_norm_backward(&d_normed, read, &parameters.norm.gamma, self.config.norm_eps, None)
        };
        if let Some(pooled) = &output.pooled {
            let prefix = self.config.prefix_tokens();
            let d_mean = through_norm(&d_logits, head, pooled)?;
            return Ok(ops.pad_tokens(&ops.mean_tokens_backward(&d_mean, rows - prefix)?, prefix, rows)?);
        }
        let Some(head_dist) = &parameters.head_dist else {
            let d_class = through_norm(&d_logits, head, &ops.tokens(&output.tokens, 0, 1)?)?;
            return Ok(ops.pad_tokens(&d_class, 0, rows)?);
        };
        let d_each = ops.tokens(&ops.mean_tokens_backward(&d_logits, 2)?, 0, 1)?;
        let d_class = through_norm(&d_each, head, &ops.tokens(&output.tokens, 0, 1)?)?;
        let d_dist = through_norm(&d_each, head_dist, &ops.tokens(&output.tokens, 1, 1)?)?;
        Ok(ops.add(&ops.pad_tokens(&d_class, 0, rows)?, &ops.pad_tokens(&d_dist, 1, rows)?)?)
    }

    /// From the gradient of a block's output to that of its mixed values (A·v), and of its middle: both `[B, R, D]`.
    pub(super) fn block_backward_to_attention(
        &self,
        block: &Block<O::Buffer>,
        tape: &BlockTape<O::Buffer>,
        d_output: &O::Buffer,
    ) -> Result<(O::Buffer, O::Buffer), EngineError> {
        let ops = &self.ops;
        let d_hidden = match &block.scale2 {
            Some(scale) => {
                ops.linear_gelu_backward(&ops.scale_rows(d_output, scale)?, &block.fc2.weight, &tape.hidden)?
            }
            None => ops.linear_gelu_backward(d_output, &block.fc2.weight, &tape.hidden)?,
        };
        let d_normed = ops.linear_backward(&d_hidden, &block.fc1.weight)?;
        let d_middle = self.normalise_backward(&d_normed, &tape.middle, &block.norm2, d_output)?;
        let d_mixed = self.branch_backward(&d_middle, &block.proj, block.scale1.as_ref())?;
        Ok((d_mixed, d_middle))
    }

    /// From the attention to the block's input, `[B, N, D]`.
    pub(super) fn block_backward_to_input(
        &self,
        block: &Block<O::Buffer>,
        tape: &BlockTape<O::Buffer>,
        gradient: &O::Buffer,
        d_mixed: &O::Buffer,
        d_middle: O::Buffer,
    ) -> Result<O::Buffer, EngineError> {
        let ops = &self.ops;
        let d_qkv = ops.attention_backward(gradient.clone(), &tape.attention, d_mixed, &tape.qkv, None)?;
        let d_normed = ops.linear_backward(&d_qkv, &block.qkv.weight)?;
        let (rows, total) = (ops.shape(&d_middle)[1], ops.shape(&tape.input)[1]);
        let bypass = if rows == total { d_middle } else { ops.pad_tokens(&d_middle, 0, total)? };
        self.normalise_backward(&d_normed, &tape.input, &block.norm1, &bypass)
    }

    /// From the tokens to the pixels: `[B, channels, height, width]`.
    pub(super) fn embed_backward(
        &self,
        d_tokens: &O::Buffer,
        count: usize,
        size: Size,
    ) -> Result<Vec<f32>, EngineError> {
        let ops = &self.ops;
        let grid = self.config.grid_of(size);
        let d_patches = ops.tokens(d_tokens, self.config.prefix_tokens(), grid.area())?;
        let d_patches = ops.read(&ops.linear_backward(&d_patches, &self.parameters.patch.weight)?)?;
        let mut d_pixels = vec![0.0; count * self.config.channels * size.area()];
        let mut rest = d_patches.as_slice();
        self.for_each_patch_row(count, size, grid, |start, width| {
            let (row, after) = rest.split_at(width);
            d_pixels[start..start + width].copy_from_slice(row);
            rest = after;
        });
        Ok(d_pixels)
    }

    fn branch_backward(
        &self,
        d_output: &O::Buffer,
        projection: &Linear<O::Buffer>,
        scale: Option<&O::Buffer>,
    ) -> Result<O::Buffer, EngineError> {
        let ops = &self.ops;
        Ok(match scale {
            Some(scale) => ops.linear_backward(&ops.scale_rows(d_output, scale)?, &projection.weight)?,
            None => ops.linear_backward(d_output, &projection.weight)?,
        })
    }

    fn normalise_backward(
        &self,
        d_normed: &O::Buffer,
        x: &O::Buffer,
        norm: &Norm<O::Buffer>,
        bypass: &O::Buffer,
    ) -> Result<O::Buffer, EngineError> {
        Ok(self.ops.layer_norm_backward(d_normed, x, &norm.gamma, self.config.norm_eps, Some(bypass))?)
    }
}
