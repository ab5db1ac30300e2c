//! What the mask and the relevance on screen have to do with each other, while the mask is painted.

use std::sync::Arc;

use crate::app::views::Shown;
use crate::eval::{Mass, relevance_mass};
use crate::finetune::MaskProfile;
use crate::finetune::loss::{MapWeights, MaskPlanes, map_terms};
use crate::image::Framing;
use crate::jobs::engine_thread::ViewResult;
use crate::mask::{Coverage, Mask, Region};
use crate::relevance::{RelevanceMap, normalise};
use crate::size::Size;

/// Numbers and pictures of the mask as the model sees it. A stroke costs what it touches.
#[derive(Default)]
pub struct Feedback {
    /// What the model sees of the mask, and how its input is cut out of the photo.
    seen: Option<(Framing, Coverage)>,
    relevance: Option<Relevance>,
    numbers: Option<Numbers>,
    is_stale: bool,
    version: u64,
}

/// The map on screen, enlarged to the model input.
struct Relevance {
    result: Arc<ViewResult>,
    shown: Shown,
    map: RelevanceMap,
    /// In pixels; a rest smaller than a patch is not part of it.
    size: Size,
    raw: Vec<f32>,
    /// From 0 to 1; `None` for a flat map.
    normalised: Option<Vec<f32>>,
}

/// What is told in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Numbers {
    /// Share of what the model sees that is object; ignored pixels do not count.
    pub area: f64,
    /// L_bg = mean (R̂·(1 − S))²: relevance beside the object.
    pub background_loss: Option<f64>,
    /// L_fg = mean (R̂·S − S)²: object without relevance.
    pub foreground_loss: Option<f64>,
    /// The share of the relevance that lies on the object; `None` without an object or a map.
    pub mass: Option<Mass>,
}

impl Feedback {
    /// `None` until the model has seen the photo.
    pub fn numbers(&self) -> Option<Numbers> {
        self.numbers
    }

    /// The mask at the resolution of the model input.
    pub fn mask_in_input(&self) -> Option<&Coverage> {
        self.seen.as_ref().map(|(_, coverage)| coverage)
    }

    /// The relevance at that resolution, from 0 to 1, and its size; `None` for a flat map.
    pub fn relevance_in_input(&self) -> Option<(Size, &[f32])> {
        self.relevance.as_ref().and_then(|relevance| Some((relevance.size, relevance.normalised.as_deref()?)))
    }

    /// In pixels of the model input.
    pub fn patch(&self) -> Option<Size> {
        self.relevance.as_ref().map(|relevance| relevance.result.patch)
    }

    /// Another number whenever something of this is another.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The labels within a region changed.
    pub(super) fn follow(&mut self, mask: &Mask, region: Region) {
        if let Some((framing, coverage)) = &mut self.seen {
            mask.resample_region(framing, region, coverage);
            self.is_stale = true;
        }
    }

    /// Brings everything up to date with the map on screen; once per frame.
    pub(super) fn refresh(&mut self, mask: &Mask, result: Option<&Arc<ViewResult>>, shown: Shown) {
        let framing = result.map(|result| result.prepared.framing);
        if framing != self.seen.as_ref().map(|(framing, _)| *framing) {
            self.seen = framing.and_then(|framing| Some((framing, mask.resampled(&framing)?)));
            self.is_stale = true;
        }
        let is_same = |relevance: &Relevance| {
            relevance.shown == shown && result.is_some_and(|result| Arc::ptr_eq(result, &relevance.result))
        };
        if !self.relevance.as_ref().is_some_and(is_same) && (result.is_some() || self.relevance.is_some()) {
            self.relevance = result.and_then(|result| Relevance::of(result, shown));
            self.is_stale = true;
        }
        if std::mem::take(&mut self.is_stale) {
            self.version += 1;
            self.numbers = self.seen.as_ref().map(|(_, coverage)| numbers(coverage, self.relevance.as_ref()));
        }
    }
}

impl Relevance {
    fn of(result: &Arc<ViewResult>, shown: Shown) -> Option<Self> {
        let map = match shown {
            Shown::Relevance { first_block } => result.maps.get(first_block).or_else(|| result.maps.last())?,
            Shown::Norms => result.token_norms.as_ref()?,
        };
        let raw = map.upsample(result.patch);
        let mut normalised = raw.clone();
        let normalised = normalise(&mut normalised).ok().map(|()| normalised);
        let size = Size::new(map.grid.height * result.patch.height, map.grid.width * result.patch.width);
        Some(Self { result: result.clone(), shown, map: map.clone(), size, raw, normalised })
    }
}

fn numbers(coverage: &Coverage, relevance: Option<&Relevance>) -> Numbers {
    let weighed = coverage.foreground.iter().zip(&coverage.weight).map(|(&share, &weight)| f64::from(share * weight));
    let counted: f64 = coverage.weight.iter().copied().map(f64::from).sum();
    let area = if counted > 0.0 { weighed.sum::<f64>() / counted } else { 0.0 };
    let Some(relevance) = relevance else { return Numbers { area, ..Numbers::default() } };
    let foreground = cropped(&coverage.foreground, coverage.size, relevance.size);
    let weight = cropped(&coverage.weight, coverage.size, relevance.size);
    let planes = MaskPlanes::new(&foreground, &weight, MaskProfile::default());
    let weights = MapWeights { background: 1.0, foreground: 1.0 };
    let terms = map_terms(&relevance.map, relevance.result.patch, &planes, weights);
    let mean = |sum: f64| (!terms.is_flat).then(|| sum / relevance.raw.len().max(1) as f64);
    // Half a pixel and more is object; what is ignored is neither.
    let counts = |&at: &usize| weight[at] >= 0.5;
    let (values, object): (Vec<f32>, Vec<bool>) =
        (0..relevance.raw.len()).filter(counts).map(|at| (relevance.raw[at], foreground[at] >= 0.5)).unzip();
    Numbers {
        area,
        background_loss: mean(terms.background),
        foreground_loss: mean(terms.foreground),
        mass: relevance_mass(&values, &object),
    }
}

/// The upper left part of a grid of numbers.
fn cropped(values: &[f32], from: Size, to: Size) -> Vec<f32> {
    let rows = values.chunks(from.width.max(1)).take(to.height);
    rows.flat_map(|row| row.iter().take(to.width)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_smaller_than_a_patch_is_left_out() {
        let values: Vec<f32> = (0..12_u8).map(f32::from).collect();
        assert_eq!(cropped(&values, Size::new(3, 4), Size::new(2, 3)), [0.0, 1.0, 2.0, 4.0, 5.0, 6.0]);
    }
}
