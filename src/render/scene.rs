//! What the window shows, as plain data: photo, map and view. The GPU's copies belong to [`super::gpu`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ::image::RgbImage;
use fast_image_resize::CropBox;

use super::error::RenderError;
use super::interpolation::GridMap;
use super::mask::{MaskPicture, MaskStyle};
use super::range::ValueRange;
use super::style::Style;
use crate::size::Size;

/// Never the same number twice, so that a copy on the GPU cannot be mistaken for another's.
pub(super) fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A photo to be drawn; share it as `Arc`, because each new one is uploaded anew.
#[derive(Debug)]
pub struct Photo {
    id: u64,
    rgb: Arc<RgbImage>,
}

impl Photo {
    /// Shares the pixels with whoever else holds them.
    pub fn new(rgb: impl Into<Arc<RgbImage>>) -> Self {
        Self { id: next_id(), rgb: rgb.into() }
    }

    pub fn rgb(&self) -> &RgbImage {
        &self.rgb
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }
}

/// Values on a patch grid and where the grid lies on its photo; share it as `Arc`.
#[derive(Debug)]
pub struct HeatMap {
    id: u64,
    grid: Size,
    values: Vec<f32>,
    crop: CropBox,
    own_range: Option<ValueRange>,
}

impl HeatMap {
    /// Row-major values on the patch grid; `crop` is the part of the photo that the grid covers, in its pixels.
    ///
    /// # Errors
    /// When the grid is empty or has another number of cells than there are values.
    pub fn new(values: Vec<f32>, grid: Size, crop: CropBox) -> Result<Self, RenderError> {
        GridMap::new(&values, grid)?;
        let own_range = ValueRange::of(&values);
        Ok(Self { id: next_id(), grid, values, crop, own_range })
    }

    pub fn grid(&self) -> Size {
        self.grid
    }

    pub fn values(&self) -> &[f32] {
        &self.values
    }

    pub fn crop(&self) -> CropBox {
        self.crop
    }

    /// Minimum and maximum; `None` for a flat or broken map, which shows no heat.
    pub fn own_range(&self) -> Option<ValueRange> {
        self.own_range
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }
}

/// Which part of a photo fills a rectangle of the screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ViewTransform {
    /// Where the top left corner of the rectangle lies on the photo, in its pixels: `[x, y]`.
    pub origin: [f64; 2],
    /// Physical pixels of the screen per pixel of the photo.
    pub zoom: f64,
}

/// One picture in the window.
#[derive(Clone, Debug)]
pub struct Layer {
    pub photo: Arc<Photo>,
    pub heat: Option<(Arc<HeatMap>, Style)>,
    pub view: ViewTransform,
    /// Different for each picture of a frame, and the same from frame to frame so that its memory is used again.
    pub slot: u64,
    /// Whether an enlarged photo is smoothed instead of showing its pixels as squares.
    pub smooth: bool,
}

/// A mask over a picture in the window.
#[derive(Clone, Debug)]
pub struct MaskLayer {
    pub mask: Arc<MaskPicture>,
    pub style: MaskStyle,
    /// The same as that of the photo below.
    pub view: ViewTransform,
    /// As [`Layer::slot`], counted for itself.
    pub slot: u64,
}
