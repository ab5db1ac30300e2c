//! Chroma at full resolution: a triangle filter where it was halved, repetition otherwise.
//!
//! The rounding alternates from sample to sample, so that no drift of brightness results.

use rayon::prelude::*;

use super::frame::{Component, Frame};
use super::transform::Plane;

/// The component at the size of the frame, row-major without padding; `None` for factors that are not whole.
pub(super) fn to_full_size(plane: &Plane, frame: &Frame, component: &Component) -> Option<Vec<u8>> {
    let (max_across, max_down) = (frame.max_across(), frame.max_down());
    if max_across % component.across != 0 || max_down % component.down != 0 {
        return None;
    }
    let (across, down) = (max_across / component.across, max_down / component.down);
    // Narrow pictures are not worth a filter: libjpeg repeats samples there.
    let smooth_columns = across == 2 && component.width > 2;
    let mut full = vec![0; frame.width * frame.height];
    full.par_chunks_mut(frame.width).enumerate().for_each_init(Vec::new, |line, (y, pixels)| {
        let row = plane.row(y / down, component);
        line.clear();
        // The nearer neighbour beyond: above for upper rows of a pair, below for lower ones.
        let next = if y % 2 == 0 { (y / 2).saturating_sub(1) } else { (y / 2 + 1).min(component.height - 1) };
        match (across, down) {
            (2, 1) if smooth_columns => widen(row, line),
            (2, 2) if smooth_columns => widen_sums(row, plane.row(next, component), line),
            (1, 2) => {
                let bias = if y % 2 == 0 { 1 } else { 2 };
                let mixed = |(&near, &far): (&u8, &u8)| ((3 * u16::from(near) + u16::from(far) + bias) >> 2) as u8;
                line.extend(row.iter().zip(plane.row(next, component)).map(mixed));
            }
            _ => line.extend(row.iter().flat_map(|&sample| std::iter::repeat_n(sample, across))),
        }
        // A row of samples, enlarged, is at least as wide as the frame.
        for (pixel, &sample) in pixels.iter_mut().zip(line.iter()) {
            *pixel = sample;
        }
    });
    Some(full)
}

impl Plane {
    fn row(&self, y: usize, component: &Component) -> &[u8] {
        &self.samples[y * self.stride..][..component.width]
    }
}

/// Doubles a row: ¾ of the nearer and ¼ of the further sample.
fn widen(row: &[u8], line: &mut Vec<u8>) {
    let at = |i: usize| u16::from(row[i]);
    let last = row.len() - 1;
    for i in 0..row.len() {
        line.push(if i == 0 { row[0] } else { ((3 * at(i) + at(i - 1) + 1) >> 2) as u8 });
        line.push(if i == last { row[last] } else { ((3 * at(i) + at(i + 1) + 2) >> 2) as u8 });
    }
}

/// Doubles a row of a pair: first ¾ of the nearer and ¼ of the further row, unrounded, then the same along the row.
fn widen_sums(near: &[u8], far: &[u8], line: &mut Vec<u8>) {
    let sum = |i: usize| 3 * u16::from(near[i]) + u16::from(far[i]);
    let last = near.len() - 1;
    for i in 0..near.len() {
        line.push(((3 * sum(i) + sum(i.saturating_sub(1)) + 8) >> 4) as u8);
        line.push(((3 * sum(i) + sum((i + 1).min(last)) + 7) >> 4) as u8);
    }
}
