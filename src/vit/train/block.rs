//! A block's backward with the gradients of all its weights, and relevance's term in the attention map's gradient.

use crate::engine::{Epilogue, Ops, RelevanceTerm};

use super::super::Vit;
use super::super::engine::EngineError;
use super::super::forward::BlockTape;
use super::super::parameters::{Block, Linear, Norm};
use super::Relevance;

/// What relevance adds to the attention maps' gradients; one entry per block that is still to come.
pub(super) struct Terms<B> {
    /// G
    pub gradients: Vec<B>,
    /// l_b
    pub rows: Vec<B>,
    /// q_b
    pub columns: Vec<B>,
}

impl<B> From<Relevance<B>> for Terms<B> {
    fn from(relevance: Relevance<B>) -> Self {
        Self { gradients: relevance.gradients, rows: relevance.rows, columns: Vec::new() }
    }
}

/// [`Terms`] of one block.
pub(super) struct Injection<B> {
    gradients: B,
    row: B,
    column: B,
}

impl<B> Terms<B> {
    /// Of the last block that is left.
    pub fn pop(&mut self) -> Option<Injection<B>> {
        Some(Injection { gradients: self.gradients.pop()?, row: self.rows.pop()?, column: self.columns.pop()? })
    }
}

/// Gradients of a residual branch's end: of what came in, of the projection and of LayerScale.
type BranchGradients<B> = (B, Linear<B>, Option<B>);

/// Gradients of a product of normed rows: of the product's weights, of the norm's and of the rows.
pub(super) type NormedLinearGradients<B> = (Linear<B>, Norm<B>, B);

/// Gradients of a block's weights and, if asked, of its input.
pub(super) type BlockGradients<B> = (Block<B>, Option<B>);

impl<O: Ops> Vit<O> {
    /// Gradients of all weights of block `index`, and of its input `[B, N, D]` if asked.
    pub(super) fn learn_block(
        &self,
        index: usize,
        tape: &BlockTape<O::Buffer>,
        d_output: &O::Buffer,
        injection: Option<Injection<O::Buffer>>,
        to_input: bool,
    ) -> Result<BlockGradients<O::Buffer>, EngineError> {
        let (ops, block) = (&self.ops, &self.parameters.blocks[index]);
        let (d_activated, fc2, scale2) =
            self.branch_gradients(d_output, ops.gelu(&tape.hidden)?, &block.fc2, block.scale2.as_ref())?;
        let d_hidden = ops.gelu_backward(d_activated, &tape.hidden)?;
        let (fc1, norm2, d_middle) =
            self.normed_linear_gradients(&d_hidden, &tape.middle, &block.fc1, &block.norm2, Some(d_output))?;
        drop(d_hidden);

        let (d_mixed, proj, scale1) =
            self.branch_gradients(&d_middle, tape.mixed.clone(), &block.proj, block.scale1.as_ref())?;
        let d_maps = ops.attention_gradient(&d_mixed, &tape.qkv, self.config.heads)?;
        let head_weights = self.head_weights();
        let term = injection.as_ref().map(|Injection { gradients, row, column }| RelevanceTerm {
            gradients,
            head_weights: &head_weights,
            row,
            column,
        });
        let d_qkv = ops.attention_backward(d_maps, &tape.attention, &d_mixed, &tape.qkv, term)?;
        drop(injection);
        let (rows, total) = (ops.shape(&d_middle)[1], ops.shape(&tape.input)[1]);
        let bypass = match (to_input, rows == total) {
            (false, _) => None,
            (true, true) => Some(d_middle),
            (true, false) => Some(ops.pad_tokens(&d_middle, 0, total)?),
        };
        let (qkv, norm1, d_input) =
            self.normed_linear_gradients(&d_qkv, &tape.input, &block.qkv, &block.norm1, bypass.as_ref())?;
        Ok((Block { norm1, qkv, proj, scale1, norm2, fc1, fc2, scale2 }, to_input.then_some(d_input)))
    }

    /// Backward of `(x·Wᵀ + b)·scale`.
    fn branch_gradients(
        &self,
        d_output: &O::Buffer,
        x: O::Buffer,
        projection: &Linear<O::Buffer>,
        scale: Option<&O::Buffer>,
    ) -> Result<BranchGradients<O::Buffer>, EngineError> {
        let ops = &self.ops;
        let Some(scale) = scale else {
            let gradients = self.linear_gradients(d_output, &x)?;
            drop(x);
            return Ok((ops.linear_backward(d_output, &projection.weight)?, gradients, None));
        };
        let unscaled = ops.linear(&x, &projection.weight, Epilogue::bias(&projection.bias))?;
        let d_scale = ops.column_dot(d_output, &unscaled)?;
        let d_unscaled = ops.scale_rows(d_output, scale)?;
        let gradients = self.linear_gradients(&d_unscaled, &x)?;
        Ok((ops.linear_backward(&d_unscaled, &projection.weight)?, gradients, Some(d_scale)))
    }

    pub(super) fn linear_gradients(&self, d_out: &O::Buffer, x: &O::Buffer) -> Result<Linear<O::Buffer>, EngineError> {
        let width = self.ops.shape(d_out).last().copied().unwrap_or(1);
        Ok(Linear { weight: self.ops.linear_weight_gradient(d_out, x)?, bias: self.ops.column_sum(d_out, width)? })
    }

    /// Backward of `LN(x)·Wᵀ + b`: gradients of the product, of the norm, and of `x` (plus `bypass`).
    pub(super) fn normed_linear_gradients(
        &self,
        d_out: &O::Buffer,
        x: &O::Buffer,
        linear: &Linear<O::Buffer>,
        norm: &Norm<O::Buffer>,
        bypass: Option<&O::Buffer>,
    ) -> Result<NormedLinearGradients<O::Buffer>, EngineError> {
        let (ops, eps) = (&self.ops, self.config.norm_eps);
        let linear_gradients = self.linear_gradients(d_out, &self.normalise(x, norm)?)?;
        let d_normed = ops.linear_backward(d_out, &linear.weight)?;
        let (gamma, beta) = ops.layer_norm_gradients(&d_normed, x, eps)?;
        let d_x = ops.layer_norm_backward(&d_normed, x, &norm.gamma, eps, bypass)?;
        Ok((linear_gradients, Norm { gamma, beta }, d_x))
    }
}
