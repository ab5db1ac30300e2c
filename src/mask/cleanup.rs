//! Tidying a mask as a whole.

use super::bitmap::{Label, Mask};
use super::components::{BorderContact, Components};
use super::edit::Painter;
use crate::size::Size;

/// Paints the background that the foreground encloses, of each enclosed part at most `largest` pixels (`None`: any
/// number). A part is connected by sides; ignored pixels belong to it but are not painted.
pub(super) fn fill_holes(painter: &mut Painter, largest: Option<usize>) {
    let labels = painter.mask().labels();
    let outside = Components::label(painter.size(), |index| labels[index] != Label::Foreground);
    for (number, row, columns) in outside.spans() {
        let part = outside.list()[number];
        if part.border == BorderContact::default() && largest.is_none_or(|largest| part.area <= largest) {
            painter.span_over(row, columns, Label::Background, Label::Foreground);
        }
    }
}

/// Only the largest connected part of the foreground stays, the first of several as large.
pub(super) fn keep_largest(painter: &mut Painter) {
    let labels = painter.mask().labels();
    let parts = Components::label(painter.size(), |index| labels[index] == Label::Foreground);
    let largest = parts.largest();
    for (number, row, columns) in parts.spans() {
        if Some(number) != largest {
            painter.span(row, columns, Label::Background);
        }
    }
}

/// Foreground becomes background and the reverse; what is ignored stays so.
pub(super) fn invert(painter: &mut Painter) {
    map_rows(painter, |label| match label {
        Label::Background => Label::Foreground,
        Label::Foreground => Label::Background,
        Label::Ignore => Label::Ignore,
    });
}

/// Gives all pixels one label.
pub(super) fn fill(painter: &mut Painter, label: Label) {
    map_rows(painter, |_| label);
}

fn map_rows(painter: &mut Painter, new_label: impl Fn(Label) -> Label) {
    let Size { height, width } = painter.size();
    let mut new = Vec::with_capacity(width);
    for row in 0..height {
        new.clear();
        new.extend(painter.mask().labels()[row * width..][..width].iter().map(|&label| new_label(label)));
        painter.replace_row(row, &new);
    }
}

/// Copies another mask, resized without inventing labels between (nearest pixel) if it has another size.
///
/// An empty mask has nothing to copy and changes nothing.
pub(super) fn replace(painter: &mut Painter, other: &Mask) {
    let (size, from) = (painter.size(), other.size());
    if from.area() == 0 {
        return;
    }
    // The source pixel under the centre of the pixel.
    let nearest = |at: usize, length: usize, source: usize| (2 * at + 1) * source / (2 * length);
    let columns: Vec<usize> = (0..size.width).map(|column| nearest(column, size.width, from.width)).collect();
    let mut new = Vec::with_capacity(size.width);
    for row in 0..size.height {
        let source = &other.labels()[nearest(row, size.height, from.height) * from.width..][..from.width];
        if from.width == size.width {
            painter.replace_row(row, source);
        } else {
            new.clear();
            new.extend(columns.iter().map(|&column| source[column]));
            painter.replace_row(row, &new);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::mask::sketch::{mask, rows};
    use crate::mask::{Editor, Operation};

    fn done(start: &[&str], operation: &Operation) -> Vec<String> {
        let mut editor = Editor::new(mask(start));
        editor.apply(operation, None).unwrap();
        rows(editor.mask())
    }

    #[test]
    fn holes_are_filled_up_to_a_size() {
        let start = ["######.#", "#.#..#.#", "####i###", "..#.####"];
        let all = Operation::FillHoles { largest: None };
        // The notches at the border are open; the part of three with the ignored pixel is enclosed.
        assert_eq!(done(&start, &all), ["######.#", "######.#", "####i###", "..#.####"]);
        let small = Operation::FillHoles { largest: Some(2) };
        assert_eq!(done(&start, &small), ["######.#", "###..#.#", "####i###", "..#.####"]);
    }

    #[test]
    fn only_the_largest_part_stays() {
        let start = ["##..#", "#i.#.", "..##.", "##.##"];
        assert_eq!(done(&start, &Operation::KeepLargest), [".....", ".i.#.", "..##.", "...##"]);
        assert_eq!(done(&[".i.", "..."], &Operation::KeepLargest), [".i.", "..."]);
    }

    #[test]
    fn what_is_ignored_survives_inversion_but_not_a_fill() {
        assert_eq!(done(&["#.i"], &Operation::Invert), [".#i"]);
        assert_eq!(done(&["#.i"], &Operation::CLEAR), ["..."]);
        assert_eq!(done(&["#.i"], &Operation::Fill(Label::Ignore)), ["iii"]);
    }

    #[test]
    fn another_mask_is_stretched_by_nearest_pixels() {
        let source = Operation::Replace(Arc::new(mask(&["#.", "i#"])));
        assert_eq!(done(&["..", ".."], &source), ["#.", "i#"]);
        // Centres ⅙, ½, ⅚ of the width lie in pixels 0, 1, 1, of the height the same.
        assert_eq!(done(&["...", "...", "..."], &source), ["#..", "i##", "i##"]);
        assert_eq!(done(&["."], &source), ["#"]);
        let none = Operation::Replace(Arc::new(Mask::empty(Size::new(0, 5))));
        assert_eq!(done(&["#"], &none), ["#"]);
    }
}
