//! Published families of models, and the normalisation of the input each was trained with.
//!
//! The weights themselves do not tell their normalisation. The rule, in this order:
//! 1. mean and standard deviation of a configuration file;
//! 2. the family, from (a) the configuration, (b) the file name (for a generic one like `model.safetensors`
//!    the folder's), (c) the spelling (JAX names: AugReg), (d) a distillation token (DeiT) or register
//!    tokens (DINOv2);
//! 3. mean = std = 0.5, marked as assumed, so that a user can be warned.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Google's ViT and whatever was derived from it.
    Vit,
    /// «How to train your ViT», Steiner et al. 2021.
    AugReg,
    Deit,
    Dino,
    DinoV2,
    Mae,
}

/// How filters resize a photo for the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    Nearest,
    Bilinear,
    Bicubic,
    Lanczos,
}

/// What happens to a photo before the first layer, as far as the weights determine it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normalisation {
    /// Per channel, for values in [0, 1].
    pub mean: [f32; 3],
    pub std: [f32; 3],
    /// Input side over the short side a photo is resized to before the crop; `None` where nothing says.
    pub crop_pct: Option<f32>,
    pub interpolation: Option<Interpolation>,
}

impl Normalisation {
    /// Maps [0, 1] to [-1, 1]: ViT and AugReg.
    pub const HALF: Self = Self { mean: [0.5; 3], std: [0.5; 3], crop_pct: None, interpolation: None };
    /// Mean and standard deviation of ImageNet's pixels: DeiT, DINO, MAE.
    pub const IMAGENET: Self =
        Self { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], crop_pct: None, interpolation: None };
}

impl Family {
    pub fn normalisation(self) -> Normalisation {
        match self {
            Self::Vit | Self::AugReg => Normalisation::HALF,
            Self::Deit | Self::Dino | Self::DinoV2 | Self::Mae => Normalisation::IMAGENET,
        }
    }

    /// Guesses from words such as a file name or a configuration's `architecture`.
    ///
    /// Words are looked at whole, up to a version (`deit3`, `dinov2`), so that «pedestrian-vitamins.pth» and
    /// «dinosaur-tracks.pth» are nobody's relatives, and the more
    /// telling ones first: `vit_base_patch16_224.dino` is a DINO.
    pub fn from_words(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
        let any = |name: &str| {
            let versions = words.iter().filter_map(|word| word.strip_prefix(name));
            versions.map(|version| version.strip_prefix('v').unwrap_or(version)).any(is_number)
        };
        let exactly = |name: &str| words.contains(&name);
        if any("dinov2") {
            Some(Self::DinoV2)
        } else if any("dino") {
            Some(Self::Dino)
        } else if any("deit") {
            Some(Self::Deit)
        } else if exactly("mae") {
            Some(Self::Mae)
        } else if any("augreg") {
            Some(Self::AugReg)
        } else if exactly("vit") || exactly("google") {
            Some(Self::Vit)
        } else {
            None
        }
    }
}

/// Also where there is none: a name without version.
fn is_number(version: &str) -> bool {
    version.chars().all(|c| c.is_ascii_digit())
}

impl std::fmt::Display for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Vit => "ViT",
            Self::AugReg => "AugReg",
            Self::Deit => "DeiT",
            Self::Dino => "DINO",
            Self::DinoV2 => "DINOv2",
            Self::Mae => "MAE",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_with_or_without_version_name_a_family() {
        for (text, family) in [
            ("dino_deitsmall16_pretrain.pth", Some(Family::Dino)),
            ("dinov2_vitb14_pretrain.pth", Some(Family::DinoV2)),
            ("deit3_base", Some(Family::Deit)),
            ("DeiT-tiny", Some(Family::Deit)),
            ("vit_base_patch16_224.augreg2_in21k", Some(Family::AugReg)),
            ("dinosaur-tracks.safetensors", None),
            ("deities.pth", None),
            ("augregular.npz", None),
        ] {
            assert_eq!(Family::from_words(text), family, "{text}");
        }
    }
}
