use std::path::PathBuf;

use crate::size::Size;

/// Why a figure could not be drawn or written.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error("a map of {count} values does not fill a grid of {grid} patches")]
    WrongLength { count: usize, grid: Size },

    #[error("a picture of {size} pixels cannot be drawn on")]
    NoPixels { size: Size },

    #[error("the picture could not be scaled: {0}")]
    Resize(#[from] fast_image_resize::ResizeError),

    #[error("the built-in typeface could not be read: {0}")]
    Typeface(#[from] ab_glyph::InvalidFont),

    #[error("the figure could not be encoded as PNG: {0}")]
    Encode(#[from] ::image::ImageError),

    #[error("the figure cannot be written ({source}); check the folder and the space on the disk: {}", path.display())]
    Write { source: std::io::Error, path: PathBuf },
}
