//! Which patches are alike.

use faer::Mat;

/// The affinity of patches that are not alike: small, so that the graph stays connected.
const UNLIKE: f64 = 1e-5;

/// A: 1 where the cosine similarity exceeds τ, [`UNLIKE`] elsewhere; and the square roots of D, its row sums.
pub(super) struct Affinity {
    similarity: Mat<f32>,
    tau: f32,
    /// √D
    root: Vec<f64>,
}

impl Affinity {
    /// `features` has one row per patch.
    pub(super) fn of(features: &[f32], patches: usize, tau: f32) -> Self {
        let width = features.len() / patches;
        let norms: Vec<f32> = features.chunks_exact(width).map(norm).collect();
        // One column per patch: what lies side by side in memory stays so.
        let unit = Mat::from_fn(width, patches, |row, patch| features[patch * width + row] / norms[patch]);
        let similarity = unit.transpose() * &unit;
        let sum = |patch| (0..patches).map(|other| affinity(similarity[(other, patch)], tau)).sum::<f64>();
        Self { root: (0..patches).map(|patch| sum(patch).sqrt()).collect(), similarity, tau }
    }

    /// D^-½·A·D^-½, symmetric: its eigenvalues are 1 − λ, its eigenvectors D^½·y.
    pub(super) fn normalised(&self) -> Mat<f64> {
        let entry = |i, j| affinity(self.similarity[(i, j)], self.tau) / (self.root[i] * self.root[j]);
        Mat::from_fn(self.root.len(), self.root.len(), entry)
    }

    /// D^½·1, of length 1: the eigenvector to 1 of [`Self::normalised`], which is known and parts nothing.
    pub(super) fn stationary(&self) -> Vec<f64> {
        let length = self.root.iter().map(|root| root * root).sum::<f64>().sqrt();
        self.root.iter().map(|root| root / length).collect()
    }

    /// From D^½·y to y.
    pub(super) fn unweighted(&self, mut vector: Vec<f64>) -> Vec<f64> {
        vector.iter_mut().zip(&self.root).for_each(|(value, root)| *value /= root);
        vector
    }
}

fn affinity(similarity: f32, tau: f32) -> f64 {
    if similarity > tau { 1.0 } else { UNLIKE }
}

/// Length of a patch's features; those of length 0 are like nothing, not like everything.
fn norm(features: &[f32]) -> f32 {
    features.iter().map(|value| value * value).sum::<f32>().sqrt().max(f32::MIN_POSITIVE)
}
