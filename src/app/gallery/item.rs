//! One picture of the gallery and what is known of it.

use std::borrow::Cow;
use std::path::{MAIN_SEPARATOR, Path};

use crate::image::ImageSource;
use crate::mask::MaskState;

/// What a model says a picture shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// Index of the class.
    pub class: usize,
    /// Its probability, 0…1.
    pub confidence: f32,
}

/// Whether a picture can be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ItemState {
    /// Nobody has decoded it yet.
    #[default]
    Unknown,
    /// It does not decode; the reason is a sentence for the user.
    Broken(String),
    Ready,
}

/// A prediction beside the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Right,
    Wrong,
}

/// A picture of the gallery.
#[derive(Clone, Debug)]
pub struct Item {
    pub source: ImageSource,
    /// Class it shows, as its folder or a label file says.
    pub truth: Option<usize>,
    pub prediction: Option<Prediction>,
    pub state: ItemState,
    /// What is known of its mask; `None`: there is none, or nobody has looked yet.
    pub mask: Option<MaskState>,
    /// Path below the opened folder, with `/`.
    relative: Box<str>,
    /// The same in lower case, to search and sort by.
    pub(super) key: Box<str>,
}

impl Item {
    pub(super) fn new(source: ImageSource, root: &Path) -> Self {
        let relative = source.path().strip_prefix(root).unwrap_or(source.path()).to_string_lossy();
        let relative: Box<str> = match MAIN_SEPARATOR {
            '/' => relative.into(),
            separator => relative.replace(separator, "/").into(),
        };
        let key = relative.to_lowercase().into();
        Self { source, truth: None, prediction: None, state: ItemState::default(), mask: None, relative, key }
    }

    /// File name without folders.
    pub fn title(&self) -> Cow<'_, str> {
        self.source.title()
    }

    /// Path below the opened folder, with `/` on every system.
    pub fn relative(&self) -> &str {
        &self.relative
    }

    /// The opened folder.
    pub fn root(&self) -> &Path {
        let path = self.source.path();
        path.ancestors().nth(Path::new(&*self.relative).components().count()).unwrap_or(path)
    }

    /// Folder below the opened folder; empty for pictures directly in it.
    pub fn folder(&self) -> &str {
        self.relative.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Whether the prediction is right, if there is one and the truth is known.
    pub fn verdict(&self) -> Option<Verdict> {
        let right = self.prediction?.class == self.truth?;
        Some(if right { Verdict::Right } else { Verdict::Wrong })
    }

    pub fn is_broken(&self) -> bool {
        matches!(self.state, ItemState::Broken(_))
    }
}
