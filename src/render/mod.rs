//! Pictures of maps, on the CPU, from plain arrays: what the command line writes to disk.

pub mod colour_map;
mod error;
pub mod figure;
pub mod heatmap;
mod png;
mod text;

pub use colour_map::ColourMap;
pub use error::RenderError;
pub use figure::{Figure, figure};
pub use heatmap::{GridMap, Style, ValueRange, overlay};
pub use png::write_png;
