//! The seam between the passes and the hardware.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{DeviceInfo, Error};

/// All runs of one kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct KernelTime {
    pub runs: u32,
    pub milliseconds: f64,
}

/// By the name of the kernel.
pub type KernelTimes = BTreeMap<&'static str, KernelTime>;

/// What may follow a matrix product before its result is written: `(x·wᵀ + bias)·scale + residual`.
pub struct Epilogue<'a, B> {
    /// `[out]`
    pub bias: Option<&'a B>,
    /// `[out]`: LayerScale.
    pub scale: Option<&'a B>,
    /// Same shape as the result, or shorter in the batch dimension: it then repeats.
    pub residual: Option<&'a B>,
}

// By hand: a derive would ask that buffers be copyable, where only references to them are copied.
impl<B> Clone for Epilogue<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for Epilogue<'_, B> {}

impl<'a, B> Epilogue<'a, B> {
    /// The product as it is.
    pub const fn none() -> Self {
        Self { bias: None, scale: None, residual: None }
    }

    pub fn bias(bias: &'a B) -> Self {
        Self { bias: Some(bias), scale: None, residual: None }
    }
}

/// Relevance's share of ∂Loss/∂A: `[A ⊙ G > 0] · G · w_h · row_i · column_j`.
pub struct RelevanceTerm<'a, B: ?Sized> {
    /// G, a constant of the loss: `[B, h, R, N]`.
    pub gradients: &'a B,
    /// w, as for [`Ops::relevance_step`].
    pub head_weights: &'a [f32],
    /// The relevance row *before* [`Ops::relevance_step`] folded the block in: `[B, N]`.
    pub row: &'a B,
    /// The gradient of the row *after* it: `[B, N]`.
    pub column: &'a B,
}

/// One step of AdamW (Loshchilov & Hutter 2019), with PyTorch's order of operations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    pub lr: f64,
    pub beta1: f64,
    pub beta2: f64,
    pub eps: f64,
    pub weight_decay: f64,
    /// Number of this step, counted from 1.
    pub step: u64,
    /// Every gradient is multiplied by it first: clipping, or the mean over collected batches.
    pub gradient_scale: f64,
}

/// The factors of one [`AdamW`] step, worked out in double precision.
///
/// `w ← w·keep`, `m ← m + (g − m)·(1 − β₁)`, `v ← v·β₂ + g²·(1 − β₂)`, `w ← w − rate·m / (√v·inv_root + eps)`
/// with `g` already scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamWFactors {
    /// 1 − lr·weight_decay
    pub keep: f32,
    /// lr / (1 − β₁^step)
    pub rate: f32,
    /// 1/√(1 − β₂^step)
    pub inv_root: f32,
    pub one_minus_beta1: f32,
    pub beta2: f32,
    pub one_minus_beta2: f32,
    pub eps: f32,
    pub gradient_scale: f32,
}

impl AdamW {
    pub fn factors(&self) -> AdamWFactors {
        let step = self.step as f64;
        AdamWFactors {
            keep: (1.0 - self.lr * self.weight_decay) as f32,
            rate: (self.lr / (1.0 - self.beta1.powf(step))) as f32,
            inv_root: (1.0 - self.beta2.powf(step)).sqrt().recip() as f32,
            one_minus_beta1: (1.0 - self.beta1) as f32,
            beta2: self.beta2 as f32,
            one_minus_beta2: (1.0 - self.beta2) as f32,
            eps: self.eps as f32,
            gradient_scale: self.gradient_scale as f32,
        }
    }
}

/// The running means of a weight's gradient (m) and of its square (v); zeros before the first step.
#[derive(Clone, Debug)]
pub struct Moments<B> {
    pub mean: B,
    pub square: B,
}

/// The operations from which every pass over a Vision Transformer is built.
///
/// Buffers are `f32`, row-major, and know their shape; all stay on the device until [`Ops::read`], which alone waits
/// for the device. B = batch, N = tokens, R ≤ N = query rows of the attention map that somebody reads, h = heads,
/// D = h·head_dim. Which of D's columns belong to which head is the order of the weights: head-major.
pub trait Ops: Send + Sync {
    type Buffer: Clone + Send + Sync;

    fn info(&self) -> DeviceInfo;
    /// Whether the device is gone, with everything on it.
    fn is_lost(&self) -> bool {
        false
    }

    /// # Errors
    /// If the device has no room for the data.
    fn upload(&self, data: Vec<f32>, shape: &[usize]) -> Result<Self::Buffer, Error>;
    /// All elements, row-major. Waits for the device.
    fn read(&self, buffer: &Self::Buffer) -> Result<Vec<f32>, Error>;
    /// Several buffers after a single wait.
    fn read_all(&self, buffers: &[&Self::Buffer]) -> Result<Vec<Vec<f32>>, Error> {
        buffers.iter().map(|buffer| self.read(buffer)).collect()
    }
    fn shape(&self, buffer: &Self::Buffer) -> Vec<usize>;
    /// Runs `work` with every kernel timed by the device's own clock; `None` where there is no such clock.
    fn profile(&self, work: &mut dyn FnMut()) -> Option<KernelTimes> {
        work();
        None
    }

    /// `x [.., in] · w [out, in]ᵀ` with an epilogue: `[.., out]`.
    fn linear(
        &self,
        x: &Self::Buffer,
        w: &Self::Buffer,
        then: Epilogue<'_, Self::Buffer>,
    ) -> Result<Self::Buffer, Error>;
    /// Gradient of [`Ops::linear`] with respect to its input: `d_out [.., out] · w [out, in]`.
    fn linear_backward(&self, d_out: &Self::Buffer, w: &Self::Buffer) -> Result<Self::Buffer, Error>;
    /// Every row times `scale [D]` (backward of LayerScale).
    fn scale_rows(&self, x: &Self::Buffer, scale: &Self::Buffer) -> Result<Self::Buffer, Error>;

    fn layer_norm(
        &self,
        x: &Self::Buffer,
        gamma: &Self::Buffer,
        beta: &Self::Buffer,
        eps: f32,
    ) -> Result<Self::Buffer, Error>;
    /// Gradient with respect to `x`, plus `residual` (the gradient that went around the norm).
    fn layer_norm_backward(
        &self,
        d_out: &Self::Buffer,
        x: &Self::Buffer,
        gamma: &Self::Buffer,
        eps: f32,
        residual: Option<&Self::Buffer>,
    ) -> Result<Self::Buffer, Error>;

    /// The exact (erf) GELU.
    fn gelu(&self, x: &Self::Buffer) -> Result<Self::Buffer, Error>;
    /// `d_out · GELU'(x)`; may be written over `d_out`, so no clone of it may be in use.
    fn gelu_backward(&self, d_out: Self::Buffer, x: &Self::Buffer) -> Result<Self::Buffer, Error>;
    /// A hidden layer: `x·wᵀ + bias`, which the backward pass reads, and its GELU.
    fn linear_gelu(
        &self,
        x: &Self::Buffer,
        w: &Self::Buffer,
        bias: &Self::Buffer,
    ) -> Result<(Self::Buffer, Self::Buffer), Error> {
        let hidden = self.linear(x, w, Epilogue::bias(bias))?;
        let activated = self.gelu(&hidden)?;
        Ok((hidden, activated))
    }
    /// Back through the layer after a GELU, and the GELU: `(d_out·w) · GELU'(x)`.
    fn linear_gelu_backward(
        &self,
        d_out: &Self::Buffer,
        w: &Self::Buffer,
        x: &Self::Buffer,
    ) -> Result<Self::Buffer, Error> {
        self.gelu_backward(self.linear_backward(d_out, w)?, x)
    }

    /// A = softmax(q·kᵀ/√head_dim) of `qkv [B, N, 3·D]` for the first `queries` rows: `[B, h, R, N]`.
    fn attention(&self, qkv: &Self::Buffer, heads: usize, queries: usize) -> Result<Self::Buffer, Error>;
    /// A·v, heads side by side: `[B, R, D]`.
    fn attention_mix(&self, maps: &Self::Buffer, qkv: &Self::Buffer) -> Result<Self::Buffer, Error>;
    /// G = ∂y/∂A from the gradient `d_out [B, R, D]` of the mixed values: `[B, h, R, N]`.
    fn attention_gradient(&self, d_out: &Self::Buffer, qkv: &Self::Buffer, heads: usize)
    -> Result<Self::Buffer, Error>;
    /// Gradient with respect to `qkv`, given G (to which `term` is added: in place, if nobody else holds it), A and
    /// `d_out`: `[B, N, 3·D]`.
    fn attention_backward(
        &self,
        gradients: Self::Buffer,
        maps: &Self::Buffer,
        d_out: &Self::Buffer,
        qkv: &Self::Buffer,
        term: Option<RelevanceTerm<'_, Self::Buffer>>,
    ) -> Result<Self::Buffer, Error>;

    /// One block of GAE in row form: `row + row·C`, C = Σ_h w_h·max(0, A ⊙ G); `row` is `[B, N]`.
    ///
    /// `head_weights` has one weight per head: 1/h, or 0 for a muted head.
    fn relevance_step(
        &self,
        row: &Self::Buffer,
        maps: &Self::Buffer,
        gradients: &Self::Buffer,
        head_weights: &[f32],
    ) -> Result<Self::Buffer, Error>;
    /// One block of attention rollout in row form: `½·(row + row·Ā)`, Ā the mean of A over its heads.
    fn rollout_step(&self, row: &Self::Buffer, maps: &Self::Buffer) -> Result<Self::Buffer, Error>;

    /// Prefix tokens `[p, D]` in front of every image's patches `[B, g, D]`: `[B, p + g, D]`.
    fn prepend(&self, prefix: &Self::Buffer, patches: &Self::Buffer) -> Result<Self::Buffer, Error>;
    /// `count` tokens from `start` on: `[B, count, D]`.
    fn tokens(&self, x: &Self::Buffer, start: usize, count: usize) -> Result<Self::Buffer, Error>;
    /// The backward of [`Ops::tokens`]: zeros around `d_out`, `[B, total, D]`.
    fn pad_tokens(&self, d_out: &Self::Buffer, start: usize, total: usize) -> Result<Self::Buffer, Error>;
    /// Mean over the tokens: `[B, count, D]` to `[B, 1, D]`.
    fn mean_tokens(&self, x: &Self::Buffer) -> Result<Self::Buffer, Error>;
    /// The backward of [`Ops::mean_tokens`]: each of `count` tokens gets `d_out / count`.
    fn mean_tokens_backward(&self, d_out: &Self::Buffer, count: usize) -> Result<Self::Buffer, Error>;
    fn add(&self, a: &Self::Buffer, b: &Self::Buffer) -> Result<Self::Buffer, Error>;

    // From here on: what only training needs.

    /// Gradient of [`Ops::linear`] with respect to `w`: `d_out [.., out]ᵀ · x [.., in]` over all rows: `[out, in]`.
    fn linear_weight_gradient(&self, d_out: &Self::Buffer, x: &Self::Buffer) -> Result<Self::Buffer, Error>;
    /// `x`, seen as `[rows, width]`, summed over its rows: `[width]`. The gradient of a bias (`width` = D) or of what
    /// repeats over the batch (`width` = N·D).
    fn column_sum(&self, x: &Self::Buffer, width: usize) -> Result<Self::Buffer, Error>;
    /// `a ⊙ b`, both `[.., D]`, summed over all rows: `[D]`. The gradient of a scale: LayerScale, or γ of a norm.
    fn column_dot(&self, a: &Self::Buffer, b: &Self::Buffer) -> Result<Self::Buffer, Error>;
    /// Gradients of [`Ops::layer_norm`] with respect to γ and β, `[D]` each.
    fn layer_norm_gradients(
        &self,
        d_out: &Self::Buffer,
        x: &Self::Buffer,
        eps: f32,
    ) -> Result<(Self::Buffer, Self::Buffer), Error> {
        let width = self.shape(x).last().copied().unwrap_or(1);
        let constant = |value: f32| self.upload(vec![value; width], &[width]);
        let normalised = self.layer_norm(x, &constant(1.0)?, &constant(0.0)?, eps)?;
        Ok((self.column_dot(d_out, &normalised)?, self.column_sum(d_out, width)?))
    }
    /// Adds Σ x² over all elements to `sums`: a few numbers, as many as the backend likes, that mean their total.
    fn add_squares(&self, sums: Option<Self::Buffer>, x: &Self::Buffer) -> Result<Self::Buffer, Error>;

    /// [`Ops::relevance_step`] from the other side: `column + C·column`, C as there; `column` is `[B, N]`.
    ///
    /// With `column` = ∂Loss/∂(row after the step) this is ∂Loss/∂(row before it). Query rows that nobody computed
    /// (R ≤ i < N) count as zeros of C.
    fn relevance_step_backward(
        &self,
        column: &Self::Buffer,
        maps: &Self::Buffer,
        gradients: &Self::Buffer,
        head_weights: &[f32],
    ) -> Result<Self::Buffer, Error>;
    /// One step of [`AdamW`] on a weight and its two moments, all of one shape; may write in place, so no clone of
    /// the three may be in use. `gradient` has as many elements, whatever its shape.
    fn adamw(
        &self,
        weight: &mut Self::Buffer,
        moments: &mut Moments<Self::Buffer>,
        gradient: &Self::Buffer,
        step: &AdamW,
    ) -> Result<(), Error>;
}
