//! Weights for other programs: safetensors with timm's names, and the archive of RobustViT.

mod order;
mod pickle;
mod torch;

use std::path::Path;

use crate::files::{write_atomically, write_atomically_with};

use super::run::{CheckpointState, RunError, RunView, model_config, write_tensors};

pub use order::in_timm_order;
pub use torch::{TorchCheckpoint, write_torch};

/// Writes a checkpoint of a run for other programs: `.pth.tar`, `.pth` or `.pt` as PyTorch and RobustViT read it,
/// anything else as safetensors with its `config.json` beside it (`NAME.config.json`).
///
/// `step`: of the checkpoint; `None` for the best.
///
/// # Errors
/// If there is no such checkpoint, or the file cannot be written.
pub fn export(run: &Path, step: Option<usize>, to: &Path) -> Result<(), RunError> {
    let view = RunView::read(run)?;
    let step = step.unwrap_or(view.state.best_step);
    let Some((checkpoint, folder)) = view.checkpoints.iter().find(|(checkpoint, _)| checkpoint.step == step) else {
        let steps = view.checkpoints.iter().map(|(checkpoint, _)| checkpoint.step).collect();
        return Err(RunError::NoCheckpoint { step, steps, folder: run.to_owned() });
    };
    let state = CheckpointState::read(folder)?;
    let failed = |source| RunError::Write { source, path: to.to_owned() };
    let name = to.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    if [".pth.tar", ".pth", ".pt"].iter().any(|ending| name.ends_with(ending)) {
        let epoch = checkpoint.validation.epoch;
        let torch = TorchCheckpoint {
            epoch,
            best_loss: view.state.best_loss,
            weights: &state.weights,
            optimiser: Some(&state.optimiser),
            lr: view.manifest.config.lr_at(epoch),
            weight_decay: view.manifest.config.weight_decay,
        };
        return write_atomically_with(to, |file| write_torch(file, &torch)).map_err(failed);
    }
    let weights: Vec<_> = state.weights.iter().map(|(name, tensor)| (name.clone(), tensor)).collect();
    write_atomically_with(to, |file| write_tensors(file, &weights)).map_err(failed)?;
    let config = std::fs::read(model_config(folder)).map_err(failed)?;
    write_atomically(&to.with_extension("config.json"), &config).map_err(failed)
}
