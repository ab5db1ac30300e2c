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

/// An object that covers more of the photo than this may be its background.
const LARGE: f64 = 0.6;
/// And one that covers less may be an accident.
const SMALL: f64 = 0.02;
/// Below this gap between eigenvalues another cut may be as good.
const NARROW_GAP: f64 = 0.02;

impl Quality {
    /// How much the mask needs a second look, from 0 to 1: the worst of its figures decides.
    pub fn doubt(&self) -> f32 {
        let beyond = |excess: f64, most: f64| (excess / most).clamp(0.0, 1.0);
        let doubts = [
            self.iou_refined.map_or(0.0, |iou| 1.0 - iou),
            self.border_contact,
            beyond(self.area - LARGE, 1.0 - LARGE),
            beyond(SMALL - self.area, SMALL),
            self.eigengap.map_or(0.0, |gap| beyond(NARROW_GAP - gap, NARROW_GAP)),
        ];
        // `max` passes over what is not a number.
        doubts.into_iter().fold(0.0, f64::max).min(1.0) as f32
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_figure_decides_how_doubtful_a_mask_is() {
        let good = Quality { eigengap: Some(0.1), area: 0.3, border_contact: 0.0, iou_refined: Some(1.0) };
        assert_eq!(good.doubt(), 0.0);
        // By hand: 1 − 0.75; 0.25; (0.8 − 0.6) / 0.4; (0.02 − 0.005) / 0.02; (0.02 − 0.01) / 0.02.
        let doubtful = [
            (Quality { iou_refined: Some(0.75), ..good }, 0.25),
            (Quality { border_contact: 0.25, ..good }, 0.25),
            (Quality { area: 0.8, ..good }, 0.5),
            (Quality { area: 0.005, ..good }, 0.75),
            (Quality { eigengap: Some(0.01), ..good }, 0.5),
            (Quality { area: 0.0, border_contact: 0.25, ..good }, 1.0),
        ];
        for (quality, doubt) in doubtful {
            assert!((quality.doubt() - doubt).abs() < 1e-6, "{quality:?}: {}", quality.doubt());
        }
        assert_eq!(Quality { eigengap: None, iou_refined: None, ..good }.doubt(), 0.0);
    }
}
