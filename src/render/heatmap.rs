//! Heat over a photo, computed on the CPU at the photo's own pixels: what figures and exports show.
//!
//! The window draws the same with `shaders/heatmap.wgsl`; keep in sync. `tests/heatmap_twin.rs` compares them.

use ::image::{Rgb, RgbImage};
use fast_image_resize::CropBox;
use rayon::prelude::*;

use super::error::RenderError;
use super::interpolation::{EDGE_BIAS, GridMap};
use super::shading::{Colour, Shading, dimmed, mix};
use super::style::Style;
use crate::size::Size;

/// The photo with heat inside of `crop` (in the photo's pixels), and dimmed outside of it if the style says so.
///
/// Corners of map and crop coincide, neighbours are clamped at the border. A flat map gives no heat, and so does one
/// with a value that is not finite.
///
/// # Errors
/// When the photo has no pixels.
pub fn overlay(photo: &RgbImage, map: GridMap<'_>, crop: CropBox, style: &Style) -> Result<RgbImage, RenderError> {
    let size = Size::new(photo.height() as usize, photo.width() as usize);
    if size.area() == 0 {
        return Err(RenderError::NoPixels { size });
    }
    let columns = GridAxis::new(crop.left, crop.width, map.grid().width);
    let rows = GridAxis::new(crop.top, crop.height, map.grid().height);
    let shading = map.range(style.colours).map(|own_range| Shading::new(style, own_range));
    let step = [rows.step(), columns.step()];

    let shade = |x: usize, y: usize, photo: Colour| match (rows.position(y), columns.position(x), &shading) {
        (Some(row), Some(column), Some(shading)) => shading.pixel(photo, &map, [row, column], step),
        (Some(_), Some(_), None) => photo,
        _ if style.dim_unseen => dimmed(photo),
        _ => photo,
    };
    let mut picture = photo.clone();
    picture.par_chunks_exact_mut(3 * size.width).enumerate().for_each(|(y, line)| {
        for (x, pixel) in line.chunks_exact_mut(3).enumerate() {
            let colour = shade(x, y, [pixel[0], pixel[1], pixel[2]].map(f32::from));
            pixel.copy_from_slice(&colour.map(|channel| channel.round() as u8));
        }
    });
    Ok(picture)
}

/// Where pixels lie on the patch grid, along one axis.
struct GridAxis {
    start: f64,
    patches_per_pixel: f64,
    patches: usize,
}

impl GridAxis {
    fn new(start: f64, length: f64, patches: usize) -> Self {
        Self { start, patches_per_pixel: patches as f64 / length, patches }
    }

    /// The centre of a pixel in units of patches, `None` outside of the crop.
    fn position(&self, pixel: usize) -> Option<f32> {
        let position = ((pixel as f64 + 0.5 - self.start) * self.patches_per_pixel) as f32;
        (0.0..self.patches as f32).contains(&(position + EDGE_BIAS)).then_some(position)
    }

    /// One pixel in units of patches.
    fn step(&self) -> f32 {
        self.patches_per_pixel as f32
    }
}

/// `colour` over `pixel`.
pub(super) fn blend(pixel: Rgb<u8>, colour: [u8; 3], opacity: f32) -> Rgb<u8> {
    let channel = |i: usize| mix(f32::from(pixel[i]), f32::from(colour[i]), opacity).round() as u8;
    Rgb([channel(0), channel(1), channel(2)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crop_begins_and_ends_with_the_pixels_whose_centres_it_holds() {
        let inside = |start, length| {
            let axis = GridAxis::new(start, length, 2);
            (0..10).filter(|&pixel| axis.position(pixel).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(inside(2.0, 4.0), [2, 3, 4, 5]);
        // Centres of pixels right on the edges 2.5 and 6.5: the first belongs to it, the last does not.
        assert_eq!(inside(2.5, 4.0), [2, 3, 4, 5]);
        assert_eq!(inside(-3.0, 20.0), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn what_the_model_did_not_see_fades_only_on_request() {
        let photo = RgbImage::from_pixel(4, 1, Rgb([200, 180, 160]));
        let map = GridMap::new(&[0.0, 1.0], Size::new(1, 2)).unwrap();
        let crop = CropBox { left: 2.0, top: 0.0, width: 2.0, height: 1.0 };
        let first = |dim_unseen| {
            let style = Style { dim_unseen, ..Style::default() };
            overlay(&photo, map, crop, &style).unwrap().get_pixel(0, 0).0
        };
        assert_eq!(first(false), [200, 180, 160]);
        // Luma 0.299·200 + 0.587·180 + 0.114·160 = 183.7; 160 + 0.3·23.7 = 167.1
        assert_eq!(first(true), [167; 3]);
    }
}
