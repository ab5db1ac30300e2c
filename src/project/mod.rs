//! The project file: which photos, masks, labels and models belong together, and what the window showed of them.
//!
//! A small JSON file with the ending `.vitrine`. Paths below its folder are relative to it, so that a folder with
//! photos, masks and project can be moved as a whole.

mod autosave;
mod error;
mod file;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use autosave::{Autosave, Due};
pub use error::ProjectError;

/// The ending of project files.
pub const EXTENSION: &str = "vitrine";

/// Whether a path is called like a project.
pub fn is_project_path(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(EXTENSION))
}

/// What belongs together. Paths are absolute here and relative in the file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Project {
    /// Files and folders; none: the photos of the embedded demo.
    pub images: Vec<PathBuf>,
    /// The folder of the masks.
    pub masks: Option<PathBuf>,
    /// A table of file names and labels.
    pub labels: Option<PathBuf>,
    /// The main model first.
    pub models: Vec<Weights>,
    /// The image that was looked at.
    pub selected: Option<PathBuf>,
    /// What was shown and how, in the window's own words.
    pub window: serde_json::Value,
}

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weights {
    /// The demo model inside the program.
    Embedded,
    /// A name of `vitrine models list`.
    Named(String),
    /// A file or folder.
    File(PathBuf),
}
