//! Attention and its backward straight on the packed `qkv` buffer: no head is ever split off or merged back.

use super::WgslOps;
use super::error::GpuError;
use super::matmul::{Gelu, Product, Steps};
use super::memory::Buffer;
use super::sources::{SOFTMAX, SOFTMAX_BACKWARD};
use crate::engine::Epilogue;

/// Sizes of one attention layer: `qkv` is `[images, tokens, 3, heads, head_dim]`, a map `[images, heads, queries, tokens]`.
#[derive(Clone, Copy)]
struct Sizes {
    images: usize,
    tokens: usize,
    heads: usize,
    head_dim: usize,
    queries: usize,
}

impl Sizes {
    fn of(operation: &'static str, qkv: &Buffer, heads: usize, queries: usize) -> Result<Self, GpuError> {
        match qkv.shape[..] {
            [images, tokens, packed] if heads > 0 && packed % (3 * heads) == 0 && queries <= tokens => {
                Ok(Self { images, tokens, heads, head_dim: packed / (3 * heads), queries })
            }
            _ => Err(GpuError::Shape { operation, shape: qkv.shape.clone() }),
        }
    }

    fn dim(self) -> usize {
        self.heads * self.head_dim
    }

    fn map_shape(self) -> Vec<usize> {
        vec![self.images, self.heads, self.queries, self.tokens]
    }

    fn scale(self) -> f32 {
        (self.head_dim as f32).powf(-0.5)
    }

    /// q (part 0), k (1) or v (2) with tokens as lines.
    fn part(self, part: usize) -> Steps {
        let dim = self.dim();
        Steps { start: part * dim, image: self.tokens * 3 * dim, head: self.head_dim, line: 3 * dim, inner: 1 }
    }

    /// A map with queries as lines.
    fn map(self) -> Steps {
        let map = self.queries * self.tokens;
        Steps { start: 0, image: self.heads * map, head: map, line: self.tokens, inner: 1 }
    }

    /// Heads side by side, `[images, queries, dim]`, with queries as lines.
    fn merged(self) -> Steps {
        Steps { start: 0, image: self.queries * self.dim(), head: self.head_dim, line: self.dim(), inner: 1 }
    }

    fn product<'a>(
        self,
        [rows, columns, inner]: [usize; 3],
        a: (&'a Buffer, Steps),
        b: (&'a Buffer, Steps),
        c: (&'a Buffer, Steps),
        alpha: f32,
    ) -> Product<'a> {
        let (images, heads) = (self.images, self.heads);
        Product {
            a,
            b,
            c,
            rows,
            columns,
            inner,
            a_rows: rows,
            images,
            heads,
            slices_of: None,
            alpha,
            then: Epilogue::none(),
            gelu: Gelu::No,
        }
    }
}

/// Lines and the inner index change places.
fn transposed(steps: Steps) -> Steps {
    Steps { line: steps.inner, inner: steps.line, ..steps }
}

impl WgslOps {
    pub(super) fn attention_maps(&self, qkv: &Buffer, heads: usize, queries: usize) -> Result<Buffer, GpuError> {
        let sizes = Sizes::of("attention", qkv, heads, queries)?;
        let maps = self.gpu.buffer(sizes.map_shape())?;
        let extent = [queries, sizes.tokens, sizes.head_dim];
        self.product(&sizes.product(
            extent,
            (qkv, sizes.part(0)),
            (qkv, sizes.part(1)),
            (&maps, sizes.map()),
            sizes.scale(),
        ))?;
        self.rows(&SOFTMAX, maps.len(), sizes.tokens, &[], &[], &[&maps])?;
        Ok(maps)
    }

    pub(super) fn mix(&self, maps: &Buffer, qkv: &Buffer) -> Result<Buffer, GpuError> {
        let sizes = sizes_of_maps("attention_mix", maps, qkv)?;
        let out = self.gpu.buffer(vec![sizes.images, sizes.queries, sizes.dim()])?;
        self.product(&sizes.product(
            [sizes.queries, sizes.head_dim, sizes.tokens],
            (maps, sizes.map()),
            (qkv, transposed(sizes.part(2))),
            (&out, sizes.merged()),
            1.0,
        ))?;
        Ok(out)
    }

    pub(super) fn map_gradient(&self, d_out: &Buffer, qkv: &Buffer, heads: usize) -> Result<Buffer, GpuError> {
        let queries = *d_out.shape.get(1).unwrap_or(&0);
        let sizes = Sizes::of("attention_gradient", qkv, heads, queries)?;
        let gradients = self.gpu.buffer(sizes.map_shape())?;
        self.product(&sizes.product(
            [queries, sizes.tokens, sizes.head_dim],
            (d_out, sizes.merged()),
            (qkv, sizes.part(2)),
            (&gradients, sizes.map()),
            1.0,
        ))?;
        Ok(gradients)
    }

    pub(super) fn qkv_gradient(
        &self,
        gradients: &Buffer,
        maps: &Buffer,
        d_out: &Buffer,
        qkv: &Buffer,
    ) -> Result<Buffer, GpuError> {
        let sizes = sizes_of_maps("attention_backward", maps, qkv)?;
        let d_scores = self.gpu.buffer(maps.shape.clone())?;
        self.rows(&SOFTMAX_BACKWARD, maps.len(), sizes.tokens, &[], &[gradients, maps], &[&d_scores])?;
        let d_qkv = self.gpu.buffer(qkv.shape.clone())?;
        let Sizes { tokens, head_dim, queries, .. } = sizes;
        let to_keys = [tokens, head_dim, queries];

        let (a, b) = ((&d_scores, sizes.map()), (qkv, transposed(sizes.part(1))));
        let d_q = sizes.product([tokens, head_dim, tokens], a, b, (&d_qkv, sizes.part(0)), sizes.scale());
        // Tokens whose queries nobody computed get zeros.
        self.product(&Product { a_rows: queries, ..d_q })?;

        let (a, b) = ((&d_scores, transposed(sizes.map())), (qkv, transposed(sizes.part(0))));
        self.product(&sizes.product(to_keys, a, b, (&d_qkv, sizes.part(1)), sizes.scale()))?;

        let (a, b) = ((maps, transposed(sizes.map())), (d_out, transposed(sizes.merged())));
        self.product(&sizes.product(to_keys, a, b, (&d_qkv, sizes.part(2)), 1.0))?;
        Ok(d_qkv)
    }
}

fn sizes_of_maps(operation: &'static str, maps: &Buffer, qkv: &Buffer) -> Result<Sizes, GpuError> {
    let [images, heads, queries, tokens] = maps.shape[..] else {
        return Err(GpuError::Shape { operation, shape: maps.shape.clone() });
    };
    let sizes = Sizes::of(operation, qkv, heads, queries)?;
    if sizes.images != images || sizes.tokens != tokens {
        return Err(GpuError::Shape { operation, shape: maps.shape.clone() });
    }
    Ok(sizes)
}
