//! A stroke of the brush that is under way.

use ::image::RgbImage;

use super::bitmap::{Label, Mask};
use super::brush::{Brush, Capsule, Edge};
use super::colour::{Alike, fitting, surface_colour};
use super::edit::{Edit, Painter, Recording};
use super::error::EditError;
use super::fill::pixel_at;
use super::region::Region;
use super::runs::Runs;
use crate::image::Position;

/// From pressing to releasing the button.
#[derive(Clone, Debug)]
pub(super) struct Stroke {
    brush: Brush,
    last: Position,
    recording: Recording,
    /// Used again from stamp to stamp.
    alike: Vec<bool>,
}

impl Stroke {
    pub(super) fn new(brush: Brush, at: Position, mask: &Mask) -> Self {
        Self { brush, last: at, recording: Recording::new(mask.size()), alike: Vec::new() }
    }

    /// Where the brush is.
    pub(super) fn end(&self) -> Position {
        self.last
    }

    /// Paints from where the brush is to a new position and returns the rectangle that was painted on.
    pub(super) fn paint_to(
        &mut self,
        to: Position,
        mask: &mut Mask,
        photo: Option<&RgbImage>,
    ) -> Result<Region, EditError> {
        let mut painter = Painter::new(mask, &mut self.recording);
        match self.brush.edge {
            Edge::Hard => paint(&mut painter, &Capsule::new(self.last, to, self.brush.radius()), self.brush),
            Edge::Soft => {
                paint_rim(&mut painter, &Capsule::new(self.last, to, self.brush.radius()), self.brush.label);
                paint(&mut painter, &Capsule::new(self.last, to, CORE * self.brush.radius()), self.brush);
            }
            Edge::Aware { tolerance } => {
                let photo = fitting(photo, painter.size())?;
                for at in stamps(self.last, to, self.brush.radius()) {
                    stamp(&mut painter, photo, at, self.brush, tolerance, &mut self.alike);
                }
            }
        }
        self.last = to;
        Ok(painter.dirty())
    }

    /// What it changed; `None` if nothing.
    pub(super) fn finish(self, mask: &Mask) -> Option<Edit> {
        self.recording.finish(mask)
    }
}

fn paint(painter: &mut Painter, capsule: &Capsule, brush: Brush) {
    let region = capsule.region(painter.size());
    for row in region.top..region.bottom() {
        painter.span(row, capsule.columns(row, region), brush.label);
    }
}

/// Share of a soft brush that paints its label.
const CORE: f64 = 0.75;

/// What lies on the other side becomes nobody's; what this stroke has painted before stays.
fn paint_rim(painter: &mut Painter, capsule: &Capsule, label: Label) {
    let other = match label {
        Label::Background => Label::Foreground,
        Label::Foreground => Label::Background,
        // All of such a brush is rim.
        Label::Ignore => return paint(painter, capsule, Brush::new(0.0, Label::Ignore)),
    };
    let region = capsule.region(painter.size());
    for row in region.top..region.bottom() {
        painter.span_over(row, capsule.columns(row, region), other, Label::Ignore);
    }
}

/// Where the edge-aware brush looks at the photo on its way: at its end, and before as often as it moves by its radius.
fn stamps(from: Position, to: Position, radius: f64) -> impl Iterator<Item = Position> {
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    let count = (dx.hypot(dy) / radius.max(0.5)).ceil().max(1.0);
    (1..=count as usize).map(move |step| {
        let along = step as f64 / count;
        Position::new(from.x + along * dx, from.y + along * dy)
    })
}

/// Paints what is connected to the brush's centre within its disc and looks like the surface there.
fn stamp(painter: &mut Painter, photo: &RgbImage, at: Position, brush: Brush, tolerance: u8, alike: &mut Vec<bool>) {
    let Some((seed_row, seed_column)) = pixel_at(at, painter.size()) else {
        return;
    };
    let colours = Alike::to(surface_colour(photo, seed_row, seed_column, tolerance), tolerance);
    let disc = Capsule::new(at, at, brush.radius());
    let region = disc.region(painter.size());
    let mut runs = Runs::starting_at(region.top);
    for row in region.top..region.bottom() {
        let columns = disc.columns(row, region);
        colours.in_span(photo, row, columns.clone(), alike);
        runs.push_row(columns.start, alike);
    }
    for (row, run) in runs.flood(seed_row, seed_column) {
        painter.span(row, run.columns(), brush.label);
    }
}

#[cfg(test)]
mod tests {
    use ::image::Rgb;

    use super::*;
    use crate::mask::Editor;
    use crate::size::Size;

    const SIZE: Size = Size::new(60, 80);

    fn two_colours() -> RgbImage {
        // ±3 of noise, far below the step from 60 to 200.
        let noise = |x: u32, y: u32| (x * 7 + y * 13) % 7;
        RgbImage::from_fn(80, 60, |x, y| Rgb([(if x < 40 { 57 } else { 197 } + noise(x, y)) as u8; 3]))
    }

    const AWARE: Brush = Brush { diameter: 40.0, label: Label::Foreground, edge: Edge::Aware { tolerance: 20 } };

    #[test]
    fn the_edge_aware_brush_does_not_leak_over_an_edge() {
        let (photo, mut editor) = (two_colours(), Editor::new(Mask::empty(SIZE)));
        editor.begin(AWARE, Position::new(30.0, 20.0), Some(&photo)).unwrap();
        editor.move_to(Position::new(35.0, 40.0), Some(&photo)).unwrap();
        editor.finish();
        let mut hard = Editor::new(Mask::empty(SIZE));
        hard.begin(Brush { edge: Edge::Hard, ..AWARE }, Position::new(30.0, 20.0), None).unwrap();
        // The distance is 20.6, a little more than the radius: it looks at the photo half way and at the end.
        for at in [Position::new(32.5, 30.0), Position::new(35.0, 40.0)] {
            hard.finish();
            hard.begin(Brush { edge: Edge::Hard, ..AWARE }, at, None).unwrap();
        }
        // All that the discs cover left of the edge, and nothing right of it.
        let painted = |row: usize, column: usize| hard.mask().get(row, column) == Some(Label::Foreground);
        assert!(painted(20, 45));
        assert_eq!(editor.mask(), &Mask::from_fn(SIZE, |row, column| column < 40 && painted(row, column)));
    }

    #[test]
    fn the_edge_aware_brush_does_not_jump_to_the_same_colour_behind_a_wall() {
        let wall = |x| (30..33).contains(&x);
        let photo = RgbImage::from_fn(80, 60, |x, _| Rgb([if wall(x) { 250 } else { 50 }; 3]));
        let mut editor = Editor::new(Mask::empty(SIZE));
        editor.begin(AWARE, Position::new(25.0, 30.0), Some(&photo)).unwrap();
        let labels = editor.mask();
        assert_eq!(labels.get(30, 29), Some(Label::Foreground));
        assert_eq!([30, 33, 40].map(|column| labels.get(30, column)), [Some(Label::Background); 3]);
    }

    #[test]
    fn the_edge_aware_brush_needs_the_photo_of_the_mask() {
        let mut editor = Editor::new(Mask::empty(SIZE));
        let at = Position::new(5.0, 5.0);
        assert_eq!(editor.begin(AWARE, at, None), Err(EditError::NoPhoto));
        let other = RgbImage::new(60, 80);
        let sizes = EditError::OtherSize { mask: SIZE, photo: Size::new(80, 60) };
        assert_eq!(editor.begin(AWARE, at, Some(&other)), Err(sizes));
        assert!(!editor.is_painting());
        // Outside of the photo there is no surface to look at.
        assert!(editor.begin(AWARE, Position::new(-3.0, 5.0), Some(&two_colours())).unwrap().is_empty());
    }

    #[test]
    fn a_soft_brush_leaves_a_rim_that_nobody_counts() {
        let mut editor = Editor::new(Mask::empty(SIZE));
        let brush = Brush { diameter: 16.0, label: Label::Foreground, edge: Edge::Soft };
        editor.begin(brush, Position::new(20.0, 30.0), None).unwrap();
        editor.move_to(Position::new(60.0, 30.0), None).unwrap();
        editor.finish();
        let column = |editor: &Editor, row: usize| editor.mask().get(row, 40).unwrap();
        // Radius 8, of which 6 are object: rows 24…35, and the rim 22…23 and 36…37.
        let expected = [(21, Label::Background), (22, Label::Ignore), (24, Label::Foreground), (35, Label::Foreground)];
        for (row, label) in expected.into_iter().chain([(37, Label::Ignore), (38, Label::Background)]) {
            assert_eq!(column(&editor, row), label, "row {row}");
        }
        // The eraser's rim falls on the object only.
        let eraser = Brush { label: Label::Background, ..brush };
        editor.begin(eraser, Position::new(40.0, 36.0), None).unwrap();
        editor.finish();
        assert_eq!([27, 28, 29, 31].map(|row| column(&editor, row)), {
            use Label::{Background as B, Foreground as F, Ignore as I};
            [F, I, I, B]
        });
        assert_eq!(column(&editor, 43), Label::Background);
        let ignore = Brush { label: Label::Ignore, ..brush };
        let mut editor = Editor::new(Mask::empty(SIZE));
        editor.begin(ignore, Position::new(40.0, 30.0), None).unwrap();
        assert_eq!(
            [21, 22, 30, 37, 38].map(|row| column(&editor, row) == Label::Ignore),
            [false, true, true, true, false]
        );
    }

    #[test]
    fn a_fast_stroke_leaves_no_gap() {
        let mut editor = Editor::new(Mask::empty(SIZE));
        let brush = Brush::new(6.0, Label::Foreground);
        assert_eq!(editor.begin(brush, Position::new(10.0, 30.0), None), Ok(Region::between(27, 7, 33, 13)));
        assert_eq!(editor.move_to(Position::new(70.0, 30.0), None), Ok(Region::between(27, 7, 33, 73)));
        editor.finish();
        for column in 7..73 {
            assert_eq!(editor.mask().get(30, column), Some(Label::Foreground), "column {column}");
        }
    }
}
