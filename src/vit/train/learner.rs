//! The optimiser: moments and collected gradients by name, and where each gradient goes.

use std::collections::BTreeMap;

use crate::engine::{AdamW, Error, Moments, Ops};

use super::super::Vit;
use super::super::engine::EngineError;
use super::super::weights::Tensor;
use super::{Learned, Learning, Update};

/// What training remembers between batches.
pub(in crate::vit) struct Learner<B> {
    /// By timm name; absent before the first step.
    pub moments: BTreeMap<String, Moments<B>>,
    /// Sums of gradients that wait for a step, by timm name.
    pub collected: BTreeMap<String, B>,
    /// Batches in `collected`.
    pub batches: u32,
    /// Steps taken.
    pub steps: u64,
}

// By hand: a derive would ask for a default buffer.
impl<B> Default for Learner<B> {
    fn default() -> Self {
        Self { moments: BTreeMap::new(), collected: BTreeMap::new(), batches: 0, steps: 0 }
    }
}

/// Takes the gradients of one batch as they are completed.
pub(super) struct Sink<'a, B> {
    learner: &'a mut Learner<B>,
    update: Update,
    /// Set where gradients are applied at once.
    at_once: Option<AdamW>,
    /// Σ g² of the gradients seen so far, `[1]`.
    square_sums: Option<B>,
}

fn adamw(learning: &Learning, step: u64, gradient_scale: f64) -> AdamW {
    let Learning { lr, beta1, beta2, eps, weight_decay, clip: _ } = *learning;
    AdamW { lr, beta1, beta2, eps, weight_decay, step, gradient_scale }
}

impl<'a, B: Clone> Sink<'a, B> {
    pub fn new(learner: &'a mut Learner<B>, update: Update) -> Self {
        let at_once = match update {
            Update::Learn(learning) if learning.clip.is_none() && learner.batches == 0 => {
                Some(adamw(&learning, learner.steps + 1, 1.0))
            }
            _ => None,
        };
        Self { learner, update, at_once, square_sums: None }
    }

    /// Applies or keeps a gradient.
    pub fn take<O: Ops<Buffer = B>>(
        &mut self,
        ops: &O,
        name: String,
        weight: &mut B,
        gradient: B,
    ) -> Result<(), Error> {
        self.count(ops, &gradient)?;
        match self.at_once {
            Some(step) => self.learner.step(ops, name, weight, &gradient, &step),
            None => {
                let sum = match self.learner.collected.remove(&name) {
                    Some(collected) => ops.add(&collected, &gradient)?,
                    None => gradient,
                };
                self.learner.collected.insert(name, sum);
                Ok(())
            }
        }
    }

    /// [`Self::take`] for a tensor that lives on the host.
    pub fn take_on_host<O: Ops<Buffer = B>>(
        &mut self,
        ops: &O,
        name: &str,
        tensor: &mut Tensor,
        gradient: &[f32],
    ) -> Result<(), Error> {
        let gradient = ops.upload(gradient.to_vec(), &tensor.shape)?;
        let mut weight = ops.upload(tensor.data.clone(), &tensor.shape)?;
        self.take(ops, name.to_owned(), &mut weight, gradient)?;
        if self.at_once.is_some() {
            tensor.data = ops.read(&weight)?;
        }
        Ok(())
    }

    fn count<O: Ops<Buffer = B>>(&mut self, ops: &O, gradient: &B) -> Result<(), Error> {
        self.square_sums = Some(ops.add_squares(self.square_sums.take(), gradient)?);
        Ok(())
    }

    /// ‖gradient‖₂ of what was counted since the last call.
    fn norm<O: Ops<Buffer = B>>(&mut self, ops: &O) -> Result<f64, Error> {
        match self.square_sums.take() {
            Some(sums) => Ok(ops.read(&sums)?.iter().map(|&sum| f64::from(sum)).sum::<f64>().sqrt()),
            None => Ok(0.0),
        }
    }
}

impl<B> Learner<B> {
    fn step<O: Ops<Buffer = B>>(
        &mut self,
        ops: &O,
        name: String,
        weight: &mut B,
        gradient: &B,
        step: &AdamW,
    ) -> Result<(), Error> {
        let mut moments = match self.moments.remove(&name) {
            Some(moments) => moments,
            None => {
                let shape = ops.shape(weight);
                let zeros = || ops.upload(vec![0.0; shape.iter().product()], &shape);
                Moments { mean: zeros()?, square: zeros()? }
            }
        };
        let result = ops.adamw(weight, &mut moments, gradient, step);
        self.moments.insert(name, moments);
        result
    }
}

impl<O: Ops> Vit<O> {
    /// Ends a batch: makes the step that waited for all gradients.
    pub(super) fn finish(&mut self, sink: &mut Sink<'_, O::Buffer>) -> Result<Learned, EngineError> {
        let gradient_norm = sink.norm(&self.ops)?;
        let Update::Learn(learning) = sink.update else {
            sink.learner.batches += 1;
            return Ok(Learned { gradient_norm, steps: sink.learner.steps });
        };
        sink.learner.steps += 1;
        if sink.at_once.is_some() {
            return Ok(Learned { gradient_norm, steps: sink.learner.steps });
        }
        let batches = f64::from(sink.learner.batches + 1);
        let collected = std::mem::take(&mut sink.learner.collected);
        sink.learner.batches = 0;
        for gradient in collected.values() {
            sink.count(&self.ops, gradient)?;
        }
        let gradient_norm = sink.norm(&self.ops)? / batches;
        let clip = learning.clip.map_or(1.0, |clip| (clip / (gradient_norm + 1e-6)).min(1.0));
        let step = adamw(&learning, sink.learner.steps, clip / batches);
        self.step_all(sink.learner, collected, &step)?;
        Ok(Learned { gradient_norm, steps: sink.learner.steps })
    }

    fn step_all(
        &mut self,
        learner: &mut Learner<O::Buffer>,
        mut gradients: BTreeMap<String, O::Buffer>,
        step: &AdamW,
    ) -> Result<(), EngineError> {
        let (ops, parameters) = (&self.ops, &mut self.parameters);
        for (name, weight) in parameters.named_mut(&self.config) {
            if let Some(gradient) = gradients.remove(&name) {
                learner.step(ops, name, weight, &gradient, step)?;
            }
        }
        for (name, tensor) in parameters.on_host_mut() {
            if let Some(gradient) = gradients.remove(name) {
                let mut weight = ops.upload(tensor.data.clone(), &tensor.shape)?;
                learner.step(ops, name.to_owned(), &mut weight, &gradient, step)?;
                tensor.data = ops.read(&weight)?;
            }
        }
        parameters.renew_prefix(ops, &self.config)
    }
}
