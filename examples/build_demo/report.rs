//! What `demo.json` records, and words for the terminal.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use crate::export::write_atomically;
use crate::scene::Scene;

/// The contents of `demo.json`; `src/demo.rs` reads it, keep in sync.
#[derive(Serialize)]
pub struct Report {
    pub seed: u64,
    pub command: String,
    pub parameters: usize,
    /// Share of pictures, in training and in the correlated test set, with the animal's own background.
    pub correlation: f32,
    pub training_pictures: usize,
    pub training_steps: usize,
    pub batch: usize,
    /// Test set with the correlation of the training set.
    pub correlated: Score,
    /// Test set in which every background belongs to another animal.
    pub counter: Score,
    pub photos: Vec<PhotoRecord>,
}

/// Share of right answers among so many pictures.
#[derive(Serialize)]
pub struct Score {
    pub accuracy: f64,
    pub pictures: usize,
}

/// One shipped photo and all that it was drawn from.
#[derive(Serialize)]
pub struct PhotoRecord {
    pub name: String,
    pub set: &'static str,
    pub class: &'static str,
    pub scene: Scene,
}

impl Report {
    pub fn write(&self, path: &Path) -> Result<()> {
        write_atomically(path, serde_json::to_string_pretty(self)?.as_bytes())
    }
}

impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} % of {}", 100.0 * self.accuracy, self.pictures)
    }
}

/// Progress for the person at the terminal.
#[expect(clippy::print_stdout, reason = "the terminal is this program's only window")]
pub fn say(line: &str) {
    println!("{line}");
}
