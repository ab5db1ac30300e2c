//! Does the model need what the map calls relevant? Pixels are taken away, or given, in the map's order.
//!
//! Everything works on model input, `[channels, height, width]`, whose pixels one order names by index.

use crate::relevance::RelevanceMap;
use crate::size::Size;

/// The shares of the pixels that perturbation takes away, after the whole picture: 0.1, 0.2, … 0.9.
pub const SHARES: [f64; 9] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/// Which pixels come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// The most relevant: accuracy should fall fast.
    Most,
    /// The least relevant: accuracy should hold.
    Least,
}

/// All pixels of a map, upsampled to `grid · patch`, by their relevance; equal ones in reading order.
pub fn order_of_pixels(map: &RelevanceMap, patch: Size, first: First) -> Vec<u32> {
    order(&map.upsample(patch), first)
}

/// The same in whole patches: a patch's pixels stand together.
pub fn order_of_patches(map: &RelevanceMap, patch: Size, first: First) -> Vec<u32> {
    let width = map.grid.width * patch.width;
    let pixels = |index: u32| {
        let (top, left) =
            (index as usize / map.grid.width * patch.height, index as usize % map.grid.width * patch.width);
        (top..top + patch.height)
            .flat_map(move |row| (row * width + left..row * width + left + patch.width).map(|at| at as u32))
    };
    order(&map.values, first).into_iter().flat_map(pixels).collect()
}

fn order(values: &[f32], first: First) -> Vec<u32> {
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    let rising = |a: &u32, b: &u32| values[*a as usize].total_cmp(&values[*b as usize]);
    match first {
        First::Most => order.sort_by(|a, b| rising(b, a)),
        First::Least => order.sort_by(rising),
    }
    order
}

/// How many pixels a share is, in whole units (1 for pixels, a patch's area for patches).
pub fn pixels_of_share(share: f64, pixels: usize, unit: usize) -> usize {
    (share * (pixels / unit) as f64).round() as usize * unit
}

/// The input with the first `count` pixels of `order` taken from `other`.
///
/// `map_width`: columns that the order counts; those of the input may be more, see
/// [`crate::vit::VitConfig::grid_of`].
pub fn with_pixels_of(
    input: &[f32],
    size: Size,
    other: &[f32],
    order: &[u32],
    count: usize,
    map_width: usize,
) -> Vec<f32> {
    let mut changed = input.to_vec();
    for &at in order.iter().take(count) {
        let pixel = at as usize / map_width * size.width + at as usize % map_width;
        for channel in 0..input.len() / size.area() {
            changed[channel * size.area() + pixel] = other[channel * size.area() + pixel];
        }
    }
    changed
}

/// Perturbation's area: 100 · trapezoid of the accuracy over the shares 0, 0.1, … 0.9, 90 at most.
///
/// `right`: of the whole picture, then at [`SHARES`]. It is linear, so the mean over pictures is the area of the
/// data set's curve.
pub fn perturbation_area(right: &[bool; SHARES.len() + 1]) -> f64 {
    let values = right.map(|right| f64::from(u8::from(right)));
    100.0 * 0.1 * trapezoid(&values)
}

/// Area under a curve from nothing to all, scaled to 1.
pub fn unit_area(curve: &[f64]) -> f64 {
    trapezoid(curve) / (curve.len() - 1).max(1) as f64
}

/// With steps of 1.
fn trapezoid(values: &[f64]) -> f64 {
    values.windows(2).map(|pair| 0.5 * (pair[0] + pair[1])).sum()
}

const KERNEL: usize = 11;
const DEVIATION: f64 = 5.0;

/// The blurred picture that insertion starts from: kernel 11, σ 5, beyond the border 0 (the mean colour), as RISE's
/// published code does (Petsiuk et al., arXiv 1806.07421).
pub fn blurred(input: &[f32], size: Size) -> Vec<f32> {
    let kernel = kernel();
    let mut result = Vec::with_capacity(input.len());
    for channel in input.chunks_exact(size.area()) {
        let narrow = convolved(channel, size.width, 1, size.width, &kernel);
        result.extend(convolved(&narrow, size.height, size.width, size.width, &kernel));
    }
    result
}

/// Along one axis: neighbours are `step` apart, `length` of them in a line.
fn convolved(values: &[f32], length: usize, step: usize, width: usize, kernel: &[f64; KERNEL]) -> Vec<f32> {
    let value = |at: usize| {
        let place = if step == 1 { at % width } else { at / width };
        let term = |(tap, weight): (usize, &f64)| {
            let other = (place + tap).checked_sub(KERNEL / 2).filter(|other| *other < length)?;
            Some(weight * f64::from(values[at + other * step - place * step]))
        };
        kernel.iter().enumerate().filter_map(term).sum::<f64>() as f32
    };
    (0..values.len()).map(value).collect()
}

/// SciPy's `gaussian_filter` of a single 1 in the middle of 11 zeros: what leaves the window on one side comes back
/// as in a mirror, so the taps sum to 1.
fn kernel() -> [f64; KERNEL] {
    const REACH: isize = 20; // SciPy truncates at 4σ.
    let weight = |distance: isize| (-0.5 * (distance as f64 / DEVIATION).powi(2)).exp();
    let total: f64 = (-REACH..=REACH).map(weight).sum();
    let mut kernel = [0.0; KERNEL];
    let (middle, window) = (KERNEL as isize / 2, KERNEL as isize);
    for distance in -REACH..=REACH {
        // Mirrored with the border itself repeated: … 1 0 | 0 1 2 … 9 10 | 10 9 …
        let place = (middle + distance).rem_euclid(2 * window);
        let place = if place < window { place } else { 2 * window - 1 - place };
        kernel[place as usize] += weight(distance) / total;
    }
    kernel
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> RelevanceMap {
        RelevanceMap { grid: Size::new(1, 3), values: vec![0.5, 0.1, 0.9] }
    }

    #[test]
    fn patches_go_as_a_whole_in_the_order_of_the_map() {
        // Three patches of 1×2 pixels in a row.
        let order = |first| order_of_patches(&map(), Size::new(1, 2), first);
        assert_eq!(order(First::Most), [4, 5, 0, 1, 2, 3]);
        assert_eq!(order(First::Least), [2, 3, 0, 1, 4, 5]);
        let single = order_of_pixels(&map(), Size::new(1, 1), First::Most);
        assert_eq!(single, [2, 0, 1]);
        assert_eq!(pixels_of_share(0.5, 6, 2), 4, "1.5 patches are rounded to two");
        assert_eq!(pixels_of_share(0.1, 50_176, 1), 5018);
    }

    #[test]
    fn pixels_change_in_every_channel_and_nowhere_else() {
        // Two channels of 1×4; the map covers the first three columns.
        let input = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        let changed = with_pixels_of(&input, Size::new(1, 4), &[0.0; 8], &[2, 0, 1], 2, 3);
        assert_eq!(changed, [0.0, 2.0, 0.0, 4.0, 0.0, 6.0, 0.0, 8.0]);
    }

    #[test]
    fn areas_by_hand() {
        assert!((perturbation_area(&[true; 10]) - 90.0).abs() < 1e-12);
        let mut right = [false; 10];
        right[..2].fill(true);
        // From 1 at 0 and 0.1 to 0 at 0.2: 0.1 + 0.05.
        assert!((perturbation_area(&right) - 15.0).abs() < 1e-12);
        assert_eq!(unit_area(&[1.0, 0.5, 0.0]), 0.5);
    }

    /// `scipy.ndimage.gaussian_filter1d(numpy.eye(11)[5], 5.0)[[0, 5]]`
    const KERNEL_ENDS: f64 = 0.08795815;
    const KERNEL_MIDDLE: f64 = 0.09398206;

    #[test]
    fn the_kernel_is_scipys() {
        let kernel = kernel();
        assert!((kernel.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((kernel[0] - KERNEL_ENDS).abs() < 1e-6 && (kernel[5] - KERNEL_MIDDLE).abs() < 1e-6, "{kernel:?}");
        assert_eq!(kernel[0], kernel[10]);
        // One bright pixel spreads into the outer product.
        let size = Size::new(13, 15);
        let mut input = vec![0.0; size.area()];
        input[6 * 15 + 7] = 1.0;
        let blurred = blurred(&input, size);
        assert!((f64::from(blurred[6 * 15 + 7]) - KERNEL_MIDDLE * KERNEL_MIDDLE).abs() < 1e-6);
        assert!((f64::from(blurred[15 + 7]) - KERNEL_ENDS * KERNEL_MIDDLE).abs() < 1e-6);
        assert_eq!(blurred[7], 0.0);
    }
}
