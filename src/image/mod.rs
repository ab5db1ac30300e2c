//! Picture files to model input: decode, resize and crop like the reference implementation, and remember the geometry.
//!
//! [`load()`] → [`prepare()`] → [`Prepared`]: the normalised input, and the [`Framing`] that leads from a pixel of the
//! original photo to the pixel and patch of the model and back.

mod error;
pub mod framing;
mod jpeg;
pub mod list;
pub mod load;
pub mod prepare;
mod source;

pub use error::ImageError;
pub use framing::{Framing, PatchIndex, Position};
pub use list::{is_image_path, list_images, list_readable_images};
pub use load::{Picture, decode, load};
pub use prepare::{Filter, Preparation, Prepared, Resize, prepare, prepare_framed};
pub use source::{ImageSource, Stamp};
