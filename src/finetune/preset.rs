//! Named starting points: the table of the paper's released code, and one for the embedded demo.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::config::FinetuneConfig;
use super::method::ClassTarget;

/// Learning rate and temperature that suit a model; everything else is the paper's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    #[default]
    VitB,
    VitL,
    AugregS,
    AugregB,
    AugregL,
    DeitS,
    DeitB,
    /// The embedded demo model on its photos, towards their labels: a small ViT, so larger steps.
    Demo,
}

impl Preset {
    pub const ALL: [Self; 8] =
        [Self::VitB, Self::VitL, Self::AugregS, Self::AugregB, Self::AugregL, Self::DeitS, Self::DeitB, Self::Demo];

    /// For people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::VitB => "ViT-B",
            Self::VitL => "ViT-L",
            Self::AugregS => "AugReg-S",
            Self::AugregB => "AugReg-B",
            Self::AugregL => "AugReg-L",
            Self::DeitS => "DeiT-S",
            Self::DeitB => "DeiT-B",
            Self::Demo => "embedded demo",
        }
    }

    pub fn config(self) -> FinetuneConfig {
        let (lr, temperature) = match self {
            Self::VitB => (3e-6, 1.0),
            Self::VitL | Self::AugregL => (9e-7, 1.0),
            Self::AugregS => (2e-6, 1.0),
            Self::AugregB => (6e-7, 1.0),
            Self::DeitS => (1e-6, 0.55),
            Self::DeitB => (8e-7, 0.65),
            Self::Demo => return demo(),
        };
        FinetuneConfig { lr, temperature, ..FinetuneConfig::default() }
    }
}

/// Chosen on a validation split of other pictures; README has the figures. The photos show usual backgrounds, so most of
/// the objects are put on others: then a background tells little any more.
fn demo() -> FinetuneConfig {
    FinetuneConfig {
        lr: 3e-4,
        lr_decay: 0.95,
        lambda_bg: 6.0,
        lambda_fg: 1.0,
        last_blocks: 4,
        class_target: ClassTarget::GroundTruth,
        swap_backgrounds: 0.6,
        epochs: 40,
        checkpoint_epochs: 5,
        per_class: 3,
        validation_per_class: 0,
        hold_out_per_class: 3,
        ..FinetuneConfig::default()
    }
}
