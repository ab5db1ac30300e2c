//! A map on the patch grid, its enlargement to pixels, and its scale.

use crate::size::Size;

/// How much each patch mattered, row-major. Only ratios and order have a meaning across methods, not the unit.
#[derive(Clone, Debug, PartialEq)]
pub struct RelevanceMap {
    /// In patches.
    pub grid: Size,
    /// `[grid.height, grid.width]`
    pub values: Vec<f32>,
}

/// A map without a contrast to scale: constant, or with a value that is no finite number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the relevance map is flat: no place differs from another")]
pub struct Flat;

impl RelevanceMap {
    /// The smallest value; not-a-number is passed over.
    pub fn min(&self) -> f32 {
        range(&self.values).0
    }

    /// The largest value; not-a-number is passed over.
    pub fn max(&self) -> f32 {
        range(&self.values).1
    }

    /// Whether the map shows nothing, see [`Flat`].
    pub fn is_flat(&self) -> bool {
        finite_range(&self.values).is_none()
    }

    /// Bilinear to `grid · patch` pixels, corners not aligned, no antialias.
    pub fn upsample(&self, patch: Size) -> Vec<f32> {
        let columns = taps(self.grid.width, patch.width);
        let mut pixels = Vec::with_capacity(self.grid.area() * patch.area());
        for (y, next_y, down) in taps(self.grid.height, patch.height) {
            let row = &self.values[y * self.grid.width..][..self.grid.width];
            let next_row = &self.values[next_y * self.grid.width..][..self.grid.width];
            for &(x, next_x, right) in &columns {
                let above = mix(row[x], row[next_x], right);
                let below = mix(next_row[x], next_row[next_x], right);
                pixels.push(mix(above, below, down));
            }
        }
        pixels
    }
}

/// Gradient of [`RelevanceMap::upsample`]: from that of the pixels to that of the cells, `[grid.height, grid.width]`.
pub fn upsample_backward(d_pixels: &[f32], grid: Size, patch: Size) -> Vec<f32> {
    let columns = taps(grid.width, patch.width);
    let mut d_cells = vec![0.0; grid.area()];
    for (d_row, (y, next_y, down)) in d_pixels.chunks_exact(columns.len()).zip(taps(grid.height, patch.height)) {
        // The row's share of each column of cells, then of the two rows it lies between.
        let mut d_columns = vec![0.0; grid.width];
        for (&d, &(x, next_x, right)) in d_row.iter().zip(&columns) {
            d_columns[x] += d * (1.0 - right);
            d_columns[next_x] += d * right;
        }
        for (x, d) in d_columns.into_iter().enumerate() {
            d_cells[y * grid.width + x] += d * (1.0 - down);
            d_cells[next_y * grid.width + x] += d * down;
        }
    }
    d_cells
}

/// Scales to 0…1 in place, meant for an upsampled map.
///
/// # Errors
/// If the map is flat; all values are 0 then.
pub fn normalise(values: &mut [f32]) -> Result<(), Flat> {
    let Some((min, max)) = finite_range(values) else {
        values.fill(0.0);
        return Err(Flat);
    };
    values.iter_mut().for_each(|value| *value = (*value - min) / (max - min));
    Ok(())
}

/// For every pixel the two cells it lies between and the share of the second.
fn taps(cells: usize, pixels_per_cell: usize) -> Vec<(usize, usize, f32)> {
    let tap = |pixel: usize| {
        let position = ((pixel as f32 + 0.5) / pixels_per_cell as f32 - 0.5).max(0.0);
        let cell = position as usize;
        (cell, (cell + 1).min(cells - 1), position - cell as f32)
    };
    (0..cells * pixels_per_cell).map(tap).collect()
}

fn mix(a: f32, b: f32, share_of_b: f32) -> f32 {
    a * (1.0 - share_of_b) + b * share_of_b
}

fn range(values: &[f32]) -> (f32, f32) {
    let start = (f32::INFINITY, f32::NEG_INFINITY);
    values.iter().fold(start, |(min, max), &value| (min.min(value), max.max(value)))
}

/// `None` for a flat map.
fn finite_range(values: &[f32]) -> Option<(f32, f32)> {
    let (min, max) = range(values);
    let has_contrast = max - min > 1e-12 * max.abs();
    (has_contrast && (max - min).is_finite() && values.iter().all(|value| value.is_finite())).then_some((min, max))
}
