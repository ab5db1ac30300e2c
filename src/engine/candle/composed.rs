//! The same operations composed of candle's own, for CUDA and Metal. Twin of `fused.rs`; a test compares them.

use candle_core::{D, Result, Tensor};

use crate::engine::{AdamW, Epilogue, Moments, RelevanceTerm};

pub fn linear(x: &Tensor, w: &Tensor, then: Epilogue<'_, Tensor>) -> Result<Tensor> {
    let mut out = matmul_rows(x, &w.t()?)?;
    if let Some(bias) = then.bias {
        out = out.broadcast_add(bias)?;
    }
    if let Some(scale) = then.scale {
        out = out.broadcast_mul(scale)?;
    }
    if let Some(residual) = then.residual {
        out = out.broadcast_add(residual)?;
    }
    Ok(out)
}

pub fn linear_backward(d_out: &Tensor, w: &Tensor) -> Result<Tensor> {
    matmul_rows(d_out, w)
}

/// `x [.., k] · w [k, n]` as one product over all rows.
fn matmul_rows(x: &Tensor, w: &Tensor) -> Result<Tensor> {
    let (inner, output) = w.dims2()?;
    let mut dims = x.dims().to_vec();
    if let Some(last) = dims.last_mut() {
        *last = output;
    }
    x.reshape(((), inner))?.matmul(w)?.reshape(dims)
}

/// The normalised rows x̂ and 1/σ `[.., 1]`.
fn normalise(x: &Tensor, eps: f32) -> Result<(Tensor, Tensor)> {
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let inv_std = (centred.sqr()?.mean_keepdim(D::Minus1)? + f64::from(eps))?.sqrt()?.recip()?;
    Ok((centred.broadcast_mul(&inv_std)?, inv_std))
}

pub fn layer_norm(x: &Tensor, gamma: &Tensor, beta: &Tensor, eps: f32) -> Result<Tensor> {
    normalise(x, eps)?.0.broadcast_mul(gamma)?.broadcast_add(beta)
}

pub fn layer_norm_backward(
    d_out: &Tensor,
    x: &Tensor,
    gamma: &Tensor,
    eps: f32,
    residual: Option<&Tensor>,
) -> Result<Tensor> {
    let (normalised, inv_std) = normalise(x, eps)?;
    let g = d_out.broadcast_mul(gamma)?;
    let along_mean = g.mean_keepdim(D::Minus1)?;
    let along_x = normalised.broadcast_mul(&(&g * &normalised)?.mean_keepdim(D::Minus1)?)?;
    let d_x = (g.broadcast_sub(&along_mean)? - along_x)?.broadcast_mul(&inv_std)?;
    match residual {
        Some(residual) => d_x + residual,
        None => Ok(d_x),
    }
}

pub fn layer_norm_gradients(d_out: &Tensor, x: &Tensor, eps: f32) -> Result<(Tensor, Tensor)> {
    let normalised = normalise(x, eps)?.0;
    Ok((column_dot(d_out, &normalised)?, column_sum(d_out, x.dim(D::Minus1)?)?))
}

pub fn gelu(x: &Tensor) -> Result<Tensor> {
    x.gelu_erf()
}

pub fn gelu_backward(d_out: Tensor, x: &Tensor) -> Result<Tensor> {
    let cdf = (((x * std::f64::consts::FRAC_1_SQRT_2)?.erf()? + 1.0)? * 0.5)?;
    let density =
        ((x.sqr()? * -0.5)?.exp()? * (0.5 * std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2))?;
    d_out * (cdf + (x * density)?)?
}

/// q, k or v as `[B, h, N, head_dim]`.
fn part(qkv: &Tensor, index: usize, heads: usize) -> Result<Tensor> {
    let (batch, tokens, packed) = qkv.dims3()?;
    let dim = packed / 3;
    let part = qkv.narrow(2, index * dim, dim)?;
    part.reshape((batch, tokens, heads, dim / heads))?.transpose(1, 2)?.contiguous()
}

/// `[B, R, D]` as `[B, h, R, head_dim]`.
fn split_heads(x: &Tensor, heads: usize) -> Result<Tensor> {
    let (batch, rows, dim) = x.dims3()?;
    x.reshape((batch, rows, heads, dim / heads))?.transpose(1, 2)?.contiguous()
}

/// `[B, h, R, head_dim]` as `[B, R, D]`.
fn merge_heads(x: &Tensor) -> Result<Tensor> {
    let (batch, heads, rows, head_dim) = x.dims4()?;
    x.transpose(1, 2)?.reshape((batch, rows, heads * head_dim))
}

fn scale_of(qkv: &Tensor, heads: usize) -> Result<f64> {
    Ok(((qkv.dim(2)? / 3 / heads) as f64).powf(-0.5))
}

pub fn attention(qkv: &Tensor, heads: usize, queries: usize) -> Result<Tensor> {
    let q = part(qkv, 0, heads)?.narrow(2, 0, queries)?.contiguous()?;
    let scores = (q.matmul(&part(qkv, 1, heads)?.t()?)? * scale_of(qkv, heads)?)?;
    let exps = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?)?.exp()?;
    exps.broadcast_div(&exps.sum_keepdim(D::Minus1)?)
}

pub fn attention_mix(maps: &Tensor, qkv: &Tensor) -> Result<Tensor> {
    merge_heads(&maps.matmul(&part(qkv, 2, maps.dim(1)?)?)?)
}

pub fn attention_gradient(d_out: &Tensor, qkv: &Tensor, heads: usize) -> Result<Tensor> {
    split_heads(d_out, heads)?.matmul(&part(qkv, 2, heads)?.t()?)
}

pub fn attention_backward(
    gradients: &Tensor,
    maps: &Tensor,
    d_out: &Tensor,
    qkv: &Tensor,
    term: Option<&RelevanceTerm<'_, Tensor>>,
) -> Result<Tensor> {
    let (_, heads, queries, tokens) = maps.dims4()?;
    let gradients = &match term {
        Some(term) => (gradients + relevance_share(maps, term)?)?,
        None => gradients.clone(),
    };
    let inner = (gradients * maps)?.sum_keepdim(D::Minus1)?;
    let d_scores = ((maps * gradients.broadcast_sub(&inner)?)? * scale_of(qkv, heads)?)?;
    let q = part(qkv, 0, heads)?.narrow(2, 0, queries)?.contiguous()?;
    let d_q = d_scores.matmul(&part(qkv, 1, heads)?)?.pad_with_zeros(2, 0, tokens - queries)?;
    let d_k = d_scores.transpose(2, 3)?.contiguous()?.matmul(&q)?;
    let d_v = maps.transpose(2, 3)?.contiguous()?.matmul(&split_heads(d_out, heads)?)?;
    Tensor::cat(&[merge_heads(&d_q)?, merge_heads(&d_k)?, merge_heads(&d_v)?], 2)
}

/// Σ_h w_h·A_h, or with gradients Σ_h w_h·max(0, A ⊙ G)_h: `[B, R, N]`.
fn mean_map(maps: &Tensor, gradients: Option<&Tensor>, head_weights: &[f32]) -> Result<Tensor> {
    let maps = match gradients {
        Some(gradients) => (maps * gradients)?.relu()?,
        None => maps.clone(),
    };
    maps.broadcast_mul(&per_head(head_weights, &maps)?)?.sum(1)
}

/// `[1, h, 1, 1]`, to weigh the heads of `maps`.
fn per_head(head_weights: &[f32], maps: &Tensor) -> Result<Tensor> {
    Tensor::from_slice(head_weights, (1, head_weights.len(), 1, 1), maps.device())
}

pub fn row_times_maps(row: &Tensor, maps: &Tensor, gradients: Option<&Tensor>, head_weights: &[f32]) -> Result<Tensor> {
    let (batch, _, queries, tokens) = maps.dims4()?;
    let row = row.narrow(1, 0, queries)?.contiguous()?.reshape((batch, 1, queries))?;
    row.matmul(&mean_map(maps, gradients, head_weights)?)?.reshape((batch, tokens))
}

pub fn maps_times_column(column: &Tensor, maps: &Tensor, gradients: &Tensor, head_weights: &[f32]) -> Result<Tensor> {
    let (batch, _, queries, tokens) = maps.dims4()?;
    let product = mean_map(maps, Some(gradients), head_weights)?.matmul(&column.reshape((batch, tokens, 1))?)?;
    product.reshape((batch, queries))?.pad_with_zeros(1, 0, tokens - queries)
}

/// What relevance adds to ∂Loss/∂A: `[B, h, R, N]`.
fn relevance_share(maps: &Tensor, term: &RelevanceTerm<'_, Tensor>) -> Result<Tensor> {
    let (batch, _, queries, tokens) = maps.dims4()?;
    let counted = (maps * term.gradients)?.gt(0.0)?.to_dtype(maps.dtype())?;
    let row = term.row.narrow(1, 0, queries)?.contiguous()?.reshape((batch, 1, queries, 1))?;
    let outer = row.broadcast_mul(&term.column.reshape((batch, 1, 1, tokens))?)?;
    (counted * term.gradients)?.broadcast_mul(&per_head(term.head_weights, maps)?)?.broadcast_mul(&outer)
}

pub fn linear_weight_gradient(d_out: &Tensor, x: &Tensor) -> Result<Tensor> {
    let rows = |t: &Tensor| t.reshape(((), t.dim(D::Minus1)?));
    rows(d_out)?.t()?.contiguous()?.matmul(&rows(x)?)
}

pub fn column_sum(x: &Tensor, width: usize) -> Result<Tensor> {
    x.reshape(((), width))?.sum(0)
}

pub fn column_dot(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    column_sum(&(a * b)?, a.dim(D::Minus1)?)
}

pub fn sum_of_squares(x: &Tensor) -> Result<Tensor> {
    x.sqr()?.sum_all()?.reshape(1)
}

pub fn adamw(weight: &mut Tensor, moments: &mut Moments<Tensor>, gradient: &Tensor, step: &AdamW) -> Result<()> {
    let f = step.factors();
    let gradient = (gradient.reshape(weight.shape())? * f64::from(f.gradient_scale))?;
    let Moments { mean, square } = moments;
    *mean = (&*mean + ((&gradient - &*mean)? * f64::from(f.one_minus_beta1))?)?;
    *square = ((&*square * f64::from(f.beta2))? + (gradient.sqr()? * f64::from(f.one_minus_beta2))?)?;
    let denominator = ((square.sqrt()? * f64::from(f.inv_root))? + f64::from(f.eps))?;
    *weight = ((&*weight * f64::from(f.keep))? - ((&*mean * f64::from(f.rate))? / denominator)?)?;
    Ok(())
}
