//! The inverse cosine transform in integers of 13 fractional bits (Loeffler, Ligtenberg, Moschytz 1989), rounded at
//! the same places as libjpeg's accurate integer method.

use rayon::prelude::*;

use super::frame::Component;

const FRACTION_BITS: u32 = 13;
/// Bits of precision kept between the passes.
const EXTRA_BITS: u32 = 2;

/// Samples of one component, row-major, as wide as its padded blocks.
pub(super) struct Plane {
    pub samples: Vec<u8>,
    pub stride: usize,
}

/// Multiplies by the quantisation table and transforms every block.
pub(super) fn plane(component: &Component) -> Option<Plane> {
    let table = component.quantisation?;
    let stride = 8 * component.blocks_per_row;
    let mut samples = vec![0; stride * 8 * component.blocks_per_column];
    let rows = samples.par_chunks_mut(8 * stride).zip(component.blocks.par_chunks(component.blocks_per_row));
    rows.for_each(|(samples, blocks)| {
        for (column, block) in blocks.iter().enumerate() {
            let coefficients = std::array::from_fn(|i| i32::from(block[i]).wrapping_mul(i32::from(table[i])));
            for (y, line) in inverse(coefficients).chunks_exact(8).enumerate() {
                let start = y * stride + 8 * column;
                samples[start..start + 8].copy_from_slice(line);
            }
        }
    });
    Some(Plane { samples, stride })
}

fn inverse(mut block: [i32; 64]) -> [u8; 64] {
    for column in 0..8 {
        let transformed = one_dimension(std::array::from_fn(|row| block[8 * row + column]));
        for (row, value) in transformed.into_iter().enumerate() {
            block[8 * row + column] = descale(value, FRACTION_BITS - EXTRA_BITS);
        }
    }
    let mut samples = [0; 64];
    for row in 0..8 {
        let transformed = one_dimension(std::array::from_fn(|column| block[8 * row + column]));
        for (column, value) in transformed.into_iter().enumerate() {
            // 3 bits: the factor 8 of the two-dimensional transform.
            let level = descale(value, FRACTION_BITS + EXTRA_BITS + 3).wrapping_add(128);
            samples[8 * row + column] = level.clamp(0, 255) as u8;
        }
    }
    samples
}

fn descale(value: i32, bits: u32) -> i32 {
    value.wrapping_add(1 << (bits - 1)) >> bits
}

/// Eight values at a time, times 2¹³. The constants are sums of cosines, as in the paper's figure 1, times 2¹³.
///
/// Wrapping, because a damaged file may hold any coefficient.
fn one_dimension(input: [i32; 8]) -> [i32; 8] {
    use std::num::Wrapping;
    let [c0, c1, c2, c3, c4, c5, c6, c7] = input.map(Wrapping);
    let constant = Wrapping::<i32>;

    let turned = (c2 + c6) * constant(4433); // 0.541196100
    let even2 = turned - c6 * constant(15137); // 1.847759065
    let even3 = turned + c2 * constant(6270); // 0.765366865
    let even0 = (c0 + c4) << FRACTION_BITS as usize;
    let even1 = (c0 - c4) << FRACTION_BITS as usize;
    let even = [even0 + even3, even1 + even2, even1 - even2, even0 - even3];

    let all = (c7 + c3 + c5 + c1) * constant(9633); // 1.175875602
    let z1 = (c7 + c1) * constant(-7373); // 0.899976223
    let z2 = (c5 + c3) * constant(-20995); // 2.562915447
    let z3 = (c7 + c3) * constant(-16069) + all; // 1.961570560
    let z4 = (c5 + c1) * constant(-3196) + all; // 0.390180644
    let odd = [
        c1 * constant(12299) + z1 + z4, // 1.501321110
        c3 * constant(25172) + z2 + z3, // 3.072711026
        c5 * constant(16819) + z2 + z4, // 2.053119869
        c7 * constant(2446) + z1 + z3,  // 0.298631336
    ];
    std::array::from_fn(|i| if i < 4 { (even[i] + odd[i]).0 } else { (even[7 - i] - odd[7 - i]).0 })
}
