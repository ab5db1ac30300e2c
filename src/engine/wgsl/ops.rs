//! The operations of the passes, one by one.

use super::WgslOps;
use super::dispatch::{expect, tokens_of};
use super::error::GpuError;
use super::matmul::{Gelu, Product, Steps};
use super::memory::Buffer;
use super::sources::{
    ADD, COPY_TOKENS, GELU, GELU_BACKWARD, LAYER_NORM, LAYER_NORM_BACKWARD, MEAN_TOKENS, MEAN_TOKENS_BACKWARD, PREPEND,
    SCALE_ROWS,
};
use crate::engine::{AdamW, DeviceInfo, Epilogue, Error, KernelTimes, Moments, Ops, RelevanceTerm};

/// Rows and columns of a weight.
fn weight_lengths(operation: &'static str, w: &Buffer) -> Result<[usize; 2], GpuError> {
    match w.shape[..] {
        [output, input] if output > 0 && input > 0 => Ok([output, input]),
        _ => Err(GpuError::Shape { operation, shape: w.shape.clone() }),
    }
}

/// `x`'s shape with another last length, and its number of rows.
fn with_last(operation: &'static str, x: &Buffer, from: usize, to: usize) -> Result<(Vec<usize>, usize), GpuError> {
    let mut shape = x.shape.clone();
    match shape.last_mut() {
        Some(last) if *last == from => *last = to,
        _ => return Err(GpuError::Shape { operation, shape }),
    }
    Ok((shape, x.len() / from))
}

impl WgslOps {
    /// Tokens from `source` on, `copied` of them, at `target` among `total`.
    fn copy_tokens(&self, x: &Buffer, [source, target, copied, total]: [usize; 4]) -> Result<Buffer, GpuError> {
        let [images, tokens, width] = tokens_of("tokens", x)?;
        if source + copied > tokens || target + copied > total {
            return Err(GpuError::Shape { operation: "tokens", shape: x.shape.clone() });
        }
        let out = self.gpu.buffer(vec![images, total, width])?;
        let sizes = [width, tokens, total, source, target, copied].map(|n| n as u32);
        self.elements(&COPY_TOKENS, out.len(), &sizes, &[x], &[&out])?;
        Ok(out)
    }
}

impl Ops for WgslOps {
    type Buffer = Buffer;

    fn info(&self) -> DeviceInfo {
        let adapter = self.gpu.adapter();
        DeviceInfo { device: format!("gpu:{} {}", adapter.index, adapter.name), threads: 1 }
    }

    fn is_lost(&self) -> bool {
        self.gpu.is_lost()
    }

    fn upload(&self, data: Vec<f32>, shape: &[usize]) -> Result<Buffer, Error> {
        Ok(self.gpu.upload(&data, shape)?)
    }

    fn read(&self, buffer: &Buffer) -> Result<Vec<f32>, Error> {
        Ok(self.gpu.read(&[buffer])?.pop().unwrap_or_default())
    }

    fn read_all(&self, buffers: &[&Buffer]) -> Result<Vec<Vec<f32>>, Error> {
        Ok(self.gpu.read(buffers)?)
    }

    fn shape(&self, buffer: &Buffer) -> Vec<usize> {
        buffer.shape.clone()
    }

    fn profile(&self, work: &mut dyn FnMut()) -> Option<KernelTimes> {
        self.profiled(work)
    }

    fn linear(&self, x: &Buffer, w: &Buffer, then: Epilogue<'_, Buffer>) -> Result<Buffer, Error> {
        let [output, input] = weight_lengths("linear", w)?;
        let (shape, rows) = with_last("linear", x, input, output)?;
        let out = self.gpu.buffer(shape)?;
        let extent = [rows, output, input];
        let product = Product::single(extent, (x, Steps::lines(input)), (w, Steps::lines(input)), &out);
        self.product(&Product { then, ..product })?;
        Ok(out)
    }

    fn linear_backward(&self, d_out: &Buffer, w: &Buffer) -> Result<Buffer, Error> {
        let [output, input] = weight_lengths("linear_backward", w)?;
        let (shape, rows) = with_last("linear_backward", d_out, output, input)?;
        let d_x = self.gpu.buffer(shape)?;
        let extent = [rows, input, output];
        self.product(&Product::single(extent, (d_out, Steps::lines(output)), (w, Steps::across(input)), &d_x))?;
        Ok(d_x)
    }

    fn linear_gelu(&self, x: &Buffer, w: &Buffer, bias: &Buffer) -> Result<(Buffer, Buffer), Error> {
        let [output, input] = weight_lengths("linear_gelu", w)?;
        let (shape, rows) = with_last("linear_gelu", x, input, output)?;
        let (out, activated) = (self.gpu.buffer(shape.clone())?, self.gpu.buffer(shape)?);
        let extent = [rows, output, input];
        let product = Product::single(extent, (x, Steps::lines(input)), (w, Steps::lines(input)), &out);
        self.product(&Product { then: Epilogue::bias(bias), gelu: Gelu::Forward(&activated), ..product })?;
        Ok((out, activated))
    }

    fn linear_gelu_backward(&self, d_out: &Buffer, w: &Buffer, x: &Buffer) -> Result<Buffer, Error> {
        let [output, input] = weight_lengths("linear_gelu_backward", w)?;
        let (shape, rows) = with_last("linear_gelu_backward", d_out, output, input)?;
        let d_x = self.gpu.buffer(shape)?;
        let extent = [rows, input, output];
        let product = Product::single(extent, (d_out, Steps::lines(output)), (w, Steps::across(input)), &d_x);
        let then = Epilogue { residual: Some(x), ..Epilogue::none() };
        self.product(&Product { then, gelu: Gelu::Backward, ..product })?;
        Ok(d_x)
    }

    fn scale_rows(&self, x: &Buffer, scale: &Buffer) -> Result<Buffer, Error> {
        let width = scale.len();
        with_last("scale_rows", x, width, width)?;
        let out = self.gpu.buffer(x.shape.clone())?;
        self.elements(&SCALE_ROWS, out.len(), &[width as u32], &[x, scale], &[&out])?;
        Ok(out)
    }

    fn layer_norm(&self, x: &Buffer, gamma: &Buffer, beta: &Buffer, eps: f32) -> Result<Buffer, Error> {
        let width = gamma.len();
        with_last("layer_norm", x, width, width)?;
        expect("layer_norm", &[(beta, width)])?;
        let out = self.gpu.buffer(x.shape.clone())?;
        self.rows(&LAYER_NORM, x.len(), width, &[eps.to_bits()], &[x, gamma, beta], &[&out])?;
        Ok(out)
    }

    fn layer_norm_backward(
        &self,
        d_out: &Buffer,
        x: &Buffer,
        gamma: &Buffer,
        eps: f32,
        residual: Option<&Buffer>,
    ) -> Result<Buffer, Error> {
        let width = gamma.len();
        with_last("layer_norm_backward", x, width, width)?;
        expect("layer_norm_backward", &[(d_out, x.len()), (residual.unwrap_or(x), x.len())])?;
        let d_x = self.gpu.buffer(x.shape.clone())?;
        let sizes = [eps.to_bits(), u32::from(residual.is_some())];
        let inputs = [d_out, x, gamma, residual.unwrap_or(&self.gpu.nothing)];
        self.rows(&LAYER_NORM_BACKWARD, x.len(), width, &sizes, &inputs, &[&d_x])?;
        Ok(d_x)
    }

    fn gelu(&self, x: &Buffer) -> Result<Buffer, Error> {
        let out = self.gpu.buffer(x.shape.clone())?;
        self.elements(&GELU, out.len(), &[], &[x], &[&out])?;
        Ok(out)
    }

    fn gelu_backward(&self, d_out: Buffer, x: &Buffer) -> Result<Buffer, Error> {
        expect("gelu_backward", &[(&d_out, x.len())])?;
        let d_x = self.gpu.buffer(x.shape.clone())?;
        self.elements(&GELU_BACKWARD, d_x.len(), &[], &[&d_out, x], &[&d_x])?;
        Ok(d_x)
    }

    fn attention(&self, qkv: &Buffer, heads: usize, queries: usize) -> Result<Buffer, Error> {
        Ok(self.attention_maps(qkv, heads, queries)?)
    }

    fn attention_mix(&self, maps: &Buffer, qkv: &Buffer) -> Result<Buffer, Error> {
        Ok(self.mix(maps, qkv)?)
    }

    fn attention_gradient(&self, d_out: &Buffer, qkv: &Buffer, heads: usize) -> Result<Buffer, Error> {
        Ok(self.map_gradient(d_out, qkv, heads)?)
    }

    fn attention_backward(
        &self,
        gradients: Buffer,
        maps: &Buffer,
        d_out: &Buffer,
        qkv: &Buffer,
        term: Option<RelevanceTerm<'_, Buffer>>,
    ) -> Result<Buffer, Error> {
        expect("attention_backward", &[(&gradients, maps.len())])?;
        let gradients = match term {
            Some(term) => self.inject(gradients, maps, &term)?,
            None => gradients,
        };
        Ok(self.qkv_gradient(&gradients, maps, d_out, qkv)?)
    }

    fn relevance_step(
        &self,
        row: &Buffer,
        maps: &Buffer,
        gradients: &Buffer,
        head_weights: &[f32],
    ) -> Result<Buffer, Error> {
        Ok(self.fold_block(row, maps, Some(gradients), head_weights, 1.0)?)
    }

    fn rollout_step(&self, row: &Buffer, maps: &Buffer) -> Result<Buffer, Error> {
        let heads = *maps.shape.get(1).unwrap_or(&1);
        Ok(self.fold_block(row, maps, None, &vec![1.0 / heads as f32; heads], 0.5)?)
    }

    fn prepend(&self, prefix: &Buffer, patches: &Buffer) -> Result<Buffer, Error> {
        let [images, tokens, width] = tokens_of("prepend", patches)?;
        let count = prefix.len() / width.max(1);
        expect("prepend", &[(prefix, count * width)])?;
        let out = self.gpu.buffer(vec![images, count + tokens, width])?;
        let sizes = [width as u32, count as u32, tokens as u32];
        self.elements(&PREPEND, out.len(), &sizes, &[prefix, patches], &[&out])?;
        Ok(out)
    }

    fn tokens(&self, x: &Buffer, start: usize, count: usize) -> Result<Buffer, Error> {
        Ok(self.copy_tokens(x, [start, 0, count, count])?)
    }

    fn pad_tokens(&self, d_out: &Buffer, start: usize, total: usize) -> Result<Buffer, Error> {
        let [_, count, _] = tokens_of("pad_tokens", d_out)?;
        Ok(self.copy_tokens(d_out, [0, start, count, total])?)
    }

    fn mean_tokens(&self, x: &Buffer) -> Result<Buffer, Error> {
        let [images, tokens, width] = tokens_of("mean_tokens", x)?;
        let out = self.gpu.buffer(vec![images, 1, width])?;
        self.elements(&MEAN_TOKENS, out.len(), &[width as u32, tokens as u32], &[x], &[&out])?;
        Ok(out)
    }

    fn mean_tokens_backward(&self, d_out: &Buffer, count: usize) -> Result<Buffer, Error> {
        let [images, one, width] = tokens_of("mean_tokens_backward", d_out)?;
        expect("mean_tokens_backward", &[(d_out, images * width * one.min(1))])?;
        let d_x = self.gpu.buffer(vec![images, count, width])?;
        self.elements(&MEAN_TOKENS_BACKWARD, d_x.len(), &[width as u32, count as u32], &[d_out], &[&d_x])?;
        Ok(d_x)
    }

    fn add(&self, a: &Buffer, b: &Buffer) -> Result<Buffer, Error> {
        expect("add", &[(b, a.len())])?;
        let out = self.gpu.buffer(a.shape.clone())?;
        self.elements(&ADD, out.len(), &[], &[a, b], &[&out])?;
        Ok(out)
    }

    fn linear_weight_gradient(&self, d_out: &Buffer, x: &Buffer) -> Result<Buffer, Error> {
        Ok(self.weight_gradient(d_out, x)?)
    }

    fn column_sum(&self, x: &Buffer, width: usize) -> Result<Buffer, Error> {
        Ok(self.sum_rows(x, None, width)?)
    }

    fn column_dot(&self, a: &Buffer, b: &Buffer) -> Result<Buffer, Error> {
        Ok(self.sum_rows(a, Some(b), a.shape.last().copied().unwrap_or(0))?)
    }

    fn add_squares(&self, sums: Option<Buffer>, x: &Buffer) -> Result<Buffer, Error> {
        Ok(self.squares(sums, x)?)
    }

    fn relevance_step_backward(
        &self,
        column: &Buffer,
        maps: &Buffer,
        gradients: &Buffer,
        head_weights: &[f32],
    ) -> Result<Buffer, Error> {
        Ok(self.fold_block_backward(column, maps, gradients, head_weights)?)
    }

    fn adamw(
        &self,
        weight: &mut Buffer,
        moments: &mut Moments<Buffer>,
        gradient: &Buffer,
        step: &AdamW,
    ) -> Result<(), Error> {
        Ok(self.step(weight, moments, gradient, step.factors())?)
    }
}
