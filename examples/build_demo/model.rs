//! A small Vision Transformer with candle's autograd: pre-norm, class token, erf GELU, timm's tensor names.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use candle_core::{D, DType, Device, Tensor, Var};

use crate::dice::Dice;
use crate::kernels::{add_bias, gelu, layer_norm, softmax};

pub const IMAGE_SIZE: usize = 96;
pub const PATCH_SIZE: usize = 8;
/// Patches along a side.
pub const GRID: usize = IMAGE_SIZE / PATCH_SIZE;
pub const DIM: usize = 192;
pub const DEPTH: usize = 6;
pub const HEADS: usize = 3;
pub const HIDDEN: usize = 4 * DIM;
pub const NORM_EPS: f32 = 1e-6;
/// Numbers per patch: three colours.
pub const PATCH_LENGTH: usize = 3 * PATCH_SIZE * PATCH_SIZE;

/// The model's weights by timm name.
pub struct Vit {
    weights: BTreeMap<String, Var>,
}

impl Vit {
    /// Fresh weights: normal with deviation 0.02, cut at two deviations; biases 0, norms 1.
    pub fn new(classes: usize, dice: &mut Dice) -> Result<Self> {
        let mut vit = Self { weights: BTreeMap::new() };
        vit.add("cls_token", &[1, 1, DIM], || dice.truncated_normal(0.02))?;
        vit.add("pos_embed", &[1, 1 + GRID * GRID, DIM], || dice.truncated_normal(0.02))?;
        // Larger than the rest: pixels enter here, so the width of a fan-in of 3·p² matters.
        vit.add("patch_embed.proj.weight", &[DIM, 3, PATCH_SIZE, PATCH_SIZE], || dice.truncated_normal(0.06))?;
        vit.add("patch_embed.proj.bias", &[DIM], || 0.0)?;
        for block in 0..DEPTH {
            let at = |part: &str| format!("blocks.{block}.{part}");
            vit.add_norm(&at("norm1"))?;
            vit.add_linear(&at("attn.qkv"), 3 * DIM, DIM, dice)?;
            vit.add_linear(&at("attn.proj"), DIM, DIM, dice)?;
            vit.add_norm(&at("norm2"))?;
            vit.add_linear(&at("mlp.fc1"), HIDDEN, DIM, dice)?;
            vit.add_linear(&at("mlp.fc2"), DIM, HIDDEN, dice)?;
        }
        vit.add_norm("norm")?;
        vit.add_linear("head", classes, DIM, dice)?;
        Ok(vit)
    }

    fn add(&mut self, name: &str, shape: &[usize], value: impl FnMut() -> f32) -> Result<()> {
        let count = shape.iter().product();
        let values: Vec<f32> = std::iter::repeat_with(value).take(count).collect();
        self.weights.insert(name.to_owned(), Var::from_vec(values, shape, &Device::Cpu)?);
        Ok(())
    }

    fn add_norm(&mut self, name: &str) -> Result<()> {
        self.add(&format!("{name}.weight"), &[DIM], || 1.0)?;
        self.add(&format!("{name}.bias"), &[DIM], || 0.0)
    }

    fn add_linear(&mut self, name: &str, outputs: usize, inputs: usize, dice: &mut Dice) -> Result<()> {
        self.add(&format!("{name}.weight"), &[outputs, inputs], || dice.truncated_normal(0.02))?;
        self.add(&format!("{name}.bias"), &[outputs], || 0.0)
    }

    pub fn weights(&self) -> &BTreeMap<String, Var> {
        &self.weights
    }

    pub fn parameter_count(&self) -> usize {
        self.weights.values().map(|weight| weight.elem_count()).sum()
    }

    /// Half-precision copies under timm's names.
    pub fn half_weights(&self) -> Result<BTreeMap<String, Tensor>> {
        self.weights.iter().map(|(name, weight)| Ok((name.clone(), weight.to_dtype(DType::F16)?))).collect()
    }

    /// Replaces the weights by those of a file.
    pub fn load(&self, path: &std::path::Path) -> Result<()> {
        let stored = candle_core::safetensors::load(path, &Device::Cpu)?;
        for (name, weight) in &self.weights {
            let value = stored.get(name).with_context(|| format!("{name} is missing from {}", path.display()))?;
            weight.set(&value.to_dtype(DType::F32)?)?;
        }
        Ok(())
    }

    fn weight(&self, name: &str) -> Result<&Tensor> {
        self.weights.get(name).map(Var::as_tensor).with_context(|| format!("the model has no tensor {name}"))
    }

    /// Logits `[B, classes]` of the patches `[B, K, 3·p²]` that stand at `positions` `[K]` of the grid.
    ///
    /// Training may show a random part of the patches, which costs that part of the time.
    pub fn logits(&self, patches: &Tensor, positions: &Tensor) -> Result<Tensor> {
        let (batch, _, _) = patches.dims3()?;
        let embedding = self.weight("patch_embed.proj.weight")?.reshape((DIM, PATCH_LENGTH))?;
        let tokens = project(patches, &embedding, self.weight("patch_embed.proj.bias")?)?;
        let position = self.weight("pos_embed")?;
        let patch_position = position.narrow(1, 1, GRID * GRID)?.contiguous()?.index_select(positions, 1)?;
        let tokens = tokens.broadcast_add(&patch_position)?;
        let class = (self.weight("cls_token")? + position.narrow(1, 0, 1)?)?.expand((batch, 1, DIM))?;
        let mut x = Tensor::cat(&[class, tokens], 1)?;
        for block in 0..DEPTH {
            x = (&x + self.attention(block, &self.norm(&format!("blocks.{block}.norm1"), &x)?)?)?;
            x = (&x + self.mlp(block, &self.norm(&format!("blocks.{block}.norm2"), &x)?)?)?;
        }
        let class = self.norm("norm", &x.narrow(1, 0, 1)?.contiguous()?)?;
        Ok(self.linear("head", &class)?.squeeze(1)?)
    }

    fn attention(&self, block: usize, x: &Tensor) -> Result<Tensor> {
        let (batch, tokens, _) = x.dims3()?;
        let head_dim = DIM / HEADS;
        let qkv = self.linear(&format!("blocks.{block}.attn.qkv"), x)?;
        let qkv = qkv.reshape((batch, tokens, 3, HEADS, head_dim))?.permute((2, 0, 3, 1, 4))?.contiguous()?;
        let (q, k, v) = (qkv.get(0)?, qkv.get(1)?, qkv.get(2)?);
        let attention = softmax(&q.matmul(&k.transpose(D::Minus2, D::Minus1)?)?, (head_dim as f32).powf(-0.5))?;
        let mixed = attention.matmul(&v)?.transpose(1, 2)?.reshape((batch, tokens, DIM))?;
        self.linear(&format!("blocks.{block}.attn.proj"), &mixed)
    }

    fn mlp(&self, block: usize, x: &Tensor) -> Result<Tensor> {
        let hidden = gelu(&self.linear(&format!("blocks.{block}.mlp.fc1"), x)?)?;
        self.linear(&format!("blocks.{block}.mlp.fc2"), &hidden)
    }

    fn norm(&self, name: &str, x: &Tensor) -> Result<Tensor> {
        let (weight, bias) = (self.weight(&format!("{name}.weight"))?, self.weight(&format!("{name}.bias"))?);
        Ok(layer_norm(x, weight, bias, NORM_EPS)?)
    }

    fn linear(&self, name: &str, x: &Tensor) -> Result<Tensor> {
        project(x, self.weight(&format!("{name}.weight"))?, self.weight(&format!("{name}.bias"))?)
    }
}

/// x·Wᵀ + b for x `[B, K, inputs]`, as one product over all rows.
fn project(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let (batch, rows, inputs) = x.dims3()?;
    let flat = x.reshape((batch * rows, inputs))?.matmul(&weight.t()?)?;
    Ok(add_bias(&flat, bias)?.reshape((batch, rows, ()))?)
}
