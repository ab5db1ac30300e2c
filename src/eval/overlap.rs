//! A thresholded map against the mask: pixel accuracy, intersection over union, F1.

use serde::Serialize;

use crate::mask::otsu;

/// Pixels by what the map says and what the mask says. Fractions stand for maps that only guess.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Overlap {
    /// Relevant, and object.
    pub both: f64,
    /// Relevant, but background.
    pub only_map: f64,
    /// Object, but not relevant.
    pub only_mask: f64,
    pub neither: f64,
}

/// Where relevance counts as «object».
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// Above the mean of the map: the paper's.
    Mean,
    /// Where the two sides differ most (Otsu 1979).
    Otsu,
}

impl Overlap {
    /// `values`: the map scaled to 0…1; `mask`: the object, pixel by pixel.
    pub fn of(values: &[f32], mask: &[bool], threshold: Threshold) -> Self {
        let cut = match threshold {
            Threshold::Mean => mean(values),
            Threshold::Otsu => f64::from(otsu(values, 0.0, 1.0)),
        };
        let mut overlap = Self::default();
        for (&value, &inside) in values.iter().zip(mask) {
            *overlap.cell(f64::from(value) > cut, inside) += 1.0;
        }
        overlap
    }

    /// What to expect of calling each pixel «object» with a probability.
    pub fn of_chance(probability: f64, mask: &[bool]) -> Self {
        let object = mask.iter().filter(|&&inside| inside).count() as f64;
        let background = mask.len() as f64 - object;
        Self {
            both: probability * object,
            only_map: probability * background,
            only_mask: (1.0 - probability) * object,
            neither: (1.0 - probability) * background,
        }
    }

    /// Of the |M| most relevant pixels, of which `hits` lie on the object.
    pub fn of_top_area(hits: f64, object: usize, pixels: usize) -> Self {
        let missed = object as f64 - hits;
        Self { both: hits, only_map: missed, only_mask: missed, neither: pixels as f64 - object as f64 - missed }
    }

    fn cell(&mut self, relevant: bool, inside: bool) -> &mut f64 {
        match (relevant, inside) {
            (true, true) => &mut self.both,
            (true, false) => &mut self.only_map,
            (false, true) => &mut self.only_mask,
            (false, false) => &mut self.neither,
        }
    }

    /// The four counts in the order of the fields; sums of them make the aggregated figures of a data set.
    pub fn counts(&self) -> [f64; 4] {
        [self.both, self.only_map, self.only_mask, self.neither]
    }

    pub fn from_counts([both, only_map, only_mask, neither]: [f64; 4]) -> Self {
        Self { both, only_map, only_mask, neither }
    }

    /// Share of the pixels that map and mask agree on.
    pub fn pixel_accuracy(&self) -> f64 {
        (self.both + self.neither) / self.counts().iter().sum::<f64>()
    }

    /// Intersection over union of the object; 1 if map and mask are both empty.
    pub fn iou(&self) -> f64 {
        ratio(self.both, self.both + self.only_map + self.only_mask)
    }

    /// Mean of the intersections over union of object and background.
    pub fn mean_iou(&self) -> f64 {
        let background = ratio(self.neither, self.neither + self.only_map + self.only_mask);
        0.5 * (self.iou() + background)
    }

    /// Harmonic mean of precision and recall of the object.
    pub fn f1(&self) -> f64 {
        ratio(2.0 * self.both, 2.0 * self.both + self.only_map + self.only_mask)
    }
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 1.0 }
}

fn mean(values: &[f32]) -> f64 {
    values.iter().copied().map(f64::from).sum::<f64>() / values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_ratios_by_hand() {
        // Mean 0.5: relevant are the first and the third.
        let overlap = Overlap::of(&[1.0, 0.2, 0.8, 0.3, 0.2], &[true, true, false, false, false], Threshold::Mean);
        assert_eq!(overlap.counts(), [1.0, 1.0, 1.0, 2.0]);
        assert_eq!(overlap.pixel_accuracy(), 0.6);
        assert_eq!(overlap.iou(), 1.0 / 3.0);
        assert_eq!(overlap.mean_iou(), 0.5 * (1.0 / 3.0 + 0.5));
        assert_eq!(overlap.f1(), 0.5);
        assert_eq!(Overlap::from_counts(overlap.counts()), overlap);
    }

    #[test]
    fn otsu_separates_two_heaps() {
        let values = [0.10, 0.12, 0.11, 0.90, 0.95, 0.10];
        let overlap = Overlap::of(&values, &[false, false, false, true, true, false], Threshold::Otsu);
        assert_eq!(overlap.mean_iou(), 1.0);
    }

    #[test]
    fn chance_and_the_top_area_add_up_to_all_pixels() {
        let mask = [true, false, false, false];
        assert_eq!(Overlap::of_chance(0.5, &mask).counts(), [0.5, 1.5, 0.5, 1.5]);
        assert_eq!(Overlap::of_top_area(1.0, 3, 10).counts(), [1.0, 2.0, 2.0, 5.0]);
        assert_eq!(Overlap::default().iou(), 1.0, "nothing called object where there is none");
    }
}
