//! The archive that `torch.save` writes, in the layout of RobustViT: `epoch, state_dict, best_loss, optimizer`.

use std::collections::BTreeMap;
use std::io::{Seek, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::vit::OptimiserState;
use crate::vit::weights::Tensor;

use super::order::in_timm_order;
use super::pickle::Pickler;

/// What stands beside the weights in the archive.
pub struct TorchCheckpoint<'a> {
    /// Epochs done.
    pub epoch: usize,
    /// Lowest validation loss so far.
    pub best_loss: f32,
    pub weights: &'a BTreeMap<String, Tensor>,
    /// Absent before the first step.
    pub optimiser: Option<&'a OptimiserState>,
    pub lr: f32,
    pub weight_decay: f32,
}

/// Writes what `torch.load` and RobustViT's evaluation read; numbers are f32.
///
/// # Errors
/// What the file system says.
pub fn write_torch(out: impl Write + Seek, checkpoint: &TorchCheckpoint<'_>) -> std::io::Result<()> {
    let names = in_timm_order(checkpoint.weights.keys());
    let mut storages: Vec<&[f32]> = Vec::new();
    let steps = [checkpoint.optimiser.map_or(0.0, |state| state.steps as f32)];
    let mut pickler = Pickler::new();
    pickler.dict(|p| {
        p.text("epoch");
        p.int(checkpoint.epoch as u64);
        p.text("state_dict");
        p.ordered_dict(|p| {
            for (name, tensor) in names.iter().filter_map(|name| Some((name, checkpoint.weights.get(*name)?))) {
                p.text(name);
                p.tensor(&tensor.shape);
                storages.push(&tensor.data);
            }
        });
        p.text("best_loss");
        p.float(f64::from(checkpoint.best_loss));
        p.text("optimizer");
        p.dict(|p| {
            p.text("state");
            p.dict(|p| optimiser_state(p, checkpoint, &names, &steps, &mut storages));
            p.text("param_groups");
            p.list(|p| parameter_group(p, checkpoint, names.len()));
        });
    });
    archive(out, &pickler.finish(), &storages)
}

fn optimiser_state<'a>(
    p: &mut Pickler,
    checkpoint: &TorchCheckpoint<'a>,
    names: &[&str],
    steps: &'a [f32; 1],
    storages: &mut Vec<&'a [f32]>,
) {
    let Some(state) = checkpoint.optimiser else { return };
    for (index, name) in names.iter().enumerate() {
        // Frozen parameters have no moments, as in PyTorch.
        let (Some(mean), Some(square)) = (state.mean.get(*name), state.square.get(*name)) else { continue };
        p.int(index as u64);
        p.dict(|p| {
            p.text("step");
            p.tensor(&[]);
            storages.push(steps);
            for (key, moment) in [("exp_avg", mean), ("exp_avg_sq", square)] {
                p.text(key);
                p.tensor(&moment.shape);
                storages.push(&moment.data);
            }
        });
    }
}

fn parameter_group(p: &mut Pickler, checkpoint: &TorchCheckpoint<'_>, parameters: usize) {
    p.dict(|p| {
        for (key, value) in [("lr", checkpoint.lr), ("weight_decay", checkpoint.weight_decay)] {
            p.text(key);
            p.float(f64::from(value));
        }
        p.text("betas");
        p.tuple(|p| [0.9, 0.999].into_iter().for_each(|beta| p.float(beta)));
        p.text("eps");
        p.float(1e-8);
        for flag in ["amsgrad", "maximize", "capturable", "differentiable"] {
            p.text(flag);
            p.bool(false);
        }
        for absent in ["foreach", "fused"] {
            p.text(absent);
            p.none();
        }
        p.text("params");
        p.list(|p| (0..parameters).for_each(|index| p.int(index as u64)));
    });
}

fn archive(out: impl Write + Seek, pickle: &[u8], storages: &[&[f32]]) -> std::io::Result<()> {
    let mut zip = ZipWriter::new(out);
    let stored = |bytes: usize| {
        // PyTorch reads its members in place, so they are not packed; beyond 4 GB they need the long form.
        SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .large_file(bytes as u64 >= u64::from(u32::MAX))
    };
    let members = [("data.pkl", pickle), ("byteorder", b"little".as_slice()), ("version", b"3\n".as_slice())];
    for (name, bytes) in members {
        zip.start_file(format!("archive/{name}"), stored(bytes.len()))?;
        zip.write_all(bytes)?;
    }
    for (number, values) in storages.iter().enumerate() {
        zip.start_file(format!("archive/data/{number}"), stored(size_of_val(*values)))?;
        for chunk in values.chunks(1 << 14) {
            let bytes: Vec<u8> = chunk.iter().flat_map(|value| value.to_le_bytes()).collect();
            zip.write_all(&bytes)?;
        }
    }
    zip.finish()?.flush()
}
