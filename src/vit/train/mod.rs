//! One training step by hand-derived passes: no autograd, no graph, about four forward passes of work.
//!
//! 1. Forward, keeping a tape.
//! 2. If the loss reads relevance: an activation-only backward for G = ∂y/∂A of every block, which folds the
//!    relevance row on its way down. G is a constant of the loss.
//! 3. The loss, on the host, answers with ∂Loss/∂logits and ∂Loss/∂row.
//! 4. One backward for all weights, each block's tape freed behind it. With q₁ = ∂Loss/∂row, q_{b+1} = q_b + C_b·q_b
//!    (C as in [`Ops::relevance_step`]) and l_b the row before block b was folded in, relevance adds a term of rank one
//!    to each attention map's gradient: `∂Loss/∂A_b[h,i,j] = [A ⊙ G > 0]·G[h,i,j]/h · l_b[i]·q_b[j]`.
//!
//! Without clipping and collected gradients each weight is updated as soon as its gradient is complete: gradients of
//! one block are all that ever exists.

mod block;
mod ends;
mod learner;
mod state;

use crate::engine::Ops;

use super::Vit;
use super::engine::{Batch, EngineError, Objective, Start};
use super::forward::{BlockTape, Output};
pub(super) use learner::Learner;
use learner::Sink;
pub use state::OptimiserState;

/// Which parts learn. What is frozen below everything that learns is not even differentiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trainable {
    /// Patch embedding, position embedding and prefix tokens.
    pub embedding: bool,
    /// Blocks from this one on, counted from 0.
    pub first_block: usize,
    /// The norm before the head, and the head or heads.
    pub head: bool,
}

impl Trainable {
    pub const ALL: Self = Self { embedding: true, first_block: 0, head: true };
}

/// What AdamW does with the gradients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Learning {
    pub lr: f64,
    pub beta1: f64,
    pub beta2: f64,
    pub eps: f64,
    /// On every parameter.
    pub weight_decay: f64,
    /// Gradients whose norm over all parameters is larger are scaled down to it.
    pub clip: Option<f64>,
}

impl Default for Learning {
    /// The paper's values for ViT-B.
    fn default() -> Self {
        Self { lr: 3e-6, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 1e-4, clip: None }
    }
}

/// What becomes of a batch's gradients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Update {
    /// Added to those collected before; the weights stay.
    Collect,
    /// The mean of these and all collected ones makes one step.
    Learn(Learning),
}

/// One call of [`super::Engine::train`].
#[derive(Clone, Debug, PartialEq)]
pub struct TrainOptions {
    /// The class per picture whose relevance the loss reads; `None` for a loss of the logits alone.
    pub relevance_of: Option<Vec<usize>>,
    pub trainable: Trainable,
    pub update: Update,
}

/// What a loss says about a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct LossGradients {
    /// ∂Loss/∂logits, `[count · classes]`.
    pub d_logits: Vec<f32>,
    /// ∂Loss/∂(relevance of every token), `[count · N]`; empty if relevance was not asked for.
    pub d_relevance: Vec<f32>,
}

/// A loss on the host: logits `[count][classes]` and token relevance `[count][N]` (prefix tokens first; empty if not
/// asked for) in, gradients out. `None` ends the step before anything was learned.
pub type Loss<'a> = dyn FnMut(&[Vec<f32>], &[Vec<f32>]) -> Option<LossGradients> + 'a;

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Learned {
    /// ‖gradient‖₂ over everything that learns, before clipping: of the step taken, or of this batch if its gradients
    /// were collected.
    pub gradient_norm: f64,
    /// Steps of the optimiser so far.
    pub steps: u64,
}

/// What phase 2 leaves for phase 4.
struct Relevance<B> {
    /// G per block, `[B, h, R, N]`.
    gradients: Vec<B>,
    /// l_b per block: the row before block b was folded in, `[B, N]`.
    rows: Vec<B>,
    /// After the first block: the token relevance, `[B, N]`.
    result: B,
}

impl<O: Ops> Vit<O> {
    /// See [`super::Engine::train`].
    pub(super) fn train_batch(
        &mut self,
        batch: &Batch,
        options: &TrainOptions,
        loss: &mut Loss<'_>,
    ) -> Result<Option<Learned>, EngineError> {
        batch.check(&self.config)?;
        self.check_training(batch, options)?;
        let mut tapes = Vec::with_capacity(self.config.depth);
        let output = self.forward(batch, self.readout_rows(batch.size), |tape| tapes.push(tape))?;
        let logits = self.logits(&output, batch.count)?;
        let relevance = match &options.relevance_of {
            Some(targets) => Some(self.relevance_for_loss(batch, targets, &output, &tapes)?),
            None => None,
        };
        let rows = match &relevance {
            Some(relevance) => self.ops.read(&relevance.result)?,
            None => Vec::new(),
        };
        let rows: Vec<Vec<f32>> = rows.chunks(self.config.tokens_of(batch.size)).map(<[f32]>::to_vec).collect();
        let Some(answer) = loss(&logits, &rows) else { return Ok(None) };
        let columns = match &relevance {
            Some(relevance) => self.relevance_backward(answer.d_relevance, &tapes, relevance)?,
            None => Vec::new(),
        };
        let terms = relevance.map(|relevance| block::Terms { columns, ..relevance.into() });
        self.learn(batch, options, tapes, &output, answer.d_logits, terms).map(Some)
    }

    fn check_training(&self, batch: &Batch, options: &TrainOptions) -> Result<(), EngineError> {
        let classes = self.config.classes;
        if classes == 0 {
            return Err(EngineError::NoHead);
        }
        if let Some(targets) = &options.relevance_of {
            if targets.len() != batch.count {
                return Err(EngineError::Targets { got: targets.len(), count: batch.count });
            }
            if let Some(&class) = targets.iter().find(|class| **class >= classes) {
                return Err(EngineError::NoSuchClass { class, last: classes - 1 });
            }
        }
        let Trainable { embedding, first_block, head } = options.trainable;
        if !embedding && !head && first_block >= self.config.depth {
            return Err(EngineError::NothingLearns);
        }
        Ok(())
    }

    /// Phase 2: G of every block and the relevance rows on the way down.
    fn relevance_for_loss(
        &self,
        batch: &Batch,
        targets: &[usize],
        output: &Output<O::Buffer>,
        tapes: &[BlockTape<O::Buffer>],
    ) -> Result<Relevance<O::Buffer>, EngineError> {
        let (ops, heads) = (&self.ops, self.config.heads);
        let zeros = vec![0.0; self.config.classes];
        let d_logits = targets.iter().flat_map(|&class| Objective::Logit(class).gradient(&zeros)).collect();
        let mut d_x = self.read_out_backward(d_logits, output)?;
        let tokens = self.config.tokens_of(batch.size);
        let start = Start::Readout.row(&self.config, tokens).repeat(batch.count);
        let mut row = ops.upload(start, &[batch.count, tokens])?;
        let (mut gradients, mut rows) = (Vec::new(), Vec::new());
        for (index, (block, tape)) in self.parameters.blocks.iter().zip(tapes).enumerate().rev() {
            let (d_mixed, d_middle) = self.block_backward_to_attention(block, tape, &d_x)?;
            let gradient = ops.attention_gradient(&d_mixed, &tape.qkv, heads)?;
            let next = ops.relevance_step(&row, &tape.attention, &gradient, &self.head_weights())?;
            rows.push(std::mem::replace(&mut row, next));
            if index > 0 {
                d_x = self.block_backward_to_input(block, tape, &gradient, &d_mixed, d_middle)?;
            }
            gradients.push(gradient);
        }
        gradients.reverse();
        rows.reverse();
        Ok(Relevance { gradients, rows, result: row })
    }

    /// ∂Loss/∂(row after block b was folded in) for every block, from ∂Loss/∂(final row).
    fn relevance_backward(
        &self,
        d_relevance: Vec<f32>,
        tapes: &[BlockTape<O::Buffer>],
        relevance: &Relevance<O::Buffer>,
    ) -> Result<Vec<O::Buffer>, EngineError> {
        let ops = &self.ops;
        let mut columns = vec![ops.upload(d_relevance, &ops.shape(&relevance.result))?];
        let (tapes, gradients) = (&tapes[..tapes.len() - 1], &relevance.gradients);
        for (block, (tape, gradient)) in tapes.iter().zip(gradients).enumerate() {
            let weights = self.head_weights();
            columns.push(ops.relevance_step_backward(&columns[block], &tape.attention, gradient, &weights)?);
        }
        Ok(columns)
    }

    fn head_weights(&self) -> Vec<f32> {
        vec![1.0 / self.config.heads as f32; self.config.heads]
    }

    /// Phase 4: all weight gradients, from the head down, handed to the optimiser block by block.
    fn learn(
        &mut self,
        batch: &Batch,
        options: &TrainOptions,
        mut tapes: Vec<BlockTape<O::Buffer>>,
        output: &Output<O::Buffer>,
        d_logits: Vec<f32>,
        mut terms: Option<block::Terms<O::Buffer>>,
    ) -> Result<Learned, EngineError> {
        let trainable = options.trainable;
        let lowest = if trainable.embedding { 0 } else { trainable.first_block };
        let mut learner = std::mem::take(&mut self.learner);
        let mut sink = Sink::new(&mut learner, options.update);
        let result = (|| {
            let (mut d_x, head) = self.learn_read_out(d_logits, output)?;
            if trainable.head {
                self.take_head(&mut sink, head)?;
            }
            while tapes.len() > lowest
                && let Some(tape) = tapes.pop()
            {
                let index = tapes.len();
                let injection = terms.as_mut().and_then(block::Terms::pop);
                let to_input = index > lowest || trainable.embedding;
                let (gradients, d_input) = self.learn_block(index, &tape, &d_x, injection, to_input)?;
                drop(tape);
                if index >= trainable.first_block {
                    let weights = self.parameters.blocks[index].as_mut().into_named(index);
                    for ((name, weight), (_, gradient)) in weights.into_iter().zip(gradients.into_named(index)) {
                        sink.take(&self.ops, name, weight, gradient)?;
                    }
                }
                if let Some(d_input) = d_input {
                    d_x = d_input;
                }
            }
            if trainable.embedding {
                self.learn_embedding(&mut sink, batch, &d_x)?;
            }
            self.finish(&mut sink)
        })();
        self.learner = learner;
        result
    }
}
