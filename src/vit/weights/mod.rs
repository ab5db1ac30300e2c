//! Weights in every spelling, read into one canonical model: timm names, f32, row-major.
//!
//! [`load`] opens a file or folder ([`Container`]), recognises whose names it holds ([`Spelling`]), plans each
//! canonical tensor from names and shapes, derives the architecture, refuses what does not fit, and only then
//! reads the numbers, tensor by tensor. The [`LoadReport`] tells what became of every name.

mod architecture;
mod augreg;
mod config_file;
mod error;
mod family;
mod huggingface;
mod layout;
mod locate;
mod names;
mod npz;
mod pickle;
mod pickle_globals;
mod plan;
mod position;
mod report;
mod safetensors;
mod source;
mod torch_file;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

pub(super) use architecture::expected_shapes;
pub use error::{Mismatch, Problem, WeightsError, WrongShape};
pub use family::{Family, Interpolation, Normalisation};
pub use position::resize_position_embedding;
pub(super) use position::resize_position_embedding_backward;
pub use report::{Container, HeadsSource, InputSource, LoadReport, Mapped, NormalisationSource, Reshaped, Spelling};

use crate::size::Size;
use crate::vit::config::VitConfig;
use config_file::ConfigFile;
use plan::Plan;
use source::TensorFile;

/// A tensor of the model: row-major f32, whatever the file stores.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub data: Vec<f32>,
}

/// A loaded model: architecture, numbers, and what is known around them.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    pub config: VitConfig,
    /// Canonical (timm) names: `cls_token`, `dist_token`, `reg_token`, `pos_embed`,
    /// `patch_embed.proj.{weight,bias}`, `blocks.{i}.{norm1,norm2,attn.qkv,attn.proj,mlp.fc1,mlp.fc2}.{weight,bias}`,
    /// `blocks.{i}.ls{1,2}.gamma`, `norm.*` or `fc_norm.*`, `head.*`, `head_dist.*`. Exactly those the
    /// architecture has, in the shapes it has.
    pub tensors: BTreeMap<String, Tensor>,
    /// One name per class, if the configuration has them.
    pub class_names: Option<Vec<String>>,
    /// What the configuration says about preparing the input; see [`Self::effective_normalisation`].
    pub normalisation: Option<Normalisation>,
    /// Best guess of the published family; the rule is in the source of [`Family`].
    pub family: Option<Family>,
    pub report: LoadReport,
}

/// What the weights cannot tell and a user may.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LoadOptions {
    /// Number of attention heads.
    pub heads: Option<usize>,
    /// Input size in pixels that the position embedding was trained for; needed where its grid is not square.
    pub input: Option<Size>,
}

impl Checkpoint {
    /// The normalisation to use, and on whose word: configuration, family, or an assumption worth a warning.
    pub fn effective_normalisation(&self) -> (Normalisation, NormalisationSource) {
        let source = self.report.normalisation_source.clone();
        let default = self.family.map_or(Normalisation::HALF, Family::normalisation);
        (self.normalisation.unwrap_or(default), source)
    }
}

/// Loads a model from a weight file, an index of shards, or a folder that holds one.
///
/// A `config.json` (or `STEM.config.json`) beside the file is used if it describes the same model.
///
/// # Errors
/// Everything in [`Problem`], with the path; missing or wrong-shaped tensors are listed.
pub fn load(path: &Path, options: &LoadOptions) -> Result<Checkpoint, WeightsError> {
    let load = || {
        let file = locate::weight_file(path)?;
        let config_file = ConfigFile::beside(&file)?;
        assemble(locate::open(&file)?, config_file, &telling_name(&file), options)
    };
    load().map_err(|problem: Problem| problem.within(path.display()))
}

/// Loads a model of any container from memory; `name` stands for the file name, in errors and for the family.
pub fn from_bytes(
    name: &str,
    bytes: &[u8],
    config_json: Option<&str>,
    options: &LoadOptions,
) -> Result<Checkpoint, WeightsError> {
    let load = || {
        let config_file = config_json.map(|text| ConfigFile::parse("config.json", text, None)).transpose()?;
        assemble(locate::open_bytes(bytes)?, config_file, name, options)
    };
    load().map_err(|problem: Problem| problem.within(name))
}

/// A model folder's weights often have the same generic name; then the folder tells more.
fn telling_name(file: &Path) -> String {
    let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let name = text(file.file_name());
    let generic = ["model.", "pytorch_model.", "checkpoint."].iter().any(|start| name.starts_with(start));
    if generic { text(file.parent().and_then(Path::file_name)) } else { name }
}

fn assemble(
    mut file: TensorFile<'_>,
    config_file: Option<ConfigFile>,
    name: &str,
    options: &LoadOptions,
) -> Result<Checkpoint, Problem> {
    if let Some((feature, evidence)) = names::unsupported(&file.entries) {
        return Err(Problem::Unsupported { feature, evidence });
    }
    let spelling = names::spelling(&file.entries);
    let mut plan = Plan::new(&file.entries, spelling);
    let mut notes = Vec::new();
    let config_file = config_file.filter(|config| {
        let fits = config.describes(&plan);
        if !fits {
            notes.push(format!("{} describes another model and was not used", config.name));
        }
        fits
    });
    if let Some(config) = &config_file {
        config.check()?;
    }
    let heads_in_shapes = augreg::heads(&file.entries);
    let hints = architecture::Hints { options, config_file: config_file.as_ref(), heads_in_shapes };
    let architecture = architecture::read(&plan, &hints)?;
    if architecture.fold_positions > 0 {
        plan.fold_class_position(architecture.fold_positions);
        notes.push("the class token's position was added to the class token, as timm does".into());
    }
    plan.fit(&expected_shapes(&architecture.config))?;
    notes.extend(architecture.notes.iter().cloned());

    let family = family_of(config_file.as_ref(), name, spelling, &architecture.config);
    let normalisation = config_file.as_ref().and_then(|config| config.normalisation);
    let class_names = config_file.as_ref().and_then(|config| config.class_names.clone());
    let names_fit = class_names.as_ref().is_none_or(|names| names.len() == architecture.config.classes);
    if !names_fit {
        notes.push("the configured class names do not match the number of classes and were not used".into());
    }
    let report = report(&file, &plan, spelling, &architecture, notes, config_file.as_ref(), family);
    let tensors = plan.read(&mut file)?;
    let class_names = class_names.filter(|_| names_fit);
    let report = LoadReport { parameters: tensors.values().map(|t| t.data.len()).sum(), ..report };
    Ok(Checkpoint { config: architecture.config, tensors, class_names, normalisation, family, report })
}

fn report(
    file: &TensorFile<'_>,
    plan: &Plan,
    spelling: Spelling,
    architecture: &architecture::Architecture,
    notes: Vec<String>,
    config_file: Option<&ConfigFile>,
    family: Option<Family>,
) -> LoadReport {
    let mut stored_as = BTreeMap::new();
    for entry in file.entries.values() {
        *stored_as.entry(entry.element.name()).or_default() += 1;
    }
    let configured = config_file.and_then(|config| config.normalisation).map(|_| NormalisationSource::ConfigFile);
    let by_family = || family.map_or(NormalisationSource::Assumed, NormalisationSource::Family);
    LoadReport {
        container: file.container,
        spelling,
        wrapper: file.wrapper.clone(),
        config_file: config_file.map(|config| config.name.clone()),
        mapped: plan.mapped.clone(),
        reshaped: plan.reshaped.clone(),
        unexpected: plan.unexpected.clone(),
        missing: plan.zero_filled.clone(),
        ignored: [&file.ignored[..], &plan.ignored[..]].concat(),
        notes,
        stored_as,
        parameters: 0,
        heads_source: architecture.heads_source,
        input_source: architecture.input_source,
        normalisation_source: configured.unwrap_or_else(by_family),
    }
}

/// The order of evidence is explained in `family.rs`.
fn family_of(config: Option<&ConfigFile>, name: &str, spelling: Spelling, architecture: &VitConfig) -> Option<Family> {
    let by_structure = || {
        if spelling == Spelling::AugReg {
            Some(Family::AugReg)
        } else if architecture.distillation_token {
            Some(Family::Deit)
        } else {
            (architecture.registers > 0).then_some(Family::DinoV2)
        }
    };
    config.and_then(|config| config.family).or_else(|| Family::from_words(name)).or_else(by_structure)
}
