//! The rows of attention maps that the attention methods read, and their means.

use std::ops::Range;

use crate::size::Size;
use crate::vit::{EngineError, Pooling, Start, VitConfig};

/// The query rows that stand for the prediction (or for one token), within maps `[h, N, N]`.
pub(super) struct Rows {
    queries: Range<usize>,
    prefix: usize,
    tokens: usize,
    heads: usize,
}

impl Rows {
    pub fn of(config: &VitConfig, grid: Size, start: Start) -> Result<Self, EngineError> {
        let prefix = config.prefix_tokens();
        let tokens = prefix + grid.area();
        let queries = match start {
            Start::Token(token) if token >= tokens => {
                return Err(EngineError::NoSuchToken { token, tokens });
            }
            Start::Token(token) => token..token + 1,
            Start::Readout if config.pooling == Pooling::MeanOfPatches => prefix..tokens,
            Start::Readout => 0..1,
        };
        Ok(Self { queries, prefix, tokens, heads: config.heads })
    }

    /// Raw attention: mean over the heads and the rows of A `[h, N, N]`.
    pub fn mean_attention(&self, attention: &[f32]) -> Vec<f32> {
        self.mean_over_rows(attention, |_| 1.0, |value| value)
    }

    /// Attention Grad-CAM from A and ∂y/∂A, both `[h, N, N]`.
    pub fn gradcam(&self, attention: &[f32], gradient: &[f32]) -> Vec<f32> {
        self.mean_over_rows(attention, |head| self.mean(gradient, head), |sum| sum.max(0.0))
    }

    /// One query's values at the patches.
    fn patches<'m>(&self, maps: &'m [f32], head: usize, query: usize) -> &'m [f32] {
        &maps[(head * self.tokens + query) * self.tokens..][self.prefix..self.tokens]
    }

    /// Over these rows' patches in one head.
    fn mean(&self, maps: &[f32], head: usize) -> f32 {
        let values = self.queries.clone().flat_map(|query| self.patches(maps, head, query));
        values.sum::<f32>() / (self.queries.len() * (self.tokens - self.prefix)) as f32
    }

    /// Per patch: weighted mean over the heads, then `rectify`, then the mean over the rows.
    fn mean_over_rows(&self, maps: &[f32], weight: impl Fn(usize) -> f32, rectify: impl Fn(f32) -> f32) -> Vec<f32> {
        let weights: Vec<f32> = (0..self.heads).map(|head| weight(head) / self.heads as f32).collect();
        let mut mean = vec![0.0; self.tokens - self.prefix];
        for query in self.queries.clone() {
            let mut row = vec![0.0; mean.len()];
            for (head, weight) in weights.iter().enumerate() {
                row.iter_mut().zip(self.patches(maps, head, query)).for_each(|(sum, a)| *sum += weight * a);
            }
            mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += rectify(value) / self.queries.len() as f32);
        }
        mean
    }
}
