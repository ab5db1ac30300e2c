//! Small pictures of pinned photos with their maps, side by side: what a checkpoint looks at.

use std::path::Path;

use ::image::{RgbImage, imageops};
use fast_image_resize::CropBox;

use crate::image::{ImageSource, Prepared, prepare};
use crate::relevance::RelevanceMap;
use crate::render::{GridMap, Style, overlay, write_png};
use crate::vit::{Batch, Objective, TraceOptions, argmax};

use super::model::{LoadedModel, Profile};

/// Height of a strip in pixels.
const HEIGHT: u32 = 160;
/// More photos make a strip that nobody reads.
const MOST: usize = 12;

/// Draws the predicted class's map of every photo into one PNG; photos that cannot be read are left out.
///
/// # Errors
/// If the device fails or the file cannot be written.
pub fn write(path: &Path, photos: &[ImageSource], model: &LoadedModel, profile: Profile) -> std::io::Result<()> {
    let preparation = model.preparation(profile);
    let readable = photos.iter().take(MOST).filter_map(|photo| prepare(&photo.decode().ok()?, &preparation).ok());
    let tiles = readable.map(|prepared| tile(&prepared, model)).collect::<std::io::Result<Vec<_>>>()?;
    let width = tiles.iter().map(RgbImage::width).sum::<u32>();
    if width == 0 {
        return Ok(());
    }
    let mut strip = RgbImage::new(width, HEIGHT);
    let mut left = 0;
    for tile in &tiles {
        imageops::replace(&mut strip, tile, left, 0);
        left += i64::from(tile.width());
    }
    write_png(path, &strip).map_err(std::io::Error::other)
}

fn tile(prepared: &Prepared, model: &LoadedModel) -> std::io::Result<RgbImage> {
    let batch = Batch { pixels: prepared.input.clone(), count: 1, size: prepared.size };
    let predicted = |_: usize, logits: &[f32]| Objective::Logit(argmax(logits));
    let traces = model.engine.trace(&batch, &predicted, &TraceOptions::relevance()).map_err(std::io::Error::other)?;
    let config = model.engine.config();
    let row = traces.first().and_then(|trace| trace.relevance.first());
    let values = row.and_then(|row| row.get(config.prefix_tokens()..)).unwrap_or_default().to_vec();
    let map = RelevanceMap { grid: config.grid_of(prepared.size), values };
    let seen = prepared.preview();
    let whole = CropBox { left: 0.0, top: 0.0, width: f64::from(seen.width()), height: f64::from(seen.height()) };
    let grid = GridMap::new(&map.values, map.grid).map_err(std::io::Error::other)?;
    let heated = overlay(seen, grid, whole, &Style::default()).map_err(std::io::Error::other)?;
    let width = (heated.width() * HEIGHT / heated.height().max(1)).max(1);
    Ok(imageops::resize(&heated, width, HEIGHT, imageops::FilterType::Triangle))
}
