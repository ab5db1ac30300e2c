//! Values between the centres of the patches. Keep in sync with `shaders/snippets/interpolation.wgsl`.

use super::error::RenderError;
use super::range::ValueRange;
use super::style::Interpolation;
use crate::size::Size;

/// Positions count as this share of a patch further right and down, when it is asked in which patch they lie, so that
/// the centre of a pixel right on an edge falls on the same side whatever the rounding. Far too little to be seen.
pub(super) const EDGE_BIAS: f32 = 1e-3;

/// Values on the patch grid `(rows, columns)`, row-major.
#[derive(Clone, Copy, Debug)]
pub struct GridMap<'a> {
    values: &'a [f32],
    grid: Size,
}

impl<'a> GridMap<'a> {
    /// # Errors
    /// When the grid is empty or has another number of cells than there are values.
    pub fn new(values: &'a [f32], grid: Size) -> Result<Self, RenderError> {
        if values.is_empty() || values.len() != grid.area() {
            return Err(RenderError::WrongLength { count: values.len(), grid });
        }
        Ok(Self { values, grid })
    }

    pub fn grid(&self) -> Size {
        self.grid
    }

    /// The range of the values, about 0 if the colours are signed; `None` for a flat map.
    pub fn range(&self, colours: super::ColourMap) -> Option<ValueRange> {
        ValueRange::of(self.values).map(|range| range.for_colours(colours))
    }

    /// The value at a position in units of patches, `(row, column)`, whose corner is 0 and first centre ½.
    pub(super) fn value_at(&self, [row, column]: [f32; 2], interpolation: Interpolation) -> f32 {
        self.between(&Taps::at(row, interpolation), &Taps::at(column, interpolation))
    }

    /// The weighted sum of 4×4 patches, those outside replaced by the nearest inside.
    pub(super) fn between(&self, rows: &Taps, columns: &Taps) -> f32 {
        let mut sum = 0.0;
        for (j, weight) in rows.weighted() {
            let row = clamped(rows.first + j, self.grid.height) * self.grid.width;
            let mut across = 0.0;
            for (i, weight) in columns.weighted() {
                across += weight * self.values[row + clamped(columns.first + i, self.grid.width)];
            }
            sum += weight * across;
        }
        sum
    }
}

fn clamped(patch: i32, patches: usize) -> usize {
    (patch.max(0) as usize).min(patches - 1)
}

/// Four neighbouring patches along one axis and how much each counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Taps {
    /// The first of the four, possibly outside of the grid.
    first: i32,
    weights: [f32; 4],
}

impl Taps {
    /// For a position along the axis in units of patches.
    pub fn at(position: f32, interpolation: Interpolation) -> Self {
        let from_centre = match interpolation {
            Interpolation::Patches => position + EDGE_BIAS,
            Interpolation::Bilinear | Interpolation::Bicubic => position - 0.5,
        };
        let base = from_centre.floor();
        let t = from_centre - base;
        let weights = match interpolation {
            Interpolation::Patches => [0.0, 1.0, 0.0, 0.0],
            Interpolation::Bilinear => [0.0, 1.0 - t, t, 0.0],
            Interpolation::Bicubic => catmull_rom(t),
        };
        Self { first: base as i32 - 1, weights }
    }

    fn weighted(&self) -> impl Iterator<Item = (i32, f32)> {
        (0..).zip(self.weights).filter(|(_, weight)| *weight != 0.0)
    }
}

/// Keys 1981, "Cubic convolution interpolation", with a = −½, at distances 1 + t, t, 1 − t and 2 − t.
fn catmull_rom(t: f32) -> [f32; 4] {
    [
        ((-0.5 * t + 1.0) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1.0,
        ((-1.5 * t + 2.0) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn along(values: &[f32], positions: &[f32], interpolation: Interpolation) -> Vec<f32> {
        let map = GridMap::new(values, Size::new(1, values.len())).unwrap();
        positions.iter().map(|&column| map.value_at([0.5, column], interpolation)).collect()
    }

    #[test]
    fn bilinear_follows_the_definition() {
        // src = (dst + .5)/patch − .5, clamped below at 0; two patches of 4 pixels with values 0 and 1:
        // dst 0…7 → −.375→0, −.125→0, .125, .375, .625, .875, 1.125→clamped to patch 1, 1.375→patch 1
        let positions: Vec<f32> = (0_u8..8).map(|pixel| (f32::from(pixel) + 0.5) / 4.0).collect();
        let upsampled = along(&[0.0, 1.0], &positions, Interpolation::Bilinear);
        assert_eq!(upsampled, [0.0, 0.0, 0.125, 0.375, 0.625, 0.875, 1.0, 1.0]);
    }

    #[test]
    fn bicubic_follows_keys() {
        // Half-way between two centres the weights are −1/16, 9/16, 9/16, −1/16; a quarter of the way
        // −9/128, 111/128, 29/128, −3/128 (a = −½ in Keys' equation 15).
        let values = [0.0, 0.0, 1.0, 0.0, 0.0];
        let at = [1.5, 2.0, 2.25, 2.5, 2.75, 3.0, 3.5, 4.0];
        let expected = [0.0, 9.0 / 16.0, 111.0 / 128.0, 1.0, 111.0 / 128.0, 9.0 / 16.0, 0.0, -1.0 / 16.0];
        assert_eq!(along(&values, &at, Interpolation::Bicubic), expected);
        assert_eq!(catmull_rom(0.25), [-9.0, 111.0, 29.0, -3.0].map(|numerator| numerator / 128.0));
    }

    #[test]
    fn bicubic_repeats_the_patches_at_the_border() {
        // At the left edge t = ½ between the repeated first patch and itself: (−1/16 + 9/16 + 9/16)·1 − 1/16·0
        assert_eq!(along(&[1.0, 0.0, 0.0], &[0.0, 3.0], Interpolation::Bicubic), [17.0 / 16.0, 0.0]);
    }

    #[test]
    fn patches_have_one_value_each() {
        let values = along(&[3.0, 7.0], &[0.0, 0.5, 0.99, 1.0, 1.99], Interpolation::Patches);
        assert_eq!(values, [3.0, 3.0, 3.0, 7.0, 7.0]);
    }

    #[test]
    fn rows_and_columns_are_not_mixed_up() {
        let map = GridMap::new(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], Size::new(2, 3)).unwrap();
        for interpolation in Interpolation::ALL {
            assert_eq!(map.value_at([1.5, 0.5], interpolation), 3.0, "{interpolation:?}");
            assert_eq!(map.value_at([0.5, 2.5], interpolation), 2.0, "{interpolation:?}");
        }
        assert_eq!(map.value_at([1.0, 1.0], Interpolation::Bilinear), 2.0, "(0 + 1 + 3 + 4)/4");
    }

    #[test]
    fn a_grid_of_another_size_is_refused() {
        assert!(GridMap::new(&[0.0; 5], Size::square(2)).is_err());
        assert!(GridMap::new(&[], Size::square(0)).is_err());
    }
}
