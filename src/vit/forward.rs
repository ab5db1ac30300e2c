//! The forward pass, in the order of the paper; it keeps on a tape what the backward pass will read.

use crate::engine::{Epilogue, Ops};
use crate::size::Size;

use super::engine::{Batch, EngineError};
use super::parameters::{Block, Linear, Norm};
use super::weights::resize_position_embedding;
use super::{Pooling, Vit};

/// What the backward pass reads of one block. D = width, R ≤ N = computed query rows.
pub struct BlockTape<B> {
    /// Input of the block, `[B, N, D]`.
    pub input: B,
    /// `[B, N, 3·D]`
    pub qkv: B,
    /// A: `[B, h, R, N]`.
    pub attention: B,
    /// A·v, `[B, R, D]`.
    pub mixed: B,
    /// After attention and its residual, `[B, R, D]`.
    pub middle: B,
    /// The MLP before its GELU, `[B, R, hidden]`.
    pub hidden: B,
}

/// The end of the forward pass.
pub struct Output<B> {
    /// Output of the last block, `[B, R, D]`.
    pub tokens: B,
    /// Mean of the patch tokens `[B, 1, D]`, when that is what the head reads.
    pub pooled: Option<B>,
    /// `[B, 1, classes]`; absent without a head.
    pub logits: Option<B>,
}

impl<O: Ops> Vit<O> {
    /// Rows of the last block that the head reads: the rest need not be computed.
    pub(super) fn readout_rows(&self, input: Size) -> usize {
        match self.config.pooling {
            Pooling::ClassToken => 1,
            Pooling::Distilled => 2,
            Pooling::MeanOfPatches => self.config.tokens_of(input),
        }
    }

    /// Runs all blocks. `last_rows`: query rows of the last block; `tape` gets one entry per block.
    pub(super) fn forward(
        &self,
        batch: &Batch,
        last_rows: usize,
        mut tape: impl FnMut(BlockTape<O::Buffer>),
    ) -> Result<Output<O::Buffer>, EngineError> {
        let mut x = self.embed(batch)?;
        let total = self.config.tokens_of(batch.size);
        for (index, block) in self.parameters.blocks.iter().enumerate() {
            let rows = if index + 1 == self.config.depth { last_rows } else { total };
            let (output, kept) = self.block(block, x, rows, total)?;
            tape(kept);
            x = output;
        }
        self.read_out(x)
    }

    /// The input of a block: the blocks before it are run, and no other.
    pub(super) fn tokens_entering(&self, batch: &Batch, block: usize) -> Result<O::Buffer, EngineError> {
        let total = self.config.tokens_of(batch.size);
        let mut x = self.embed(batch)?;
        for earlier in &self.parameters.blocks[..block] {
            (x, _) = self.block(earlier, x, total, total)?;
        }
        Ok(x)
    }

    /// Patches to tokens: `[B, N, D]`.
    fn embed(&self, batch: &Batch) -> Result<O::Buffer, EngineError> {
        let ops = &self.ops;
        let patches = self.unfold(batch)?;
        let position = self.patch_position(self.config.grid_of(batch.size))?;
        let Linear { weight, bias } = &self.parameters.patch;
        let patches =
            ops.linear(&patches, weight, Epilogue { bias: Some(bias), scale: None, residual: Some(&position) })?;
        Ok(match &self.parameters.prefix {
            Some(prefix) => ops.prepend(prefix, &patches)?,
            None => patches,
        })
    }

    /// Position embedding of the patches for a grid, `[g, D]`; bicubic for another size than the model's own.
    fn patch_position(&self, grid: Size) -> Result<O::Buffer, EngineError> {
        let prefix = if self.config.prefix_has_position { self.config.prefix_tokens() } else { 0 };
        let stored = &self.parameters.position;
        let skip = prefix * self.config.dim;
        let data = if grid == self.config.grid() {
            stored.data[skip..].to_vec()
        } else {
            resize_position_embedding(stored, self.config.grid(), grid, prefix)?.data[skip..].to_vec()
        };
        Ok(self.ops.upload(data, &[grid.area(), self.config.dim])?)
    }

    /// Pictures cut into patches `[B, g, channels·patch_h·patch_w]`, so that the convolution is one product.
    pub(super) fn unfold(&self, batch: &Batch) -> Result<O::Buffer, EngineError> {
        let grid = self.config.grid_of(batch.size);
        let inner = self.config.channels * self.config.patch.area();
        let mut patches = Vec::with_capacity(batch.count * grid.area() * inner);
        self.for_each_patch_row(batch.count, batch.size, grid, |start, width| {
            patches.extend_from_slice(&batch.pixels[start..start + width]);
        });
        Ok(self.ops.upload(patches, &[batch.count, grid.area(), inner])?)
    }

    /// Visits the pixel rows of all patches in the order of the unfolded layout, as (offset in the picture, width).
    pub(super) fn for_each_patch_row(&self, count: usize, size: Size, grid: Size, mut f: impl FnMut(usize, usize)) {
        let (channels, patch) = (self.config.channels, self.config.patch);
        for image in 0..count {
            for gy in 0..grid.height {
                for gx in 0..grid.width {
                    for channel in 0..channels {
                        for y in 0..patch.height {
                            let row = (image * channels + channel) * size.height + gy * patch.height + y;
                            f(row * size.width + gx * patch.width, patch.width);
                        }
                    }
                }
            }
        }
    }

    /// `x += Attn(LN1(x)); x += MLP(LN2(x))` for the first `rows` of `total` tokens.
    fn block(
        &self,
        block: &Block<O::Buffer>,
        input: O::Buffer,
        rows: usize,
        total: usize,
    ) -> Result<(O::Buffer, BlockTape<O::Buffer>), EngineError> {
        let ops = &self.ops;
        let qkv = {
            let normed = self.normalise(&input, &block.norm1)?;
            ops.linear(&normed, &block.qkv.weight, Epilogue::bias(&block.qkv.bias))?
        };
        let attention = ops.attention(&qkv, self.config.heads, rows)?;
        let mixed = ops.attention_mix(&attention, &qkv)?;
        let bypass = if rows == total { input.clone() } else { ops.tokens(&input, 0, rows)? };
        let middle = self.branch(&mixed, &block.proj, block.scale1.as_ref(), &bypass)?;

        let (hidden, activated) = {
            let normed = self.normalise(&middle, &block.norm2)?;
            ops.linear_gelu(&normed, &block.fc1.weight, &block.fc1.bias)?
        };
        let output = self.branch(&activated, &block.fc2, block.scale2.as_ref(), &middle)?;
        Ok((output, BlockTape { input, qkv, attention, mixed, middle, hidden }))
    }

    pub(super) fn normalise(&self, x: &O::Buffer, norm: &Norm<O::Buffer>) -> Result<O::Buffer, EngineError> {
        Ok(self.ops.layer_norm(x, &norm.gamma, &norm.beta, self.config.norm_eps)?)
    }

    /// The end of a residual branch: projection, LayerScale, and the sum with what went around.
    fn branch(
        &self,
        x: &O::Buffer,
        projection: &Linear<O::Buffer>,
        scale: Option<&O::Buffer>,
        bypass: &O::Buffer,
    ) -> Result<O::Buffer, EngineError> {
        let then = Epilogue { bias: Some(&projection.bias), scale, residual: Some(bypass) };
        Ok(self.ops.linear(x, &projection.weight, then)?)
    }

    fn read_out(&self, tokens: O::Buffer) -> Result<Output<O::Buffer>, EngineError> {
        let (ops, parameters) = (&self.ops, &self.parameters);
        let Some(head) = &parameters.head else {
            return Ok(Output { tokens, pooled: None, logits: None });
        };
        let classify =
            |x: &O::Buffer, head: &Linear<O::Buffer>| ops.linear(x, &head.weight, Epilogue::bias(&head.bias));
        let pooled = match self.config.pooling {
            Pooling::MeanOfPatches => {
                let prefix = self.config.prefix_tokens();
                let count = ops.shape(&tokens)[1] - prefix;
                Some(ops.mean_tokens(&ops.tokens(&tokens, prefix, count)?)?)
            }
            _ => None,
        };
        let read = match &pooled {
            Some(pooled) => pooled.clone(),
            None => ops.tokens(&tokens, 0, 1)?,
        };
        let mut logits = classify(&self.normalise(&read, &parameters.norm)?, head)?;
        if let Some(head_dist) = &parameters.head_dist {
            let second = self.normalise(&ops.tokens(&tokens, 1, 1)?, &parameters.norm)?;
            // Mean of the two heads, as a mean over two «tokens».
            let second = ops.pad_tokens(&classify(&second, head_dist)?, 1, 2)?;
            logits = ops.mean_tokens(&ops.add(&ops.pad_tokens(&logits, 0, 2)?, &second)?)?;
        }
        Ok(Output { tokens, pooled, logits: Some(logits) })
    }
}
