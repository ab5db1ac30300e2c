//! What the user asks of the gallery.

use super::view::{Direction, Filter, Sort};

/// A step through the shown pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// So many forward, or back if negative: 1 for the next one, the number of columns for the row below.
    By(isize),
    First,
    Last,
}

/// A wish of the user; [`super::Gallery::apply`] fulfils those that concern the gallery alone.
#[derive(Clone, Debug, PartialEq)]
pub enum GalleryCommand {
    /// The index of an item, as in [`super::Gallery::order`].
    Select(usize),
    Move(Move),
    Search(String),
    Filter(Filter),
    Sort(Sort, Direction),
    /// Side of a cell in points.
    CellSide(f32),
    /// For the shell: let the user choose pictures.
    OpenImages,
    /// For the shell: let the user choose a folder.
    OpenFolder,
    /// For the shell: stop the listing.
    StopListing,
}
