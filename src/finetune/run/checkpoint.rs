//! A state to go on from, as a folder: `model.safetensors` (timm names), `config.json` beside it so that any loader
//! knows heads, input and classes, `optimizer.safetensors`, and `checkpoint.json`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use crate::files::write_atomically;
use crate::vit::weights::Tensor;
use crate::vit::{OptimiserState, VitConfig};

use super::error::RunError;
use super::record::ValidationRecord;

const MODEL: &str = "model.safetensors";
const OPTIMISER: &str = "optimizer.safetensors";
const CONFIG: &str = "config.json";
const FACTS: &str = "checkpoint.json";

/// The weights of a checkpoint's folder.
pub fn model_file(folder: &Path) -> PathBuf {
    folder.join(MODEL)
}

/// The `config.json` beside them.
pub fn model_config(folder: &Path) -> PathBuf {
    folder.join(CONFIG)
}

/// `checkpoint.json`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Steps of the optimiser in this run.
    pub step: usize,
    /// The optimiser's own count: higher than `step` after a branch.
    pub optimiser_steps: u64,
    pub validation: ValidationRecord,
}

/// What `config.json` says about a model besides its numbers.
#[derive(Clone, Debug)]
pub struct ModelFacts {
    pub config: VitConfig,
    /// One per class.
    pub class_names: Vec<String>,
    pub mean: [f32; 3],
    pub std: [f32; 3],
}

/// Writes tensors as safetensors, one at a time: the crate's own writer wants them all in memory once more, or makes
/// files that only the user may read.
///
/// # Errors
/// What the file system says.
pub fn write_tensors(file: &mut File, tensors: &[(String, &Tensor)]) -> std::io::Result<()> {
    let mut header = serde_json::Map::new();
    let mut end = 0;
    for (name, Tensor { shape, data }) in tensors {
        let start = end;
        end += size_of_val(data.as_slice());
        let entry = serde_json::json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, end] });
        header.insert(name.clone(), entry);
    }
    let mut header = serde_json::to_vec(&header)?;
    // The format aligns the numbers to eight bytes.
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut out = BufWriter::new(file);
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(&header)?;
    for (_, Tensor { data, .. }) in tensors {
        for value in data {
            out.write_all(&value.to_le_bytes())?;
        }
    }
    out.flush()
}

/// Reads what [`write_tensors`] wrote.
///
/// # Errors
/// If the file cannot be read or is damaged.
pub fn read_tensors(path: &Path) -> Result<BTreeMap<String, Tensor>, RunError> {
    let damaged = |problem: String| RunError::Damaged { problem, path: path.to_owned() };
    let bytes = std::fs::read(path).map_err(|error| damaged(error.to_string()))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| damaged(error.to_string()))?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.iter() {
        if view.dtype() != Dtype::F32 {
            return Err(damaged(format!("{name} is no f32")));
        }
        let data = view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        tensors.insert(name.to_owned(), Tensor { shape: view.shape().to_vec(), data });
    }
    Ok(tensors)
}

/// Everything a checkpoint holds.
pub struct State {
    pub facts: Checkpoint,
    pub weights: BTreeMap<String, Tensor>,
    pub optimiser: OptimiserState,
}

impl State {
    /// Writes the folder; all of it or nothing.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, folder: &Path, model: &ModelFacts) -> Result<(), RunError> {
        let failed = |source: std::io::Error| RunError::Write { source, path: folder.to_owned() };
        let mut partial = folder.as_os_str().to_owned();
        partial.push(format!(".{}.part", std::process::id()));
        let partial = PathBuf::from(partial);
        let write = || -> std::io::Result<()> {
            if partial.exists() {
                std::fs::remove_dir_all(&partial)?;
            }
            std::fs::create_dir_all(&partial)?;
            let mut file = File::create(partial.join(MODEL))?;
            let weights: Vec<_> = self.weights.iter().map(|(name, tensor)| (name.clone(), tensor)).collect();
            write_tensors(&mut file, &weights)?;
            file.sync_all()?;
            let mut file = File::create(partial.join(OPTIMISER))?;
            let moments = [("mean", &self.optimiser.mean), ("square", &self.optimiser.square)];
            let named =
                moments.iter().flat_map(|(kind, of)| of.iter().map(move |(name, m)| (format!("{kind}.{name}"), m)));
            write_tensors(&mut file, &named.collect::<Vec<_>>())?;
            file.sync_all()?;
            write_atomically(&partial.join(CONFIG), &model.to_json()?)?;
            write_atomically(&partial.join(FACTS), &serde_json::to_vec_pretty(&self.facts)?)?;
            if folder.exists() {
                // The same step again, after a roll-back: its numbers are the same.
                std::fs::remove_dir_all(folder)?;
            }
            std::fs::rename(&partial, folder)
        };
        write().map_err(failed)
    }

    /// # Errors
    /// If the folder is damaged.
    pub fn read(folder: &Path) -> Result<Self, RunError> {
        let facts = Checkpoint::read(folder)?;
        let weights = read_tensors(&folder.join(MODEL))?;
        let (mut mean, mut square) = (BTreeMap::new(), BTreeMap::new());
        for (name, tensor) in read_tensors(&folder.join(OPTIMISER))? {
            if let Some(name) = name.strip_prefix("mean.") {
                mean.insert(name.to_owned(), tensor);
            } else if let Some(name) = name.strip_prefix("square.") {
                square.insert(name.to_owned(), tensor);
            }
        }
        Ok(Self { facts, weights, optimiser: OptimiserState { steps: facts.optimiser_steps, mean, square } })
    }
}

impl Checkpoint {
    /// # Errors
    /// If the folder is damaged.
    pub fn read(folder: &Path) -> Result<Self, RunError> {
        let path = folder.join(FACTS);
        let read = || -> std::io::Result<Self> { Ok(serde_json::from_slice(&std::fs::read(&path)?)?) };
        read().map_err(|error| RunError::Damaged { problem: error.to_string(), path: path.clone() })
    }
}

/// The class names beside a checkpoint's weights; empty where there are none.
pub fn class_names(folder: &Path) -> Vec<String> {
    let text = std::fs::read(folder.join(CONFIG)).unwrap_or_default();
    let value: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    let labels = value["id2label"].as_object();
    let label = |index: usize| labels?.get(&index.to_string())?.as_str().map(str::to_owned);
    (0..).map_while(label).collect()
}

impl ModelFacts {
    /// The keys that Hugging Face and timm use, as the program's own loader reads them.
    fn to_json(&self) -> std::io::Result<Vec<u8>> {
        let config = &self.config;
        let labels: BTreeMap<String, &String> =
            self.class_names.iter().enumerate().map(|(index, name)| (index.to_string(), name)).collect();
        let value = serde_json::json!({
            "architecture": "vit",
            "hidden_size": config.dim,
            "num_hidden_layers": config.depth,
            "num_attention_heads": config.heads,
            "intermediate_size": config.hidden,
            "image_size": [config.input.height, config.input.width],
            "patch_size": [config.patch.height, config.patch.width],
            "num_channels": config.channels,
            "hidden_act": "gelu",
            "layer_norm_eps": config.norm_eps,
            "num_classes": config.classes,
            "id2label": labels,
            "mean": self.mean,
            "std": self.std,
        });
        Ok(serde_json::to_vec_pretty(&value)?)
    }
}
