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

impl<T> Linear<T> {
    /// Both tensors with their timm names.
    pub fn into_named(self, name: &str) -> [(String, T); 2] {
        [(format!("{name}.weight"), self.weight), (format!("{name}.bias"), self.bias)]
    }

    pub fn as_ref(&self) -> Linear<&T> {
        Linear { weight: &self.weight, bias: &self.bias }
    }

    pub fn as_mut(&mut self) -> Linear<&mut T> {
        Linear { weight: &mut self.weight, bias: &mut self.bias }
    }
}

impl<T> Norm<T> {
    /// Both tensors with their timm names.
    pub fn into_named(self, name: &str) -> [(String, T); 2] {
        [(format!("{name}.weight"), self.gamma), (format!("{name}.bias"), self.beta)]
    }

    pub fn as_ref(&self) -> Norm<&T> {
        Norm { gamma: &self.gamma, beta: &self.beta }
    }

    pub fn as_mut(&mut self) -> Norm<&mut T> {
        Norm { gamma: &mut self.gamma, beta: &mut self.beta }
    }
}

impl<T> Block<T> {
    /// All tensors with their timm names, always in the same order.
    pub fn into_named(self, index: usize) -> Vec<(String, T)> {
        let name = |part: &str| format!("blocks.{index}.{part}");
        let mut named = Vec::new();
        named.extend(self.norm1.into_named(&name("norm1")));
        named.extend(self.qkv.into_named(&name("attn.qkv")));
        named.extend(self.proj.into_named(&name("attn.proj")));
        named.extend(self.scale1.map(|scale| (name("ls1.gamma"), scale)));
        named.extend(self.norm2.into_named(&name("norm2")));
        named.extend(self.fc1.into_named(&name("mlp.fc1")));
        named.extend(self.fc2.into_named(&name("mlp.fc2")));
        named.extend(self.scale2.map(|scale| (name("ls2.gamma"), scale)));
        named
    }

    pub fn as_ref(&self) -> Block<&T> {
        Block {
            norm1: self.norm1.as_ref(),
            qkv: self.qkv.as_ref(),
            proj: self.proj.as_ref(),
            scale1: self.scale1.as_ref(),
            norm2: self.norm2.as_ref(),
            fc1: self.fc1.as_ref(),
            fc2: self.fc2.as_ref(),
            scale2: self.scale2.as_ref(),
        }
    }

    pub fn as_mut(&mut self) -> Block<&mut T> {
        Block {
            norm1: self.norm1.as_mut(),
            qkv: self.qkv.as_mut(),
            proj: self.proj.as_mut(),
            scale1: self.scale1.as_mut(),
            norm2: self.norm2.as_mut(),
            fc1: self.fc1.as_mut(),
            fc2: self.fc2.as_mut(),
            scale2: self.scale2.as_mut(),
        }
    }
}

/// All weights of a Vision Transformer.
pub struct Parameters<B> {
    /// `[D, channels·patch_h·patch_w]`: the patch convolution as a matrix.
    pub patch: Linear<B>,
    /// Prefix tokens with their position already added, `[p, D]`; absent without prefix tokens.
    pub prefix: Option<B>,
    /// What `prefix` was made of: class, distillation and register tokens by name, `[1, count, D]` each.
    pub tokens: Vec<(&'static str, Tensor)>,
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

    /// Class, distillation and register tokens, in this order.
    fn tokens(&mut self, config: &VitConfig) -> Result<Vec<(&'static str, Tensor)>, EngineError> {
        let present = [
            ("cls_token", config.class_token),
            ("dist_token", config.distillation_token),
            ("reg_token", config.registers > 0),
        ];
        let names = present.into_iter().filter(|(_, present)| *present);
        names.map(|(name, _)| Ok((name, self.take(name)?))).collect()
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
        let tokens = uploader.tokens(config)?;
        let norm = norm_name(config);
        let has_head = config.classes > 0;
        Ok(Self {
            patch: uploader.patch()?,
            prefix: upload_prefix(ops, config, &tokens, &position)?,
            tokens,
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

/// The timm name of the norm before the head.
pub fn norm_name(config: &VitConfig) -> &'static str {
    if config.pooling == Pooling::MeanOfPatches { "fc_norm" } else { "norm" }
}

/// The prefix tokens, each with its position if it has one.
fn upload_prefix<O: Ops>(
    ops: &O,
    config: &VitConfig,
    tokens: &[(&'static str, Tensor)],
    position: &Tensor,
) -> Result<Option<O::Buffer>, EngineError> {
    let mut rows: Vec<f32> = tokens.iter().flat_map(|(_, token)| &token.data).copied().collect();
    if rows.is_empty() {
        return Ok(None);
    }
    if config.prefix_has_position {
        rows.iter_mut().zip(&position.data).for_each(|(row, position)| *row += position);
    }
    Ok(Some(ops.upload(rows, &[config.prefix_tokens(), config.dim])?))
}

impl<B> Parameters<B> {
    /// Makes the prefix buffer anew after a change of the tokens or positions on the host.
    pub fn renew_prefix<O: Ops<Buffer = B>>(&mut self, ops: &O, config: &VitConfig) -> Result<(), EngineError> {
        self.prefix = upload_prefix(ops, config, &self.tokens, &self.position)?;
        Ok(())
    }

    /// Everything that lives on the device, by its timm name.
    pub fn named(&self, config: &VitConfig) -> Vec<(String, &B)> {
        let mut named = Vec::from(self.patch.as_ref().into_named("patch_embed.proj"));
        named.extend(self.blocks.iter().enumerate().flat_map(|(index, block)| block.as_ref().into_named(index)));
        named.extend(self.norm.as_ref().into_named(norm_name(config)));
        named.extend(self.head.iter().flat_map(|head| head.as_ref().into_named("head")));
        named.extend(self.head_dist.iter().flat_map(|head| head.as_ref().into_named("head_dist")));
        named
    }

    /// Like [`Self::named`], to be changed.
    pub fn named_mut(&mut self, config: &VitConfig) -> Vec<(String, &mut B)> {
        let mut named = Vec::from(self.patch.as_mut().into_named("patch_embed.proj"));
        named.extend(self.blocks.iter_mut().enumerate().flat_map(|(index, block)| block.as_mut().into_named(index)));
        named.extend(self.norm.as_mut().into_named(norm_name(config)));
        named.extend(self.head.iter_mut().flat_map(|head| head.as_mut().into_named("head")));
        named.extend(self.head_dist.iter_mut().flat_map(|head| head.as_mut().into_named("head_dist")));
        named
    }

    /// What lives on the host, by its timm name.
    pub fn on_host(&self) -> impl Iterator<Item = (&'static str, &Tensor)> {
        self.tokens.iter().map(|(name, token)| (*name, token)).chain([("pos_embed", &self.position)])
    }

    /// Like [`Self::on_host`], to be changed; call [`Self::renew_prefix`] afterwards.
    pub fn on_host_mut(&mut self) -> impl Iterator<Item = (&'static str, &mut Tensor)> {
        self.tokens.iter_mut().map(|(name, token)| (*name, token)).chain([("pos_embed", &mut self.position)])
    }
}
