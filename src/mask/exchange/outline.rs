//! Outlines along the edges of pixels, which a polygon holds exactly.

use super::ExchangeError;
use crate::image::Position;
use crate::mask::bitmap::{Label, Mask};
use crate::mask::components::Components;
use crate::mask::edit::{Painter, Recording};
use crate::mask::shapes;

/// One closed outline per connected part, corners only: [`fill`] gives the same pixels back.
///
/// `instead` names what to write if a part has holes, which outlines cannot say.
pub(super) fn trace(mask: &Mask, label: Label, instead: &'static str) -> Result<Vec<Vec<Position>>, ExchangeError> {
    let parts = Components::label(mask.size(), |index| mask.labels()[index] == label);
    let mut starts: Vec<Option<(usize, usize)>> = vec![None; parts.list().len()];
    for (number, row, columns) in parts.spans() {
        starts[number].get_or_insert((row, columns.start));
    }
    let outline = |(number, start): (usize, &Option<(usize, usize)>)| {
        start.map(|start| around(&|row, column| parts.at(row, column) == Some(number), start))
    };
    let outlines: Vec<Vec<Position>> = starts.iter().enumerate().filter_map(outline).collect();
    let mut filled = Mask::empty(mask.size());
    outlines.iter().for_each(|outline| fill(&mut filled, outline, label));
    let is_same = |(a, b): (&Label, &Label)| (*a == label) == (*b == label);
    match filled.labels().iter().zip(mask.labels()).all(is_same) {
        true => Ok(outlines),
        false => Err(ExchangeError::Holes(instead)),
    }
}

/// Writes the label inside an outline.
pub(super) fn fill(mask: &mut Mask, outline: &[Position], label: Label) {
    paint(mask, |painter| shapes::polygon(painter, outline, label));
}

/// Draws without anything to undo.
pub(super) fn paint(mask: &mut Mask, draw: impl FnOnce(&mut Painter)) {
    let mut recording = Recording::new(mask.size());
    draw(&mut Painter::new(mask, &mut recording));
}

/// Steps down and right, in the order of turning right.
const STEPS: [(isize, isize); 4] = [(0, 1), (1, 0), (0, -1), (-1, 0)];

/// Walks around a part with the part on the right, from the upper left corner of its first pixel in reading order.
///
/// Where two pixels of the part meet at a corner only, it turns right, so that the walk stays with the pixel it is at.
fn around(is_inside: &dyn Fn(usize, usize) -> bool, start: (usize, usize)) -> Vec<Position> {
    let inside = |row: isize, column: isize| {
        let cell = usize::try_from(row).ok().zip(usize::try_from(column).ok());
        cell.is_some_and(|(row, column)| is_inside(row, column))
    };
    let start = (start.0 as isize, start.1 as isize);
    let mut corners = vec![Position::new(start.1 as f64, start.0 as f64)];
    let (mut at, mut heading) = (start, 0_usize);
    loop {
        at = (at.0 + STEPS[heading].0, at.1 + STEPS[heading].1);
        if at == start && heading == 3 {
            return corners;
        }
        // The pixel ahead on the right, and the one on the left, as seen from a corner.
        let (right, left) = match heading {
            0 => ((at.0, at.1), (at.0 - 1, at.1)),
            1 => ((at.0, at.1 - 1), (at.0, at.1)),
            2 => ((at.0 - 1, at.1 - 1), (at.0, at.1 - 1)),
            _ => ((at.0 - 1, at.1), (at.0 - 1, at.1 - 1)),
        };
        let turn = match (inside(right.0, right.1), inside(left.0, left.1)) {
            (false, _) => 1,
            (true, false) => 0,
            (true, true) => 3,
        };
        if turn != 0 {
            corners.push(Position::new(at.1 as f64, at.0 as f64));
            heading = (heading + turn) % 4;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::sketch::{mask, random_mask};
    use crate::size::Size;

    #[test]
    fn a_rectangle_has_four_corners() {
        let corners = trace(&mask(&["....", ".##.", "...."]), Label::Foreground, "").unwrap();
        let expected = [(1.0, 1.0), (3.0, 1.0), (3.0, 2.0), (1.0, 2.0)].map(|(x, y)| Position::new(x, y));
        assert_eq!(corners, [expected.to_vec()]);
    }

    #[test]
    fn what_can_be_outlined_comes_back_and_what_has_holes_is_refused() {
        let (mut same, mut refused) = (0, 0);
        for seed in 0..60 {
            let drawn = random_mask(Size::new(7, 9), seed);
            match trace(&drawn, Label::Foreground, "") {
                Ok(outlines) => {
                    let mut back = Mask::empty(drawn.size());
                    outlines.iter().for_each(|outline| fill(&mut back, outline, Label::Foreground));
                    let expected =
                        Mask::from_fn(drawn.size(), |row, column| drawn.get(row, column) == Some(Label::Foreground));
                    assert_eq!(back, expected, "seed {seed}");
                    same += 1;
                }
                Err(_) => refused += 1,
            }
        }
        assert!(same > 10 && refused > 10, "{same} and {refused}: both kinds must occur");
        assert!(trace(&mask(&["###", "#.#", "###"]), Label::Foreground, "").is_err());
        assert!(trace(&mask(&["###", "#.#", "##."]), Label::Foreground, "").is_ok(), "open at a corner");
    }
}
