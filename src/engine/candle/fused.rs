//! Fused CPU kernels over candle tensors. Twin of `composed.rs`: same functions, same meaning; a test compares them.

use std::cell::RefCell;
use std::ops::{Deref, Range};

use candle_core::{CpuStorage, D, Device, InplaceOp1, Layout, Result, Storage, Tensor};

use crate::engine::cpu::attention::{self, Shape};
use crate::engine::cpu::gemm::{View, matmul};
use crate::engine::cpu::{columns, optimiser, relevance, rows};
use crate::engine::{AdamW, Epilogue, Moments, RelevanceTerm};

/// The elements of a contiguous `f32` CPU tensor, borrowed without a copy; `G` holds candle's read lock.
struct Slice<G> {
    storage: G,
    range: Range<usize>,
}

impl<G: Deref<Target = Storage>> Deref for Slice<G> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &*self.storage {
            Storage::Cpu(CpuStorage::F32(data)) => &data[self.range.clone()],
            _ => &[], // Refused in `slice`.
        }
    }
}

fn slice(tensor: &Tensor) -> Result<Slice<impl Deref<Target = Storage> + '_>> {
    let (storage, layout) = tensor.storage_and_layout();
    let Some((start, end)) = layout.contiguous_offsets() else {
        candle_core::bail!("a fused kernel got a strided tensor of shape {:?}", tensor.dims())
    };
    if !matches!(&*storage, Storage::Cpu(CpuStorage::F32(_))) {
        candle_core::bail!("a fused CPU kernel got a tensor that is not f32 on the CPU")
    }
    Ok(Slice { storage, range: start..end })
}

fn optional_slice(tensor: Option<&Tensor>) -> Result<Option<Slice<impl Deref<Target = Storage> + '_>>> {
    tensor.map(slice).transpose()
}

/// A new tensor shaped like `model`, but for its last dimension.
fn with_last_dim(data: Vec<f32>, model: &Tensor, last: usize) -> Result<Tensor> {
    let mut dims = model.dims().to_vec();
    if let Some(dim) = dims.last_mut() {
        *dim = last;
    }
    Tensor::from_vec(data, dims, &Device::Cpu)
}

fn like(data: Vec<f32>, model: &Tensor) -> Result<Tensor> {
    Tensor::from_vec(data, model.shape(), &Device::Cpu)
}

pub fn linear(x: &Tensor, w: &Tensor, then: Epilogue<'_, Tensor>) -> Result<Tensor> {
    let (output, input) = w.dims2()?;
    let (xs, ws) = (slice(x)?, slice(w)?);
    let mut out = matmul(View::new(&xs, xs.len() / input, input, input), View::new(&ws, output, input, input).t());
    let bias = optional_slice(then.bias)?;
    let scale = optional_slice(then.scale)?;
    let residual = optional_slice(then.residual)?;
    rows::epilogue(&mut out, bias.as_deref(), scale.as_deref(), residual.as_deref(), output);
    with_last_dim(out, x, output)
}

pub fn linear_backward(d_out: &Tensor, w: &Tensor) -> Result<Tensor> {
    let (output, input) = w.dims2()?;
    let (d, ws) = (slice(d_out)?, slice(w)?);
    let d_x = matmul(View::new(&d, d.len() / output, output, output), View::new(&ws, output, input, input));
    with_last_dim(d_x, d_out, input)
}

pub fn layer_norm(x: &Tensor, gamma: &Tensor, beta: &Tensor, eps: f32) -> Result<Tensor> {
    like(rows::layer_norm(&slice(x)?, &slice(gamma)?, &slice(beta)?, eps), x)
}

pub fn layer_norm_backward(
    d_out: &Tensor,
    x: &Tensor,
    gamma: &Tensor,
    eps: f32,
    residual: Option<&Tensor>,
) -> Result<Tensor> {
    let residual = optional_slice(residual)?;
    let d_x = rows::layer_norm_backward(&slice(d_out)?, &slice(x)?, &slice(gamma)?, eps, residual.as_deref());
    like(d_x, x)
}

pub fn layer_norm_gradients(d_out: &Tensor, x: &Tensor, eps: f32) -> Result<(Tensor, Tensor)> {
    let width = x.dim(D::Minus1)?;
    let (gamma, beta) = rows::layer_norm_gradients(&slice(d_out)?, &slice(x)?, width, eps);
    Ok((Tensor::from_vec(gamma, width, &Device::Cpu)?, Tensor::from_vec(beta, width, &Device::Cpu)?))
}

pub fn gelu(x: &Tensor) -> Result<Tensor> {
    like(rows::gelu(&slice(x)?), x)
}

pub fn gelu_backward(d_out: Tensor, x: &Tensor) -> Result<Tensor> {
    let x = slice(x)?;
    in_place(&d_out, |d| {
        rows::gelu_backward(d, &x);
        Ok(())
    })?;
    Ok(d_out)
}

/// The attention sizes of `qkv [B, N, 3·D]`.
fn attention_shape(qkv: &Tensor, heads: usize, queries: usize) -> Result<Shape> {
    let (batch, tokens, packed) = qkv.dims3()?;
    if packed % (3 * heads) != 0 || queries > tokens {
        candle_core::bail!("{heads} heads and {queries} queries do not fit qkv of shape {:?}", qkv.dims())
    }
    Ok(Shape { batch, tokens, heads, head_dim: packed / (3 * heads), queries })
}

/// The attention sizes of `maps [B, h, R, N]`; the head dimension plays no part in what is done with maps alone.
fn map_shape(maps: &Tensor) -> Result<Shape> {
    let (batch, heads, queries, tokens) = maps.dims4()?;
    Ok(Shape { batch, tokens, heads, head_dim: 0, queries })
}

fn map_tensor(data: Vec<f32>, shape: Shape) -> Result<Tensor> {
    Tensor::from_vec(data, (shape.batch, shape.heads, shape.queries, shape.tokens), &Device::Cpu)
}

pub fn attention(qkv: &Tensor, heads: usize, queries: usize) -> Result<Tensor> {
    let shape = attention_shape(qkv, heads, queries)?;
    map_tensor(attention::probabilities(&slice(qkv)?, shape), shape)
}

pub fn attention_mix(maps: &Tensor, qkv: &Tensor) -> Result<Tensor> {
    let (_, heads, queries, _) = maps.dims4()?;
    let shape = attention_shape(qkv, heads, queries)?;
    let out = attention::mix(&slice(maps)?, &slice(qkv)?, shape);
    Tensor::from_vec(out, (shape.batch, queries, heads * shape.head_dim), &Device::Cpu)
}

pub fn attention_gradient(d_out: &Tensor, qkv: &Tensor, heads: usize) -> Result<Tensor> {
    let (_, queries, _) = d_out.dims3()?;
    let shape = attention_shape(qkv, heads, queries)?;
    map_tensor(attention::gradient(&slice(d_out)?, &slice(qkv)?, shape), shape)
}

pub fn attention_backward(
    gradients: &Tensor,
    maps: &Tensor,
    d_out: &Tensor,
    qkv: &Tensor,
    term: Option<&RelevanceTerm<'_, Tensor>>,
) -> Result<Tensor> {
    let (_, heads, queries, _) = maps.dims4()?;
    let shape = attention_shape(qkv, heads, queries)?;
    let (d_maps, maps, d_out, packed) = (slice(gradients)?, slice(maps)?, slice(d_out)?, slice(qkv)?);
    let d_qkv = match term {
        Some(&RelevanceTerm { gradients, head_weights, row, column }) => {
            let (gradients, row, column) = (slice(gradients)?, slice(row)?, slice(column)?);
            let term = RelevanceTerm::<[f32]> { gradients: &gradients, head_weights, row: &row, column: &column };
            attention::backward(&d_maps, &maps, &d_out, &packed, Some(&term), shape)
        }
        None => attention::backward(&d_maps, &maps, &d_out, &packed, None, shape),
    };
    like(d_qkv, qkv)
}

pub fn row_times_maps(row: &Tensor, maps: &Tensor, gradients: Option<&Tensor>, head_weights: &[f32]) -> Result<Tensor> {
    let gradients = optional_slice(gradients)?;
    let gain =
        relevance::row_times_maps(&slice(row)?, &slice(maps)?, gradients.as_deref(), head_weights, map_shape(maps)?);
    like(gain, row)
}

pub fn maps_times_column(column: &Tensor, maps: &Tensor, gradients: &Tensor, head_weights: &[f32]) -> Result<Tensor> {
    let shape = map_shape(maps)?;
    let product = relevance::maps_times_column(&slice(column)?, &slice(maps)?, &slice(gradients)?, head_weights, shape);
    like(product, column)
}

pub fn linear_weight_gradient(d_out: &Tensor, x: &Tensor) -> Result<Tensor> {
    let (output, input) = (d_out.dim(D::Minus1)?, x.dim(D::Minus1)?);
    let (d, xs) = (slice(d_out)?, slice(x)?);
    let rows = d.len() / output;
    let gradient = matmul(View::new(&d, rows, output, output).t(), View::new(&xs, rows, input, input));
    Tensor::from_vec(gradient, (output, input), &Device::Cpu)
}

pub fn column_sum(x: &Tensor, width: usize) -> Result<Tensor> {
    Tensor::from_vec(columns::sum(&slice(x)?, width), width, &Device::Cpu)
}

pub fn column_dot(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let width = a.dim(D::Minus1)?;
    Tensor::from_vec(columns::dot(&slice(a)?, &slice(b)?, width), width, &Device::Cpu)
}

pub fn sum_of_squares(x: &Tensor) -> Result<Tensor> {
    Tensor::from_vec(vec![columns::sum_of_squares(&slice(x)?)], 1, &Device::Cpu)
}

pub fn adamw(weight: &mut Tensor, moments: &mut Moments<Tensor>, gradient: &Tensor, step: &AdamW) -> Result<()> {
    let gradient = slice(gradient)?;
    if weight.elem_count() != gradient.len() {
        candle_core::bail!("a gradient of {} elements for a weight of shape {:?}", gradient.len(), weight.dims())
    }
    in_place(weight, |weight| {
        in_place(&moments.mean, |mean| {
            in_place(&moments.square, |square| {
                optimiser::adamw(weight, mean, square, &gradient, step);
                Ok(())
            })
        })
    })
}

/// Lends out the elements of a contiguous tensor for writing; all its clones see the change.
fn in_place(tensor: &Tensor, write: impl FnMut(&mut [f32]) -> Result<()>) -> Result<()> {
    // Candle calls the operation through a shared reference.
    struct Write<F>(RefCell<F>);
    impl<F: FnMut(&mut [f32]) -> Result<()>> InplaceOp1 for Write<F> {
        fn name(&self) -> &'static str {
            "write in place"
        }

        fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
            match (storage, layout.contiguous_offsets()) {
                (CpuStorage::F32(data), Some((start, end))) => self.0.borrow_mut()(&mut data[start..end]),
                _ => candle_core::bail!("only a contiguous f32 tensor is written in place"),
            }
        }
    }
    tensor.inplace_op1(&Write(RefCell::new(write)))
}
