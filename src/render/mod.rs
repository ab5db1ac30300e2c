//! Pictures of maps from plain arrays: on the CPU for files, on the GPU for the window.

pub mod colour_map;
mod error;
pub mod figure;
pub mod gpu;
pub mod heatmap;
mod interpolation;
mod mask;
mod png;
pub mod range;
pub mod scene;
mod shading;
pub mod style;
mod text;

pub use colour_map::ColourMap;
pub use error::RenderError;
pub use figure::{Figure, Panel, figure, sheet};
pub use heatmap::overlay;
pub use interpolation::GridMap;
pub use mask::{MaskPicture, MaskStyle, mask_over};
pub use png::write_png;
pub use range::{RangeMode, ValueRange};
pub use scene::{HeatMap, Layer, MaskLayer, Photo, ViewTransform};
pub use style::{Blend, Interpolation, MAX_CONTOURS, Style};
