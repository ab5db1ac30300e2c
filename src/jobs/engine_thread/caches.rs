//! What the engine thread remembers: photos, prepared inputs, logits, recordings and finished maps.

use std::sync::Arc;

use crate::image::{self, ImageError, ImageSource, Prepared, Stamp};
use crate::jobs::lru::Lru;
use crate::jobs::mask::{Clicker, Workbench};
use crate::jobs::model::{LoadedModel, Profile};
use crate::relevance::{Explanation, Method, MethodOptions, Recording};
use crate::vit::Objective;

use super::event::DecodedPhoto;
use super::occlusion::{Fill, Occlusion};
use super::request::{ExplainRequest, ModelId};

const MEGABYTE: usize = 1 << 20;
/// About five photos of 24 megapixels.
const PHOTOS_BYTES: usize = 400 * MEGABYTE;
/// About eighty pictures at 224 pixels.
const INPUTS_BYTES: usize = 64 * MEGABYTE;
/// About a dozen pictures through ViT-B at 224 pixels, a hundred through ViT-Ti.
const RECORDINGS_BYTES: usize = 600 * MEGABYTE;
const SMALL_BYTES: usize = 16 * MEGABYTE;
/// What an entry of a few numbers takes besides them.
const ENTRY_BYTES: usize = 512;

/// A photo as it was when it was decoded.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PhotoKey {
    source: ImageSource,
    /// Someone may be editing the file.
    stamp: Stamp,
}

/// Everything that decides about the numbers that enter a model.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct InputKey {
    model: ModelId,
    photo: PhotoKey,
    occlusion: Option<(u64, Fill)>,
    profile: Profile,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RecordingKey {
    pub input: InputKey,
    /// `None` for a model without a head.
    pub objective: Option<Objective>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MapKey {
    pub input: InputKey,
    pub objective: Option<Objective>,
    pub method: Method,
    options: OptionsKey,
}

/// The numbers of [`MethodOptions`] that the methods of [`MapKey`] read: all but start, muting and first block.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct OptionsKey([u64; 9]);

impl MapKey {
    pub fn new(input: InputKey, objective: Option<Objective>, method: Method, options: &MethodOptions) -> Self {
        // All are named, so that a new one is not forgotten. The size of batches decides about rounding only.
        let MethodOptions {
            start: _,
            muted: _,
            first_block: _,
            steps,
            samples,
            noise,
            window,
            stride,
            masks,
            cells,
            visible,
            batch_size: _,
            seed,
        } = options;
        let [steps, samples, window, stride, masks, cells] =
            [steps, samples, window, stride, masks, cells].map(|count| *count as u64);
        let (noise, visible) = (u64::from(noise.to_bits()), visible.to_bits());
        let options = OptionsKey([steps, samples, noise, window, stride, masks, cells, visible, *seed]);
        Self { input, objective, method, options }
    }
}

pub struct Caches {
    photos: Lru<PhotoKey, Arc<DecodedPhoto>>,
    inputs: Lru<InputKey, Arc<Prepared>>,
    logits: Lru<InputKey, Arc<[f32]>>,
    pub recordings: Lru<RecordingKey, Arc<Recording>>,
    /// Of methods that need more than a recording.
    maps: Lru<MapKey, Arc<Explanation>>,
    /// The photo whose mask was found last: its next mask differs by a slider.
    pub workbench: Option<(ModelId, PhotoKey, Workbench)>,
    /// Segment Anything and the photo that was clicked last.
    pub clicker: Option<Clicker<PhotoKey>>,
}

impl PhotoKey {
    pub fn of(source: &ImageSource) -> Self {
        Self { source: source.clone(), stamp: source.stamp() }
    }
}

impl InputKey {
    pub fn of(request: &ExplainRequest, photo: PhotoKey) -> Self {
        let occlusion = painted(request).map(|occlusion| (occlusion.version, occlusion.fill));
        Self { model: request.model, photo, occlusion, profile: request.profile }
    }

    /// Whether this is an earlier state of the same strokes.
    fn is_superseded_by(&self, newer: &Self) -> bool {
        let both_painted = self.occlusion.is_some() && newer.occlusion.is_some();
        both_painted
            && self.occlusion != newer.occlusion
            && Self { occlusion: newer.occlusion, ..self.clone() } == *newer
    }
}

/// Nothing painted is the same as no occlusion.
fn painted(request: &ExplainRequest) -> Option<&Occlusion> {
    request.occlusion.as_deref().filter(|occlusion| !occlusion.strokes.is_empty())
}

impl Caches {
    pub fn new() -> Self {
        Self {
            photos: Lru::new(PHOTOS_BYTES),
            inputs: Lru::new(INPUTS_BYTES),
            logits: Lru::new(SMALL_BYTES),
            recordings: Lru::new(RECORDINGS_BYTES),
            maps: Lru::new(SMALL_BYTES),
            workbench: None,
            clicker: None,
        }
    }

    pub fn photo(&mut self, key: &PhotoKey) -> Result<Arc<DecodedPhoto>, ImageError> {
        if let Some(photo) = self.photos.get(key) {
            return Ok(photo.clone());
        }
        let photo = Arc::new(DecodedPhoto { source: key.source.clone(), picture: key.source.decode()? });
        self.photos.insert(key.clone(), photo.clone(), photo.picture.rgb.as_raw().len());
        Ok(photo)
    }

    /// The photo with the request's occlusion, prepared under its profile.
    pub fn input(
        &mut self,
        key: &InputKey,
        request: &ExplainRequest,
        model: &LoadedModel,
        photo: &DecodedPhoto,
    ) -> Result<Arc<Prepared>, ImageError> {
        if let Some(prepared) = self.inputs.get(key) {
            return Ok(prepared.clone());
        }
        let preparation = model.preparation(request.profile);
        let prepared = Arc::new(match painted(request) {
            Some(occlusion) => image::prepare(&occlusion.apply(&photo.picture, preparation.mean), &preparation)?,
            None => image::prepare(&photo.picture, &preparation)?,
        });
        let bytes = size_of::<f32>() * prepared.input.len() + prepared.preview().as_raw().len();
        self.inputs.insert(key.clone(), prepared.clone(), bytes);
        Ok(prepared)
    }

    pub fn logits(&mut self, key: &InputKey) -> Option<Arc<[f32]>> {
        self.logits.get(key).cloned()
    }

    pub fn keep_logits(&mut self, key: &InputKey, logits: &[f32]) {
        self.logits.insert(key.clone(), logits.into(), ENTRY_BYTES + size_of_val(logits));
    }

    /// Keeps a recording, and none of earlier states of the same strokes: a brush makes many, each many megabytes.
    pub fn keep_recording(&mut self, key: RecordingKey, recording: Arc<Recording>) {
        self.recordings.retain(|known| !known.input.is_superseded_by(&key.input));
        let bytes = recording.bytes();
        self.recordings.insert(key, recording, bytes);
    }

    pub fn map(&mut self, key: &MapKey) -> Option<Arc<Explanation>> {
        self.maps.get(key).cloned()
    }

    pub fn keep_map(&mut self, key: MapKey, explanation: Arc<Explanation>) {
        let numbers = explanation.logits.len() + 2 * explanation.map.values.len();
        self.maps.insert(key, explanation, ENTRY_BYTES + size_of::<f32>() * numbers);
    }

    /// Forgets a model.
    pub fn unload(&mut self, model: ModelId) {
        self.inputs.retain(|key| key.model != model);
        self.weights_changed(model);
    }

    /// Forgets what a model computed; its prepared inputs stay.
    pub fn weights_changed(&mut self, model: ModelId) {
        self.logits.retain(|key| key.model != model);
        self.recordings.retain(|key| key.input.model != model);
        self.maps.retain(|key| key.input.model != model);
        self.workbench.take_if(|(of, ..)| *of == model);
    }
}
