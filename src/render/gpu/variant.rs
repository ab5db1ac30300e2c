//! The choices for which the heat shader is compiled.

use crate::render::{Blend, Interpolation, Layer, MAX_CONTOURS};

/// From this many screen pixels per photo pixel on, pixels are shown as squares.
const SQUARES_FROM_ZOOM: f64 = 3.0;

/// One combination of choices; keep in sync with the `override`s in `shaders/heatmap.wgsl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Variant {
    content: Content,
    /// Whether the pixels of the photo are squares, or else filtered.
    squares: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Content {
    PhotoOnly,
    /// A map that is flat or broken: its crop is known, and nothing is hot.
    CropOnly,
    Heat(HeatVariant),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct HeatVariant {
    interpolation: Interpolation,
    blend: Blend,
    signed_colours: bool,
    contours: usize,
}

impl Variant {
    /// The one that draws this layer.
    pub fn of(layer: &Layer) -> Self {
        let content = match &layer.heat {
            None => Content::PhotoOnly,
            Some((map, _)) if map.own_range().is_none() => Content::CropOnly,
            Some((_, style)) => Content::Heat(HeatVariant {
                interpolation: style.interpolation,
                blend: style.blend,
                signed_colours: style.colours.is_signed(),
                contours: style.contours.len().min(MAX_CONTOURS),
            }),
        };
        Self { content, squares: layer.view.zoom >= SQUARES_FROM_ZOOM && !layer.smooth }
    }

    /// The values of the shader's `override`s.
    pub fn constants(self) -> [(&'static str, f64); 6] {
        let (content, heat) = match self.content {
            Content::PhotoOnly => (0, HeatVariant::default()),
            Content::CropOnly => (1, HeatVariant::default()),
            Content::Heat(heat) => (2, heat),
        };
        let interpolation = match heat.interpolation {
            Interpolation::Patches => 0,
            Interpolation::Bilinear => 1,
            Interpolation::Bicubic => 2,
        };
        let blend = match heat.blend {
            Blend::Overlay => 0,
            Blend::Multiply => 1,
        };
        [
            ("CONTENT", f64::from(content)),
            ("SAMPLING", f64::from(!self.squares)),
            ("INTERPOLATION", f64::from(interpolation)),
            ("BLEND", f64::from(blend)),
            ("SIGNED_COLOURS", f64::from(heat.signed_colours)),
            ("CONTOURS", heat.contours as f64),
        ]
    }
}
