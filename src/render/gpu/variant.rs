//! The choices for which the heat shader is compiled.

use crate::render::{Interpolation, Layer};

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
    Heat {
        interpolation: Interpolation,
        contours: bool,
    },
}

impl Variant {
    /// The one that draws this layer.
    pub fn of(layer: &Layer) -> Self {
        let content = match &layer.heat {
            None => Content::PhotoOnly,
            Some((map, _)) if map.own_range().is_none() => Content::CropOnly,
            Some((_, style)) => {
                Content::Heat { interpolation: style.interpolation, contours: !style.contours.is_empty() }
            }
        };
        Self { content, squares: layer.view.zoom >= SQUARES_FROM_ZOOM && !layer.smooth }
    }

    /// The values of the shader's `override`s.
    pub fn constants(self) -> [(&'static str, f64); 4] {
        let (content, interpolation, contours) = match self.content {
            Content::PhotoOnly => (0, Interpolation::default(), false),
            Content::CropOnly => (1, Interpolation::default(), false),
            Content::Heat { interpolation, contours } => (2, interpolation, contours),
        };
        let interpolation = match interpolation {
            Interpolation::Patches => 0,
            Interpolation::Bilinear => 1,
            Interpolation::Bicubic => 2,
        };
        [
            ("CONTENT", f64::from(content)),
            ("SAMPLING", f64::from(!self.squares)),
            ("INTERPOLATION", f64::from(interpolation)),
            ("WITH_CONTOURS", f64::from(contours)),
        ]
    }
}
