//! What can be done to a mask at once, as plain data.

use std::sync::Arc;

use ::image::RgbImage;

use super::bitmap::{Label, Mask};
use super::colour::fitting;
use super::edit::Painter;
use super::error::EditError;
use super::{cleanup, fill, morphology, shapes};
use crate::image::Position;

/// An edit that needs no dragging. Positions and lengths are in photo pixels.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Also the lasso: the outline is closed by itself, and by the even–odd rule it may cross itself.
    Polygon { points: Vec<Position>, label: Label },
    /// Between two opposite corners.
    Rectangle { from: Position, to: Position, label: Label },
    /// In the rectangle between two opposite corners.
    Ellipse { from: Position, to: Position, label: Label },
    /// What is connected to a pixel and differs from its colour by at most `tolerance` (0…255) in each of red, green
    /// and blue. Needs the photo.
    Bucket { at: Position, tolerance: u8, label: Label },
    /// The background around a pixel that foreground encloses.
    FillContour { at: Position, label: Label },
    /// Background within this distance of the foreground joins it.
    Grow(usize),
    /// Foreground within this distance of the background joins it. The photo's border is no background.
    Shrink(usize),
    /// Each pixel joins the majority of those at most this far away, along rows and columns.
    Smooth(usize),
    /// Enclosed background, of each part at most `largest` pixels (`None`: any number), becomes foreground.
    FillHoles { largest: Option<usize> },
    /// Of the foreground only the largest connected part stays.
    KeepLargest,
    /// Swaps foreground and background; what is ignored stays so.
    Invert,
    /// One label everywhere; clearing is filling with [`Label::Background`].
    Fill(Label),
    /// Another mask's labels, stretched to this photo if it has another size.
    Replace(Arc<Mask>),
}

impl Operation {
    /// All background.
    pub const CLEAR: Self = Self::Fill(Label::Background);

    pub(super) fn paint(&self, painter: &mut Painter, photo: Option<&RgbImage>) -> Result<(), EditError> {
        match self {
            Self::Polygon { points, label } => shapes::polygon(painter, points, *label),
            Self::Rectangle { from, to, label } => shapes::rectangle(painter, *from, *to, *label),
            Self::Ellipse { from, to, label } => shapes::ellipse(painter, *from, *to, *label),
            Self::Bucket { at, tolerance, label } => {
                fill::bucket(painter, fitting(photo, painter.size())?, *at, *tolerance, *label)?;
            }
            Self::FillContour { at, label } => fill::fill_contour(painter, *at, *label)?,
            Self::Grow(radius) => morphology::spread(painter, Label::Foreground, Label::Background, *radius),
            Self::Shrink(radius) => morphology::spread(painter, Label::Background, Label::Foreground, *radius),
            Self::Smooth(radius) => morphology::smooth(painter, *radius),
            Self::FillHoles { largest } => cleanup::fill_holes(painter, *largest),
            Self::KeepLargest => cleanup::keep_largest(painter),
            Self::Invert => cleanup::invert(painter),
            Self::Fill(label) => cleanup::fill(painter, *label),
            Self::Replace(mask) => cleanup::replace(painter, mask),
        }
        Ok(())
    }
}
