//! The sparse grid over place (x, y), luma and chroma (u, v).

use ::image::RgbImage;

use super::BilateralOptions;

/// x, y, luma, u, v.
pub(super) const AXES: usize = 5;

/// Bits of each coordinate in a vertex's key; photos have at most 100 million pixels, colours at most 256 steps.
const BITS: [u32; AXES] = [27, 27, 9, 9, 9];

/// No vertex there.
const NONE: u32 = u32::MAX;

/// Only the vertices that some pixel has.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    /// Of each pixel in reading order.
    vertex_of: Vec<u32>,
    /// Of each vertex, those one step away along each axis, [`NONE`] where there is none.
    neighbours: Vec<[u32; 2 * AXES]>,
}

impl Grid {
    pub(super) fn of(photo: &RgbImage, options: &BilateralOptions) -> Self {
        let key_of_pixel = |(x, y, pixel): (u32, u32, &::image::Rgb<u8>)| {
            let [luma, u, v] = yuv(pixel.0);
            let steps = |value: f64, sigma: f64| (value / sigma) as u128;
            key([
                steps(f64::from(x), options.sigma_spatial),
                steps(f64::from(y), options.sigma_spatial),
                steps(luma, options.sigma_luma),
                steps(u, options.sigma_chroma),
                steps(v, options.sigma_chroma),
            ])
        };
        let of_pixel: Vec<u128> = photo.enumerate_pixels().map(key_of_pixel).collect();
        let mut keys = of_pixel.clone();
        keys.sort_unstable();
        keys.dedup();
        let find = |key: u128| keys.binary_search(&key).map_or(NONE, |at| at as u32);
        let vertex_of = of_pixel.into_iter().map(find).collect();
        let around = |key: &u128| {
            let step = |at: usize| 1_u128 << shift(at / 2);
            std::array::from_fn(|at| find(if at % 2 == 0 { key.wrapping_sub(step(at)) } else { key + step(at) }))
        };
        let neighbours = keys.iter().map(around).collect();
        Self { vertex_of, neighbours }
    }

    pub(super) fn vertices(&self) -> usize {
        self.neighbours.len()
    }

    /// Sums over the pixels of each vertex.
    pub(super) fn splat(&self, value_at: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut sums = vec![0.0; self.vertices()];
        for (pixel, vertex) in self.vertex_of.iter().enumerate() {
            sums[*vertex as usize] += value_at(pixel);
        }
        sums
    }

    /// The value of its vertex for each pixel.
    pub(super) fn slice(&self, values: &[f64]) -> Vec<f32> {
        self.vertex_of.iter().map(|vertex| values[*vertex as usize] as f32).collect()
    }

    /// The kernel 1 2 1 along each axis, summed over the axes.
    pub(super) fn blur(&self, values: &[f64]) -> Vec<f64> {
        let blurred = |(vertex, around): (usize, &[u32; 2 * AXES])| {
            let near: f64 = around.iter().filter(|at| **at != NONE).map(|at| values[*at as usize]).sum();
            SELF_WEIGHT * values[vertex] + near
        };
        self.neighbours.iter().enumerate().map(blurred).collect()
    }
}

/// The weight of a vertex in its own blur: 2 for each axis.
pub(super) const SELF_WEIGHT: f64 = 2.0 * AXES as f64;

/// Coordinates side by side in one number. Each is stored plus 1, so that one step below 0 meets no vertex.
fn key(coordinates: [u128; AXES]) -> u128 {
    coordinates.iter().enumerate().map(|(axis, at)| (at + 1) << shift(axis)).sum()
}

/// Where a coordinate begins in the key.
fn shift(axis: usize) -> u32 {
    BITS[..axis].iter().sum()
}

/// Luma and chroma of JPEG (ITU-R BT.601, full range), 0…255.
fn yuv(rgb: [u8; 3]) -> [f64; 3] {
    let [r, g, b] = rgb.map(f64::from);
    [
        0.299 * r + 0.587 * g + 0.114 * b,
        -0.168736 * r - 0.331264 * g + 0.5 * b + 128.0,
        0.5 * r - 0.418688 * g - 0.081312 * b + 128.0,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::image::Rgb;

    fn grid(width: u32, height: u32, colour: impl Fn(u32, u32) -> [u8; 3]) -> Grid {
        let photo = RgbImage::from_fn(width, height, |x, y| Rgb(colour(x, y)));
        Grid::of(&photo, &BilateralOptions::default())
    }

    #[test]
    fn pixels_of_a_cell_and_colour_share_a_vertex() {
        // 40 pixels are cells 0, 1, 2 of 16; the lower half has another colour.
        let grid = grid(40, 16, |_, y| if y < 8 { [0; 3] } else { [255; 3] });
        assert_eq!(grid.vertices(), 6);
        let mut counts = grid.splat(|_| 1.0);
        counts.sort_by(f64::total_cmp);
        assert_eq!(counts, [64.0, 64.0, 128.0, 128.0, 128.0, 128.0]);
    }

    #[test]
    fn the_blur_weighs_neighbours_once_and_the_vertex_ten_times() {
        // Three cells in a row, one colour.
        let grid = grid(48, 16, |_, _| [90; 3]);
        let middle = grid.vertex_of[20] as usize;
        let mut at_middle = vec![0.0; 3];
        at_middle[middle] = 1.0;
        let blurred = grid.blur(&at_middle);
        assert_eq!(blurred[middle], 10.0);
        assert_eq!(blurred.iter().sum::<f64>(), 12.0);
    }

    #[test]
    fn the_ends_of_one_axis_do_not_touch_the_next() {
        // The last cell of a row and the first of the next row are no neighbours.
        let grid = grid(32, 32, |_, _| [90; 3]);
        let count = |vertex: usize| grid.neighbours[vertex].iter().filter(|at| **at != NONE).count();
        assert!((0..4).all(|vertex| count(vertex) == 2));
    }
}
