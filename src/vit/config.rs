//! What a Vision Transformer looks like: everything the passes need besides the numbers themselves.

use serde::Serialize;

use crate::size::Size;

/// The architecture of a pre-norm Vision Transformer.
///
/// Read from tensor names and shapes (see [`crate::vit::weights`]); only `heads` and `norm_eps`
/// cannot be and come from a config file, a flag or a documented default.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VitConfig {
    /// Input size in pixels.
    pub input: Size,
    /// Patch size in pixels.
    pub patch: Size,
    /// Colour channels of the input, 3 for every known family.
    pub channels: usize,
    /// Width of a token.
    pub dim: usize,
    /// Number of blocks, L.
    pub depth: usize,
    /// Number of attention heads, h.
    pub heads: usize,
    /// Width of the hidden layer of the MLP.
    pub hidden: usize,
    /// Number of logits; 0 for a backbone without a classification head.
    pub classes: usize,
    pub class_token: bool,
    pub distillation_token: bool,
    /// Register tokens (DINOv2), which stand after the class token.
    pub registers: usize,
    /// Whether `pos_embed` has entries for the prefix tokens; if not they are concatenated after the addition.
    pub prefix_has_position: bool,
    pub pooling: Pooling,
    /// LayerScale: each residual branch is multiplied by a learned vector (`ls1.gamma`, `ls2.gamma`).
    pub layer_scale: bool,
    /// Epsilon of every layer norm.
    pub norm_eps: f32,
}

/// Which tokens the classification head reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The final norm of the class token.
    ClassToken,
    /// DeiT distilled: the mean of one head on the class token and one on the distillation token.
    Distilled,
    /// The mean of the patch tokens, then `fc_norm` (timm's `global_pool='avg'`).
    MeanOfPatches,
}

impl VitConfig {
    /// Tokens before the first patch, p: class token, distillation token, registers.
    pub fn prefix_tokens(&self) -> usize {
        usize::from(self.class_token) + usize::from(self.distillation_token) + self.registers
    }

    /// The patch grid of the configured input size.
    pub fn grid(&self) -> Size {
        self.grid_of(self.input)
    }

    /// The patch grid of another input size; a rest smaller than a patch is ignored, as convolution does.
    pub fn grid_of(&self, input: Size) -> Size {
        Size::new(input.height / self.patch.height, input.width / self.patch.width)
    }

    /// Number of tokens of the configured input size.
    pub fn tokens(&self) -> usize {
        self.tokens_of(self.input)
    }

    /// Number of tokens of another input size, N = p + g_y·g_x.
    pub fn tokens_of(&self, input: Size) -> usize {
        self.prefix_tokens() + self.grid_of(input).area()
    }

    /// Width of one attention head.
    pub fn head_dim(&self) -> usize {
        self.dim / self.heads
    }
}
