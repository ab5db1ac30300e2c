//! What a block knows of each patch: queries, keys and values, as unsupervised segmentation reads them.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::engine::{Epilogue, Ops};
use crate::size::Size;

use super::Vit;
use super::engine::{Batch, EngineError};

/// Which part of a block's qkv.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum FeatureKind {
    /// Keys.
    #[default]
    K,
    /// Queries.
    Q,
    /// Values.
    V,
    /// Keys, queries and values side by side.
    Kqv,
}

impl FeatureKind {
    pub const ALL: [Self; 4] = [Self::K, Self::Q, Self::V, Self::Kqv];

    /// The name on the command line and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::K => "k",
            Self::Q => "q",
            Self::V => "v",
            Self::Kqv => "kqv",
        }
    }

    /// The thirds of qkv, in the order of the features.
    const fn thirds(self) -> &'static [usize] {
        match self {
            Self::K => &[1],
            Self::Q => &[0],
            Self::V => &[2],
            Self::Kqv => &[1, 0, 2],
        }
    }
}

/// Where features come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FeatureChoice {
    /// Counted from 0.
    pub block: usize,
    pub kind: FeatureKind,
}

/// The features of one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct PatchFeatures {
    /// In patches; prefix tokens are left out.
    pub grid: Size,
    /// Numbers per patch: the width of a token, heads side by side, three times that for [`FeatureKind::Kqv`].
    pub width: usize,
    /// `[grid.height, grid.width, width]`, row-major.
    pub values: Vec<f32>,
}

impl<O: Ops> Vit<O> {
    /// See [`super::Engine::features`].
    pub(super) fn patch_features(
        &self,
        batch: &Batch,
        choice: FeatureChoice,
    ) -> Result<Vec<PatchFeatures>, EngineError> {
        batch.check(&self.config)?;
        let FeatureChoice { block, kind } = choice;
        let Some(parameters) = self.parameters.blocks.get(block) else {
            return Err(EngineError::NoSuchBlock { block, last: self.config.depth.saturating_sub(1) });
        };
        let tokens = self.tokens_entering(batch, block)?;
        // Of the block itself only the start is computed, and no later one.
        let normed = self.normalise(&tokens, &parameters.norm1)?;
        let qkv = self.ops.linear(&normed, &parameters.qkv.weight, Epilogue::bias(&parameters.qkv.bias))?;
        let qkv = self.ops.read(&qkv)?;
        let per_picture = qkv.len() / batch.count;
        Ok(qkv.chunks_exact(per_picture).map(|qkv| self.cut_out(qkv, batch.size, kind)).collect())
    }

    /// The patches' part of one picture's qkv `[N, 3·D]`.
    fn cut_out(&self, qkv: &[f32], size: Size, kind: FeatureKind) -> PatchFeatures {
        let (dim, prefix) = (self.config.dim, self.config.prefix_tokens());
        let mut values = Vec::with_capacity(self.config.grid_of(size).area() * dim * kind.thirds().len());
        for token in qkv.chunks_exact(3 * dim).skip(prefix) {
            for third in kind.thirds() {
                values.extend_from_slice(&token[third * dim..][..dim]);
            }
        }
        PatchFeatures { grid: self.config.grid_of(size), width: dim * kind.thirds().len(), values }
    }
}
