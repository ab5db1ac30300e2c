//! All that a mask says about one relevance map.

use serde::Serialize;

use crate::mask::Coverage;
use crate::relevance::{Random, RelevanceMap, normalise};
use crate::size::Size;

use super::mass::relevance_mass;
use super::overlap::{Overlap, Threshold};
use super::precision::{average_precision, two_channel_average_precision};

/// The object and the pixels that count, at the resolution of an upsampled map.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    size: Size,
    /// Share of each pixel that is object, 0…1.
    soft: Vec<f32>,
    inside: Vec<bool>,
    counted: Vec<bool>,
}

impl Truth {
    /// Pixels that are at least half object; those that are ignored by more than half do not count.
    ///
    /// `size`: of the upsampled map, which may end before a rest smaller than a patch. `None` if no counted pixel is
    /// object, or the map is larger than the mask.
    pub fn new(coverage: &Coverage, size: Size) -> Option<Self> {
        if size.height > coverage.size.height || size.width > coverage.size.width {
            return None;
        }
        let cell = |at: usize| at / size.width * coverage.size.width + at % size.width;
        let counted: Vec<bool> = (0..size.area()).map(|at| coverage.weight[cell(at)] >= 0.5).collect();
        let inside: Vec<bool> =
            (0..size.area()).map(|at| counted[at] && coverage.foreground[cell(at)] >= 0.5).collect();
        let soft = (0..size.area()).map(|at| coverage.foreground[cell(at)]).collect();
        inside.contains(&true).then_some(Self { size, soft, inside, counted })
    }

    /// Share of each pixel that is object, as the loss sees it: what is ignored counts as background.
    pub fn soft(&self) -> &[f32] {
        &self.soft
    }

    /// The object's pixels that touch what is not object, or the end of the picture.
    pub fn outline(&self) -> Vec<bool> {
        let Size { height, width } = self.size;
        let is_inner = |at: usize| {
            let (row, column) = (at / width, at % width);
            let inside = |row: usize, column: usize| self.inside[row * width + column];
            row > 0
                && column > 0
                && row + 1 < height
                && column + 1 < width
                && inside(row - 1, column)
                && inside(row + 1, column)
                && inside(row, column - 1)
                && inside(row, column + 1)
        };
        (0..self.size.area()).map(|at| self.inside[at] && !is_inner(at)).collect()
    }

    /// What counts of per-pixel values, beside the mask there.
    fn of_counted(&self, values: &[f32]) -> (Vec<f32>, Vec<bool>) {
        let cells = values.iter().zip(&self.inside).zip(&self.counted).filter(|(_, counted)| **counted);
        cells.map(|((value, inside), _)| (*value, *inside)).unzip()
    }
}

/// One map against one mask. A flat map counts as chance: what a map that guesses would get on average.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MapScores {
    /// No place differs from another.
    pub flat: bool,
    /// |M| / n: what a map that looks everywhere gets for mass, rank and pointing.
    pub area: f64,
    /// Share of the relevance on the object.
    pub mass: f64,
    /// Share of the |M| most relevant pixels that lie on the object.
    pub rank: f64,
    /// Whether the most relevant pixel lies on the object.
    pub pointing: f64,
    /// Relevant: above the mean of the map.
    pub mean: Overlap,
    /// Relevant: above Otsu's threshold.
    pub otsu: Overlap,
    /// Relevant: the |M| largest values.
    pub top_area: Overlap,
    /// The paper's mAP of this picture: both channels as one ranking.
    pub two_channel_ap: f64,
    pub foreground_ap: f64,
}

impl MapScores {
    /// `None` if the map's pixels are not those of the truth.
    pub fn new(map: &RelevanceMap, patch: Size, truth: &Truth) -> Option<Self> {
        let raw = map.upsample(patch);
        if raw.len() != truth.size.area() {
            return None;
        }
        let mut scaled = raw.clone();
        let flat = normalise(&mut scaled).is_err();
        let (raw, mask) = truth.of_counted(&raw);
        let object = mask.iter().filter(|&&inside| inside).count();
        let area = object as f64 / mask.len() as f64;
        if flat {
            return Some(Self::of_chance(area, &mask));
        }
        let (scaled, _) = truth.of_counted(&scaled);
        let rank = share_of_top(&raw, &mask, object);
        Some(Self {
            flat,
            area,
            mass: relevance_mass(&raw, &mask)?.share,
            rank,
            pointing: share_of_top(&raw, &mask, 1),
            mean: Overlap::of(&scaled, &mask, Threshold::Mean),
            otsu: Overlap::of(&scaled, &mask, Threshold::Otsu),
            top_area: Overlap::of_top_area(rank * object as f64, object, mask.len()),
            two_channel_ap: two_channel_average_precision(&scaled, &mask)?,
            foreground_ap: average_precision(&scaled, &mask)?,
        })
    }

    fn of_chance(area: f64, mask: &[bool]) -> Self {
        let half = Overlap::of_chance(0.5, mask);
        Self {
            flat: true,
            area,
            mass: area,
            rank: area,
            pointing: area,
            mean: half,
            otsu: half,
            top_area: Overlap::of_chance(area, mask),
            two_channel_ap: 0.5,
            foreground_ap: area,
        }
    }
}

/// How many of the `count` largest values lie on the object, as a share; the first of equals come first.
fn share_of_top(values: &[f32], mask: &[bool], count: usize) -> f64 {
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    let falling = |a: &u32, b: &u32| values[*b as usize].total_cmp(&values[*a as usize]).then(a.cmp(b));
    if count < order.len() {
        order.select_nth_unstable_by(count, falling);
    }
    let hits = order.iter().take(count).filter(|&&at| mask[at as usize]).count();
    hits as f64 / count as f64
}

/// A map of seeded random numbers per patch: what any method must beat.
pub fn random_map(grid: Size, seed: u64, picture: usize) -> RelevanceMap {
    let mut random = Random::of_item(seed, picture);
    RelevanceMap { grid, values: (0..grid.area()).map(|_| random.uniform() as f32).collect() }
}

/// A Gaussian in the middle, its standard deviation a quarter of each side: photographers put objects there, and a
/// method must beat that too.
pub fn centred_map(grid: Size) -> RelevanceMap {
    let distance = |at: usize, length: usize| ((at as f64 + 0.5) / length as f64 - 0.5) / 0.25;
    let value = |at: usize| {
        let (y, x) = (distance(at / grid.width, grid.height), distance(at % grid.width, grid.width));
        (-0.5 * (y * y + x * x)).exp() as f32
    };
    RelevanceMap { grid, values: (0..grid.area()).map(value).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Framing;
    use crate::mask::{Label, Mask};

    fn coverage(mask: &Mask) -> Coverage {
        mask.resampled(&Framing::centred(mask.size(), mask.size(), mask.size())).unwrap()
    }

    /// The left half is object.
    fn left_half(side: usize) -> Mask {
        Mask::from_fn(Size::square(side), |_, column| column < side / 2)
    }

    #[test]
    fn a_map_on_the_object_scores_best_and_its_mirror_worst() {
        let truth = Truth::new(&coverage(&left_half(8)), Size::square(8)).unwrap();
        let map = |values: [f32; 2]| RelevanceMap { grid: Size::new(1, 2), values: values.to_vec() };
        let scores = |values| MapScores::new(&map(values), Size::new(8, 4), &truth).unwrap();
        let good = scores([1.0, 0.0]);
        assert_eq!((good.area, good.rank, good.pointing, good.foreground_ap), (0.5, 1.0, 1.0, 1.0));
        assert_eq!((good.mean.iou(), good.top_area.iou(), good.otsu.mean_iou()), (1.0, 1.0, 1.0));
        let bad = scores([0.0, 1.0]);
        assert_eq!((bad.rank, bad.pointing, bad.mean.iou()), (0.0, 0.0, 0.0));
        // Bilinear: the mass of a mirrored map is what the other does not have.
        assert!((good.mass + bad.mass - 1.0).abs() < 1e-6 && good.mass > 0.8);
    }

    #[test]
    fn flat_maps_are_chance() {
        let truth = Truth::new(&coverage(&left_half(8)), Size::square(8)).unwrap();
        for value in [0.0, 3.0, f32::NAN] {
            let map = RelevanceMap { grid: Size::square(2), values: vec![value; 4] };
            let scores = MapScores::new(&map, Size::square(4), &truth).unwrap();
            assert!(scores.flat);
            let chance = (scores.mass, scores.rank, scores.pointing, scores.foreground_ap, scores.two_channel_ap);
            assert_eq!(chance, (0.5, 0.5, 0.5, 0.5, 0.5));
            assert_eq!(scores.mean.pixel_accuracy(), 0.5);
        }
    }

    #[test]
    fn ignored_pixels_do_not_count_and_without_object_there_is_no_truth() {
        let mut mask = left_half(8);
        // Ignoring the object's upper half leaves 16 of 48 pixels.
        mask.labels_mut().iter_mut().take(32).filter(|l| **l == Label::Foreground).for_each(|l| *l = Label::Ignore);
        let truth = Truth::new(&coverage(&mask), Size::square(8)).unwrap();
        let map = RelevanceMap { grid: Size::square(2), values: vec![9.0, 0.0, 1.0, 0.0] };
        let scores = MapScores::new(&map, Size::square(4), &truth).unwrap();
        assert_eq!(scores.area, 16.0 / 48.0);
        assert_eq!(Truth::new(&coverage(&Mask::empty(Size::square(8))), Size::square(8)), None);
        assert!(MapScores::new(&map, Size::square(2), &truth).is_none(), "4×4 pixels are not 8×8");
    }

    #[test]
    fn the_baselines_are_what_they_say() {
        let grid = Size::new(4, 6);
        assert_eq!(random_map(grid, 1, 2), random_map(grid, 1, 2));
        assert_ne!(random_map(grid, 1, 2), random_map(grid, 1, 3));
        let centre = centred_map(grid);
        assert_eq!(centre.values[8], centre.values[15], "symmetric");
        assert_eq!(centre.max(), centre.values[8], "largest beside the middle");
    }
}
