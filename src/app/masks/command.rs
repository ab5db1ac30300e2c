//! What the user does to masks, as data.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::image::Position;
use crate::mask::{Label, Operation, Review};
use crate::render::MaskStyle;

/// What the pointer paints on the canvas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskTool {
    Brush,
    Eraser,
    /// A free outline.
    Lasso,
    /// An outline of straight lines, corner by corner.
    Polygon,
    Rectangle,
    Ellipse,
    /// What looks like the clicked place and is connected to it.
    Bucket,
    /// What a closed contour encloses.
    FillContour,
}

impl MaskTool {
    pub const ALL: [Self; 8] = [
        Self::Brush,
        Self::Eraser,
        Self::Lasso,
        Self::Polygon,
        Self::Rectangle,
        Self::Ellipse,
        Self::Bucket,
        Self::FillContour,
    ];

    pub const fn title(self) -> &'static str {
        match self {
            Self::Brush => "Brush",
            Self::Eraser => "Eraser",
            Self::Lasso => "Lasso",
            Self::Polygon => "Polygon",
            Self::Rectangle => "Rectangle",
            Self::Ellipse => "Ellipse",
            Self::Bucket => "Bucket",
            Self::FillContour => "Fill contour",
        }
    }

    pub const fn help(self) -> &'static str {
        match self {
            Self::Brush => "Paint; Shift draws a straight line from the last stroke's end",
            Self::Eraser => "Paint background",
            Self::Lasso => "Draw around an area; Alt erases it",
            Self::Polygon => "Click corner by corner; Enter or a double click closes, Backspace takes a corner back",
            Self::Rectangle => "Drag from corner to corner; Shift makes a square, Alt erases",
            Self::Ellipse => "Drag from corner to corner; Shift makes a circle, Alt erases",
            Self::Bucket => "Click: what looks alike and is connected",
            Self::FillContour => "Click into a closed contour",
        }
    }

    /// Whether it has a diameter.
    pub const fn is_round(self) -> bool {
        matches!(self, Self::Brush | Self::Eraser)
    }
}

/// The numbers of the tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PaintOptions {
    /// The brush stops at edges of the photo.
    pub follows_edges: bool,
    /// By how much a colour may differ for the brush to go on, 0…255 in each channel.
    pub edge_tolerance: u8,
    /// The same for the bucket.
    pub bucket_tolerance: u8,
    /// How far growing, shrinking and smoothing reach, in photo pixels.
    pub reach: usize,
}

impl Default for PaintOptions {
    /// A tolerance of 24 passes over the noise of JPEG and stops at visible edges.
    fn default() -> Self {
        Self { follows_edges: false, edge_tolerance: 24, bucket_tolerance: 24, reach: 3 }
    }
}

/// Something the user wants of masks. Positions are in photo pixels.
#[derive(Clone, Debug, PartialEq)]
pub enum MaskCommand {
    /// The button went down: a stroke of the chosen brush begins, or goes on straight from where the last one ended.
    Begin {
        at: Position,
        straight: bool,
    },
    /// The brush moved on.
    To(Position),
    /// The button was let go: the stroke is one item of the history.
    End,
    /// The stroke never was.
    Abort,
    Apply(Operation),
    /// The mask of the image before this one, in the order of the gallery.
    CopyPrevious,
    Undo,
    Redo,
    /// What tools paint from now on.
    Label(Label),
    NextLabel,
    Options(PaintOptions),
    Review(Review),
    /// To the next image whose mask waits for a judgement, the most doubtful first.
    NextInQueue,
    /// Moves the files of this image's mask aside and begins anew.
    SetAside,
    Style(MaskStyle),
    /// Shows or hides masks.
    Toggle,
    /// Lets the user choose where masks lie.
    AskFolder,
    /// Where masks of image files lie; `None`: beside the images.
    Folder(Option<PathBuf>),
}
