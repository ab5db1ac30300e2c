//! What `evaluate` and `compare` have in common: the data set, what is measured, the device.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::engine::Device;
use crate::eval::Bootstrap;
use crate::jobs::evaluate::{EvaluateJob, ExplainedClass, Layout, Place};
use crate::jobs::model::Profile;
use crate::relevance::Method;
use crate::size::Size;
use crate::vit::weights::LoadOptions;

use super::models::parse_size;

#[derive(Debug, Args)]
pub struct DataArgs {
    /// Folder of pictures; their folders name the classes, by WordNet id or name.
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// Folder of masks: grey PNGs under the photos' names, 0 background, 255 object, 128 ignored. Adds how well maps
    /// fit the masks, and how much the model leans on backgrounds.
    #[arg(long, value_name = "DIR")]
    masks: Option<PathBuf>,
    /// Table (.csv, .tsv) of file names and classes, instead of folder names.
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// How the data set lies in its folder.
    #[arg(long, value_enum, default_value_t)]
    layout: Layout,
    /// How images are prepared.
    #[arg(long, default_value = "model", value_enum)]
    profile: ProfileName,
    /// Method of the relevance maps.
    #[arg(long, default_value = "gae", value_enum)]
    method: Method,
    /// Class whose map is compared with the mask.
    #[arg(long, default_value = "truth", value_enum)]
    explain: Explained,
    /// Do not put the objects on other backgrounds.
    #[arg(long)]
    no_backgrounds: bool,
    /// Also take pixels away and give them in the order of the map: some two hundred passes per picture.
    #[arg(long)]
    perturbation: bool,
    /// Use at most this many pictures of each class.
    #[arg(long, value_name = "N")]
    per_class: Option<usize>,
    /// Seed of backgrounds, random maps and intervals.
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// Resamples of the 95 % intervals; 0 for none.
    #[arg(long, default_value_t = 1000, value_name = "N")]
    resamples: usize,
    /// Number of attention heads, where the weights do not tell.
    #[arg(long, value_name = "N")]
    heads: Option<usize>,
    /// Input size in pixels the weights were trained for, where they do not tell: 224 or WIDTHxHEIGHT.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    input: Option<Size>,
    /// auto, cpu, gpu[:INDEX|NAME], cuda[:INDEX] or metal[:INDEX].
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    pub device: Device,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum ProfileName {
    /// The weights' own normalisation, crop and bicubic filter.
    Model,
    /// Mean and standard deviation 0.5, 256 pixels bilinear, centre crop: the paper's for every family.
    Paper,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Explained {
    /// The true class; the predicted one where no truth is known.
    Truth,
    Predicted,
}

impl DataArgs {
    pub fn place(&self) -> Place {
        Place {
            images: self.images.clone(),
            masks: self.masks.clone(),
            labels: self.labels.clone(),
            layout: self.layout,
            first_only: self.profile == ProfileName::Paper,
            per_class: self.per_class,
        }
    }

    pub fn load_options(&self) -> LoadOptions {
        LoadOptions { heads: self.heads, input: self.input }
    }

    pub fn job(&self) -> EvaluateJob {
        EvaluateJob {
            profile: match self.profile {
                ProfileName::Model => Profile::Model,
                ProfileName::Paper => Profile::Paper,
            },
            method: self.method,
            explained: match self.explain {
                Explained::Truth => ExplainedClass::Truth,
                Explained::Predicted => ExplainedClass::Predicted,
            },
            maps: self.masks.is_some() || self.perturbation,
            backgrounds: self.masks.is_some() && !self.no_backgrounds,
            perturbation: self.perturbation,
            seed: self.seed,
            bootstrap: Bootstrap { resamples: self.resamples, seed: self.seed },
            ..EvaluateJob::default()
        }
    }
}
