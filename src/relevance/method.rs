//! The methods by name, and everything that can be set about them.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::vit::{Muted, Start};

/// A way to tell how much each patch mattered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Generic attention explainability: attention times its positive gradient, folded over the blocks
    /// (Chefer et al., arXiv 2103.15679).
    #[default]
    Gae,
    /// Attention rollout: attention plus the skip connection, multiplied over the blocks (arXiv 2005.00928).
    Rollout,
    /// Attention of the last block, mean over the heads.
    RawAttention,
    /// Attention of the last block, heads weighted by their mean gradient, negative sums dropped.
    AttentionGradcam,
    /// ∂y/∂x.
    InputGradient,
    /// x ⊙ ∂y/∂x.
    GradientXInput,
    /// x ⊙ the mean of ∂y/∂x on the way from the zero tensor to x (arXiv 1703.01365).
    IntegratedGradients,
    #[serde(rename = "smoothgrad")]
    #[value(name = "smoothgrad")]
    /// The mean of ∂y/∂x over noisy copies of x (arXiv 1706.03825).
    SmoothGrad,
    /// How much y falls when a grey window covers a patch (arXiv 1311.2901).
    Occlusion,
    /// How y depends on a patch's visibility under random masks (arXiv 1806.07421).
    Rise,
}

impl Method {
    pub const ALL: [Self; 10] = [
        Self::Gae,
        Self::Rollout,
        Self::RawAttention,
        Self::AttentionGradcam,
        Self::InputGradient,
        Self::GradientXInput,
        Self::IntegratedGradients,
        Self::SmoothGrad,
        Self::Occlusion,
        Self::Rise,
    ];

    /// The name on the command line and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gae => "gae",
            Self::Rollout => "rollout",
            Self::RawAttention => "raw-attention",
            Self::AttentionGradcam => "attention-gradcam",
            Self::InputGradient => "input-gradient",
            Self::GradientXInput => "gradient-x-input",
            Self::IntegratedGradients => "integrated-gradients",
            Self::SmoothGrad => "smoothgrad",
            Self::Occlusion => "occlusion",
            Self::Rise => "rise",
        }
    }

    /// The name in figures and menus.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Gae => "GAE",
            Self::Rollout => "attention rollout",
            Self::RawAttention => "raw attention",
            Self::AttentionGradcam => "attention Grad-CAM",
            Self::InputGradient => "input gradient",
            Self::GradientXInput => "gradient × input",
            Self::IntegratedGradients => "integrated gradients",
            Self::SmoothGrad => "SmoothGrad",
            Self::Occlusion => "occlusion",
            Self::Rise => "RISE",
        }
    }

    /// Whether the method reads attention, and so can be asked what any token looks at.
    pub const fn starts_at_token(self) -> bool {
        matches!(self, Self::Gae | Self::Rollout | Self::RawAttention | Self::AttentionGradcam)
    }

    /// Whether the method explains a class, which only a model with a classification head has.
    pub const fn needs_head(self) -> bool {
        !matches!(self, Self::Rollout | Self::RawAttention)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The text is no method's name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("«{0}» is not a method; choose one of {list}", list = Method::ALL.map(Method::name).join(", "))]
pub struct UnknownMethod(pub String);

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(name: &str) -> Result<Self, UnknownMethod> {
        let found = Self::ALL.into_iter().find(|method| method.name() == name);
        found.ok_or_else(|| UnknownMethod(name.to_owned()))
    }
}

/// What can be set about the methods. Each field names the methods that read it; the others ignore it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MethodOptions {
    /// The token whose row is shown. GAE, rollout, raw attention, attention Grad-CAM.
    #[serde(skip)]
    pub start: Start,
    /// Heads and blocks left out. GAE.
    pub muted: Muted,
    /// The block where the rule starts, counted from 0. GAE.
    pub first_block: usize,
    /// Points of the path from the zero tensor to the picture. Integrated gradients.
    pub steps: usize,
    /// Noisy copies. SmoothGrad.
    pub samples: usize,
    /// Standard deviation of the noise as a share of the picture's largest value minus its smallest. SmoothGrad.
    pub noise: f32,
    /// Side of the grey window in patches. Occlusion.
    pub window: usize,
    /// From one window to the next, in patches; at most `window`, so that every patch is covered. Occlusion.
    pub stride: usize,
    /// Random masks. RISE.
    pub masks: usize,
    /// Cells of a mask along each axis. RISE.
    pub cells: usize,
    /// Probability that a cell is visible. RISE.
    pub visible: f64,
    /// Pictures in one pass through the model. All methods; a larger one is not always faster.
    pub batch_size: usize,
    /// Of the noise and the masks: the same seed gives the same map. SmoothGrad, RISE.
    pub seed: u64,
}

impl Default for MethodOptions {
    /// Steps as in the definition of this project; noise as its authors suggest (10 to 20 %); window and stride one
    /// patch; cells and visibility as the authors of RISE, with 1000 masks instead of 4000 so that it ends on a CPU.
    fn default() -> Self {
        Self {
            start: Start::default(),
            muted: Muted::default(),
            first_block: 0,
            steps: 32,
            samples: 16,
            noise: 0.15,
            window: 1,
            stride: 1,
            masks: 1000,
            cells: 7,
            visible: 0.5,
            batch_size: 8,
            seed: 0,
        }
    }
}
