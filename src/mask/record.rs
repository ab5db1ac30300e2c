//! What is known about a mask beside its pixels.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where a mask came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Painted by a person, from nothing.
    #[default]
    Human,
    /// Found by a method.
    Auto,
    /// Found by a method, then changed by a person.
    Edited,
    /// Read from a file of another program.
    Imported,
}

impl Origin {
    /// Of a mask that a person has just changed.
    pub fn edited(self) -> Self {
        match self {
            Self::Human => Self::Human,
            Self::Auto | Self::Edited | Self::Imported => Self::Edited,
        }
    }
}

/// What a person thinks of a mask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Review {
    #[default]
    None,
    NeedsReview,
    Accepted,
    Rejected,
}

impl Review {
    pub const ALL: [Self; 4] = [Self::None, Self::NeedsReview, Self::Accepted, Self::Rejected];
}

/// How sure the method that found a mask could be; orders the review queue.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// λ₃ − λ₂ of the graph: near 0, the cut is one of several as good.
    pub eigengap: Option<f64>,
    /// Share of the photo that is foreground, 0…1.
    pub area: f64,
    /// Share of the photo's border that is foreground, 0…1.
    pub border_contact: f64,
    /// Agreement of the coarse and the refined mask, 0…1; `None`: not refined.
    pub iou_refined: Option<f64>,
}

/// The JSON beside a mask.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MaskRecord {
    /// The photo it belongs to, as it was named when the mask was made.
    pub image: PathBuf,
    pub origin: Origin,
    pub review: Review,
    /// How it was made, in words for people: `tokencut, k of block 10, τ 0.2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
}
