//! A fixture model with its pictures, explained by any method.

use std::ops::ControlFlow;

use vitrine::engine::Device;
use vitrine::engine::candle::CandleOps;
use vitrine::relevance::{Explanation, Method, MethodOptions, RelevanceError, explain};
use vitrine::vit::{Batch, Engine, Objective};

use super::Tensors;
use super::model::{Expected, engines, model_on};

/// Single precision in another order of summation, over four blocks of width 48.
pub const TOLERANCE: f32 = 1e-4;

pub struct Fixture {
    pub engine: Box<dyn Engine>,
    pub batch: Batch,
    pub targets: Vec<usize>,
    pub expected: Tensors,
}

pub fn open(name: &str) -> Fixture {
    let Expected { tensors, batch, targets } = Expected::of(name);
    let engine = Box::new(model_on(CandleOps::new(Device::Cpu).unwrap(), name));
    Fixture { engine, batch, targets, expected: tensors }
}

/// The same on every backend.
pub fn open_each(name: &str) -> Vec<Fixture> {
    let on = |(_, engine)| Fixture { engine, ..open(name) };
    engines(name).into_iter().map(on).collect()
}

impl Fixture {
    pub fn explain(&self, method: Method, options: &MethodOptions) -> Result<Vec<Explanation>, RelevanceError> {
        let mut go_on = |_| ControlFlow::Continue(());
        explain(&*self.engine, &self.batch, &|i, _| Objective::Logit(self.targets[i]), method, options, &mut go_on)
    }

    pub fn maps(&self, method: Method, options: &MethodOptions) -> Vec<f32> {
        self.explain(method, options).unwrap().into_iter().flat_map(|explanation| explanation.map.values).collect()
    }

    #[track_caller]
    pub fn assert_matches(&self, key: &str, values: &[f32]) {
        assert_close(key, values, &self.expected[key].1, TOLERANCE);
    }

    pub fn logits(&self, batch: &Batch) -> Vec<Vec<f32>> {
        self.engine.classify(batch).unwrap()
    }
}

/// Compares the largest difference to the largest expected value.
#[track_caller]
pub fn assert_close(what: &str, values: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(values.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0_f32, |max, v| max.max(v.abs()));
    let error = values.iter().zip(expected).fold(0.0_f32, |max, (a, b)| max.max((a - b).abs()));
    assert!(error <= tolerance * largest, "{what}: off by {error} of {largest}");
}
