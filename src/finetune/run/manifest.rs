//! What a run was asked to do and with what: everything needed to repeat it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::image::ImageSource;

use super::super::config::FinetuneConfig;
use super::super::error::DataError;
use super::super::hash;
use super::super::sample::{MaskSource, Sample};
use super::super::split::Split;
use super::error::RunError;

/// Of the layout of the run folder.
pub const VERSION: u32 = 1;

/// `manifest.json`; written once, when the run begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub version: u32,
    /// Name and version of the program.
    pub program: String,
    pub model: ModelRecord,
    /// Where the run branched off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    pub config: FinetuneConfig,
    /// Per channel, for values in 0…1.
    pub mean: [f32; 3],
    pub std: [f32; 3],
    pub train: Vec<SampleRecord>,
    pub validation: Vec<SampleRecord>,
    pub hold_out: Vec<SampleRecord>,
}

/// The model before the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelRecord {
    pub name: String,
    /// What loads it again: a path, a curated name; absent for the embedded demo.
    pub source: Option<String>,
    /// SHA-256 over names, shapes and numbers, whatever file they were in.
    pub sha256: String,
}

/// A checkpoint of another run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parent {
    pub run: PathBuf,
    pub step: usize,
}

/// A photo with its mask, by content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleRecord {
    pub name: String,
    pub image: PathBuf,
    pub sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<MaskFileRecord>,
    pub class: usize,
    pub class_name: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaskFileRecord {
    pub path: PathBuf,
    pub sha256: String,
}

impl SampleRecord {
    /// # Errors
    /// If photo or mask is in memory only (see `super::files`) or cannot be read.
    pub fn of(sample: &Sample, class_name: &str) -> Result<Self, DataError> {
        let image = absolute(sample.image.path());
        let mask = match &sample.mask {
            Some(MaskSource::File(path)) => Some(MaskFileRecord { path: absolute(path), sha256: hash::of_file(path)? }),
            _ => None,
        };
        let sha256 = hash::of_file(&image)?;
        Ok(Self { name: sample.name.clone(), image, sha256, mask, class: sample.class, class_name: class_name.into() })
    }

    fn sample(&self) -> Sample {
        let mask = self.mask.as_ref().map(|mask| MaskSource::File(mask.path.clone()));
        Sample { name: self.name.clone(), image: ImageSource::file(&self.image), mask, class: self.class }
    }

    /// Whether photo and mask are still what the run began with.
    fn check(&self) -> Result<(), RunError> {
        let mask = self.mask.as_ref().map(|mask| (&mask.path, &mask.sha256));
        for (path, sha256) in std::iter::once((&self.image, &self.sha256)).chain(mask) {
            if hash::of_file(path)? != *sha256 {
                return Err(RunError::Changed { path: path.clone() });
            }
        }
        Ok(())
    }
}

/// A run may be resumed from another folder.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl Manifest {
    /// The photos again.
    ///
    /// # Errors
    /// If one of them, or a mask, is gone or was changed since the run began.
    pub fn split(&self) -> Result<Split, RunError> {
        for record in self.train.iter().chain(&self.validation).chain(&self.hold_out) {
            record.check()?;
        }
        let samples = |records: &[SampleRecord]| records.iter().map(SampleRecord::sample).collect();
        let (train, validation, hold_out) = (samples(&self.train), samples(&self.validation), samples(&self.hold_out));
        Ok(Split { train, validation, hold_out })
    }
}
