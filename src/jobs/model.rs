//! A model ready to explain: weights on a device, class names, and how its input is prepared.

use std::path::{Path, PathBuf};

use crate::demo;
use crate::engine::{self, Device};
use crate::image::{Filter, Preparation};
use crate::size::Size;
use crate::vit::backend::{self, Opened};
use crate::vit::classes::ClassNames;
use crate::vit::hub::{self, HubError};
use crate::vit::weights::{
    self, Checkpoint, Family, Interpolation, LoadOptions, LoadReport, Normalisation, NormalisationSource, WeightsError,
};
use crate::vit::{Engine, EngineError};

/// Where a model comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ModelSource {
    /// The demo model inside the program.
    #[default]
    Embedded,
    /// A file, a folder, or a name of the curated list.
    Named(String),
}

/// How photos become model input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// As the weights were trained: their own mean and standard deviation, bicubic, their crop.
    #[default]
    Model,
    /// As the paper's code does for every family: mean = std = 0.5, 256 pixels bilinear, centre crop.
    Paper,
}

/// A model on a device.
pub struct LoadedModel {
    pub engine: Box<dyn Engine>,
    pub name: String,
    /// What loads it again, and how.
    pub source: ModelSource,
    pub options: LoadOptions,
    pub classes: ClassNames,
    /// What loading did with every name in the file.
    pub report: LoadReport,
    /// Why a GPU of the machine does not compute, although it was to be used.
    pub device_note: Option<String>,
    normalisation: Normalisation,
    normalisation_source: NormalisationSource,
    family: Option<Family>,
}

/// Why a model is not ready.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Device(#[from] engine::Error),
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl LoadedModel {
    /// # Errors
    /// If there is no such model, its weights do not load, or the device is not there.
    pub fn open(source: &ModelSource, device: Device, options: &LoadOptions) -> Result<Self, ModelError> {
        Self::open_in(None, source, device, options)
    }

    /// Looks names of the curated list up in another folder of downloaded models than the usual one.
    ///
    /// # Errors
    /// Those of [`Self::open`].
    pub fn open_in(
        cache: Option<&Path>,
        source: &ModelSource,
        device: Device,
        options: &LoadOptions,
    ) -> Result<Self, ModelError> {
        let (name, checkpoint) = match source {
            ModelSource::Embedded => {
                let checkpoint = weights::from_bytes(
                    "vit_demo.safetensors",
                    demo::model_bytes(),
                    Some(demo::config_json()),
                    options,
                )?;
                ("embedded demo".to_owned(), checkpoint)
            }
            ModelSource::Named(name) => {
                let path = hub::resolve(name, cache)?;
                (display_name(name, &path), weights::load(&path, options)?)
            }
        };
        Self::assemble(name, source.clone(), options.clone(), checkpoint, device)
    }

    fn assemble(
        name: String,
        source: ModelSource,
        options: LoadOptions,
        checkpoint: Checkpoint,
        device: Device,
    ) -> Result<Self, ModelError> {
        let (normalisation, normalisation_source) = checkpoint.effective_normalisation();
        let classes = ClassNames::of_model(checkpoint.config.classes, checkpoint.class_names.as_deref());
        let Checkpoint { config, tensors, report, family, .. } = checkpoint;
        let Opened { engine, note } = backend::open(device, config, tensors)?;
        Ok(Self {
            engine,
            name,
            source,
            options,
            classes,
            report,
            device_note: note,
            normalisation,
            normalisation_source,
            family,
        })
    }

    /// How a photo is prepared under a profile.
    pub fn preparation(&self, profile: Profile) -> Preparation {
        let input = self.engine.config().input;
        match profile {
            Profile::Paper => Preparation::paper(input),
            Profile::Model => {
                let Normalisation { mean, std, crop_pct, interpolation } = self.normalisation;
                // timm's rule for ViT and DeiT: 0.9, and the whole short side at 384 pixels and more.
                let crop = crop_pct.unwrap_or(if input.height >= 384 { 1.0 } else { 0.9 });
                let filter = match interpolation {
                    Some(Interpolation::Bilinear) => Filter::Bilinear,
                    _ => Filter::Bicubic,
                };
                Preparation::model(input, mean, std, crop, filter)
            }
        }
    }

    /// How a whole photo is prepared, nothing cut off; see [`Preparation::whole`].
    pub fn whole_preparation(&self, photo: Size, scale: f64) -> Preparation {
        let Normalisation { mean, std, .. } = self.normalisation;
        Preparation::whole(photo, scale, self.engine.config().patch, mean, std)
    }

    /// Whether the model learned without labels, as far as its family or a missing head tell: its last block then still knows where
    /// things are, where the last block of a classifier only knows what they are.
    pub fn is_self_supervised(&self) -> bool {
        match self.family {
            Some(family) => matches!(family, Family::Dino | Family::DinoV2 | Family::Mae),
            None => self.engine.config().classes == 0,
        }
    }

    /// What a user should know before trusting the numbers of a profile.
    pub fn warnings(&self, profile: Profile) -> Vec<String> {
        let mut warnings: Vec<String> = self.device_note.iter().cloned().collect();
        let Normalisation { mean, std, .. } = self.normalisation;
        let is_half = mean == Normalisation::HALF.mean && std == Normalisation::HALF.std;
        if profile == Profile::Paper && !is_half {
            warnings.push(format!(
                "the paper profile feeds mean = std = 0.5 to weights trained with mean {mean:?}, std {std:?}; \
                 predictions suffer (use --profile model for the weights' own)"
            ));
        }
        if profile == Profile::Model && self.normalisation_source == NormalisationSource::Assumed {
            warnings.push(
                "nothing tells how these weights normalise their input; mean = std = 0.5 is assumed \
                 (a config.json beside the file settles it)"
                    .to_owned(),
            );
        }
        warnings
    }
}

/// The name as typed for a curated model, else the file's or folder's own.
fn display_name(asked: &str, path: &Path) -> String {
    if Path::new(asked) != path {
        return asked.to_owned();
    }
    let own = if path.is_dir() { path.file_name() } else { path.file_stem() };
    own.map_or_else(|| asked.to_owned(), |own| own.to_string_lossy().into_owned())
}

/// What `--model` says; without it the embedded model.
impl From<Option<&PathBuf>> for ModelSource {
    fn from(path: Option<&PathBuf>) -> Self {
        path.map_or(Self::Embedded, |path| Self::Named(path.to_string_lossy().into_owned()))
    }
}
