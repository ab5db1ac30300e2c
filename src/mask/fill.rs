//! Filling by a click: what looks alike, or what a contour encloses.

use ::image::RgbImage;

use super::bitmap::{Label, Mask};
use super::colour::Alike;
use super::edit::Painter;
use super::error::EditError;
use super::runs::Runs;
use crate::image::Position;
use crate::size::Size;

/// Row and column of the pixel at a position; `None` outside of the photo.
pub(super) fn pixel_at(at: Position, size: Size) -> Option<(usize, usize)> {
    let inside = (0.0..size.width as f64).contains(&at.x) && (0.0..size.height as f64).contains(&at.y);
    inside.then_some((at.y as usize, at.x as usize))
}

/// Paints the pixels connected to the clicked one (4-connectivity) whose colours differ from its colour by at most
/// `tolerance` (0…255) in each channel. `photo` must have the mask's size.
pub(super) fn bucket(
    painter: &mut Painter,
    photo: &RgbImage,
    at: Position,
    tolerance: u8,
    label: Label,
) -> Result<(), EditError> {
    let size = painter.size();
    let (row, column) = pixel_at(at, size).ok_or(EditError::OutsidePhoto)?;
    let colours = Alike::to(photo.get_pixel(column as u32, row as u32).0, tolerance);
    let mut runs = Runs::starting_at(0);
    let mut alike = Vec::with_capacity(size.width);
    for row in 0..size.height {
        colours.in_span(photo, row, 0..size.width, &mut alike);
        runs.push_row(0, &alike);
    }
    for (row, run) in runs.flood(row, column) {
        painter.span(row, run.columns(), label);
    }
    Ok(())
}

/// Paints the background around the clicked pixel that the foreground encloses (4-connectivity).
///
/// Ignored pixels neither stop it nor are painted.
pub(super) fn fill_contour(painter: &mut Painter, at: Position, label: Label) -> Result<(), EditError> {
    let size = painter.size();
    let (row, column) = pixel_at(at, size).ok_or(EditError::OutsidePhoto)?;
    if painter.mask().get(row, column) == Some(Label::Foreground) {
        return Err(EditError::OnForeground);
    }
    let reached = not_foreground(painter.mask()).flood(row, column);
    let is_at_border = reached.iter().any(|(row, run)| {
        let columns = run.columns();
        *row == 0 || *row + 1 == size.height || columns.start == 0 || columns.end == size.width
    });
    if is_at_border {
        return Err(EditError::OpenContour);
    }
    for (row, run) in reached {
        painter.span_over(row, run.columns(), Label::Background, label);
    }
    Ok(())
}

fn not_foreground(mask: &Mask) -> Runs {
    let mut runs = Runs::starting_at(0);
    let mut is_outside = Vec::with_capacity(mask.size().width);
    for row in mask.labels().chunks_exact(mask.size().width.max(1)) {
        is_outside.clear();
        is_outside.extend(row.iter().map(|&label| label != Label::Foreground));
        runs.push_row(0, &is_outside);
    }
    runs
}

#[cfg(test)]
mod tests {
    use ::image::Rgb;

    use super::*;
    use crate::mask::sketch::{mask, rows};
    use crate::mask::{Editor, Operation};

    fn contour(at: (f64, f64), start: &[&str]) -> Result<Vec<String>, EditError> {
        let mut editor = Editor::new(mask(start));
        let at = Position::new(at.0, at.1);
        editor.apply(&Operation::FillContour { at, label: Label::Foreground }, None)?;
        Ok(rows(editor.mask()))
    }

    #[test]
    fn a_closed_contour_is_filled_and_nothing_else() {
        let ring = [".####..", ".#..#..", ".#i.##.", ".###.#.", "...###.", "......."];
        let filled = [".####..", ".####..", ".#i###.", ".###.#.", "...###.", "......."];
        assert_eq!(contour((2.5, 1.5), &ring).unwrap(), filled);
        // The diagonal neighbour is another enclosed part.
        assert_eq!(contour((4.0, 3.2), &ring).unwrap()[3], ".#####.");
    }

    #[test]
    fn what_cannot_be_filled_says_why() {
        let open = [".###", ".#.#", ".#.#"];
        assert_eq!(contour((2.5, 1.5), &open), Err(EditError::OpenContour));
        assert_eq!(contour((1.5, 1.5), &open), Err(EditError::OnForeground));
        assert_eq!(contour((4.0, 1.5), &open), Err(EditError::OutsidePhoto));
        assert_eq!(contour((f64::NAN, 1.5), &open), Err(EditError::OutsidePhoto));
    }

    #[test]
    fn the_bucket_fills_what_is_alike_and_connected() {
        // 10 and 14 are within 5 of 12; 18 is not, though it is within 5 of 14; the last 12 is not connected.
        let greys = [[12, 14, 18, 12], [10, 90, 12, 12], [12, 90, 90, 90], [90, 12, 90, 12]];
        let photo = RgbImage::from_fn(4, 4, |x, y| Rgb([greys[y as usize][x as usize]; 3]));
        let mut editor = Editor::new(mask(&["....", "i...", "....", "...."]));
        let operation = Operation::Bucket { at: Position::new(0.5, 0.5), tolerance: 5, label: Label::Foreground };
        assert_eq!(editor.apply(&operation, None), Err(EditError::NoPhoto));
        editor.apply(&operation, Some(&photo)).unwrap();
        assert_eq!(rows(editor.mask()), ["##..", "#...", "#...", "...."]);
        let everything = Operation::Bucket { at: Position::new(2.0, 3.9), tolerance: 255, label: Label::Ignore };
        editor.apply(&everything, Some(&photo)).unwrap();
        assert_eq!(editor.mask().count(Label::Ignore), 16);
    }
}
