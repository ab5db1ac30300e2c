//! What the mask's shader is told about one tile.

use bytemuck::{Pod, Zeroable};

use crate::render::gpu::tiles::Tile;
use crate::render::gpu::uniform::{ScreenRect, TilePlace};
use crate::render::{MaskLayer, ViewTransform};

/// Keep in sync with `MaskLayer` in `shaders/mask.wgsl`, where the fields are explained.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub struct MaskUniform {
    rect_origin: [f32; 2],
    screen_size: [f32; 2],
    quad_min: [f32; 2],
    quad_max: [f32; 2],
    texel_origin: [f32; 2],
    texels_per_pixel: f32,
    padding: u32,
    fill: [f32; 4],
}

impl MaskUniform {
    /// What all tiles of the mask have in common.
    pub fn new(layer: &MaskLayer, rect: ScreenRect, screen: [u32; 2]) -> Self {
        let [r, g, b] = layer.style.colour.map(|channel| f32::from(channel) / 255.0);
        Self {
            rect_origin: rect.origin.map(|side| side as f32),
            screen_size: screen.map(|side| side as f32),
            fill: [r, g, b, layer.style.fill_opacity()],
            ..Self::default()
        }
    }

    /// With what belongs to one tile; `None` if it lies outside of the rectangle.
    pub fn for_tile(&self, tile: &Tile, view: ViewTransform, rect: ScreenRect) -> Option<Self> {
        let TilePlace { quad_min, quad_max, texel_origin, texels_per_pixel } = TilePlace::of(tile, view, rect)?;
        Some(Self { quad_min, quad_max, texel_origin, texels_per_pixel, ..*self })
    }
}
