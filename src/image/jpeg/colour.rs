//! YCbCr to RGB in integers of 16 fractional bits (JFIF 1.02).

/// The constants of JFIF, times 2¹⁶, rounded.
const RED_FROM_CR: i32 = 91_881; // 1.40200
const BLUE_FROM_CB: i32 = 116_130; // 1.77200
const GREEN_FROM_CB: i32 = -22_554; // 0.34414
const GREEN_FROM_CR: i32 = -46_802; // 0.71414
const HALF: i32 = 1 << 15;

/// Interleaved RGB from three planes of equal size.
pub(super) fn rgb_from_ycc(luma: &[u8], blue: &[u8], red: &[u8]) -> Vec<u8> {
    let chroma = blue.iter().zip(red);
    let pixel = |(&y, (&cb, &cr)): (&u8, (&u8, &u8))| {
        let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
        [
            y + ((RED_FROM_CR * cr + HALF) >> 16),
            y + ((GREEN_FROM_CB * cb + GREEN_FROM_CR * cr + HALF) >> 16),
            y + ((BLUE_FROM_CB * cb + HALF) >> 16),
        ]
        .map(|channel| channel.clamp(0, 255) as u8)
    };
    luma.iter().zip(chroma).flat_map(pixel).collect()
}
