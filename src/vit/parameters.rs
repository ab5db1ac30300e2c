//! The weights as buffers of a backend, in the order of the passes.

use std::collections::BTreeMap;

use crate::engine::Ops;

use super::engine::EngineError;
use super::weights::Tensor;
use super::{Pooling, VitConfig};

/// `y = x·weightᵀ + bias`.
pub struct Linear<B> {
    pub weight: B,
    pub bias: B,
}

/// Scale γ and shift β of a layer norm.
pub struct Norm<B> {
    pub gamma: B,
    pub beta: B,
}

/// One pre-norm block.
pub struct Block<B> {
    pub norm1: Norm<B>,
    pub qkv: Linear<B>,
    pub proj: Linear<B>,
    /// LayerScale after attention.
    pub scale1: Option<B>,
    pub norm2: Norm<B>,
    pub fc1: Linear<B>,
    pub fc2: Linear<B>,
    /// LayerScale after the MLP.
    pub scale2: Option<B>,
}

/// All weights of a Vision Transformer.
pub struct Parameters<B> {
    /// `[D, channels·patch_h·patch_w]`: the patch convolution as a matrix.
    pub patch: Linear<B>,
    /// Prefix tokens with their position already added, `[p, D]`; absent without prefix tokens.
    pub prefix: Option<B>,
    /// As stored, `[1, (p +) g, D]`; on the host, because other input sizes resize it.
    pub position: Tensor,
    pub blocks: Vec<Block<B>>,
    /// `norm`, or `fc_norm` for mean pooling; a backbone without head and with mean pooling may lack it.
    pub norm: Norm<B>,
    /// Absent for a backbone without classes.
    pub head: Option<Linear<B>>,
    pub head_dist: Option<Linear<B>>,
}

/// Takes tensors by their timm names and uploads them; each is moved, so that memory holds one copy.
struct Uploader<'a, O: Ops> {
    ops: &'a O,
    tensors: BTreeMap<String, Tensor>,
}

impl<O: Ops> Uploader<'_, O> {
    fn take(&mut self, name: &str) -> Result<Tensor, EngineError> {
        self.tensors.remove(name).ok_or_else(|| EngineError::MissingTensor(name.to_owned()))
    }

    fn buffer(&mut self, name: &str) -> Result<O::Buffer, EngineError> {
        let Tensor { shape, data } = self.take(name)?;
        Ok(self.ops.upload(data, &shape)?)
    }

    fn linear(&mut self, name: &str) -> Result<Linear<O::Buffer>, EngineError> {
        Ok(Linear { weight: self.buffer(&format!("{name}.weight"))?, bias: self.buffer(&format!("{name}.bias"))? })
    }

    fn norm(&mut self, name: &str) -> Result<Norm<O::Buffer>, EngineError> {
        Ok(Norm { gamma: self.buffer(&format!("{name}.weight"))?, beta: self.buffer(&format!("{name}.bias"))? })
    }

    fn block(&mut self, index: usize, layer_scale: bool) -> Result<Block<O::Buffer>, EngineError> {
        let name = |part: &str| format!("blocks.{index}.{part}");
        let mut scale = |part| if layer_scale { self.buffer(&name(part)).map(Some) } else { Ok(None) };
        let (scale1, scale2) = (scale("ls1.gamma")?, scale("ls2.gamma")?);
        Ok(Block {
            norm1: self.norm(&name("norm1"))?,
            qkv: self.linear(&name("attn.qkv"))?,
            proj: self.linear(&name("attn.proj"))?,
            scale1,
            norm2: self.norm(&name("norm2"))?,
            fc1: self.linear(&name("mlp.fc1"))?,
            fc2: self.linear(&name("mlp.fc2"))?,
            scale2,
        })
    }

    fn patch(&mut self) -> Result<Linear<O::Buffer>, EngineError> {
        let Tensor { shape, data } = self.take("patch_embed.proj.weight")?;
        let dim = shape.first().copied().unwrap_or(1).max(1);
        let inner = data.len() / dim;
        Ok(Linear { weight: self.ops.upload(data, &[dim, inner])?, bias: self.buffer("patch_embed.proj.bias")? })
    }

    /// Class, distillation and register tokens in this order, each with its position if it has one.
    fn prefix(&mut self, config: &VitConfig, position: &Tensor) -> Result<Option<O::Buffer>, EngineError> {
        let mut rows = Vec::new();
        for (name, present) in [
            ("cls_token", config.class_token),
            ("dist_token", config.distillation_token),
            ("reg_token", config.registers > 0),
        ] {
            if present {
                rows.extend(self.take(name)?.data);
            }
        }
        if rows.is_empty() {
            return Ok(None);
        }
        if config.prefix_has_position {
            rows.iter_mut().zip(&position.data).for_each(|(row, position)| *row += position);
        }
        Ok(Some(self.ops.upload(rows, &[config.prefix_tokens(), config.dim])?))
    }
}

impl<B: Clone> Parameters<B> {
    /// # Errors
    /// If a tensor is missing or the device has no room.
    pub fn upload<O: Ops<Buffer = B>>(
        ops: &O,
        config: &VitConfig,
        tensors: BTreeMap<String, Tensor>,
    ) -> Result<Self, EngineError> {
        let mut uploader = Uploader { ops, tensors };
        let position = uploader.take("pos_embed")?;
        let norm = if config.pooling == Pooling::MeanOfPatches { "fc_norm" } else { "norm" };
        let has_head = config.classes > 0;
        Ok(Self {
            patch: uploader.patch()?,
            prefix: uploader.prefix(config, &position)?,
            position,
            blocks: (0..config.depth)
                .map(|index| uploader.block(index, config.layer_scale))
                .collect::<Result<_, _>>()?,
            norm: uploader.norm(norm)?,
            head: has_head.then(|| uploader.linear("head")).transpose()?,
            head_dist: (has_head && config.pooling == Pooling::Distilled)
                .then(|| uploader.linear("head_dist"))
                .transpose()?,
        })
    }
}
