//! Which number of a class is explained.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::Objective;

/// Which number of a class is explained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Score {
    /// The raw logit: what speaks for the class, whatever the others get.
    #[default]
    Logit,
    /// The softmax probability: what speaks for the class against all others.
    Probability,
}

impl Score {
    pub const ALL: [Self; 2] = [Self::Logit, Self::Probability];

    /// The name on the command line, in files and on buttons.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logit => "logit",
            Self::Probability => "probability",
        }
    }
}

impl Objective {
    /// Why `target` (rather than `contrast`). A contrast is one of logits, whatever the score.
    pub fn of(target: usize, contrast: Option<usize>, score: Score) -> Self {
        match (contrast, score) {
            (Some(other), _) => Self::Contrast(target, other),
            (None, Score::Logit) => Self::Logit(target),
            (None, Score::Probability) => Self::Probability(target),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contrast_comes_before_the_score() {
        assert_eq!(Objective::of(3, None, Score::Logit), Objective::Logit(3));
        assert_eq!(Objective::of(3, None, Score::Probability), Objective::Probability(3));
        assert_eq!(Objective::of(3, Some(5), Score::Probability), Objective::Contrast(3, 5));
    }
}
