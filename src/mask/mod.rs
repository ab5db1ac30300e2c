//! Foreground masks: which pixels of a photo are the object.
//!
//! A [`Mask`] lives in original photo pixels, one [`Label`] per pixel, and is stored lossless: never as polygons.
//! [`MaskFile`] is what lies on the disk: the mask as PNG, and beside it in JSON where it came from
//! ([`Origin`]), what a person thinks of it ([`Review`]) and how well it was found ([`Quality`]).

mod bitmap;
mod error;
mod file;
mod record;
mod region;
mod store;

pub use bitmap::{Label, Mask};
pub use error::MaskError;
pub use file::MaskFile;
pub use record::{MaskRecord, Origin, Quality, Review};
pub use region::Region;
pub use store::{MaskState, MaskStore};
