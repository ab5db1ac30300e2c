//! The embedded demo: a small model that learned a shortcut, and photos that show it.
//!
//! Twelve kinds of animals stand on backgrounds that tell the animal in 92 of 100 training pictures.
//! The model reads the background: it is right on the *correlated* photos and often wrong on the
//! *counter-correlated* ones, where every animal stands on another's background. Finetuning its
//! relevance onto the animals, most of them put on other backgrounds, mends much of that.
//! `examples/build_demo` made everything here.

use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use serde::{Deserialize, Serialize};

use crate::files::write_atomically;

static MODEL: &[u8] = include_bytes!("../assets/demo/model.safetensors");
static CONFIG: &str = include_str!("../assets/demo/config.json");
static FIGURES: &str = include_str!("../assets/demo/demo.json");
static PHOTOS: Dir = include_dir!("$CARGO_MANIFEST_DIR/assets/demo/photos");
static MASKS: Dir = include_dir!("$CARGO_MANIFEST_DIR/assets/demo/masks");

/// What can go wrong with the demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(
        "the embedded demo is damaged: {problem}; \
         rebuild it with `cargo run --release --example build_demo`: demo.json"
    )]
    Figures { problem: serde_json::Error },
    #[error(
        "the embedded demo lists a file it does not contain; \
         rebuild it with `cargo run --release --example build_demo`: {path}"
    )]
    Missing { path: String },
    #[error("cannot write a file of the demo: {source}; choose a folder you may write to: {}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
}

/// Results of the demo.
pub type Result<T> = std::result::Result<T, DemoError>;

/// A group of photos by what their background says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Set {
    /// Each animal on its own background.
    Correlated,
    /// Each animal on the background of another one.
    Counter,
}

impl Set {
    /// The folder that holds the set.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Correlated => "correlated",
            Self::Counter => "counter",
        }
    }
}

/// One photo with its exact mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoPhoto {
    /// File stem, unique within a set, such as `fox-2`.
    pub name: String,
    pub set: Set,
    /// The animal, one of the model's class names.
    pub class: String,
    /// The kind of background, such as `night_city`.
    pub background: String,
    pub jpeg: &'static [u8],
    /// One grey channel of the photo's size: 255 on the animal, 0 elsewhere.
    pub mask_png: &'static [u8],
}

/// What was measured when the demo was built (`demo.json`).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Figures {
    pub seed: u64,
    /// The command that builds this demo again.
    pub command: String,
    /// Number of weights.
    pub parameters: usize,
    /// Share of training pictures in which the background tells the animal.
    pub correlation: f32,
    /// Accuracy on held-out pictures with the correlation of the training pictures.
    pub correlated: Score,
    /// Accuracy on held-out pictures in which every background misleads.
    pub counter: Score,
    #[serde(skip_serializing)]
    photos: Vec<PhotoRecord>,
}

/// Share of right answers.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Score {
    /// In [0, 1].
    pub accuracy: f64,
    /// Number of pictures judged.
    pub pictures: usize,
}

#[derive(Clone, Debug, Deserialize)]
struct PhotoRecord {
    name: String,
    set: Set,
    class: String,
    scene: Scene,
}

/// The part of a photo's recipe that is of interest here.
#[derive(Clone, Debug, Deserialize)]
struct Scene {
    background: String,
}

/// The model: safetensors in half precision with timm's names.
pub fn model_bytes() -> &'static [u8] {
    MODEL
}

/// The model's `config.json`: number of heads, preprocessing, class names.
pub fn config_json() -> &'static str {
    CONFIG
}

/// The measured accuracies.
///
/// # Errors
/// [`DemoError::Figures`] if the embedded `demo.json` does not parse.
pub fn figures() -> Result<Figures> {
    serde_json::from_str(FIGURES).map_err(|problem| DemoError::Figures { problem })
}

/// All photos, the correlated ones first, classes taking turns.
///
/// # Errors
/// [`DemoError::Figures`] or [`DemoError::Missing`] if the embedded files contradict each other.
pub fn photos() -> Result<Vec<DemoPhoto>> {
    figures()?.photos.into_iter().map(DemoPhoto::find).collect()
}

impl DemoPhoto {
    fn find(record: PhotoRecord) -> Result<Self> {
        let PhotoRecord { name, set, class, scene } = record;
        let stem = format!("{}/{class}/{name}", set.folder());
        let jpeg = embedded(&PHOTOS, format!("{stem}.jpg"))?;
        let mask_png = embedded(&MASKS, format!("{stem}.png"))?;
        Ok(Self { name, set, class, background: scene.background, jpeg, mask_png })
    }

    /// Where the photo lies below `photos/` (`.jpg`) and its mask below `masks/` (`.png`), without ending.
    pub fn stem(&self) -> String {
        format!("{}/{}/{}", self.set.folder(), self.class, self.name)
    }
}

fn embedded(dir: &'static Dir, path: String) -> Result<&'static [u8]> {
    dir.get_file(&path).map(include_dir::File::contents).ok_or(DemoError::Missing { path })
}

/// Writes `model.safetensors`, `config.json`, `demo.json`, `photos/<set>/<class>/<name>.jpg` and
/// `masks/<set>/<class>/<name>.png` into a folder, which is made if need be; each file atomically.
///
/// # Errors
/// [`DemoError::Write`] with the first file that could not be written.
pub fn export(folder: &Path) -> Result<()> {
    write(&folder.join("model.safetensors"), MODEL)?;
    write(&folder.join("config.json"), CONFIG.as_bytes())?;
    write(&folder.join("demo.json"), FIGURES.as_bytes())?;
    for photo in photos()? {
        let stem = photo.stem();
        write(&folder.join(format!("photos/{stem}.jpg")), photo.jpeg)?;
        write(&folder.join(format!("masks/{stem}.png")), photo.mask_png)?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomically(path, bytes).map_err(|source| DemoError::Write { path: path.to_owned(), source })
}
