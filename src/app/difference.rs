//! The first model's map minus the second's.

use std::sync::Arc;

use crate::relevance::normalise;
use crate::render::{ColourMap, HeatMap, RangeMode, Style};

/// The difference of two maps, made once per pair.
#[derive(Default)]
pub struct DifferenceMap {
    made_of: Option<(Arc<HeatMap>, Arc<HeatMap>)>,
    map: Option<Arc<HeatMap>>,
}

impl DifferenceMap {
    /// `None` if either map is flat and so has no normalised form.
    pub fn of(&mut self, a: &Arc<HeatMap>, b: &Arc<HeatMap>) -> Option<Arc<HeatMap>> {
        let is_same = |(x, y): &(Arc<HeatMap>, Arc<HeatMap>)| Arc::ptr_eq(x, a) && Arc::ptr_eq(y, b);
        if !self.made_of.as_ref().is_some_and(is_same) {
            self.made_of = Some((a.clone(), b.clone()));
            self.map = subtract(a, b).and_then(|values| HeatMap::new(values, a.grid(), a.crop()).ok()).map(Arc::new);
        }
        self.map.clone()
    }
}

/// How a difference is drawn: signed, on its own scale, nothing cut off.
pub fn style(style: &Style, map: &HeatMap) -> Style {
    let mut style = Style { colours: ColourMap::Diverging, threshold: 0.0, ..style.clone() };
    style.range = RangeMode::PerImage.resolve(map.values(), &[], None, style.colours);
    style
}

/// R̂_a − R̂_b on a's grid; `None` if either map is flat and so has no normalised form.
fn subtract(a: &HeatMap, b: &HeatMap) -> Option<Vec<f32>> {
    let normalised = |map: &HeatMap| {
        let mut values = map.values().to_vec();
        normalise(&mut values).ok().map(|()| values)
    };
    let b_values = resample(&normalised(b)?, b, a);
    Some(normalised(a)?.iter().zip(&b_values).map(|(a, b)| a - b).collect())
}

/// The values of `from` at the centres of the cells of `to`: bilinear, by where both lie on the photo, and beyond the
/// edge of `from` its nearest value.
fn resample(values: &[f32], from: &HeatMap, to: &HeatMap) -> Vec<f32> {
    let (from_grid, to_grid, seen, wanted) = (from.grid(), to.grid(), from.crop(), to.crop());
    let rows = Axis::between(to_grid.height, (wanted.top, wanted.height), from_grid.height, (seen.top, seen.height));
    let columns = Axis::between(to_grid.width, (wanted.left, wanted.width), from_grid.width, (seen.left, seen.width));
    let at = |row: usize, column: usize| values[row * from_grid.width + column];
    let mix = |a: f32, b: f32, share: f32| a + (b - a) * share;
    let mut resampled = Vec::with_capacity(to_grid.area());
    for row in &rows {
        for column in &columns {
            let along = |row| mix(at(row, column.first), at(row, column.second), column.share);
            resampled.push(mix(along(row.first), along(row.second), row.share));
        }
    }
    resampled
}

/// Two neighbouring cells along one axis and the share of the second.
struct Axis {
    first: usize,
    second: usize,
    share: f32,
}

impl Axis {
    /// For each of `to` cells over `wanted` (start and length on the photo) the two of `from` cells over `seen`.
    fn between(to: usize, wanted: (f64, f64), from: usize, seen: (f64, f64)) -> Vec<Self> {
        let axis = |cell: usize| {
            let on_photo = wanted.0 + (cell as f64 + 0.5) / to as f64 * wanted.1;
            let source = (on_photo - seen.0) / seen.1 * from as f64 - 0.5;
            let source = source.clamp(0.0, (from - 1) as f64);
            let first = source as usize;
            Self { first, second: (first + 1).min(from - 1), share: (source - first as f64) as f32 }
        };
        (0..to).map(axis).collect()
    }
}

#[cfg(test)]
mod tests {
    use fast_image_resize::CropBox;

    use super::*;
    use crate::size::Size;

    fn map(values: &[f32], grid: Size, left: f64, width: f64) -> HeatMap {
        HeatMap::new(values.to_vec(), grid, CropBox { left, top: 0.0, width, height: 10.0 }).unwrap()
    }

    #[test]
    fn a_ramp_stays_a_ramp_on_a_finer_grid() {
        let ramp = map(&[0.0, 1.0, 2.0, 3.0], Size::new(1, 4), 0.0, 80.0);
        let fine = resample(ramp.values(), &ramp, &map(&[0.0; 16], Size::new(2, 8), 0.0, 80.0));
        // Cell centres: (i + ½)/2 − ½, clamped to the ramp's ends.
        assert_eq!(fine[..8], [0.0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.0]);
        assert_eq!(fine[..8], fine[8..]);
    }

    #[test]
    fn models_that_see_different_parts_are_compared_where_both_look() {
        let ramp = map(&[0.0, 1.0, 2.0, 3.0], Size::new(1, 4), 0.0, 80.0);
        // Cells of 20 pixels, shifted by one cell: centres at 30, 50, 70 and 90, of which the ramp ends before the last.
        let shifted = map(&[0.0; 4], Size::new(1, 4), 20.0, 80.0);
        assert_eq!(resample(ramp.values(), &ramp, &shifted), [1.0, 2.0, 3.0, 3.0]);
    }
}
