//! What the user does to masks, as data.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::image::Position;
use crate::mask::{Label, Operation, Review};
use crate::render::MaskStyle;

use super::auto::AutoOptions;

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
    /// Tells the method that finds masks where the object is.
    Point,
}

impl MaskTool {
    pub const ALL: [Self; 9] = [
        Self::Brush,
        Self::Eraser,
        Self::Lasso,
        Self::Polygon,
        Self::Rectangle,
        Self::Ellipse,
        Self::Bucket,
        Self::FillContour,
        Self::Point,
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
            Self::Point => "Point",
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
            Self::Point => "Click on the part that the automatic mask is to take; Alt: what it is not",
        }
    }

    /// Whether it has a diameter.
    pub const fn is_round(self) -> bool {
        matches!(self, Self::Brush | Self::Eraser)
    }
}

/// How brush and eraser end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum BrushEdge {
    #[default]
    Hard,
    /// With a rim that no loss counts.
    Soft,
    /// Where the photo's colours change.
    Aware,
}

impl BrushEdge {
    pub const ALL: [Self; 3] = [Self::Hard, Self::Soft, Self::Aware];

    pub const fn title(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
            Self::Aware => "follow edges",
        }
    }

    pub const fn help(self) -> &'static str {
        match self {
            Self::Hard => "At its circle",
            Self::Soft => "With a rim of ignored pixels, for borders that are nobody's for sure, such as fur",
            Self::Aware => "Where the photo's colours change",
        }
    }
}

/// The numbers of the tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PaintOptions {
    pub edge: BrushEdge,
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
        Self { edge: BrushEdge::default(), edge_tolerance: 24, bucket_tolerance: 24, reach: 3 }
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
    /// Finds the mask of this image; from then on it follows the options until somebody paints.
    Auto,
    AutoOptions(Box<AutoOptions>),
    /// The object, or what it is not, lies here.
    Point {
        at: Position,
        is_object: bool,
    },
    /// A box around the object, by two opposite corners.
    Around(Position, Position),
    ForgetPoints,
    /// Finds the masks of all shown images that have none, in the background; `overwrite`: of the others too.
    AutoAll {
        overwrite: bool,
    },
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
