//! The demo's main job: explain every embedded photo and say how much of the relevance lies on the animal.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::demo::{self, DemoError, DemoPhoto, Set};
use crate::eval::relevance_mass;
use crate::image::{self, ImageError, ImageSource};
use crate::relevance::RelevanceMap;
use crate::size::Size;

use super::Cancel;
use super::explain::{Event, ExplainError, ExplainJob, Explained, Explainer};
use super::inputs::Input;
use super::model::LoadedModel;

/// What one half of the demo's photos shows.
#[derive(Clone, Debug, Serialize)]
pub struct SetSummary {
    pub set: Set,
    pub photos: usize,
    pub right: usize,
    /// Wrong answers that name the class the background belongs to.
    pub named_the_background: usize,
    /// Mean share of the relevance that lies on the animal.
    pub relevance_on_animal: f64,
    /// Mean share of the picture that the animal covers: what a map that looks everywhere would get.
    pub area_of_animal: f64,
}

/// Why the demo did not run.
#[derive(Debug, thiserror::Error)]
pub enum DemoRunError {
    #[error(transparent)]
    Demo(#[from] DemoError),
    #[error(transparent)]
    Photo(#[from] ExplainError),
    #[error("the mask of an embedded photo does not decode; download the program anew: {0}")]
    Mask(ImageError),
    #[error("the demo's photos cannot be explained: {0}")]
    Job(#[from] super::explain::JobError),
}

/// Exports the demo into `folder` and explains its photos into `folder/explained`.
///
/// `on_photo` is called with each photo, its truth and its report.
///
/// # Errors
/// If the folder cannot be written or a photo not be explained.
pub fn run(
    model: &LoadedModel,
    folder: &Path,
    on_photo: &mut dyn FnMut(&DemoPhoto, &Explained),
) -> Result<Vec<SetSummary>, DemoRunError> {
    demo::export(folder)?;
    let photos = demo::photos()?;
    let inputs: Vec<Input> = photos
        .iter()
        .map(|photo| {
            let stem = PathBuf::from(photo.stem());
            Input { source: ImageSource::file(folder.join("photos").join(format!("{}.jpg", photo.stem()))), stem }
        })
        .collect();
    let job = ExplainJob { out: Some(folder.join("explained")), ..ExplainJob::default() };
    let mut explained = Vec::with_capacity(photos.len());
    let mut failure = None;
    let cancel = Cancel::default();
    Explainer::new(model, &job)?.run(&inputs, &cancel, &mut |event| match event {
        Event::Explained { index, explained: done } => {
            on_photo(&photos[index], &done);
            explained.push((index, done));
        }
        Event::Failed { error, .. } => {
            failure = Some(error);
            cancel.cancel();
        }
        Event::Started { .. } | Event::Advanced(_) => {}
    });
    if let Some(error) = failure {
        return Err(error.into());
    }
    let owners = owners_of_backgrounds(&photos);
    let of_set =
        |set| explained.iter().map(|(index, done)| (&photos[*index], &**done)).filter(move |(p, _)| p.set == set);
    Ok(vec![
        summarise(Set::Correlated, of_set(Set::Correlated), model, &owners)?,
        summarise(Set::Counter, of_set(Set::Counter), model, &owners)?,
    ])
}

/// The class that each background tells: the one it goes with most often on the correlated photos.
fn owners_of_backgrounds(photos: &[DemoPhoto]) -> BTreeMap<&str, &str> {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for photo in photos.iter().filter(|photo| photo.set == Set::Correlated) {
        *counts.entry((&photo.background, &photo.class)).or_default() += 1;
    }
    let mut ranked: Vec<_> = counts.into_iter().collect();
    ranked.sort_by_key(|(_, count)| *count); // The last and largest count stays in the map.
    ranked.into_iter().map(|(pair, _)| pair).collect()
}

fn summarise<'a>(
    set: Set,
    photos: impl Iterator<Item = (&'a DemoPhoto, &'a Explained)>,
    model: &LoadedModel,
    owners: &BTreeMap<&str, &str>,
) -> Result<SetSummary, DemoRunError> {
    let mut summary =
        SetSummary { set, photos: 0, right: 0, named_the_background: 0, relevance_on_animal: 0.0, area_of_animal: 0.0 };
    let config = model.engine.config();
    for (photo, explained) in photos {
        let predicted = explained.report.top.first().map(|top| top.name.as_str());
        summary.photos += 1;
        summary.right += usize::from(predicted == Some(photo.class.as_str()));
        let owner = owners.get(photo.background.as_str()).copied();
        summary.named_the_background += usize::from(owner != Some(photo.class.as_str()) && predicted == owner);
        if let Some((share, area)) = on_animal(photo, &explained.map, config.input, config.patch)? {
            summary.relevance_on_animal += share;
            summary.area_of_animal += area;
        }
    }
    let count = summary.photos.max(1) as f64;
    summary.relevance_on_animal /= count;
    summary.area_of_animal /= count;
    Ok(summary)
}

/// Share of the relevance and of the area that the photo's mask covers; the demo's photos are square and uncropped.
/// `None` if the mask is empty.
fn on_animal(
    photo: &DemoPhoto,
    map: &RelevanceMap,
    input: Size,
    patch: Size,
) -> Result<Option<(f64, f64)>, DemoRunError> {
    let mask = image::decode(photo.mask_png, Path::new(&photo.name)).map_err(DemoRunError::Mask)?.rgb;
    let inside = |y: usize, x: usize| {
        let column = (x as u32 * mask.width() + mask.width() / 2) / input.width as u32;
        let row = (y as u32 * mask.height() + mask.height() / 2) / input.height as u32;
        mask.get_pixel(column.min(mask.width() - 1), row.min(mask.height() - 1)).0[0] > 127
    };
    let mask: Vec<bool> =
        (0..input.height).flat_map(|y| (0..input.width).map(move |x| (y, x))).map(|(y, x)| inside(y, x)).collect();
    Ok(relevance_mass(&map.upsample(patch), &mask).map(|mass| (mass.share, mass.baseline)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_that_does_not_decode_is_an_error() {
        let mut photo = demo::photos().unwrap().remove(0);
        let (input, patch) = (Size::square(32), Size::square(16));
        let map = RelevanceMap { grid: Size::square(2), values: vec![1.0; 4] };
        // A map that is the same everywhere has the share of the area.
        let (share, area) = on_animal(&photo, &map, input, patch).unwrap().unwrap();
        assert!((share - area).abs() < 1e-6, "{share} and {area}, up to rounding in f32");
        photo.mask_png = b"no picture";
        let message = on_animal(&photo, &map, input, patch).unwrap_err().to_string();
        assert!(message.contains("mask") && message.ends_with(&photo.name), "{message}");
    }
}
