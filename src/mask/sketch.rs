//! Masks for tests: drawn as text, or random.

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{Label, Mask};
use crate::size::Size;

/// `#` foreground, `i` ignore, anything else background.
pub(super) fn mask(rows: &[&str]) -> Mask {
    let label = |byte| match byte {
        b'#' => Label::Foreground,
        b'i' => Label::Ignore,
        _ => Label::Background,
    };
    let size = Size::new(rows.len(), rows[0].len());
    Mask::new(size, rows.iter().flat_map(|row| row.bytes().map(label)).collect()).unwrap()
}

/// The reverse of [`mask`].
pub(super) fn rows(mask: &Mask) -> Vec<String> {
    let letter = |label: &Label| ['.', '#', 'i'][*label as usize];
    mask.labels().chunks(mask.size().width).map(|row| row.iter().map(letter).collect()).collect()
}

/// Each pixel drawn for itself; the share of foreground and of ignored pixels differs from seed to seed.
pub(super) fn random_mask(size: Size, seed: u64) -> Mask {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let (foreground, ignore) = (random.random_range(0.1..0.9), random.random_range(0.0..0.1));
    let mut label = || match random.random::<f64>() {
        drawn if drawn < ignore => Label::Ignore,
        drawn if drawn < ignore + foreground => Label::Foreground,
        _ => Label::Background,
    };
    Mask::new(size, (0..size.area()).map(|_| label()).collect()).unwrap()
}
