//! Foreground masks: which pixels of a photo are the object.
//!
//! A [`Mask`] lives in original photo pixels, one [`Label`] per pixel, and is stored lossless: never as polygons.
//! [`MaskFile`] is what lies on the disk: the mask as PNG, and beside it in JSON where it came from
//! ([`Origin`]), what a person thinks of it ([`Review`]) and how well it was found ([`Quality`]).
//!
//! An [`Editor`] paints: strokes of a [`Brush`], and [`Operation`]s at once, each one item of its [`History`]. Only
//! `edit::Painter` writes labels then, so that nothing escapes the history. [`Coverage`] is what the model sees of it.

mod bitmap;
mod brush;
mod cleanup;
mod colour;
mod components;
mod coverage;
mod edit;
mod editor;
mod error;
mod file;
mod fill;
mod history;
mod morphology;
mod operation;
mod record;
mod region;
mod runs;
mod shapes;
#[cfg(test)]
mod sketch;
mod store;
mod stroke;

pub use bitmap::{Label, Mask};
pub use brush::{Brush, Edge};
pub use components::{BorderContact, Component, Components};
pub use coverage::Coverage;
pub use editor::Editor;
pub use error::{EditError, MaskError};
pub use file::MaskFile;
pub use history::{History, trim_histories};
pub use operation::Operation;
pub use record::{MaskRecord, Origin, Quality, Review};
pub use region::Region;
pub use store::{MaskState, MaskStore};
