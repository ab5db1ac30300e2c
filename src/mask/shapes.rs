//! Polygons, rectangles and ellipses: a pixel belongs to a shape if its centre does.

use std::ops::Range;

use super::bitmap::Label;
use super::edit::Painter;
use crate::image::Position;

/// The columns whose centres lie in `left ≤ x < right`.
fn columns(left: f64, right: f64) -> Range<usize> {
    // Below 0, `as` clamps.
    (left - 0.5).ceil() as usize..(right - 0.5).ceil() as usize
}

/// The rows below `height` whose centres lie in `top ≤ y < bottom`.
fn rows(top: f64, bottom: f64, height: usize) -> Range<usize> {
    let rows = columns(top, bottom);
    rows.start.min(height)..rows.end.min(height)
}

/// Paints what lies within a closed outline, by the even–odd rule. The last point is joined to the first.
///
/// An outline with a point that is not finite paints nothing.
pub(super) fn polygon(painter: &mut Painter, points: &[Position], label: Label) {
    if !points.iter().all(|point| point.x.is_finite() && point.y.is_finite()) {
        return;
    }
    let mut crossings: Vec<(usize, f64)> = Vec::new();
    for (index, &a) in points.iter().enumerate() {
        let b = points[(index + 1) % points.len()];
        let (upper, lower) = if a.y <= b.y { (a, b) } else { (b, a) };
        // Half-open, so that a corner on the height of a row's centre crosses it once.
        for row in rows(upper.y, lower.y, painter.size().height) {
            let along = (row as f64 + 0.5 - upper.y) / (lower.y - upper.y);
            crossings.push((row, upper.x + along * (lower.x - upper.x)));
        }
    }
    crossings.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    // A closed outline crosses each height an even number of times.
    for pair in crossings.as_chunks::<2>().0 {
        let [(row, left), (_, right)] = *pair;
        painter.span(row, columns(left, right), label);
    }
}

/// Paints the rectangle between two opposite corners.
pub(super) fn rectangle(painter: &mut Painter, from: Position, to: Position, label: Label) {
    for row in rows(from.y.min(to.y), from.y.max(to.y), painter.size().height) {
        painter.span(row, columns(from.x.min(to.x), from.x.max(to.x)), label);
    }
}

/// Paints the ellipse that fills the rectangle between two opposite corners.
pub(super) fn ellipse(painter: &mut Painter, from: Position, to: Position, label: Label) {
    let (centre_x, centre_y) = (f64::midpoint(from.x, to.x), f64::midpoint(from.y, to.y));
    let (half_width, half_height) = ((to.x - from.x).abs() / 2.0, (to.y - from.y).abs() / 2.0);
    for row in rows(centre_y - half_height, centre_y + half_height, painter.size().height) {
        let height = (row as f64 + 0.5 - centre_y) / half_height;
        let reach = half_width * (1.0 - height * height).max(0.0).sqrt();
        painter.span(row, columns(centre_x - reach, centre_x + reach), label);
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::mask::sketch::rows as drawn;
    use crate::mask::{Editor, Mask, Operation};
    use crate::size::Size;

    const SIZE: Size = Size::new(6, 8);
    const LABEL: Label = Label::Foreground;

    fn done(operation: &Operation, size: Size) -> Mask {
        let mut editor = Editor::new(Mask::empty(size));
        editor.apply(operation, None).unwrap();
        editor.mask().clone()
    }

    fn outline(points: &[(f64, f64)]) -> Operation {
        let points = points.iter().map(|&(x, y)| Position::new(x, y)).collect();
        Operation::Polygon { points, label: LABEL }
    }

    #[test]
    fn a_rectangle_takes_the_pixels_whose_centres_it_holds() {
        let (a, b) = (Position::new(6.4, 1.5), Position::new(1.6, 3.5));
        for (from, to) in [(a, b), (b, a)] {
            let expected = Mask::from_fn(SIZE, |row, column| (1..3).contains(&row) && (2..6).contains(&column));
            assert_eq!(done(&Operation::Rectangle { from, to, label: LABEL }, SIZE), expected);
        }
        let from = Position::new(-1e9, -5.0);
        let all = Operation::Rectangle { from, to: Position::new(1e300, f64::INFINITY), label: LABEL };
        assert_eq!(done(&all, SIZE).count(LABEL), 48);
        assert!(done(&Operation::Rectangle { from, to: Position::new(f64::NAN, 3.0), label: LABEL }, SIZE).is_empty());
    }

    #[test]
    fn two_triangles_share_no_pixel_and_leave_none_out() {
        // Along the diagonal of a square, through the very centres of pixels.
        let lower = done(&outline(&[(0.0, 0.0), (6.0, 6.0), (0.0, 6.0)]), SIZE);
        let upper = done(&outline(&[(0.0, 0.0), (6.0, 0.0), (6.0, 6.0)]), SIZE);
        let square = Mask::from_fn(SIZE, |_, column| column < 6);
        for index in 0..48 {
            let count = [&lower, &upper].iter().filter(|mask| mask.labels()[index] == LABEL).count();
            assert_eq!(count == 1, square.labels()[index] == LABEL, "pixel {index}: {count}");
        }
    }

    #[test]
    fn an_outline_that_crosses_itself_has_holes() {
        // A square within a square, joined by a cut back and forth.
        let mut ring = vec![(0.0, 0.0), (6.0, 0.0), (6.0, 6.0), (0.0, 6.0), (0.0, 0.0)];
        ring.extend([(2.0, 2.0), (4.0, 2.0), (4.0, 4.0), (2.0, 4.0), (2.0, 2.0)]);
        assert_eq!(drawn(&done(&outline(&ring), SIZE))[1..4], ["######..", "##..##..", "##..##.."]);
        let partly = outline(&[(0.0, 0.0), (f64::INFINITY, 1.0), (3.0, 5.0)]);
        assert!(done(&partly, SIZE).is_empty());
        assert!(done(&outline(&[]), SIZE).is_empty());
    }

    /// Crossings of a ray to the right, pixel by pixel (Franklin's test).
    fn holds(points: &[(f64, f64)], x: f64, y: f64) -> bool {
        let edges = (0..points.len()).map(|index| (points[index], points[(index + 1) % points.len()]));
        let crossed =
            edges.filter(|&((ax, ay), (bx, by))| (ay > y) != (by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax);
        crossed.count() % 2 == 1
    }

    #[test]
    fn random_outlines_agree_with_the_test_of_each_pixel() {
        let mut random = Pcg64Mcg::seed_from_u64(3);
        for corners in 3..60 {
            let size = Size::new(30, 40);
            let points: Vec<(f64, f64)> =
                (0..corners).map(|_| (random.random_range(-10.0..50.0), random.random_range(-10.0..40.0))).collect();
            let expected = Mask::from_fn(size, |row, column| holds(&points, column as f64 + 0.5, row as f64 + 0.5));
            assert_eq!(done(&outline(&points), size), expected, "{points:?}");
        }
    }

    #[test]
    fn an_ellipse_holds_the_centres_within_it() {
        let size = Size::new(30, 40);
        let (from, to) = (Position::new(33.2, 2.1), Position::new(-4.3, 27.7));
        let inside = |row: usize, column: usize| {
            // Centre (14.45, 14.9), half axes 18.75 and 12.8.
            let (x, y) = ((column as f64 + 0.5 - 14.45) / 18.75, (row as f64 + 0.5 - 14.9) / 12.8);
            x * x + y * y < 1.0
        };
        assert_eq!(done(&Operation::Ellipse { from, to, label: LABEL }, size), Mask::from_fn(size, inside));
    }
}
