//! A mask that is being edited: the mask, its history, and the stroke under way.

use std::sync::Arc;

use ::image::RgbImage;

use super::bitmap::Mask;
use super::brush::Brush;
use super::edit::{Edit, Painter, Recording};
use super::error::EditError;
use super::history::History;
use super::operation::Operation;
use super::region::Region;
use super::stroke::Stroke;
use crate::image::Position;

/// Edits a mask. Whatever changes pixels returns a rectangle around them, for whoever shows or measures them.
#[derive(Clone, Debug)]
pub struct Editor {
    mask: Arc<Mask>,
    history: History,
    stroke: Option<Stroke>,
    last_end: Option<Position>,
    revision: u64,
}

impl Editor {
    /// With nothing to undo.
    pub fn new(mask: Mask) -> Self {
        Self::resume(Arc::new(mask), History::default())
    }

    /// Goes on where [`Self::into_parts`] left off. A history of masks of another size is forgotten.
    ///
    /// The history must come from this very mask; taken back in another of its size, edits restore what they once
    /// replaced, tile by tile.
    pub fn resume(mask: Arc<Mask>, history: History) -> Self {
        let history = if history.fits(&mask) { history } else { History::default() };
        Self { mask, history, stroke: None, last_end: None, revision: 0 }
    }

    /// Finishes the stroke under way and lets go of the mask.
    pub fn into_parts(mut self) -> (Arc<Mask>, History) {
        self.finish();
        (self.mask, self.history)
    }

    pub fn mask(&self) -> &Mask {
        &self.mask
    }

    /// The mask as it is now, to be saved or measured elsewhere. It costs nothing, but as long as it is held the next
    /// change first copies the mask: 24 MB for 24 megapixels.
    pub fn snapshot(&self) -> Arc<Mask> {
        Arc::clone(&self.mask)
    }

    /// Grows with every change of the mask.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn history(&self) -> &History {
        &self.history
    }

    /// For [`super::trim_histories`].
    pub fn history_mut(&mut self) -> &mut History {
        &mut self.history
    }

    /// Where the last finished stroke ended: a straight line begins there.
    pub fn last_end(&self) -> Option<Position> {
        self.last_end
    }

    /// Whether a stroke is under way.
    pub fn is_painting(&self) -> bool {
        self.stroke.is_some()
    }

    /// Begins a stroke and paints the first dab. A stroke still under way is finished before.
    ///
    /// # Errors
    /// When the brush is aware of edges and the photo is missing or has another size; no stroke begins then.
    pub fn begin(&mut self, brush: Brush, at: Position, photo: Option<&RgbImage>) -> Result<Region, EditError> {
        self.finish();
        self.stroke = Some(Stroke::new(brush, at, &self.mask));
        let painted = self.move_to(at, photo);
        if painted.is_err() {
            self.stroke = None;
        }
        painted
    }

    /// Paints from where the brush is to a new position; nothing if no stroke is under way.
    ///
    /// # Errors
    /// As [`Self::begin`]; the stroke goes on.
    pub fn move_to(&mut self, to: Position, photo: Option<&RgbImage>) -> Result<Region, EditError> {
        let Some(stroke) = &mut self.stroke else {
            return Ok(NOTHING);
        };
        let dirty = stroke.paint_to(to, Arc::make_mut(&mut self.mask), photo)?;
        self.changed(dirty);
        Ok(dirty)
    }

    /// Ends the stroke; it becomes one item of the history. `None` if there is no stroke or it changed nothing.
    pub fn finish(&mut self) -> Option<Region> {
        let stroke = self.stroke.take()?;
        self.last_end = Some(stroke.end());
        let edit = stroke.finish(&self.mask)?;
        Some(self.remember(edit))
    }

    /// Takes the stroke under way back, as if it had never begun. `None` if there is none or it changed nothing.
    pub fn abort(&mut self) -> Option<Region> {
        let edit = self.stroke.take()?.finish(&self.mask)?;
        edit.swap(Arc::make_mut(&mut self.mask));
        self.changed(edit.region());
        Some(edit.region())
    }

    /// Does something at once; it becomes one item of the history unless nothing changes. A stroke under way is
    /// finished before. The rectangle is empty if nothing changed.
    ///
    /// # Errors
    /// When the operation does not fit the mask or the photo; nothing is changed then.
    pub fn apply(&mut self, operation: &Operation, photo: Option<&RgbImage>) -> Result<Region, EditError> {
        self.finish();
        let mut recording = Recording::new(self.mask.size());
        operation.paint(&mut Painter::new(Arc::make_mut(&mut self.mask), &mut recording), photo)?;
        let Some(edit) = recording.finish(&self.mask) else {
            return Ok(NOTHING);
        };
        self.changed(edit.region());
        Ok(self.remember(edit))
    }

    /// Takes the last edit back; a stroke under way is finished before. `None` if there is nothing to take back.
    pub fn undo(&mut self) -> Option<Region> {
        self.finish();
        let region = self.history.undo(Arc::make_mut(&mut self.mask))?;
        self.changed(region);
        Some(region)
    }

    /// Brings back what was taken back last. `None` if there is nothing; a new edit forgets it.
    pub fn redo(&mut self) -> Option<Region> {
        self.finish();
        let region = self.history.redo(Arc::make_mut(&mut self.mask))?;
        self.changed(region);
        Some(region)
    }

    fn remember(&mut self, edit: Edit) -> Region {
        let region = edit.region();
        self.history.push(edit);
        region
    }

    fn changed(&mut self, region: Region) {
        self.revision += u64::from(!region.is_empty());
    }
}

const NOTHING: Region = Region::between(0, 0, 0, 0);

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::mask::sketch::random_mask;
    use crate::mask::{Edge, Label};
    use crate::size::Size;

    /// Two tiles high, three wide.
    const SIZE: Size = Size::new(90, 150);

    fn photo() -> RgbImage {
        RgbImage::from_fn(150, 90, |x, y| ::image::Rgb([(x * 3 % 256) as u8, (y / 30 * 60) as u8, 9]))
    }

    struct Script(Pcg64Mcg);

    impl Script {
        fn position(&mut self) -> Position {
            Position::new(self.0.random_range(-20.0..170.0), self.0.random_range(-20.0..110.0))
        }

        fn operation(&mut self) -> Operation {
            let label = Label::ALL[self.0.random_range(0..3)];
            let (from, to) = (self.position(), self.position());
            match self.0.random_range(0..13) {
                0 => Operation::Polygon { points: vec![from, to, self.position(), self.position()], label },
                1 => Operation::Rectangle { from, to, label },
                2 => Operation::Ellipse { from, to, label },
                3 => Operation::Bucket { at: from, tolerance: self.0.random_range(0..80), label },
                4 => Operation::FillContour { at: from, label },
                5 => Operation::Grow(self.0.random_range(0..9)),
                6 => Operation::Shrink(self.0.random_range(0..5)),
                7 => Operation::Smooth(self.0.random_range(0..5)),
                8 => Operation::FillHoles { largest: Some(self.0.random_range(0..500)) },
                9 => Operation::KeepLargest,
                10 => Operation::Invert,
                11 => Operation::Fill(label),
                _ => Operation::Replace(Arc::new(random_mask(Size::new(31, 47), self.0.random()))),
            }
        }

        /// A stroke or an operation, and the rectangles that were said to have changed.
        fn step(&mut self, editor: &mut Editor, photo: &RgbImage) -> Region {
            if self.0.random_bool(0.6) {
                // What is refused must leave the mask as it was, like what changes nothing.
                return editor.apply(&self.operation(), Some(photo)).unwrap_or(NOTHING);
            }
            let edge = if self.0.random() { Edge::Hard } else { Edge::Aware { tolerance: 30 } };
            let label = Label::ALL[self.0.random_range(0..3)];
            let brush = Brush { diameter: self.0.random_range(0.0..40.0), label, edge };
            let mut dirty = editor.begin(brush, self.position(), Some(photo)).unwrap();
            for _ in 0..self.0.random_range(0..6) {
                dirty = dirty.union(editor.move_to(self.position(), Some(photo)).unwrap());
            }
            editor.finish();
            dirty
        }
    }

    fn differs_only_within(region: Region, a: &Mask, b: &Mask) -> bool {
        let inside = |index: usize| {
            let (row, column) = (index / SIZE.width, index % SIZE.width);
            (region.top..region.bottom()).contains(&row) && (region.left..region.right()).contains(&column)
        };
        a.labels().iter().zip(b.labels()).enumerate().all(|(index, (a, b))| a == b || inside(index))
    }

    #[test]
    fn undo_and_redo_go_through_every_state_bit_for_bit() {
        let photo = photo();
        for seed in 0..12 {
            let mut script = Script(Pcg64Mcg::seed_from_u64(seed));
            let mut editor = Editor::new(random_mask(SIZE, seed));
            let mut states = vec![editor.mask().clone()];
            for _ in 0..25 {
                let revision = editor.revision();
                let dirty = script.step(&mut editor, &photo);
                let last = &states[states.len() - 1];
                assert!(differs_only_within(dirty, last, editor.mask()), "seed {seed}");
                if editor.mask() != last {
                    assert!(editor.revision() > revision);
                    states.push(editor.mask().clone());
                }
            }
            // What changed nothing is no item: there are as many as there are steps between states.
            for pair in states.windows(2).rev() {
                let region = editor.undo().unwrap();
                assert_eq!(editor.mask(), &pair[0], "seed {seed}");
                assert!(differs_only_within(region, &pair[0], &pair[1]));
            }
            assert_eq!(editor.undo(), None);
            for state in &states[1..] {
                editor.redo().unwrap();
                assert_eq!(editor.mask(), state, "seed {seed}");
            }
            assert_eq!(editor.redo(), None);
        }
    }

    #[test]
    fn an_aborted_stroke_leaves_no_trace() {
        let mask = random_mask(SIZE, 1);
        let mut editor = Editor::new(mask.clone());
        let brush = Brush::new(30.0, Label::Ignore);
        editor.begin(brush, Position::new(20.0, 20.0), None).unwrap();
        editor.move_to(Position::new(120.0, 80.0), None).unwrap();
        assert_ne!(editor.mask(), &mask);
        let revision = editor.revision();
        assert!(editor.abort().is_some());
        assert!(editor.revision() > revision);
        assert_eq!(editor.mask(), &mask);
        assert_eq!((editor.undo(), editor.last_end(), editor.is_painting()), (None, None, false));
    }

    #[test]
    fn a_straight_line_goes_on_from_the_last_end() {
        let mut editor = Editor::new(Mask::empty(SIZE));
        let brush = Brush::new(3.0, Label::Foreground);
        let (start, end, far) = (Position::new(5.0, 5.0), Position::new(9.0, 5.0), Position::new(9.0, 60.0));
        editor.begin(brush, start, None).unwrap();
        editor.move_to(end, None).unwrap();
        assert_eq!(editor.last_end(), None);
        editor.finish();
        assert_eq!(editor.last_end(), Some(end));
        editor.begin(brush, end, None).unwrap();
        editor.move_to(far, None).unwrap();
        // A second press without a release ends the first stroke, and so does taking it back.
        editor.begin(brush, far, None).unwrap();
        assert_eq!(editor.mask().get(30, 9), Some(Label::Foreground));
        editor.undo().unwrap();
        assert_eq!(editor.mask().get(30, 9), Some(Label::Background));
        assert_eq!(editor.move_to(far, None), Ok(NOTHING));
    }

    #[test]
    fn a_history_outlives_its_editor_but_not_another_size() {
        let mut editor = Editor::new(Mask::empty(SIZE));
        editor.apply(&Operation::Invert, None).unwrap();
        let (mask, history) = editor.into_parts();
        let mut again = Editor::resume(Arc::clone(&mask), history.clone());
        again.undo().unwrap();
        assert!(again.mask().is_empty() && !mask.is_empty());
        let mut other = Editor::resume(Arc::new(Mask::empty(Size::new(150, 90))), history);
        assert_eq!(other.undo(), None);
    }
}
