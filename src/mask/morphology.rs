//! Growing, shrinking and smoothing the foreground.

use super::bitmap::Label;
use super::edit::Painter;
use crate::size::Size;

/// Rows to the nearest pixel of a label within its column; this, if there is none.
const NONE: u16 = u16::MAX;

/// Pixels of the label `over` become `label` if the centre of one that already is lies within `radius` pixels.
///
/// The exact Euclidean disc in two passes (after Meijster, Roerdink & Hesselink 2000): first the distance within the
/// column, then within the row the union of the intervals that each such distance leaves of the disc. What lies
/// beyond the border has no label: nothing grows in from there.
pub(super) fn spread(painter: &mut Painter, label: Label, over: Label, radius: usize) {
    let size = painter.size();
    let radius = radius.min(usize::from(NONE) - 1).min(size.height + size.width);
    let mut below = distances_below(painter.mask().labels(), size, label);
    let mut above = vec![NONE; size.width];
    let reach = Reach::new(radius);
    let mut new = vec![Label::Background; size.width];
    for (row, distances) in below.chunks_exact_mut(size.width.max(1)).enumerate() {
        let old = &painter.mask().labels()[row * size.width..][..size.width];
        for ((above, below), &old) in above.iter_mut().zip(&mut *distances).zip(old) {
            *above = if old == label { 0 } else { above.saturating_add(1) };
            *below = (*below).min(*above);
        }
        // Only now are the rows below the ones to come, and this one may be written to.
        new.copy_from_slice(old);
        if distances.iter().any(|&distance| usize::from(distance) <= radius) {
            reach.spread_row(distances, &mut new, label, over);
            painter.replace_row(row, &new);
        }
    }
}

/// Of each pixel, the rows down to the next one with a label.
fn distances_below(labels: &[Label], size: Size, label: Label) -> Vec<u16> {
    let mut distances = vec![NONE; size.area()];
    let mut last = vec![NONE; size.width];
    let width = size.width.max(1);
    for (row, labels) in distances.chunks_exact_mut(width).zip(labels.chunks_exact(width)).rev() {
        for ((distance, last), &of) in row.iter_mut().zip(&mut last).zip(labels) {
            *last = if of == label { 0 } else { last.saturating_add(1) };
            *distance = *last;
        }
    }
    distances
}

/// How far a disc reaches to the side, by the distance from its centre's row.
struct Reach {
    of_distance: Vec<i32>,
}

impl Reach {
    fn new(radius: usize) -> Self {
        let width = |distance: usize| (radius * radius - distance * distance).isqrt() as i32;
        Self { of_distance: (0..=radius).map(width).collect() }
    }

    fn of(&self, distance: u16) -> i32 {
        self.of_distance.get(usize::from(distance)).copied().unwrap_or(-1)
    }

    /// A sweep to the right and one to the left; each carries how much farther the discs behind it reach.
    fn spread_row(&self, distances: &[u16], new: &mut [Label], label: Label, over: Label) {
        self.sweep(distances.iter().zip(&mut *new), label, over);
        self.sweep(distances.iter().zip(new).rev(), label, over);
    }

    fn sweep<'a>(&self, row: impl Iterator<Item = (&'a u16, &'a mut Label)>, label: Label, over: Label) {
        let mut reach = -1;
        for (&distance, pixel) in row {
            reach = self.of(distance).max(reach - 1);
            if reach >= 0 && *pixel == over {
                *pixel = label;
            }
        }
    }
}

/// Each pixel takes the label that most pixels of the square of `2 · radius + 1` around it have: foreground or
/// background. Ignored pixels do not vote and are not changed; a tie changes nothing; beyond the border nobody votes.
pub(super) fn smooth(painter: &mut Painter, radius: usize) {
    let size = painter.size();
    let radius = radius.min(size.height.max(size.width));
    let old = painter.mask().labels().to_vec();
    let row_of = |row: usize| &old[row * size.width..][..size.width];
    let mut columns = vec![0_i32; size.width];
    let mut new = vec![Label::Background; size.width];
    (0..radius.min(size.height)).for_each(|row| add_votes(&mut columns, row_of(row), 1));
    for row in 0..size.height {
        if row + radius < size.height {
            add_votes(&mut columns, row_of(row + radius), 1);
        }
        if row > radius {
            add_votes(&mut columns, row_of(row - radius - 1), -1);
        }
        count_row(&columns, row_of(row), radius, &mut new);
        painter.replace_row(row, &new);
    }
}

/// +1 for foreground, −1 for background, all times `sign`.
fn add_votes(columns: &mut [i32], labels: &[Label], sign: i32) {
    for (sum, &label) in columns.iter_mut().zip(labels) {
        *sum += sign * (i32::from(label == Label::Foreground) - i32::from(label == Label::Background));
    }
}

/// Slides the window along a row, of whose columns the votes are known.
fn count_row(columns: &[i32], old: &[Label], radius: usize, new: &mut [Label]) {
    let mut votes: i32 = columns[..radius.min(columns.len())].iter().sum();
    for (column, (new, &old)) in new.iter_mut().zip(old).enumerate() {
        votes += columns.get(column + radius).copied().unwrap_or(0);
        if column > radius {
            votes -= columns[column - radius - 1];
        }
        *new = match votes.signum() {
            _ if old == Label::Ignore => old,
            1 => Label::Foreground,
            -1 => Label::Background,
            _ => old,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::sketch::{mask, random_mask, rows};
    use crate::mask::{Editor, Mask, Operation};

    const SIZE: Size = Size::new(13, 19);

    fn done(mask: &Mask, operations: &[Operation]) -> Mask {
        let mut editor = Editor::new(mask.clone());
        for operation in operations {
            editor.apply(operation, None).unwrap();
        }
        editor.mask().clone()
    }

    fn row_and_column(index: usize) -> (usize, usize) {
        (index / SIZE.width, index % SIZE.width)
    }

    /// Of a pixel's surroundings, those whose row and column are at most so far away, and their distance squared.
    fn around(mask: &Mask, index: usize, reach: usize) -> impl Iterator<Item = (Label, usize)> {
        let (row, column) = row_and_column(index);
        let all = mask.labels().iter().enumerate().map(move |(other, label)| {
            let (y, x) = row_and_column(other);
            (*label, y.abs_diff(row), x.abs_diff(column))
        });
        all.filter(move |&(_, y, x)| y <= reach && x <= reach).map(|(label, y, x)| (label, y * y + x * x))
    }

    fn by_brute_force(mask: &Mask, new_label: impl Fn(usize, Label) -> Label) -> Mask {
        let labels = mask.labels().iter().enumerate().map(|(index, label)| new_label(index, *label));
        Mask::new(SIZE, labels.collect()).unwrap()
    }

    /// Thinned out, so that discs of a few pixels do not cover everything.
    fn sparse_mask(seed: u64) -> Mask {
        let (mut mask, keep) = (random_mask(SIZE, seed), random_mask(SIZE, seed + 1000));
        for (index, label) in mask.labels_mut().iter_mut().enumerate() {
            if *label == Label::Foreground && (index % 3 > 0 || keep.labels()[index] == Label::Foreground) {
                *label = Label::Background;
            }
        }
        mask
    }

    #[test]
    fn growing_and_shrinking_agree_with_all_distances() {
        for seed in 0..30 {
            let radius = seed as usize % 6;
            let dots = sparse_mask(seed);
            let near = |mask: &Mask, index, label| {
                around(mask, index, radius).any(|(of, square)| of == label && square <= radius * radius)
            };
            let grown = by_brute_force(&dots, |index, label| match label {
                Label::Background if near(&dots, index, Label::Foreground) => Label::Foreground,
                label => label,
            });
            assert_eq!(done(&dots, &[Operation::Grow(radius)]), grown, "seed {seed}");
            let solid = done(&dots, &[Operation::Invert]);
            let shrunk = by_brute_force(&solid, |index, label| match label {
                Label::Foreground if near(&solid, index, Label::Background) => Label::Background,
                label => label,
            });
            assert_eq!(done(&solid, &[Operation::Shrink(radius)]), shrunk, "seed {seed}");
        }
    }

    #[test]
    fn a_disc_of_two_is_not_a_square() {
        let dot = mask(&[".......", ".......", "...#...", ".......", "......."]);
        let disc = ["...#...", "..###..", ".#####.", "..###..", "...#..."];
        assert_eq!(rows(&done(&dot, &[Operation::Grow(2)])), disc);
        assert_eq!(done(&dot, &[Operation::Grow(99)]).count(Label::Foreground), 35);
        assert!(done(&Mask::empty(SIZE), &[Operation::Grow(3)]).is_empty());
        // The photo's border is no background: nothing is eaten from there.
        let full = Mask::from_fn(SIZE, |_, _| true);
        assert_eq!(done(&full, &[Operation::Shrink(3)]), full);
    }

    #[test]
    fn closing_only_adds_and_opening_only_removes() {
        let is_within = |small: &Mask, large: &Mask| {
            let pairs = small.labels().iter().zip(large.labels());
            pairs.filter(|(small, _)| **small == Label::Foreground).all(|(_, large)| *large == Label::Foreground)
        };
        for seed in 0..20 {
            let mask = random_mask(SIZE, seed);
            let radius = 1 + seed as usize % 3;
            let (grow, shrink) = (Operation::Grow(radius), Operation::Shrink(radius));
            let closed = done(&mask, &[grow.clone(), shrink.clone()]);
            let opened = done(&mask, &[shrink, grow]);
            assert!(is_within(&mask, &closed) && is_within(&opened, &mask), "seed {seed}");
        }
    }

    #[test]
    fn smoothing_agrees_with_counting_votes() {
        for seed in 0..30 {
            let (mask, radius) = (random_mask(SIZE, seed), seed as usize % 5);
            let voted = by_brute_force(&mask, |index, label| {
                let votes = |label| around(&mask, index, radius).filter(|(of, _)| *of == label).count();
                match votes(Label::Foreground).cmp(&votes(Label::Background)) {
                    _ if label == Label::Ignore => label,
                    std::cmp::Ordering::Greater => Label::Foreground,
                    std::cmp::Ordering::Less => Label::Background,
                    std::cmp::Ordering::Equal => label,
                }
            });
            assert_eq!(done(&mask, &[Operation::Smooth(radius)]), voted, "seed {seed}");
        }
        // Wider than the picture: all vote everywhere.
        let most = mask(&["##.", "##i"]);
        assert_eq!(rows(&done(&most, &[Operation::Smooth(9)])), ["###", "##i"]);
    }
}
