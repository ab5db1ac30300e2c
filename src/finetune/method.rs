//! The choices of a loss, under the names that flags, files and panels use.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What pulls the model's attention onto the object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LossMethod {
    /// The paper's: L_bg and L_fg on the relevance map, and the classification term.
    #[default]
    Relevance,
    /// mean((g·S̄)²), g the input gradient of the labels' logits, with true second-order terms (Simpson et al.).
    Gradmask,
    /// Σ (g·S̄)², g the input gradient of the summed log-probabilities («right for the right reasons», Ross et al.).
    Rrr,
    /// The label's cross entropy alone: the control.
    CrossEntropy,
}

/// Which class the classification term pulls towards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ClassTarget {
    /// The model's own current answer (hard, detached): confidence without a label, as in the paper.
    #[default]
    Predicted,
    /// The label.
    GroundTruth,
}

/// What the background term makes of mask pixels between 0 and 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum MaskProfile {
    /// S̄ = 1 − S.
    #[default]
    Complement,
    /// The released code's: 1 becomes 0, 0 becomes 1, values between stay as they are.
    Paper,
}

impl MaskProfile {
    /// S̄ of a mask pixel S.
    pub fn background(self, mask: f32) -> f32 {
        match self {
            Self::Paper if mask > 0.0 && mask < 1.0 => mask,
            Self::Paper | Self::Complement => 1.0 - mask,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profiles_differ_on_soft_pixels_only() {
        let both = |s| (MaskProfile::Complement.background(s), MaskProfile::Paper.background(s));
        assert_eq!((both(0.0), both(1.0)), ((1.0, 1.0), (0.0, 0.0)));
        assert_eq!(both(0.25), (0.75, 0.25));
    }
}
