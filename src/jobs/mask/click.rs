//! Masks by click: Segment Anything, with the photo's embedding kept between clicks.

use std::path::{Path, PathBuf};

use crate::image::Picture;
use crate::mask::{MaskFile, PatchMap, Quality, Review, border_contact};
use crate::segment::{Embedding, Prompt, SegmentAnything};
use crate::vit::hub::{Hub, SEGMENTER};

use super::workbench::AutoMask;
use super::{AutoMaskError, record};

/// Where the object is, and whose weights answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClickOptions {
    /// A weight file of MobileSAM; `None`: the one that `vitrine models get mobile-sam` fetched.
    pub weights: Option<PathBuf>,
    pub prompt: Prompt,
}

/// The model and the photo it knows. `K` tells photos apart.
pub struct Clicker<K> {
    weights: PathBuf,
    model: SegmentAnything,
    embedding: Option<(K, Embedding)>,
}

impl<K: PartialEq> Clicker<K> {
    /// Reads the weights.
    ///
    /// # Errors
    /// If there are none, which the message tells how to get, or the file holds something else.
    pub fn open(weights: Option<&Path>) -> Result<Self, AutoMaskError> {
        let path = weights_path(weights)?;
        Ok(Self { model: SegmentAnything::open(&path)?, weights: path, embedding: None })
    }

    /// Whether it was made of these weights.
    pub fn is_of(&self, weights: Option<&Path>) -> bool {
        weights_path(weights).is_ok_and(|path| path == self.weights)
    }

    /// The mask that fits a prompt. The first for a photo takes as long as its embedding.
    ///
    /// # Errors
    /// If the prompt is empty or the photo cannot be prepared.
    pub fn mask(&mut self, key: K, photo: &Picture, image: &Path, prompt: &Prompt) -> Result<AutoMask, AutoMaskError> {
        let embedding = match self.embedding.take() {
            Some((of, embedding)) if of == key => embedding,
            _ => self.model.embed(photo)?,
        };
        let segment = self.model.segment(&embedding, prompt);
        self.embedding = Some((key, embedding));
        let segment = segment?;
        let map =
            PatchMap { values: &segment.logits, grid: segment.grid, patch: segment.cell, framing: &segment.framing };
        let mask = map.above(0.0);
        let quality =
            Quality { eigengap: None, area: mask.area(), border_contact: border_contact(&mask), iou_refined: None };
        let plural = if prompt.points.len() == 1 { "" } else { "s" };
        let clicks = match (prompt.points.len(), prompt.area.is_some()) {
            (count, false) => format!("{count} point{plural}"),
            (0, true) => "a box".to_owned(),
            (count, true) => format!("a box and {count} point{plural}"),
        };
        let words = format!("segment anything (MobileSAM), {clicks}, expected IoU {:.2}", segment.expected_iou);
        let review = if mask.is_empty() { Review::NeedsReview } else { Review::None };
        let record = record(image.to_owned(), words, quality, review);
        Ok(AutoMask { coarse: mask.clone(), file: MaskFile { mask, record }, found: None })
    }
}

fn weights_path(weights: Option<&Path>) -> Result<PathBuf, AutoMaskError> {
    match weights {
        Some(path) => Ok(path.to_owned()),
        None => Ok(Hub::from_env(None)?.find(SEGMENTER.name)?.join(SEGMENTER.weights)),
    }
}
