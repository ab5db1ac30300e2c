//! Masks by themselves: TokenCut on a model's features, or a threshold on its relevance.
//!
//! [`Workbench`] is one photo with its features, for sliders; [`Clicker`] answers clicks; [`Masker`] goes through many
//! photos and saves what it finds.

mod click;
mod masker;
mod relevance;
mod workbench;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::image::{ImageError, Position};
use crate::mask::{
    BilateralOptions, MaskError, MaskProfile, MaskRecord, Quality, Review, ThresholdRule, TokenCutError,
};
use crate::relevance::{Method, RelevanceError};
use crate::segment::SegmentError;
use crate::size::Size;
use crate::vit::classes::ClassError;
use crate::vit::hub::HubError;
use crate::vit::{EngineError, FeatureKind};

use super::explain::{JobError, Target, check_head};
use super::model::{LoadedModel, Profile};

pub use click::{ClickOptions, Clicker};
pub use masker::{MaskEvent, MaskOutcome, MaskReport, Masker};
pub use relevance::relevance_mask;
pub use workbench::{AutoMask, Found, Workbench};

/// How masks are found.
#[derive(Clone, Debug, PartialEq)]
pub enum MaskMethod {
    TokenCut(TokenCutOptions),
    /// Circular: what a model finds important is no evidence of what it should find important.
    Relevance(RelevanceOptions),
}

impl Default for MaskMethod {
    fn default() -> Self {
        Self::TokenCut(TokenCutOptions::default())
    }
}

/// Settings of TokenCut, each of them live in the window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenCutOptions {
    /// Patches whose cosine similarity exceeds this are joined; `None`: as fits the model, see
    /// [`Self::default_tau`].
    pub tau: Option<f32>,
    /// Whose features, counted from 0; `None`: as fits the model, see [`Self::default_block`].
    pub block: Option<usize>,
    pub features: FeatureKind,
    /// The longer side of the photo as the model sees it, in pixels. `None`: see [`Self::default_size`].
    pub size: Option<usize>,
    /// Whether smaller photos are enlarged to that size, or stay as they are. `None`: see [`Self::default_enlarge`].
    pub enlarge: Option<bool>,
    /// Which eigenvector is cut: 0 is the second smallest, the method's own.
    pub eigenvector: usize,
    /// Cut out the part at this place of the photo instead of the one that stands out most.
    #[serde(skip)]
    pub click: Option<Position>,
    pub profile: MaskProfile,
    /// `None`: the coarse mask in whole patches is kept.
    pub refine: Option<BilateralOptions>,
}

impl Default for TokenCutOptions {
    fn default() -> Self {
        Self {
            tau: None,
            block: None,
            features: FeatureKind::K,
            size: None,
            enlarge: None,
            eigenvector: 0,
            click: None,
            profile: MaskProfile::Default,
            refine: Some(BilateralOptions::default()),
        }
    }
}

/// Settings of the relevance threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct RelevanceOptions {
    pub rule: ThresholdRule,
    pub method: Method,
    pub target: Target,
    pub profile: Profile,
}

impl Default for RelevanceOptions {
    fn default() -> Self {
        Self { rule: ThresholdRule::Otsu, method: Method::Gae, target: Target::Predicted, profile: Profile::Model }
    }
}

/// What to do with many photos.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MaskJob {
    pub method: MaskMethod,
    /// Make masks anew where there are some; those of a person are moved aside, not lost.
    pub overwrite: bool,
}

/// Why a photo got no mask.
#[derive(Debug, thiserror::Error)]
pub enum AutoMaskError {
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    TokenCut(#[from] TokenCutError),
    #[error(transparent)]
    Relevance(#[from] RelevanceError),
    #[error(transparent)]
    Mask(MaskError),
    #[error(
        "the mask cannot be saved ({source}); free space or choose another folder, what is saved is skipped next time: {}",
        path.display()
    )]
    Save { source: std::io::Error, path: PathBuf },
    #[error(transparent)]
    Class(#[from] ClassError),
    #[error(transparent)]
    Job(#[from] JobError),
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error(transparent)]
    Segment(#[from] SegmentError),
    #[error("the relevance map is flat, so that no threshold parts it; choose another method or class")]
    Flat,
    #[error(
        "{patches} patches are too many for the eigenvectors, which take at most {MOST_PATCHES}; use a smaller size"
    )]
    TooManyPatches { patches: usize },
}

impl From<MaskError> for AutoMaskError {
    fn from(error: MaskError) -> Self {
        match error {
            MaskError::Write { source, path } => Self::Save { source, path },
            other => Self::Mask(other),
        }
    }
}

impl MaskJob {
    /// Whether a model has what the job asks for, before the first photo is opened.
    ///
    /// # Errors
    /// If it lacks the block, the class or a head, or τ is no cosine.
    pub fn check(&self, model: &LoadedModel) -> Result<(), AutoMaskError> {
        match &self.method {
            MaskMethod::TokenCut(options) => {
                let (depth, block) = (model.engine.config().depth, options.block.unwrap_or(0));
                if block >= depth {
                    return Err(EngineError::NoSuchBlock { block, last: depth.saturating_sub(1) }.into());
                }
                options.check()
            }
            MaskMethod::Relevance(options) => {
                check_head(model.engine.config(), options.method)?;
                if let Target::Class(name) = &options.target {
                    model.classes.find(name)?;
                }
                Ok(())
            }
        }
    }
}

impl TokenCutOptions {
    /// What `block: None` means for a model of so many blocks: the last for models that learned without labels
    /// ([`LoadedModel::is_self_supervised`]) and in the paper, ⌊0.83·L⌋ for those that learned labels.
    pub fn default_block(&self, depth: usize, is_self_supervised: bool) -> usize {
        if self.is_as_published(is_self_supervised) { depth.saturating_sub(1) } else { depth * 83 / 100 }
    }

    /// What `tau: None` means: 0.2 for models that learned without labels and in the paper, 0.4 for those that
    /// learned labels, whose keys have more in common.
    pub fn default_tau(&self, is_self_supervised: bool) -> f32 {
        if self.is_as_published(is_self_supervised) { 0.2 } else { 0.4 }
    }

    /// What `size: None` means: 480 pixels, but no more than 30 patches, whose number decides about the time.
    pub fn default_size(patch: Size) -> usize {
        480.min(30 * patch.height.max(patch.width))
    }

    /// What `enlarge: None` means: yes, for more patches make finer masks; but not in the paper, which takes photos as
    /// they are.
    pub fn default_enlarge(&self) -> bool {
        self.profile == MaskProfile::Default
    }

    fn is_as_published(&self, is_self_supervised: bool) -> bool {
        self.profile == MaskProfile::Paper || is_self_supervised
    }

    fn check(&self) -> Result<(), AutoMaskError> {
        match self.tau.filter(|tau| !(-1.0..=1.0).contains(tau)) {
            Some(tau) => Err(TokenCutError::Threshold(tau).into()),
            None => Ok(()),
        }
    }
}

impl AutoMaskError {
    /// Whether somebody asked for it.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Relevance(RelevanceError::Cancelled))
    }
}

/// The affinities of all pairs of more patches would take a gigabyte and more.
const MOST_PATCHES: usize = 6400;

/// The record of a mask that a method found.
fn record(image: PathBuf, method: String, quality: Quality, review: Review) -> MaskRecord {
    MaskRecord { image, origin: crate::mask::Origin::Auto, review, method: Some(method), quality: Some(quality) }
}
