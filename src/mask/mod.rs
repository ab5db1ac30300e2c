//! Foreground masks: which pixels of a photo are the object.
//!
//! A [`Mask`] lives in original photo pixels, one [`Label`] per pixel, and is stored lossless: never as polygons.
//! [`MaskFile`] is what lies on the disk: the mask as PNG, and beside it in JSON where it came from
//! ([`Origin`]), what a person thinks of it ([`Review`]) and how well it was found ([`Quality`]).
//!
//! An [`Editor`] paints: strokes of a [`Brush`], and [`Operation`]s at once, each one item of its [`History`]. Only
//! `edit::Painter` writes labels then, so that nothing escapes the history. [`Coverage`] is what the model sees of it.
//!
//! Masks by themselves: a [`Spectrum`] of features is [`Cut`], a [`BilateralSolver`] smooths the cut along the photo's
//! edges, and [`refine()`] decides what of it is kept.

mod bilateral;
mod bitmap;
mod brush;
mod cleanup;
mod colour;
mod components;
mod coverage;
mod cutout;
mod edit;
mod editor;
mod error;
mod exchange;
mod file;
mod fill;
mod history;
mod inpaint;
mod morphology;
mod operation;
mod record;
mod refine;
mod region;
mod runs;
mod shapes;
#[cfg(test)]
mod sketch;
mod store;
mod stroke;
mod threshold;
mod tokencut;

pub use bilateral::{BilateralOptions, BilateralSolver};
pub use bitmap::{Label, Mask};
pub use brush::{Brush, Edge};
pub use components::{BorderContact, Component, Components};
pub use coverage::Coverage;
pub use cutout::{Cutout, LARGEST_OBJECT, SMALLEST_OBJECT};
pub use editor::Editor;
pub use error::{EditError, MaskError};
pub use exchange::{
    CocoShape, ExchangeError, LabelmeShape, Named, read_array, read_coco, read_imagenet_s, read_labelme, write_array,
    write_coco, write_imagenet_s, write_labelme,
};
pub use file::MaskFile;
pub use history::{History, trim_histories};
pub use operation::Operation;
pub use record::{MaskRecord, Origin, Quality, Review};
pub use refine::{Refined, SoftMask, Verdict, border_contact, refine};
pub use region::Region;
pub use store::{MaskState, MaskStore};
pub use threshold::{PatchMap, ThresholdRule, otsu};
pub use tokencut::{Cut, MaskProfile, Spectrum, TokenCutError};
