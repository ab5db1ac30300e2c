//! The Vision Transformer: architecture, weights in every spelling, and the hand-derived passes.
//!
//! [`Vit`] runs them on any [`Ops`] backend; everyone else sees it as an [`Engine`].

pub mod backend;
mod backward;
pub mod classes;
pub mod config;
mod engine;
mod features;
mod forward;
pub mod hub;
mod muting;
mod parameters;
mod score;
mod self_test;
mod trace;
mod train;
pub mod weights;

use std::collections::BTreeMap;

use crate::engine::{DeviceInfo, Ops};

pub use crate::engine::KernelTimes;

pub use config::{Pooling, VitConfig};
pub use engine::{Batch, Engine, EngineError, KeepMaps, Muted, Objective, Start, Trace, TraceOptions, argmax, softmax};
pub use features::{FeatureChoice, FeatureKind, PatchFeatures};
pub use muting::NotMuted;
use parameters::Parameters;
pub use score::Score;
pub use self_test::{SelfTestError, self_test};
use train::Learner;
pub use train::{Learned, Learning, Loss, LossGradients, OptimiserState, TrainOptions, Trainable, Update};

/// A Vision Transformer whose weights live on one backend.
pub struct Vit<O: Ops> {
    config: VitConfig,
    ops: O,
    parameters: Parameters<O::Buffer>,
    learner: Learner<O::Buffer>,
}

impl<O: Ops> Vit<O> {
    /// Moves the tensors of a checkpoint onto the backend.
    ///
    /// # Errors
    /// If a tensor is missing or the device has no room.
    pub fn new(ops: O, config: VitConfig, tensors: BTreeMap<String, weights::Tensor>) -> Result<Self, EngineError> {
        let parameters = Parameters::upload(&ops, &config, tensors)?;
        Ok(Self { config, ops, parameters, learner: Learner::default() })
    }
}

impl<O: Ops> Engine for Vit<O> {
    fn device(&self) -> DeviceInfo {
        self.ops.info()
    }

    fn is_lost(&self) -> bool {
        self.ops.is_lost()
    }

    fn config(&self) -> &VitConfig {
        &self.config
    }

    fn profile(&self, work: &mut dyn FnMut()) -> Option<KernelTimes> {
        self.ops.profile(work)
    }

    fn classify(&self, batch: &Batch) -> Result<Vec<Vec<f32>>, EngineError> {
        batch.check(&self.config)?;
        let rows = self.readout_rows(batch.size);
        let output = self.forward(batch, rows, drop)?;
        self.logits(&output, batch.count)
    }

    fn trace(
        &self,
        batch: &Batch,
        objective: &dyn Fn(usize, &[f32]) -> Objective,
        options: &TraceOptions,
    ) -> Result<Vec<Trace>, EngineError> {
        self.trace_batch(batch, objective, options)
    }

    fn features(&self, batch: &Batch, choice: FeatureChoice) -> Result<Vec<PatchFeatures>, EngineError> {
        self.patch_features(batch, choice)
    }

    fn train(
        &mut self,
        batch: &Batch,
        options: &TrainOptions,
        loss: &mut Loss<'_>,
    ) -> Result<Option<Learned>, EngineError> {
        self.train_batch(batch, options, loss)
    }

    fn gradients(&self) -> Result<BTreeMap<String, weights::Tensor>, EngineError> {
        self.read_gradients()
    }

    fn forget_gradients(&mut self) {
        self.drop_gradients();
    }

    fn weights(&self) -> Result<BTreeMap<String, weights::Tensor>, EngineError> {
        self.read_weights()
    }

    fn set_weights(&mut self, tensors: BTreeMap<String, weights::Tensor>) -> Result<(), EngineError> {
        self.write_weights(tensors)
    }

    fn optimiser(&self) -> Result<OptimiserState, EngineError> {
        self.read_optimiser()
    }

    fn set_optimiser(&mut self, state: OptimiserState) -> Result<(), EngineError> {
        self.write_optimiser(state)
    }
}
