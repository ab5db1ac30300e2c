//! Jobs over many pictures that wait behind every view: one picture, and the next job's turn comes.

use super::batch::Batch;
use super::compare::CompareBatch;
use super::interactive::{Interactive, Models};

/// A job in the background.
pub enum Background {
    Explain(Box<Batch>),
    Compare(Box<CompareBatch>),
}

impl Background {
    /// Works on the next picture; `None` once nothing is left, which the window has been told then.
    pub fn advance(self, models: &Models, interactive: &mut Interactive) -> Option<Self> {
        match self {
            Self::Explain(batch) => batch.advance(models, interactive).map(Self::Explain),
            Self::Compare(batch) => batch.advance(models, interactive).map(Self::Compare),
        }
    }
}
