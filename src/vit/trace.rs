//! Forward, one activation-only backward, and the relevance row folded in on the way: every first block from one pass.

use crate::engine::Ops;

use super::Vit;
use super::engine::{Batch, EngineError, KeepMaps, Objective, Start, Trace, TraceOptions};
use super::forward::{BlockTape, Output};

impl<O: Ops> Vit<O> {
    /// See [`super::Engine::trace`].
    pub(super) fn trace_batch(
        &self,
        batch: &Batch,
        objective: &dyn Fn(usize, &[f32]) -> Objective,
        options: &TraceOptions,
    ) -> Result<Vec<Trace>, EngineError> {
        batch.check(&self.config)?;
        let tokens = self.config.tokens_of(batch.size);
        options.check(&self.config, tokens)?;
        let keeps_maps = options.attention != KeepMaps::None || options.gradients != KeepMaps::None;
        // Rollout from another token than the classifier's needs that token's row of the last block.
        let all_rows = keeps_maps || options.token_norms || (options.rollout && options.start != Start::Readout);
        let last_rows = if all_rows { tokens } else { self.readout_rows(batch.size) };

        let mut tapes = Vec::with_capacity(self.config.depth);
        let output = self.forward(batch, last_rows, |tape| tapes.push(tape))?;
        let logits = self.logits(&output, batch.count)?;
        let mut traces: Vec<Trace> = logits.iter().map(|z| Trace { logits: z.clone(), ..Trace::default() }).collect();

        if options.attention != KeepMaps::None {
            self.keep_attention(&tapes, options.attention, &mut traces)?;
        }
        if options.rollout {
            let rows = self.rollout(&tapes, options.start, tokens, batch.count)?;
            share_out(&rows, &mut traces, |trace, row| trace.rollout = row);
        }
        if options.token_norms {
            let values = self.ops.read(&output.tokens)?;
            let norms: Vec<f32> = values.chunks_exact(self.config.dim).map(euclidean_norm).collect();
            share_out(&norms, &mut traces, |trace, norms| trace.token_norms = norms);
        }
        if options.needs_backward() {
            let d_logits = self.objective_gradients(&logits, objective)?;
            self.backward(batch, tapes, &output, d_logits, options, &mut traces)?;
        }
        Ok(traces)
    }

    fn objective_gradients(
        &self,
        logits: &[Vec<f32>],
        objective: &dyn Fn(usize, &[f32]) -> Objective,
    ) -> Result<Vec<f32>, EngineError> {
        if self.config.classes == 0 {
            return Err(EngineError::NoHead);
        }
        let mut d_logits = Vec::with_capacity(logits.len() * self.config.classes);
        for (index, logits) in logits.iter().enumerate() {
            let objective = objective(index, logits);
            let class = objective.largest_class();
            if class >= self.config.classes {
                return Err(EngineError::NoSuchClass { class, last: self.config.classes - 1 });
            }
            d_logits.extend(objective.gradient(logits));
        }
        Ok(d_logits)
    }

    /// Visits the blocks from the last to the first; each tape entry is freed once its block is done.
    fn backward(
        &self,
        batch: &Batch,
        mut tapes: Vec<BlockTape<O::Buffer>>,
        output: &Output<O::Buffer>,
        d_logits: Vec<f32>,
        options: &TraceOptions,
        traces: &mut [Trace],
    ) -> Result<(), EngineError> {
        let ops = &self.ops;
        let tokens = self.config.tokens_of(batch.size);
        let mut d_x = self.read_out_backward(d_logits, output)?;
        let mut row = self.start_row(options.start, tokens, batch.count)?;
        let mut rows = Vec::new();
        while let Some(tape) = tapes.pop() {
            let index = tapes.len();
            let block = &self.parameters.blocks[index];
            let (d_mixed, d_middle) = self.block_backward_to_attention(block, &tape, &d_x)?;
            let gradient = ops.attention_gradient(&d_mixed, &tape.qkv, self.config.heads)?;
            if options.relevance {
                row = ops.relevance_step(
                    &row,
                    &tape.attention,
                    &gradient,
                    &options.muted.head_weights(index, self.config.heads),
                )?;
                rows.push(row.clone());
            }
            if options.gradients == KeepMaps::All
                || (options.gradients == KeepMaps::Last && index + 1 == self.config.depth)
            {
                share_out(&ops.read(&gradient)?, traces, |trace, maps| trace.gradients.insert(0, maps));
            }
            if index > 0 || options.input_gradient {
                d_x = self.block_backward_to_input(block, &tape, &gradient, &d_mixed, d_middle)?;
            }
        }
        for row in ops.read_all(&rows.iter().rev().collect::<Vec<_>>())? {
            share_out(&row, traces, |trace, row| trace.relevance.push(row));
        }
        if options.input_gradient {
            let d_pixels = self.embed_backward(&d_x, batch.count, batch.size)?;
            share_out(&d_pixels, traces, |trace, d| trace.input_gradient = d);
        }
        Ok(())
    }

    /// The row of [`Start::row`] for every picture, `[B, N]`.
    fn start_row(&self, start: Start, tokens: usize, count: usize) -> Result<O::Buffer, EngineError> {
        Ok(self.ops.upload(start.row(&self.config, tokens).repeat(count), &[count, tokens])?)
    }

    fn rollout(
        &self,
        tapes: &[BlockTape<O::Buffer>],
        start: Start,
        tokens: usize,
        count: usize,
    ) -> Result<Vec<f32>, EngineError> {
        let mut row = self.start_row(start, tokens, count)?;
        for tape in tapes.iter().rev() {
            row = self.ops.rollout_step(&row, &tape.attention)?;
        }
        Ok(self.ops.read(&row)?)
    }

    fn keep_attention(
        &self,
        tapes: &[BlockTape<O::Buffer>],
        keep: KeepMaps,
        traces: &mut [Trace],
    ) -> Result<(), EngineError> {
        let first = if keep == KeepMaps::All { 0 } else { tapes.len() - 1 };
        let kept: Vec<&O::Buffer> = tapes[first..].iter().map(|tape| &tape.attention).collect();
        for maps in self.ops.read_all(&kept)? {
            share_out(&maps, traces, |trace, maps| trace.attention.push(maps));
        }
        Ok(())
    }

    /// Logits per picture; empty ones for a model without a head.
    pub(super) fn logits(&self, output: &Output<O::Buffer>, count: usize) -> Result<Vec<Vec<f32>>, EngineError> {
        let Some(logits) = &output.logits else { return Ok(vec![Vec::new(); count]) };
        Ok(self.ops.read(logits)?.chunks_exact(self.config.classes).map(<[f32]>::to_vec).collect())
    }
}

/// Gives each picture its part of values read for the whole batch.
fn share_out(values: &[f32], traces: &mut [Trace], mut give: impl FnMut(&mut Trace, Vec<f32>)) {
    let each = values.len() / traces.len();
    for (index, trace) in traces.iter_mut().enumerate() {
        give(trace, values[index * each..][..each].to_vec());
    }
}

/// ‖x‖₂, summed in double precision: the squares of an outlier token span many orders of magnitude.
fn euclidean_norm(token: &[f32]) -> f32 {
    token.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt() as f32
}
