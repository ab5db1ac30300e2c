//! The weight slider: a model between two checkpoints, without reading them again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::finetune::blend as between;
use crate::finetune::run::read_tensors;
use crate::jobs::model::LoadedModel;
use crate::vit::weights::Tensor;

/// Weights kept in memory: both ends of a slider, and two more while someone scrubs a timeline.
const KEPT: usize = 4;

type Weights = Arc<BTreeMap<String, Tensor>>;

/// Which weights a model shall have.
#[derive(Clone, Debug, PartialEq)]
pub struct Blend {
    /// θ₀: `model.safetensors` of a checkpoint.
    pub before: PathBuf,
    /// θ₁
    pub after: PathBuf,
    /// θ = (1 − α)·θ₀ + α·θ₁; 1 shows the checkpoint `after` alone.
    pub alpha: f32,
}

/// The weights read last, the newest at the end.
#[derive(Default)]
pub struct Blends {
    kept: Vec<(PathBuf, Weights)>,
}

impl Blends {
    /// Gives the model the weights asked for.
    pub fn apply(&mut self, blend: &Blend, model: &mut LoadedModel) -> Result<(), String> {
        let Blend { before, after, alpha } = blend;
        let weights = match *alpha {
            0.0 => (*self.read(before)?).clone(),
            1.0 => (*self.read(after)?).clone(),
            alpha if !alpha.is_finite() => return Err("the weight is no number; use 0 to 1".to_owned()),
            alpha => between(&*self.read(before)?, &*self.read(after)?, alpha).map_err(|error| error.to_string())?,
        };
        model.engine.set_weights(weights).map_err(|error| error.to_string())
    }

    fn read(&mut self, path: &Path) -> Result<Weights, String> {
        let found = self.kept.iter().position(|(kept, _)| kept == path);
        let weights = match found {
            Some(at) => self.kept.remove(at).1,
            None => Arc::new(read_tensors(path).map_err(|error| error.to_string())?),
        };
        if self.kept.len() == KEPT {
            self.kept.remove(0);
        }
        self.kept.push((path.to_owned(), weights.clone()));
        Ok(weights)
    }

    /// A run that is rolled back writes other weights to the same place.
    pub fn forget(&mut self) {
        self.kept.clear();
    }
}
