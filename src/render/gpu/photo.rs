//! A photo on the GPU: uploaded a band of rows at a time, so that a large one does not hold up a frame.

use std::collections::VecDeque;
use std::ops::Range;

use ::image::RgbImage;
use eframe::wgpu;
use rayon::prelude::*;

use super::textures::{Uploader, extent};
use super::tiles::{Span, Tile, Tiling};
use crate::size::Size;

/// Texels that one frame may upload: about 17 ms of a software driver, a fraction of one of a graphics card.
const TEXELS_PER_FRAME: usize = 3 << 19;

/// Longest side of what is shown until all bands are there.
const PREVIEW_SIDE: u32 = 512;

/// How much a frame may still upload.
pub struct Allowance(usize);

impl Allowance {
    pub const fn of_a_frame() -> Self {
        Self(TEXELS_PER_FRAME)
    }

    /// How many rows of this length may go up now; never none of a frame that has not begun.
    fn rows(&self, width: usize) -> usize {
        let begins = self.0 == TEXELS_PER_FRAME;
        (self.0 / width.max(1)).max(usize::from(begins))
    }
}

/// A photo in one or more textures, or the part of it that is there already.
pub struct PhotoTextures {
    levels: u32,
    complete: Vec<(Tile, wgpu::BindGroup)>,
    partial: Option<Partial>,
    missing: VecDeque<Tile>,
    /// All of it, coarsely; drawn below the rest until that is complete.
    preview: Option<(Tile, wgpu::BindGroup)>,
}

/// A texture that lacks its last rows.
struct Partial {
    tile: Tile,
    texture: wgpu::Texture,
    rows_done: usize,
}

impl PhotoTextures {
    /// Begins with a photo, and its size in bytes; [`Self::advance`] uploads it.
    pub fn begin(
        uploader: &Uploader<'_>,
        rgb: &RgbImage,
        longest_side: u32,
        encoder: &mut wgpu::CommandEncoder,
    ) -> (Self, u64) {
        let Tiling { levels, tiles } =
            Tiling::new(Size::new(rgb.height() as usize, rgb.width() as usize), longest_side);
        let texels: usize = tiles.iter().map(Tile::texels).sum();
        let preview = (texels > TEXELS_PER_FRAME).then(|| preview(uploader, rgb, encoder));
        let textures = Self { levels, complete: Vec::new(), partial: None, missing: tiles.into(), preview };
        // RGBA; all coarser levels together are a third of the finest.
        (textures, texels as u64 * 4 * 4 / 3)
    }

    /// Uploads more of it, as far as the frame allows; coarser levels are drawn when `encoder` is submitted.
    pub fn advance(
        &mut self,
        uploader: &Uploader<'_>,
        rgb: &RgbImage,
        allowance: &mut Allowance,
        encoder: &mut wgpu::CommandEncoder,
    ) {
        while let Some(mut partial) = self.partial.take().or_else(|| self.start_tile(uploader)) {
            let rows = &partial.tile.rows.held;
            let width = partial.tile.columns.held.len();
            let count = allowance.rows(width).min(rows.len() - partial.rows_done);
            if count == 0 {
                self.partial = Some(partial);
                return;
            }
            let first = rows.start as usize + partial.rows_done;
            let texels = texels(rgb, &partial.tile.columns.held, first..first + count, 1);
            uploader.write_rows(&partial.texture, partial.rows_done as u32, &texels);
            allowance.0 = allowance.0.saturating_sub(width * count);
            partial.rows_done += count;
            if partial.rows_done == rows.len() {
                let bind_group = uploader.finish_photo(&partial.texture, encoder);
                self.complete.push((partial.tile, bind_group));
            } else {
                self.partial = Some(partial);
            }
        }
        self.preview = None;
    }

    /// Whether [`Self::advance`] has nothing left to do.
    pub fn is_complete(&self) -> bool {
        self.partial.is_none() && self.missing.is_empty()
    }

    /// What to draw, one over the other.
    pub fn tiles(&self) -> impl Iterator<Item = &(Tile, wgpu::BindGroup)> {
        self.preview.iter().chain(&self.complete)
    }

    fn start_tile(&mut self, uploader: &Uploader<'_>) -> Option<Partial> {
        let tile = self.missing.pop_front()?;
        let size = extent(tile.columns.held.len() as u32, tile.rows.held.len() as u32);
        Some(Partial { texture: uploader.photo_texture(size, self.levels), tile, rows_done: 0 })
    }
}

/// The photo reduced to one pixel out of each square of `step` × `step`.
fn preview(uploader: &Uploader<'_>, rgb: &RgbImage, encoder: &mut wgpu::CommandEncoder) -> (Tile, wgpu::BindGroup) {
    let step = rgb.width().max(rgb.height()).div_ceil(PREVIEW_SIDE);
    let span = |length: u32| Span { drawn: 0..length, held: 0..length.next_multiple_of(step) };
    let tile = Tile { columns: span(rgb.width()), rows: span(rgb.height()), step };
    let rows = tile.rows.held.len() / step as usize;
    let texture = uploader.photo_texture(extent(tile.columns.held.len() as u32 / step, rows as u32), 1);
    uploader.write_rows(&texture, 0, &texels(rgb, &tile.columns.held, 0..rows, step as usize));
    let bind_group = uploader.finish_photo(&texture, encoder);
    (tile, bind_group)
}

/// Rows of a texture, as opaque RGBA, with one texel for `step` × `step` pixels; `columns` in pixels, `rows` in texels.
/// Beyond the photo's end its last pixels are repeated.
fn texels(rgb: &RgbImage, columns: &Range<u32>, rows: Range<usize>, step: usize) -> Vec<u8> {
    let (last_column, last_row) = (rgb.width() as usize - 1, rgb.height() as usize - 1);
    let stride = 3 * rgb.width() as usize;
    let width = columns.len() / step;
    // Zeros come from the system untouched; any other number would be written here, on the window's thread.
    let mut texels = vec![0; 4 * width * rows.len()];
    let middle = step / 2;
    texels.par_chunks_exact_mut(4 * width).enumerate().for_each(|(row, line)| {
        let y = ((rows.start + row) * step + middle).min(last_row);
        let source = &rgb.as_raw()[stride * y..stride * (y + 1)];
        for (column, texel) in line.chunks_exact_mut(4).enumerate() {
            let x = 3 * (columns.start as usize + column * step + middle).min(last_column);
            texel.copy_from_slice(&[source[x], source[x + 1], source[x + 2], 255]);
        }
    });
    texels
}
