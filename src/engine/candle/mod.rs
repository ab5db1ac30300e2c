//! The candle backend: our fused kernels on the CPU, candle's own operations on CUDA and Metal.

mod composed;
mod fused;

use candle_core::{Device as CandleDevice, Tensor};

use super::{AdamW, Device, DeviceInfo, Epilogue, Error, Moments, Ops, RelevanceTerm};

/// [`Ops`] over candle tensors.
#[derive(Clone, Debug)]
pub struct CandleOps {
    device: CandleDevice,
    /// Whether the fused CPU kernels serve; else the compositions of candle operations.
    fused: bool,
}

impl CandleOps {
    /// # Errors
    /// If this build or machine lacks the device.
    pub fn new(device: Device) -> Result<Self, Error> {
        let device = open(device)?;
        Ok(Self { fused: device.is_cpu(), device })
    }

    /// Whether the CPU computes.
    pub fn is_cpu(&self) -> bool {
        self.device.is_cpu()
    }

    /// The compositions that CUDA and Metal use, on the CPU: slow, for comparison with the fused kernels.
    pub fn composed_on_cpu() -> Self {
        Self { device: CandleDevice::Cpu, fused: false }
    }
}

fn open(device: Device) -> Result<CandleDevice, Error> {
    let opened = match device {
        Device::Cpu => Ok(CandleDevice::Cpu),
        Device::Cuda(index) => CandleDevice::new_cuda(index),
        Device::Metal(index) => CandleDevice::new_metal(index),
        Device::Auto => {
            Ok(CandleDevice::new_cuda(0).or_else(|_| CandleDevice::new_metal(0)).unwrap_or(CandleDevice::Cpu))
        }
        Device::Gpu(_) => Err(candle_core::Error::Msg("candle does not know it".to_owned())),
    };
    opened.map_err(|err| Error::NoSuchDevice {
        asked: device,
        why: format!("{err}; use «--device cpu», or a build with that feature on a machine with that hardware"),
    })
}

/// Calls the fused kernel on the CPU, the composition elsewhere.
macro_rules! either {
    ($self:ident, $kernel:ident ( $($arg:expr),* )) => {
        Ok(if $self.fused { fused::$kernel($($arg),*) } else { composed::$kernel($($arg),*) }?)
    };
}

impl Ops for CandleOps {
    type Buffer = Tensor;

    fn info(&self) -> DeviceInfo {
        let device = match self.device.location() {
            candle_core::DeviceLocation::Cpu => "cpu".to_owned(),
            candle_core::DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
            candle_core::DeviceLocation::Metal { gpu_id } => format!("metal:{gpu_id}"),
        };
        DeviceInfo { threads: if self.device.is_cpu() { rayon::current_num_threads() } else { 1 }, device }
    }

    fn upload(&self, data: Vec<f32>, shape: &[usize]) -> Result<Tensor, Error> {
        Ok(Tensor::from_vec(data, shape, &self.device)?)
    }

    fn read(&self, buffer: &Tensor) -> Result<Vec<f32>, Error> {
        Ok(buffer.flatten_all()?.to_vec1()?)
    }

    fn shape(&self, buffer: &Tensor) -> Vec<usize> {
        buffer.dims().to_vec()
    }

    fn linear(&self, x: &Tensor, w: &Tensor, then: Epilogue<'_, Tensor>) -> Result<Tensor, Error> {
        either!(self, linear(x, w, then))
    }

    fn linear_backward(&self, d_out: &Tensor, w: &Tensor) -> Result<Tensor, Error> {
        either!(self, linear_backward(d_out, w))
    }

    fn scale_rows(&self, x: &Tensor, scale: &Tensor) -> Result<Tensor, Error> {
        Ok(x.broadcast_mul(scale)?)
    }

    fn layer_norm(&self, x: &Tensor, gamma: &Tensor, beta: &Tensor, eps: f32) -> Result<Tensor, Error> {
        either!(self, layer_norm(x, gamma, beta, eps))
    }

    fn layer_norm_backward(
        &self,
        d_out: &Tensor,
        x: &Tensor,
        gamma: &Tensor,
        eps: f32,
        residual: Option<&Tensor>,
    ) -> Result<Tensor, Error> {
        either!(self, layer_norm_backward(d_out, x, gamma, eps, residual))
    }

    fn gelu(&self, x: &Tensor) -> Result<Tensor, Error> {
        either!(self, gelu(x))
    }

    fn gelu_backward(&self, d_out: Tensor, x: &Tensor) -> Result<Tensor, Error> {
        either!(self, gelu_backward(d_out, x))
    }

    fn attention(&self, qkv: &Tensor, heads: usize, queries: usize) -> Result<Tensor, Error> {
        either!(self, attention(qkv, heads, queries))
    }

    fn attention_mix(&self, maps: &Tensor, qkv: &Tensor) -> Result<Tensor, Error> {
        either!(self, attention_mix(maps, qkv))
    }

    fn attention_gradient(&self, d_out: &Tensor, qkv: &Tensor, heads: usize) -> Result<Tensor, Error> {
        either!(self, attention_gradient(d_out, qkv, heads))
    }

    fn attention_backward(
        &self,
        gradients: Tensor,
        maps: &Tensor,
        d_out: &Tensor,
        qkv: &Tensor,
        term: Option<RelevanceTerm<'_, Tensor>>,
    ) -> Result<Tensor, Error> {
        either!(self, attention_backward(&gradients, maps, d_out, qkv, term.as_ref()))
    }

    fn relevance_step(
        &self,
        row: &Tensor,
        maps: &Tensor,
        gradients: &Tensor,
        head_weights: &[f32],
    ) -> Result<Tensor, Error> {
        Ok((row + either_row(self.fused, row, maps, Some(gradients), head_weights)?)?)
    }

    fn rollout_step(&self, row: &Tensor, maps: &Tensor) -> Result<Tensor, Error> {
        let heads = maps.dim(1)?;
        let weights = vec![1.0 / heads as f32; heads];
        Ok(((row + either_row(self.fused, row, maps, None, &weights)?)? * 0.5)?)
    }

    fn prepend(&self, prefix: &Tensor, patches: &Tensor) -> Result<Tensor, Error> {
        let (batch, _, _) = patches.dims3()?;
        let (count, dim) = prefix.dims2()?;
        Ok(Tensor::cat(&[&prefix.unsqueeze(0)?.expand((batch, count, dim))?, patches], 1)?)
    }

    fn tokens(&self, x: &Tensor, start: usize, count: usize) -> Result<Tensor, Error> {
        Ok(x.narrow(1, start, count)?.contiguous()?)
    }

    fn pad_tokens(&self, d_out: &Tensor, start: usize, total: usize) -> Result<Tensor, Error> {
        let (_, count, _) = d_out.dims3()?;
        Ok(d_out.pad_with_zeros(1, start, total - start - count)?)
    }

    fn mean_tokens(&self, x: &Tensor) -> Result<Tensor, Error> {
        Ok(x.mean_keepdim(1)?)
    }

    fn mean_tokens_backward(&self, d_out: &Tensor, count: usize) -> Result<Tensor, Error> {
        let (batch, _, dim) = d_out.dims3()?;
        Ok((d_out.expand((batch, count, dim))?.contiguous()? / count as f64)?)
    }

    fn add(&self, a: &Tensor, b: &Tensor) -> Result<Tensor, Error> {
        Ok((a + b)?)
    }

    fn linear_weight_gradient(&self, d_out: &Tensor, x: &Tensor) -> Result<Tensor, Error> {
        either!(self, linear_weight_gradient(d_out, x))
    }

    fn column_sum(&self, x: &Tensor, width: usize) -> Result<Tensor, Error> {
        either!(self, column_sum(x, width))
    }

    fn column_dot(&self, a: &Tensor, b: &Tensor) -> Result<Tensor, Error> {
        either!(self, column_dot(a, b))
    }

    fn layer_norm_gradients(&self, d_out: &Tensor, x: &Tensor, eps: f32) -> Result<(Tensor, Tensor), Error> {
        either!(self, layer_norm_gradients(d_out, x, eps))
    }

    fn add_squares(&self, sums: Option<Tensor>, x: &Tensor) -> Result<Tensor, Error> {
        let squares: Result<Tensor, Error> = either!(self, sum_of_squares(x));
        match sums {
            Some(sums) => self.add(&sums, &squares?),
            None => squares,
        }
    }

    fn relevance_step_backward(
        &self,
        column: &Tensor,
        maps: &Tensor,
        gradients: &Tensor,
        head_weights: &[f32],
    ) -> Result<Tensor, Error> {
        let product: Result<Tensor, Error> = either!(self, maps_times_column(column, maps, gradients, head_weights));
        Ok((column + product?)?)
    }

    fn adamw(
        &self,
        weight: &mut Tensor,
        moments: &mut Moments<Tensor>,
        gradient: &Tensor,
        step: &AdamW,
    ) -> Result<(), Error> {
        either!(self, adamw(weight, moments, gradient, step))
    }
}

fn either_row(
    fused: bool,
    row: &Tensor,
    maps: &Tensor,
    gradients: Option<&Tensor>,
    head_weights: &[f32],
) -> candle_core::Result<Tensor> {
    if fused {
        fused::row_times_maps(row, maps, gradients, head_weights)
    } else {
        composed::row_times_maps(row, maps, gradients, head_weights)
    }
}
