//! One picture's pass through a model, kept: the attention methods then answer without the model.
//!
//! Another first block, start token, muted head or method of the family is arithmetic on A and ∂y/∂A, a matter of
//! milliseconds, where the model would take a whole forward and backward pass.

use std::ops::ControlFlow;

use crate::size::Size;
use crate::vit::{Batch, Engine, EngineError, KeepMaps, Muted, Objective, Start, Trace, TraceOptions, VitConfig};

use super::rows::Rows;
use super::{Method, MethodOptions, RelevanceError, RelevanceMap, explain};

/// Maps above this are not kept: a model of many tokens would crowd out everything else for one picture.
pub const MAPS_LIMIT_BYTES: usize = 512 << 20;

/// What one picture left behind in a model, for one objective.
#[derive(Clone, Debug)]
pub struct Recording {
    config: VitConfig,
    pixels: Batch,
    /// `None` for a model without a classification head.
    objective: Option<Objective>,
    logits: Vec<f32>,
    token_norms: Vec<f32>,
    /// `None`: they were too large, and the engine is asked again.
    maps: Option<Maps>,
}

/// Per block `[h, N, N]`.
#[derive(Clone, Debug)]
struct Maps {
    /// A, after the softmax.
    attention: Vec<Vec<f32>>,
    /// ∂y/∂A; none without an objective.
    gradients: Vec<Vec<f32>>,
}

impl Recording {
    /// Sends one picture through the model; `objective` is asked with its logits, unless there are none.
    ///
    /// Maps that would take more than `limit_bytes` ([`MAPS_LIMIT_BYTES`] is a good limit) are not kept: every
    /// function works all the same, only slower.
    ///
    /// # Errors
    /// If `pixels` is not one picture that fits the model, the objective does not, or the device fails.
    pub fn take(
        engine: &dyn Engine,
        pixels: Batch,
        objective: &dyn Fn(&[f32]) -> Objective,
        limit_bytes: usize,
    ) -> Result<Self, RelevanceError> {
        let config = engine.config().clone();
        if pixels.count != 1 {
            let Batch { count, size, .. } = pixels;
            let (got, channels) = (pixels.pixels.len(), config.channels);
            return Err(EngineError::Pixels { got, count, channels, size }.into());
        }
        let has_head = config.classes > 0;
        let keep = if Self::map_bytes(&config, pixels.size) <= limit_bytes { KeepMaps::All } else { KeepMaps::None };
        let options = TraceOptions {
            attention: keep,
            gradients: if has_head { keep } else { KeepMaps::None },
            token_norms: true,
            ..TraceOptions::default()
        };
        let traced = engine.trace(&pixels, &|_, logits| objective(logits), &options)?;
        let Trace { logits, attention, gradients, token_norms, .. } = traced.into_iter().next().unwrap_or_default();
        let objective = has_head.then(|| objective(&logits));
        let maps = (keep == KeepMaps::All).then_some(Maps { attention, gradients });
        Ok(Self { config, pixels, objective, logits, token_norms, maps })
    }

    /// Bytes that A and ∂y/∂A of all blocks take for pictures of a size in pixels.
    pub fn map_bytes(config: &VitConfig, size: Size) -> usize {
        let tokens = config.tokens_of(size);
        let kinds = if config.classes > 0 { 2 } else { 1 };
        [config.depth, config.heads, tokens, tokens, size_of::<f32>()].into_iter().fold(kinds, usize::saturating_mul)
    }

    /// Memory this recording takes.
    pub fn bytes(&self) -> usize {
        let maps = self.maps.as_ref().map_or(0, |_| Self::map_bytes(&self.config, self.pixels.size));
        maps + size_of::<f32>() * (self.pixels.pixels.len() + self.logits.len() + self.token_norms.len())
    }

    /// Whether the attention methods answer without the model.
    pub fn keeps_maps(&self) -> bool {
        self.maps.is_some()
    }

    /// Empty for a model without a head.
    pub fn logits(&self) -> &[f32] {
        &self.logits
    }

    /// What was explained; `None` for a model without a head.
    pub fn objective(&self) -> Option<Objective> {
        self.objective
    }

    /// ‖x_i‖₂ of the patches after the last block: high-norm tokens stand out (arXiv 2309.16588).
    pub fn token_norms(&self) -> RelevanceMap {
        self.on_patches(&self.token_norms)
    }

    /// GAE from any token under any muting: one map per first block, `[depth]`.
    ///
    /// `engine` must be the one that was recorded; it is only asked when the maps were too large to keep.
    ///
    /// # Errors
    /// If the token or a muted head does not exist, the model has no head, or the device fails.
    pub fn gae(&self, engine: &dyn Engine, start: Start, muted: &Muted) -> Result<Vec<RelevanceMap>, RelevanceError> {
        let options = TraceOptions { start, muted: muted.clone(), ..TraceOptions::relevance() };
        options.check(&self.config, self.tokens())?;
        let objective = self.objective.ok_or(EngineError::NoHead)?;
        let rows = match &self.maps {
            Some(maps) => maps.gae_rows(start.row(&self.config, self.tokens()), muted, self.config.heads),
            None => {
                let mut traces = engine.trace(&self.pixels, &|_, _| objective, &options)?;
                traces.pop().map(|trace| trace.relevance).unwrap_or_default()
            }
        };
        Ok(rows.iter().map(|row| self.on_patches(row)).collect())
    }

    /// Any method of the attention family ([`Method::starts_at_token`]) from any token: GAE one map per first block,
    /// the others one. Other methods pass through the engine, with their default options.
    ///
    /// `engine` must be the one that was recorded.
    ///
    /// # Errors
    /// If the token or a muted head does not exist, the model lacks a head the method needs, or the device fails.
    pub fn maps(
        &self,
        engine: &dyn Engine,
        method: Method,
        start: Start,
        muted: &Muted,
    ) -> Result<Vec<RelevanceMap>, RelevanceError> {
        if method == Method::Gae {
            return self.gae(engine, start, muted);
        }
        let rows = Rows::of(&self.config, self.grid(), start)?;
        match self.maps.as_ref().and_then(|maps| self.attention_map(maps, method, &rows, start)) {
            Some(map) => Ok(vec![map]),
            None => self.ask_again(engine, method, start),
        }
    }

    /// `None` for what the maps do not tell.
    fn attention_map(&self, maps: &Maps, method: Method, rows: &Rows, start: Start) -> Option<RelevanceMap> {
        let map = |values| RelevanceMap { grid: self.grid(), values };
        let last = maps.attention.last()?;
        match method {
            Method::Rollout => Some(self.on_patches(&maps.rollout_row(start.row(&self.config, self.tokens())))),
            Method::RawAttention => Some(map(rows.mean_attention(last))),
            Method::AttentionGradcam => Some(map(rows.gradcam(last, maps.gradients.last()?))),
            _ => None,
        }
    }

    fn ask_again(
        &self,
        engine: &dyn Engine,
        method: Method,
        start: Start,
    ) -> Result<Vec<RelevanceMap>, RelevanceError> {
        let options = MethodOptions { start, ..MethodOptions::default() };
        let objective = self.objective.unwrap_or(Objective::Logit(0));
        let mut never_stop = |_| ControlFlow::Continue(());
        let found = explain(engine, &self.pixels, &|_, _| objective, method, &options, &mut never_stop)?;
        Ok(found.into_iter().map(|explanation| explanation.map).collect())
    }

    fn grid(&self) -> Size {
        self.config.grid_of(self.pixels.size)
    }

    fn tokens(&self) -> usize {
        self.config.tokens_of(self.pixels.size)
    }

    /// Drops the prefix tokens of `[N]`.
    fn on_patches(&self, row: &[f32]) -> RelevanceMap {
        RelevanceMap { grid: self.grid(), values: row[self.config.prefix_tokens()..].to_vec() }
    }
}

impl Maps {
    /// `row + row·C` from the last block to the first, C = Σ_h w_h·max(0, A ⊙ G); the rows of all first blocks.
    /// Keep in sync with `engine::Ops::relevance_step`.
    fn gae_rows(&self, start: Vec<f32>, muted: &Muted, heads: usize) -> Vec<Vec<f32>> {
        let mut row = start;
        let mut rows = Vec::with_capacity(self.attention.len());
        for (block, (attention, gradient)) in self.attention.iter().zip(&self.gradients).enumerate().rev() {
            let mut next = row.clone();
            for (head, weight) in muted.head_weights(block, heads).into_iter().enumerate().filter(|(_, w)| *w > 0.0) {
                for (query, relevance) in row.iter().enumerate().filter(|(_, relevance)| **relevance != 0.0) {
                    let keys = (head * row.len() + query) * row.len()..(head * row.len() + query + 1) * row.len();
                    let (attention, gradient) = (&attention[keys.clone()], &gradient[keys]);
                    let share = weight * relevance;
                    for ((sum, a), g) in next.iter_mut().zip(attention).zip(gradient) {
                        *sum += share * (a * g).max(0.0);
                    }
                }
            }
            row = next;
            rows.push(row.clone());
        }
        rows.reverse();
        rows
    }

    /// `½·(row + row·Ā)` from the last block to the first. Keep in sync with `engine::Ops::rollout_step`.
    fn rollout_row(&self, start: Vec<f32>) -> Vec<f32> {
        let tokens = start.len();
        let mut row = start;
        for attention in self.attention.iter().rev() {
            let heads = attention.len() / (tokens * tokens);
            let mut next: Vec<f32> = row.iter().map(|share| 0.5 * share).collect();
            for head in attention.chunks_exact(tokens * tokens) {
                let weighted = row.iter().zip(head.chunks_exact(tokens)).filter(|(share, _)| **share != 0.0);
                for (share, keys) in weighted {
                    let share = 0.5 * share / heads as f32;
                    next.iter_mut().zip(keys).for_each(|(sum, a)| *sum += share * a);
                }
            }
            row = next;
        }
        row
    }
}
