//! The first model's map minus the second's.

use std::sync::Arc;

use crate::relevance::normalise;
use crate::render::HeatMap;
use crate::size::Size;

use super::panes::Pane;

/// The difference of two maps, made once per pair.
#[derive(Default)]
pub struct DifferenceMap {
    made_of: Option<(Arc<HeatMap>, Arc<HeatMap>)>,
    map: Option<Arc<HeatMap>>,
}

impl DifferenceMap {
    /// Gives the last of three panes the difference of the first two.
    pub fn replace(&mut self, panes: &mut [Pane]) {
        let [first, second, difference] = panes else { return };
        let style = difference.heat.take().map(|(_, style)| style).unwrap_or_default();
        let (Some((a, _)), Some((b, _))) = (&first.heat, &second.heat) else { return };
        difference.heat = self.of(a, b).map(|map| (map, style));
    }

    fn of(&mut self, a: &Arc<HeatMap>, b: &Arc<HeatMap>) -> Option<Arc<HeatMap>> {
        let is_same = |(x, y): &(Arc<HeatMap>, Arc<HeatMap>)| Arc::ptr_eq(x, a) && Arc::ptr_eq(y, b);
        if !self.made_of.as_ref().is_some_and(is_same) {
            self.made_of = Some((a.clone(), b.clone()));
            self.map = subtract(a, b).and_then(|values| HeatMap::new(values, a.grid(), a.crop()).ok()).map(Arc::new);
        }
        self.map.clone()
    }
}

/// R̂_a − R̂_b on a's grid; `None` if either map is flat and so has no normalised form.
fn subtract(a: &HeatMap, b: &HeatMap) -> Option<Vec<f32>> {
    let normalised = |map: &HeatMap| {
        let mut values = map.values().to_vec();
        normalise(&mut values).ok().map(|()| values)
    };
    let b_values = resample(&normalised(b)?, b.grid(), a.grid());
    Some(normalised(a)?.iter().zip(&b_values).map(|(a, b)| a - b).collect())
}

/// Bilinear, corners not aligned.
fn resample(values: &[f32], from: Size, to: Size) -> Vec<f32> {
    if from == to {
        return values.to_vec();
    }
    let axis = |index: usize, from: usize, to: usize| {
        let source = ((index as f32 + 0.5) * from as f32 / to as f32 - 0.5).clamp(0.0, (from - 1) as f32);
        let first = source as usize;
        (first, (first + 1).min(from - 1), source - first as f32)
    };
    let at = |row: usize, column: usize| values[row * from.width + column];
    let mut resampled = Vec::with_capacity(to.area());
    for row in 0..to.height {
        let (top, bottom, down) = axis(row, from.height, to.height);
        for column in 0..to.width {
            let (left, right, across) = axis(column, from.width, to.width);
            let mix = |row| at(row, left) * (1.0 - across) + at(row, right) * across;
            resampled.push(mix(top) * (1.0 - down) + mix(bottom) * down);
        }
    }
    resampled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_stays_a_ramp_on_a_finer_grid() {
        let ramp = [0.0, 1.0, 2.0, 3.0];
        let fine = resample(&ramp, Size::new(1, 4), Size::new(2, 8));
        // Cell centres: (i + ½)/2 − ½, clamped to the ramp's ends.
        assert_eq!(fine[..8], [0.0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.0]);
        assert_eq!(fine[..8], fine[8..]);
    }
}
