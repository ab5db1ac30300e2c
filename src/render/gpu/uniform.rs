//! What the shader is told about one tile of one picture.

use bytemuck::{Pod, Zeroable};

use super::tiles::Tile;
use crate::render::scene::{HeatMap, Layer, ViewTransform};
use crate::render::shading::Numbers;
use crate::render::style::{MAX_CONTOURS, Style};
use crate::render::{ColourMap, ValueRange};

/// Keep in sync with `Layer` in `shaders/heatmap.wgsl`, where the fields are explained.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub struct LayerUniform {
    rect_origin: [f32; 2],
    screen_size: [f32; 2],
    quad_min: [f32; 2],
    quad_max: [f32; 2],
    texel_origin: [f32; 2],
    texels_per_pixel: f32,
    level: f32,
    grid_origin: [f32; 2],
    patches_per_pixel: [f32; 2],
    range_low: f32,
    range_high: f32,
    gamma: f32,
    threshold: f32,
    opacity: f32,
    dim_unseen: u32,
    colours: u32,
    padding: u32,
    contours: [f32; MAX_CONTOURS],
}

/// A rectangle of the target in physical pixels, which may reach beyond it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScreenRect {
    /// `[left, top]`
    pub origin: [f64; 2],
    /// `[width, height]`
    pub size: [f64; 2],
}

/// Where a tile appears, and where its texels lie; as the shaders' fields of these names.
pub struct TilePlace {
    pub quad_min: [f32; 2],
    pub quad_max: [f32; 2],
    pub texel_origin: [f32; 2],
    pub texels_per_pixel: f32,
}

impl TilePlace {
    /// `None` if it lies outside of the rectangle.
    pub fn of(tile: &Tile, view: ViewTransform, rect: ScreenRect) -> Option<Self> {
        let spans = [&tile.columns, &tile.rows];
        let on_screen = |axis: usize, photo_pixel: u32| {
            let pixel = (f64::from(photo_pixel) - view.origin[axis]) * view.zoom;
            rect.origin[axis] + pixel.clamp(0.0, rect.size[axis])
        };
        let quad_min = [0, 1].map(|axis| on_screen(axis, spans[axis].drawn.start));
        let quad_max = [0, 1].map(|axis| on_screen(axis, spans[axis].drawn.end));
        let step = f64::from(tile.step);
        let visible = quad_min[0] < quad_max[0] && quad_min[1] < quad_max[1];
        visible.then(|| Self {
            quad_min: quad_min.map(|side| side as f32),
            quad_max: quad_max.map(|side| side as f32),
            texel_origin: [0, 1].map(|axis| ((view.origin[axis] - f64::from(spans[axis].held.start)) / step) as f32),
            texels_per_pixel: (view.zoom * step).recip() as f32,
        })
    }
}

impl LayerUniform {
    /// What all tiles of the picture have in common.
    pub fn new(layer: &Layer, rect: ScreenRect, screen: [u32; 2]) -> Self {
        let mut uniform = Self {
            rect_origin: rect.origin.map(|side| side as f32),
            screen_size: screen.map(|side| side as f32),
            ..Self::default()
        };
        if let Some((map, style)) = &layer.heat {
            uniform.set_heat(map, style, layer.view);
        }
        uniform
    }

    /// With what belongs to one tile; `None` if it lies outside of the rectangle.
    pub fn for_tile(&self, tile: &Tile, view: ViewTransform, rect: ScreenRect) -> Option<Self> {
        let place = TilePlace::of(tile, view, rect)?;
        Some(Self {
            quad_min: place.quad_min,
            quad_max: place.quad_max,
            texel_origin: place.texel_origin,
            texels_per_pixel: place.texels_per_pixel,
            level: place.texels_per_pixel.log2().max(0.0),
            ..*self
        })
    }

    fn set_heat(&mut self, map: &HeatMap, style: &Style, view: ViewTransform) {
        let (crop, grid) = (map.crop(), map.grid());
        let patches_per_photo_pixel = [grid.width as f64 / crop.width, grid.height as f64 / crop.height];
        let from_crop = [view.origin[0] - crop.left, view.origin[1] - crop.top];
        self.grid_origin = [0, 1].map(|axis| (from_crop[axis] * patches_per_photo_pixel[axis]) as f32);
        self.patches_per_pixel = patches_per_photo_pixel.map(|patches| (patches / view.zoom) as f32);
        self.dim_unseen = u32::from(style.dim_unseen);
        if let Some(own_range) = map.own_range() {
            self.set_style(style, own_range.for_colours(style.colours));
        }
    }

    fn set_style(&mut self, style: &Style, own_range: ValueRange) {
        let Numbers { range, opacity, gamma, threshold } = Numbers::of(style, own_range);
        (self.range_low, self.range_high) = (range.low, range.high);
        (self.opacity, self.gamma, self.threshold) = (opacity, gamma, threshold);
        self.colours = colour_row(style.colours);
        for (slot, level) in self.contours.iter_mut().zip(&style.contours) {
            *slot = *level;
        }
    }
}

/// Which row of the colour tables holds this map.
fn colour_row(colours: ColourMap) -> u32 {
    // A map that is missing from the list gives the row after the last, which the shader shows as an error.
    ColourMap::ALL.iter().take_while(|map| **map != colours).count() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_that_of_the_shader() {
        // Eight rows of 16 bytes, as WGSL lays out the fields in order; arrays of vectors begin at multiples of 16.
        assert_eq!(size_of::<LayerUniform>(), 128);
        assert_eq!(std::mem::offset_of!(LayerUniform, contours), 96);
    }
}
