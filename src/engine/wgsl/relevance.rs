//! Steps of the relevance rule.

use super::WgslOps;
use super::dispatch::expect;
use super::error::GpuError;
use super::memory::Buffer;
use super::sources::{FOLD_HEADS, RELEVANCE};

/// Columns per work group; `COLUMNS` of shaders/compute/relevance.wgsl.
const COLUMNS: usize = 32;

/// The lengths of `[images, heads, queries, tokens]`.
pub(super) fn map_lengths(operation: &'static str, maps: &Buffer) -> Result<[usize; 4], GpuError> {
    maps.shape.as_slice().try_into().map_err(|_| GpuError::Shape { operation, shape: maps.shape.clone() })
}

impl WgslOps {
    /// `factor·(row + row·Σ_h w_h·max(0, A ⊙ G)_h)`, or with A alone.
    pub(super) fn fold_block(
        &self,
        row: &Buffer,
        maps: &Buffer,
        gradients: Option<&Buffer>,
        head_weights: &[f32],
        factor: f32,
    ) -> Result<Buffer, GpuError> {
        let [images, heads, queries, tokens] = map_lengths("relevance_step", maps)?;
        let weights = self.constant(head_weights)?;
        let g = gradients.unwrap_or(maps);
        expect("relevance_step", &[(row, images * tokens), (g, maps.len()), (&weights, heads)])?;
        let shares = self.gpu.buffer(vec![images, heads, tokens])?;
        let sizes = [tokens as u32, queries as u32, heads as u32, u32::from(gradients.is_some())];
        let groups = [tokens.div_ceil(COLUMNS) as u32, heads as u32, images as u32];
        self.call(&RELEVANCE, &sizes, &[row, maps, g, &weights], &[&shares], groups, maps.len())?;
        let out = self.gpu.buffer(row.shape.clone())?;
        let sizes = [tokens as u32, heads as u32, factor.to_bits()];
        self.elements(&FOLD_HEADS, out.len(), &sizes, &[row, &shares], &[&out])?;
        Ok(out)
    }
}
