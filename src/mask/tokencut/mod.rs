//! TokenCut: the object as one side of a normalised cut of the patches' features (Wang et al., arXiv 2202.11539).
//!
//! Patches whose features point the same way are joined; the eigenvectors of that graph part it. [`Spectrum`] holds
//! them, [`Spectrum::cut`] is the method, [`Spectrum::part_at`] what a click on another part asks for.

mod affinity;
mod eigen;
mod part;

use crate::size::Size;

use affinity::Affinity;
pub use part::{Cut, MaskProfile};

/// The slow motions of the graph: eigenvectors of (D − A)·y = λ·D·y from the second smallest eigenvalue on.
#[derive(Clone, Debug, PartialEq)]
pub struct Spectrum {
    grid: Size,
    /// Ascending; the smallest, 0 of the constant vector, is left out.
    eigenvalues: Vec<f64>,
    /// Each `[grid.height, grid.width]`; its sign has no meaning.
    vectors: Vec<Vec<f64>>,
}

/// Why there is nothing to cut.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TokenCutError {
    #[error("a grid of {grid} patches cannot be cut; use a larger size")]
    TooFewPatches { grid: Size },
    #[error("{got} numbers are not the features of {grid} patches")]
    WrongLength { got: usize, grid: Size },
    #[error("the features are no finite numbers; the model's weights are damaged, or the block does not exist")]
    NotFinite,
    #[error("the eigenvectors of {grid} patches were not found; use another threshold τ or a smaller size")]
    NotConverged { grid: Size },
    #[error("the threshold τ is a cosine, between -1 and 1, and not {0}")]
    Threshold(f32),
}

impl Spectrum {
    /// `features` has one row per patch, row-major; `tau` is the cosine similarity above which two patches are
    /// joined; `count` eigenvectors are kept, at least the two that the eigengap needs where there are as many.
    ///
    /// # Errors
    /// If the features do not fit the grid or are not finite, or the grid has a single patch.
    pub fn of(features: &[f32], grid: Size, tau: f32, count: usize) -> Result<Self, TokenCutError> {
        let patches = grid.area();
        if patches < 2 {
            return Err(TokenCutError::TooFewPatches { grid });
        }
        if features.is_empty() || !features.len().is_multiple_of(patches) {
            return Err(TokenCutError::WrongLength { got: features.len(), grid });
        }
        if features.iter().any(|value| !value.is_finite()) {
            return Err(TokenCutError::NotFinite);
        }
        if !(-1.0..=1.0).contains(&tau) {
            return Err(TokenCutError::Threshold(tau));
        }
        let affinity = Affinity::of(features, patches, tau);
        let count = count.max(2).min(patches - 1);
        let found = eigen::largest(&affinity.normalised(), &affinity.stationary(), count);
        let found = found.ok_or(TokenCutError::NotConverged { grid })?;
        let eigenvalues = found.iter().map(|pair| 1.0 - pair.value).collect();
        let vectors = found.into_iter().map(|pair| affinity.unweighted(pair.vector)).collect();
        Ok(Self { grid, eigenvalues, vectors })
    }

    /// Of the patches.
    pub fn grid(&self) -> Size {
        self.grid
    }

    /// Ascending, from the second smallest on.
    pub fn eigenvalues(&self) -> &[f64] {
        &self.eigenvalues
    }

    /// λ₃ − λ₂: near 0, another cut is as good; `None` for two patches.
    pub fn eigengap(&self) -> Option<f64> {
        let &[second, third, ..] = &self.eigenvalues[..] else { return None };
        Some(third - second)
    }
}
