//! Row operations candle lacks a backward pass (or a fast one) for, as custom operations on the CPU.
//!
//! Inner loops are plain Rust; `pulp` compiles them for the widest vectors the machine has.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Storage, Tensor, bail};
use pulp::Arch;

/// Exact GELU, x·Φ(x), of every element.
pub fn gelu(x: &Tensor) -> Result<Tensor> {
    x.apply_op1(Gelu)
}

/// Softmax of `scale`·x over the last dimension.
pub fn softmax(x: &Tensor, scale: f32) -> Result<Tensor> {
    x.apply_op1(Softmax { scale })
}

/// Layer norm over the last dimension D with weight and bias of shape `[D]`.
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, epsilon: f32) -> Result<Tensor> {
    x.apply_op3(weight, bias, LayerNorm { epsilon })
}

/// x + bias for x `[…, D]`, bias `[D]`.
pub fn add_bias(x: &Tensor, bias: &Tensor) -> Result<Tensor> {
    x.apply_op2(bias, AddBias)
}

struct Gelu;

impl CustomOp1 for Gelu {
    fn name(&self) -> &'static str {
        "gelu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = floats(x, layout)?;
        let mut out = vec![0.0; x.len()];
        Arch::new().dispatch(
            #[inline(always)]
            || {
                for (y, &x) in out.iter_mut().zip(x) {
                    *y = x * normal_cdf(x).0;
                }
            },
        );
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let mut out = vec![0.0; x.elem_count()];
        with_floats([x, grad], |[x, grad]| {
            Arch::new().dispatch(
                #[inline(always)]
                || {
                    for ((out, &x), &grad) in out.iter_mut().zip(x).zip(grad) {
                        let (cdf, density) = normal_cdf(x);
                        *out = grad * (cdf + x * density);
                    }
                },
            );
        })?;
        Ok(Some(Tensor::from_vec(out, x.shape(), x.device())?))
    }
}

struct Softmax {
    scale: f32,
}

impl CustomOp1 for Softmax {
    fn name(&self) -> &'static str {
        "scaled-softmax"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (x, width, scale) = (floats(x, layout)?, width_of(layout.shape())?, self.scale);
        let mut out = vec![0.0; x.len()];
        Arch::new().dispatch(
            #[inline(always)]
            || {
                for (out, row) in out.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
                    let largest = row.iter().fold(f32::NEG_INFINITY, |a, &b| if a > b { a } else { b });
                    for (y, &x) in out.iter_mut().zip(row) {
                        *y = exp(scale * (x - largest));
                    }
                    let norm = 1.0 / sum(out);
                    out.iter_mut().for_each(|y| *y *= norm);
                }
            },
        );
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (width, scale) = (width_of(x.shape())?, self.scale);
        let mut out = vec![0.0; x.elem_count()];
        with_floats([y, grad], |[y, grad]| {
            Arch::new().dispatch(
                #[inline(always)]
                || {
                    let rows = out.chunks_exact_mut(width).zip(y.chunks_exact(width)).zip(grad.chunks_exact(width));
                    for ((out, y), grad) in rows {
                        let mean = dot(y, grad);
                        for ((out, y), grad) in out.iter_mut().zip(y).zip(grad) {
                            *out = scale * y * (grad - mean);
                        }
                    }
                },
            );
        })?;
        Ok(Some(Tensor::from_vec(out, x.shape(), x.device())?))
    }
}

struct LayerNorm {
    epsilon: f32,
}

impl LayerNorm {
    /// Mean and reciprocal deviation of a row.
    #[inline(always)]
    fn moments(&self, row: &[f32]) -> (f32, f32) {
        let count = row.len() as f32;
        let mean = sum(row) / count;
        let variance = lanes(row, row, |x, _| (x - mean) * (x - mean)) / count;
        (mean, 1.0 / (variance + self.epsilon).sqrt())
    }
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, width) = (floats(x, layout)?, width_of(layout.shape())?);
        let (weight, bias) = (floats(weight, weight_layout)?, floats(bias, bias_layout)?);
        let mut out = vec![0.0; x.len()];
        Arch::new().dispatch(
            #[inline(always)]
            || {
                for (out, row) in out.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
                    let (mean, rate) = self.moments(row);
                    for (((out, x), w), b) in out.iter_mut().zip(row).zip(weight).zip(bias) {
                        *out = (x - mean) * rate * w + b;
                    }
                }
            },
        );
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let width = width_of(x.shape())?;
        let (mut to_x, mut to_weight, mut to_bias) = (vec![0.0; x.elem_count()], vec![0.0; width], vec![0.0; width]);
        with_floats([x, weight, grad], |[x, weight, grad]| {
            Arch::new().dispatch(
                #[inline(always)]
                || {
                    let rows = to_x.chunks_exact_mut(width).zip(x.chunks_exact(width)).zip(grad.chunks_exact(width));
                    for ((out, row), grad) in rows {
                        let (mean, rate) = self.moments(row);
                        // `out` first holds the normalised row, then the gradient of the input.
                        for (((out, x), grad), (tw, tb)) in
                            out.iter_mut().zip(row).zip(grad).zip(to_weight.iter_mut().zip(to_bias.iter_mut()))
                        {
                            *out = (x - mean) * rate;
                            *tw += *out * grad;
                            *tb += grad;
                        }
                        let scaled = dot(grad, weight) / width as f32;
                        let mut along = [0.0; 16];
                        for ((o, g), w) in out.chunks(16).zip(grad.chunks(16)).zip(weight.chunks(16)) {
                            for (((sum, o), g), w) in along.iter_mut().zip(o).zip(g).zip(w) {
                                *sum += o * g * w;
                            }
                        }
                        let along = along.iter().sum::<f32>() / width as f32;
                        for ((out, grad), w) in out.iter_mut().zip(grad).zip(weight) {
                            *out = rate * (grad * w - scaled - *out * along);
                        }
                    }
                },
            );
        })?;
        let device = x.device();
        Ok((
            Some(Tensor::from_vec(to_x, x.shape(), device)?),
            Some(Tensor::from_vec(to_weight, weight.shape(), device)?),
            Some(Tensor::from_vec(to_bias, bias.shape(), device)?),
        ))
    }
}

struct AddBias;

impl CustomOp2 for AddBias {
    fn name(&self) -> &'static str {
        "add-bias"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, bias) = (floats(x, layout)?, floats(bias, bias_layout)?);
        let mut out = x.to_vec();
        for row in out.chunks_exact_mut(bias.len()) {
            row.iter_mut().zip(bias).for_each(|(y, b)| *y += b);
        }
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, bias: &Tensor, _: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let mut to_bias = vec![0.0; bias.elem_count()];
        with_floats([grad], |[grad]| {
            for row in grad.chunks_exact(to_bias.len()) {
                to_bias.iter_mut().zip(row).for_each(|(sum, g)| *sum += g);
            }
        })?;
        Ok((Some(grad.clone()), Some(Tensor::from_vec(to_bias, bias.shape(), bias.device())?)))
    }
}

fn width_of(shape: &Shape) -> Result<usize> {
    shape.dims().last().copied().ok_or_else(|| candle_core::Error::Msg("a scalar has no rows".into()))
}

/// The numbers behind a contiguous f32 storage.
fn floats<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!("row kernels need contiguous tensors, got strides {:?}", layout.stride()),
    }
}

/// Lends the numbers of several tensors, made contiguous where they are not.
fn with_floats<const N: usize>(tensors: [&Tensor; N], read: impl FnOnce([&[f32]; N])) -> Result<()> {
    let tensors = tensors.map(Tensor::contiguous).into_iter().collect::<Result<Vec<_>>>()?;
    let guards: Vec<_> = tensors.iter().map(Tensor::storage_and_layout).collect();
    let mut slices: [&[f32]; N] = [&[]; N];
    for (slice, (storage, layout)) in slices.iter_mut().zip(&guards) {
        let Storage::Cpu(storage) = &**storage else { bail!("row kernels run on the CPU only") };
        *slice = floats(storage, layout)?;
    }
    read(slices);
    Ok(())
}

/// Sixteen running sums, so that the compiler may use vectors.
#[inline(always)]
fn lanes(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [0.0; 16];
    let (whole_a, whole_b) = (a.chunks_exact(16), b.chunks_exact(16));
    let rest: f32 = whole_a.remainder().iter().zip(whole_b.remainder()).map(|(&a, &b)| term(a, b)).sum();
    for (a, b) in whole_a.zip(whole_b) {
        for lane in 0..16 {
            sums[lane] += term(a[lane], b[lane]);
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[inline(always)]
fn sum(row: &[f32]) -> f32 {
    lanes(row, row, |x, _| x)
}

#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    lanes(a, b, |a, b| a * b)
}

/// Φ(x) and φ(x) of the standard normal distribution.
///
/// Abramowitz & Stegun 7.1.26: the absolute error of erf stays below 1.5e-7.
#[inline(always)]
fn normal_cdf(x: f32) -> (f32, f32) {
    let bell = exp(-0.5 * x * x);
    let t = 1.0 / (1.0 + 0.327_591_1 * std::f32::consts::FRAC_1_SQRT_2 * x.abs());
    let poly = ((((1.061_405_4 * t - 1.453_152) * t + 1.421_413_7) * t - 0.284_496_74) * t + 0.254_829_6) * t;
    let tail = 0.5 * poly * bell;
    (if x < 0.0 { tail } else { 1.0 - tail }, 0.398_942_3 * bell)
}

/// e^x to about 2 units in the last place (Cephes' polynomial), in operations that vectorise.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Adding 1.5·2²³ rounds to the nearest integer and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = if x > -87.0 { x } else { -87.0 };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let poly = ((((1.987_569_1e-4 * r + 1.398_199_9e-3) * r + 8.333_452e-3) * r + 4.166_579_6e-2) * r + 0.166_666_65)
        * r
        + 0.5;
    (poly * r * r + r + 1.0) * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23)
}
