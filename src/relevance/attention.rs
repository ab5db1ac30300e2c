//! Methods that read attention: rollout, raw attention, attention Grad-CAM.

use std::ops::Range;

use crate::vit::{EngineError, KeepMaps, Pooling, Start, TraceOptions};

use super::session::Session;
use super::{Explanation, RelevanceError, RelevanceMap};

pub(super) fn rollout(session: &mut Session<'_>) -> Result<Vec<Explanation>, RelevanceError> {
    let (grid, prefix) = (session.grid(), session.engine.config().prefix_tokens());
    let options = TraceOptions { start: session.options.start, rollout: true, ..TraceOptions::default() };
    session.announce(1);
    session.trace_each(&options, |_, trace| {
        let values = trace.rollout[prefix..].to_vec();
        Explanation { logits: trace.logits, map: RelevanceMap { grid, values }, signed: None }
    })
}

/// Mean over the heads, and over the query rows the classifier reads.
pub(super) fn raw_attention(session: &mut Session<'_>) -> Result<Vec<Explanation>, RelevanceError> {
    let (grid, rows) = (session.grid(), Rows::of(session)?);
    let options = TraceOptions { attention: KeepMaps::Last, ..TraceOptions::default() };
    session.announce(1);
    session.trace_each(&options, |_, trace| {
        let values = rows.mean_over_rows(&trace.attention[0], |_| 1.0, |value| value);
        Explanation { logits: trace.logits, map: RelevanceMap { grid, values }, signed: None }
    })
}

/// Head weight: mean of ∂y/∂A over the same rows' patches. Rectified in every row, then the mean over rows.
pub(super) fn gradcam(session: &mut Session<'_>) -> Result<Vec<Explanation>, RelevanceError> {
    let (grid, rows) = (session.grid(), Rows::of(session)?);
    let options = TraceOptions { attention: KeepMaps::Last, gradients: KeepMaps::Last, ..TraceOptions::default() };
    session.announce(1);
    session.trace_each(&options, |_, trace| {
        let gradient = &trace.gradients[0];
        let values = rows.mean_over_rows(&trace.attention[0], |head| rows.mean(gradient, head), |sum| sum.max(0.0));
        Explanation { logits: trace.logits, map: RelevanceMap { grid, values }, signed: None }
    })
}

/// The query rows that stand for the prediction (or for one token), within maps `[h, N, N]`.
struct Rows {
    queries: Range<usize>,
    prefix: usize,
    tokens: usize,
    heads: usize,
}

impl Rows {
    fn of(session: &Session<'_>) -> Result<Self, RelevanceError> {
        let config = session.engine.config();
        let prefix = config.prefix_tokens();
        let tokens = prefix + session.grid().area();
        let queries = match session.options.start {
            Start::Token(token) if token >= tokens => {
                return Err(EngineError::NoSuchToken { token, tokens }.into());
            }
            Start::Token(token) => token..token + 1,
            Start::Readout if config.pooling == Pooling::MeanOfPatches => prefix..tokens,
            Start::Readout => 0..1,
        };
        Ok(Self { queries, prefix, tokens, heads: config.heads })
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
