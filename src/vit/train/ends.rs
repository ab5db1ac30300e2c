//! Gradients of what stands before the first block and after the last one.

use std::collections::BTreeMap;

use crate::engine::Ops;

use super::super::Vit;
use super::super::engine::{Batch, EngineError};
use super::super::forward::Output;
use super::super::parameters::{Linear, Norm, norm_name};
use super::super::weights::resize_position_embedding_backward;
use super::learner::Sink;

/// Gradients of the final norm and the heads.
pub(super) struct HeadGradients<B> {
    norm: Norm<B>,
    head: Linear<B>,
    head_dist: Option<Linear<B>>,
}

impl<O: Ops> Vit<O> {
    /// Gradients of the read-out's weights, and of the last block's output `[B, R, D]`.
    pub(super) fn learn_read_out(
        &self,
        d_logits: Vec<f32>,
        output: &Output<O::Buffer>,
    ) -> Result<(O::Buffer, HeadGradients<O::Buffer>), EngineError> {
        let (ops, parameters) = (&self.ops, &self.parameters);
        let head = parameters.head.as_ref().ok_or(EngineError::NoHead)?;
        let (batch, rows) = (ops.shape(&output.tokens)[0], ops.shape(&output.tokens)[1]);
        let d_logits = ops.upload(d_logits, &[batch, 1, self.config.classes])?;
        let through = |d_logits: &O::Buffer, head: &Linear<O::Buffer>, read: &O::Buffer| {
            self.normed_linear_gradients(d_logits, read, head, &parameters.norm, None)
        };
        if let Some(pooled) = &output.pooled {
            let prefix = self.config.prefix_tokens();
            let (head, norm, d_mean) = through(&d_logits, head, pooled)?;
            let d_tokens = ops.pad_tokens(&ops.mean_tokens_backward(&d_mean, rows - prefix)?, prefix, rows)?;
            return Ok((d_tokens, HeadGradients { norm, head, head_dist: None }));
        }
        let Some(head_dist) = &parameters.head_dist else {
            let (head, norm, d_class) = through(&d_logits, head, &ops.tokens(&output.tokens, 0, 1)?)?;
            return Ok((ops.pad_tokens(&d_class, 0, rows)?, HeadGradients { norm, head, head_dist: None }));
        };
        // The logits are the mean of two heads: each gets half the gradient, the shared norm both shares.
        let d_each = ops.tokens(&ops.mean_tokens_backward(&d_logits, 2)?, 0, 1)?;
        let (head, norm, d_class) = through(&d_each, head, &ops.tokens(&output.tokens, 0, 1)?)?;
        let (head_dist, norm_dist, d_dist) = through(&d_each, head_dist, &ops.tokens(&output.tokens, 1, 1)?)?;
        let norm = Norm { gamma: ops.add(&norm.gamma, &norm_dist.gamma)?, beta: ops.add(&norm.beta, &norm_dist.beta)? };
        let d_tokens = ops.add(&ops.pad_tokens(&d_class, 0, rows)?, &ops.pad_tokens(&d_dist, 1, rows)?)?;
        Ok((d_tokens, HeadGradients { norm, head, head_dist: Some(head_dist) }))
    }

    pub(super) fn take_head(
        &mut self,
        sink: &mut Sink<'_, O::Buffer>,
        gradients: HeadGradients<O::Buffer>,
    ) -> Result<(), EngineError> {
        let (ops, parameters) = (&self.ops, &mut self.parameters);
        let norm = norm_name(&self.config);
        let mut take = |weights: Vec<(String, &mut O::Buffer)>, gradients: [(String, O::Buffer); 2]| {
            weights
                .into_iter()
                .zip(gradients)
                .try_for_each(|((name, weight), (_, gradient))| sink.take(ops, name, weight, gradient))
        };
        take(parameters.norm.as_mut().into_named(norm).into(), gradients.norm.into_named(norm))?;
        if let Some(head) = &mut parameters.head {
            take(head.as_mut().into_named("head").into(), gradients.head.into_named("head"))?;
        }
        if let (Some(head), Some(gradients)) = (&mut parameters.head_dist, gradients.head_dist) {
            take(head.as_mut().into_named("head_dist").into(), gradients.into_named("head_dist"))?;
        }
        Ok(())
    }

    /// Gradients of the patch convolution, the prefix tokens and the position embedding, from that of the tokens.
    pub(super) fn learn_embedding(
        &mut self,
        sink: &mut Sink<'_, O::Buffer>,
        batch: &Batch,
        d_tokens: &O::Buffer,
    ) -> Result<(), EngineError> {
        let ops = &self.ops;
        let grid = self.config.grid_of(batch.size);
        let d_patches = ops.tokens(d_tokens, self.config.prefix_tokens(), grid.area())?;
        let patch = self.linear_gradients(&d_patches, &self.unfold(batch)?)?;
        let tokens = self.config.tokens_of(batch.size);
        let d_sum = ops.read(&ops.column_sum(d_tokens, tokens * self.config.dim)?)?;
        let on_host = self.host_gradients(&d_sum, batch)?;

        let (ops, parameters) = (&self.ops, &mut self.parameters);
        let weights = parameters.patch.as_mut().into_named("patch_embed.proj");
        for ((name, weight), (_, gradient)) in weights.into_iter().zip(patch.into_named("patch_embed.proj")) {
            sink.take(ops, name, weight, gradient)?;
        }
        for (name, tensor) in parameters.on_host_mut() {
            if let Some(gradient) = on_host.get(name) {
                sink.take_on_host(ops, name, tensor, gradient)?;
            }
        }
        parameters.renew_prefix(ops, &self.config)
    }

    /// Gradients of the tensors on the host from `d_sum [N, D]`, that of the tokens summed over the batch.
    fn host_gradients(&self, d_sum: &[f32], batch: &Batch) -> Result<BTreeMap<&'static str, Vec<f32>>, EngineError> {
        let (config, dim) = (&self.config, self.config.dim);
        let (d_prefix, d_patches) = d_sum.split_at(config.prefix_tokens() * dim);
        let mut gradients = BTreeMap::new();
        let mut rest = d_prefix;
        for (name, token) in &self.parameters.tokens {
            let (own, after) = rest.split_at(token.data.len());
            gradients.insert(*name, own.to_vec());
            rest = after;
        }
        let mut d_position = if config.prefix_has_position { d_prefix.to_vec() } else { Vec::new() };
        let grid = config.grid_of(batch.size);
        if grid == config.grid() {
            d_position.extend_from_slice(d_patches);
        } else {
            d_position.extend(resize_position_embedding_backward(d_patches, config.grid(), grid, dim));
        }
        gradients.insert("pos_embed", d_position);
        Ok(gradients)
    }
}
