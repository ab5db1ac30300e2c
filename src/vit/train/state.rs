//! Weights, gradients and the optimiser's memory as plain tensors under their timm names.

use std::collections::BTreeMap;

use crate::engine::{Moments, Ops};

use super::super::Vit;
use super::super::engine::EngineError;
use super::super::parameters::Parameters;
use super::super::weights::{Tensor, expected_shapes};

/// Everything AdamW remembers: with the weights, it lets training go on with the same numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OptimiserState {
    /// Steps taken.
    pub steps: u64,
    /// m by timm name; empty before the first step, and without what never learned.
    pub mean: BTreeMap<String, Tensor>,
    /// v, like `mean`.
    pub square: BTreeMap<String, Tensor>,
}

impl<O: Ops> Vit<O> {
    fn read_named<'a>(
        &self,
        buffers: impl IntoIterator<Item = (String, &'a O::Buffer)>,
    ) -> Result<BTreeMap<String, Tensor>, EngineError>
    where
        O::Buffer: 'a,
    {
        let mut shapes = expected_shapes(&self.config);
        let read = |(name, buffer): (String, &O::Buffer)| {
            // A patch convolution is stored with its window, computed with as a matrix.
            let shape = shapes.remove(&name).unwrap_or_else(|| self.ops.shape(buffer));
            Ok((name, Tensor { shape, data: self.ops.read(buffer)? }))
        };
        buffers.into_iter().map(read).collect()
    }

    pub(in crate::vit) fn read_weights(&self) -> Result<BTreeMap<String, Tensor>, EngineError> {
        let mut weights = self.read_named(self.parameters.named(&self.config))?;
        weights.extend(self.parameters.on_host().map(|(name, tensor)| (name.to_owned(), tensor.clone())));
        Ok(weights)
    }

    pub(in crate::vit) fn write_weights(&mut self, tensors: BTreeMap<String, Tensor>) -> Result<(), EngineError> {
        check_shapes(&expected_shapes(&self.config), &tensors)?;
        self.parameters = Parameters::upload(&self.ops, &self.config, tensors)?;
        Ok(())
    }

    pub(in crate::vit) fn read_gradients(&self) -> Result<BTreeMap<String, Tensor>, EngineError> {
        let collected = self.learner.collected.iter().map(|(name, buffer)| (name.clone(), buffer));
        let mut gradients = self.read_named(collected)?;
        let mean = 1.0 / (self.learner.batches.max(1) as f32);
        gradients.values_mut().flat_map(|tensor| &mut tensor.data).for_each(|g| *g *= mean);
        Ok(gradients)
    }

    pub(in crate::vit) fn drop_gradients(&mut self) {
        self.learner.collected.clear();
        self.learner.batches = 0;
    }

    pub(in crate::vit) fn read_optimiser(&self) -> Result<OptimiserState, EngineError> {
        let moments = &self.learner.moments;
        Ok(OptimiserState {
            steps: self.learner.steps,
            mean: self.read_named(moments.iter().map(|(name, moments)| (name.clone(), &moments.mean)))?,
            square: self.read_named(moments.iter().map(|(name, moments)| (name.clone(), &moments.square)))?,
        })
    }

    pub(in crate::vit) fn write_optimiser(&mut self, state: OptimiserState) -> Result<(), EngineError> {
        let OptimiserState { steps, mean, mut square } = state;
        let shapes = expected_shapes(&self.config);
        let mut moments = BTreeMap::new();
        for (name, mean) in mean {
            let square = square.remove(&name).ok_or_else(|| EngineError::MissingTensor(name.clone()))?;
            for tensor in [&mean, &square] {
                check_shape(&shapes, &name, tensor)?;
            }
            let upload = |tensor: Tensor| self.ops.upload(tensor.data, &self.buffer_shape(&name, tensor.shape));
            let uploaded = Moments { mean: upload(mean)?, square: upload(square)? };
            moments.insert(name, uploaded);
        }
        self.drop_gradients();
        self.learner.moments = moments;
        self.learner.steps = steps;
        Ok(())
    }

    /// The shape in which a tensor is computed with.
    fn buffer_shape(&self, name: &str, stored: Vec<usize>) -> Vec<usize> {
        match (name, stored.as_slice()) {
            ("patch_embed.proj.weight", [dim, window @ ..]) => vec![*dim, window.iter().product()],
            _ => stored,
        }
    }
}

fn check_shapes(
    expected: &BTreeMap<String, Vec<usize>>,
    tensors: &BTreeMap<String, Tensor>,
) -> Result<(), EngineError> {
    expected.keys().try_for_each(|name| match tensors.get(name) {
        Some(tensor) => check_shape(expected, name, tensor),
        None => Err(EngineError::MissingTensor(name.clone())),
    })
}

fn check_shape(expected: &BTreeMap<String, Vec<usize>>, name: &str, tensor: &Tensor) -> Result<(), EngineError> {
    let Some(shape) = expected.get(name) else { return Err(EngineError::MissingTensor(name.to_owned())) };
    if *shape != tensor.shape || tensor.data.len() != shape.iter().product::<usize>() {
        return Err(EngineError::WrongShape {
            name: name.to_owned(),
            got: tensor.shape.clone(),
            expected: shape.clone(),
        });
    }
    Ok(())
}
