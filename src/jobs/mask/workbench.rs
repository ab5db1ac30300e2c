//! One photo with what is known of it, so that a slider recomputes only what depends on it.

use std::path::Path;
use std::sync::Arc;

use ::image::RgbImage;

use crate::image::{self, Framing, Picture, Position};
use crate::jobs::model::LoadedModel;
use crate::mask::{
    BilateralOptions, BilateralSolver, Cut, Mask, MaskFile, MaskProfile, Quality, Refined, Review, SoftMask, Spectrum,
    Verdict, border_contact, refine,
};
use crate::size::Size;
use crate::vit::{Batch, FeatureChoice, PatchFeatures};

use super::{AutoMaskError, MOST_PATCHES, TokenCutOptions, record};

/// Eigenvectors that are kept to choose from.
const EIGENVECTORS: usize = 6;

/// A mask that a method found, and what it is judged by.
#[derive(Clone, Debug)]
pub struct AutoMask {
    pub file: MaskFile,
    /// Before the refinement, in whole patches; equal to the mask where there was none.
    pub coarse: Mask,
    /// Of TokenCut.
    pub found: Option<Found>,
}

/// What a window shows of the way to a mask.
#[derive(Clone, Debug)]
pub struct Found {
    pub cut: Cut,
    /// All eigenvectors that can be chosen, each `[grid.height, grid.width]`, scaled to a largest absolute value of 1.
    pub eigenvectors: Arc<[Vec<f32>]>,
    /// In the same order.
    pub eigenvalues: Arc<[f64]>,
    /// From the photo to the patches.
    pub framing: Framing,
    /// Of a patch, in pixels of the model input.
    pub patch: Size,
    pub verdict: Option<Verdict>,
}

/// A photo, the features of its patches, and the last results.
pub struct Workbench {
    picture: Picture,
    /// What the solver works on: the photo, or a smaller one of the size that the model saw.
    seen: Arc<RgbImage>,
    framing: Framing,
    patch: Size,
    features: PatchFeatures,
    made_of: (FeatureChoice, usize, bool),
    is_self_supervised: bool,
    spectrum: Option<(f32, Arc<Graph>)>,
    solver: Option<(BilateralOptions, BilateralSolver)>,
}

/// A spectrum and how a window shows it.
struct Graph {
    spectrum: Spectrum,
    eigenvectors: Arc<[Vec<f32>]>,
    eigenvalues: Arc<[f64]>,
}

impl Workbench {
    /// Sends a photo through the model, up to the wanted block.
    ///
    /// # Errors
    /// If the block does not exist, the size is too large, or the device fails.
    pub fn new(model: &LoadedModel, picture: &Picture, options: &TokenCutOptions) -> Result<Self, AutoMaskError> {
        options.check()?;
        let made_of @ (choice, longest, enlarge) = Self::made_of(model, options);
        let scale = longest as f64 / picture.size().height.max(picture.size().width).max(1) as f64;
        let preparation = model.whole_preparation(picture.size(), if enlarge { scale } else { scale.min(1.0) });
        let patches = model.engine.config().grid_of(preparation.input).area();
        if patches > MOST_PATCHES {
            return Err(AutoMaskError::TooManyPatches { patches });
        }
        let prepared = image::prepare(picture, &preparation)?;
        let batch = Batch { pixels: prepared.input.clone(), count: 1, size: prepared.size };
        let features = model.engine.features(&batch, choice)?.swap_remove(0);
        let seen = if scale >= 1.0 { picture.rgb.clone() } else { Arc::new(prepared.preview().clone()) };
        Ok(Self {
            picture: picture.clone(),
            seen,
            framing: prepared.framing,
            patch: model.engine.config().patch,
            features,
            made_of,
            is_self_supervised: model.is_self_supervised(),
            spectrum: None,
            solver: None,
        })
    }

    /// What decides about the features: their place in the model, the longer side of the photo, and whether a smaller
    /// one is enlarged to it.
    fn made_of(model: &LoadedModel, options: &TokenCutOptions) -> (FeatureChoice, usize, bool) {
        let config = model.engine.config();
        let default_block = || options.default_block(config.depth, model.is_self_supervised());
        let choice = FeatureChoice { block: options.block.unwrap_or_else(default_block), kind: options.features };
        let longest = options.size.unwrap_or_else(|| TokenCutOptions::default_size(config.patch));
        (choice, longest, options.enlarge.unwrap_or_else(|| options.default_enlarge()))
    }

    /// Whether the features are those that some options ask for, of the same model and photo.
    pub fn fits(&self, model: &LoadedModel, options: &TokenCutOptions) -> bool {
        self.made_of == Self::made_of(model, options)
    }

    /// The mask of the photo. What has not changed since the last call is not computed again.
    ///
    /// # Errors
    /// If τ is no cosine or the features are damaged.
    pub fn mask(&mut self, image: &Path, options: &TokenCutOptions) -> Result<AutoMask, AutoMaskError> {
        let tau = options.tau.unwrap_or_else(|| options.default_tau(self.is_self_supervised));
        let graph = self.graph(tau)?;
        let cut = self.cut(&graph.spectrum, options);
        let coarse = self.enlarged(&cut);
        let refined = options.refine.map(|bilateral| self.refined(&coarse, bilateral, options.profile));
        let mask = refined.as_ref().map_or_else(|| coarse.clone(), |refined| refined.mask.clone());
        let quality = Quality {
            eigengap: graph.spectrum.eigengap(),
            area: mask.area(),
            border_contact: border_contact(&mask),
            iou_refined: refined.as_ref().map(|refined| refined.iou),
        };
        let verdict = refined.as_ref().map(|refined| refined.verdict);
        let is_doubtful = verdict == Some(Verdict::Coarse) || mask.is_empty();
        let review = if is_doubtful { Review::NeedsReview } else { Review::None };
        let record = record(image.to_owned(), self.words(tau, options), quality, review);
        let found = Found {
            cut,
            eigenvectors: graph.eigenvectors.clone(),
            eigenvalues: graph.eigenvalues.clone(),
            framing: self.framing,
            patch: self.patch,
            verdict,
        };
        Ok(AutoMask { file: MaskFile { mask, record }, coarse, found: Some(found) })
    }

    fn graph(&mut self, tau: f32) -> Result<Arc<Graph>, AutoMaskError> {
        if let Some((of, graph)) = &self.spectrum
            && *of == tau
        {
            return Ok(graph.clone());
        }
        let spectrum = Spectrum::of(&self.features.values, self.features.grid, tau, EIGENVECTORS)?;
        let maps = (0..spectrum.count()).map(|index| spectrum.cut(index, MaskProfile::Paper).eigenvector);
        let graph = Graph { eigenvectors: maps.collect(), eigenvalues: spectrum.eigenvalues().into(), spectrum };
        Ok(self.spectrum.insert((tau, Arc::new(graph))).1.clone())
    }

    /// A click beside the photo is none.
    fn cut(&self, spectrum: &Spectrum, options: &TokenCutOptions) -> Cut {
        let clicked = options.click.and_then(|at| self.framing.patch_from_image(at, self.patch));
        let part = clicked.and_then(|patch| spectrum.part_at(options.eigenvector, patch));
        part.unwrap_or_else(|| spectrum.cut(options.eigenvector, options.profile))
    }

    /// Patches in photo pixels.
    fn enlarged(&self, cut: &Cut) -> Mask {
        let photo = self.picture.size();
        let centre = |at: usize| at as f64 + 0.5;
        let patch_at = |x: f64, y: f64| self.framing.patch_from_image(Position::new(x, y), self.patch);
        let rows: Vec<_> = (0..photo.height).map(|row| patch_at(0.0, centre(row)).map(|patch| patch.row)).collect();
        let columns: Vec<_> =
            (0..photo.width).map(|column| patch_at(centre(column), 0.0).map(|patch| patch.column)).collect();
        Mask::from_fn(photo, |row, column| {
            rows[row].zip(columns[column]).is_some_and(|(row, column)| cut.coarse[row * cut.grid.width + column])
        })
    }

    fn refined(&mut self, coarse: &Mask, options: BilateralOptions, profile: MaskProfile) -> Refined {
        if self.solver.as_ref().is_none_or(|(of, _)| *of != options) {
            self.solver = Some((options, BilateralSolver::new(&self.seen, options)));
        }
        let size = Size::new(self.seen.height() as usize, self.seen.width() as usize);
        let target = self.target(coarse, size);
        let values = self.solver.as_ref().map_or_else(Vec::new, |(_, solver)| solver.smooth(&target));
        refine(&SoftMask { size, values }, coarse, profile)
    }

    /// The coarse mask at the solver's size: the label at each pixel's centre.
    fn target(&self, coarse: &Mask, size: Size) -> Vec<bool> {
        let photo = coarse.size();
        let place = |at: usize, from: usize, to: usize| ((2 * at + 1) * to / (2 * from)).min(to - 1);
        let is_object = |at: usize| {
            let row = place(at / size.width, size.height, photo.height);
            let column = place(at % size.width, size.width, photo.width);
            coarse.get(row, column) == Some(crate::mask::Label::Foreground)
        };
        (0..size.area()).map(is_object).collect()
    }

    fn words(&self, tau: f32, options: &TokenCutOptions) -> String {
        let (FeatureChoice { block, kind }, size, enlarge) = self.made_of;
        let mut words = format!("tokencut, {} of block {block}, τ {tau}, {size} px", kind.name());
        let photo = self.picture.size();
        if enlarge && photo.height.max(photo.width) < size {
            words += ", enlarged";
        }
        if options.eigenvector > 0 {
            words += &format!(", eigenvector {}", options.eigenvector + 2);
        }
        if options.click.is_some() {
            words += ", part chosen by click";
        }
        if options.profile == MaskProfile::Paper {
            words += ", paper profile";
        }
        if options.refine.is_none() {
            words += ", not refined";
        }
        words
    }
}
