//! Undo and redo of one mask.

use std::collections::VecDeque;
use std::time::Instant;

use super::bitmap::Mask;
use super::edit::Edit;
use super::region::Region;

/// One thing that a person did.
#[derive(Clone, Debug)]
struct Item {
    edit: Edit,
    when: Instant,
}

/// The edits of one mask that can be taken back, and those that can be brought back.
///
/// It holds no pixels of its own beyond the edits, so that it can outlive the mask in memory while other images are
/// looked at.
#[derive(Clone, Debug, Default)]
pub struct History {
    undo: VecDeque<Item>,
    /// The one taken back last at the end.
    redo: VecDeque<Item>,
    bytes: usize,
}

impl History {
    /// Notes what was just done; what had been taken back before is forgotten.
    pub(super) fn push(&mut self, edit: Edit) {
        self.bytes -= self.redo.drain(..).map(|item| item.edit.bytes()).sum::<usize>();
        self.bytes += edit.bytes();
        self.undo.push_back(Item { edit, when: Instant::now() });
    }

    pub fn can_undo(&self) -> bool {
        !self.undo.is_empty()
    }

    pub fn can_redo(&self) -> bool {
        !self.redo.is_empty()
    }

    /// What the edits occupy in memory.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether all edits belong to masks like this.
    pub(super) fn fits(&self, mask: &Mask) -> bool {
        self.undo.iter().chain(&self.redo).all(|item| item.edit.size() == mask.size())
    }

    /// Takes the last edit back and says where; `None` if there is none.
    pub(super) fn undo(&mut self, mask: &mut Mask) -> Option<Region> {
        let item = self.undo.pop_back()?;
        let (item, region) = self.swap(&item, mask);
        self.redo.push_back(item);
        Some(region)
    }

    /// Brings the edit taken back last again and says where; `None` if there is none.
    pub(super) fn redo(&mut self, mask: &mut Mask) -> Option<Region> {
        let item = self.redo.pop_back()?;
        let (item, region) = self.swap(&item, mask);
        self.undo.push_back(item);
        Some(region)
    }

    fn swap(&mut self, item: &Item, mask: &mut Mask) -> (Item, Region) {
        let edit = item.edit.swap(mask);
        self.bytes = self.bytes - item.edit.bytes() + edit.bytes();
        (Item { edit, when: item.when }, item.edit.region())
    }

    /// When the edit was done that [`Self::forget_oldest`] would forget.
    fn oldest(&self) -> Option<Instant> {
        self.undo.front().or(self.redo.front()).map(|item| item.when)
    }

    /// Forgets the oldest edit that can be taken back; if there is none, the last of those that can be brought back.
    fn forget_oldest(&mut self) {
        if let Some(item) = self.undo.pop_front().or_else(|| self.redo.pop_front()) {
            self.bytes -= item.edit.bytes();
        }
    }
}

/// Forgets the oldest edits of all histories until together they occupy at most `budget` bytes.
pub fn trim_histories(histories: &mut [&mut History], budget: usize) {
    let mut bytes: usize = histories.iter().map(|history| history.bytes).sum();
    while bytes > budget {
        let with_age = histories.iter_mut().filter_map(|history| history.oldest().map(|when| (when, history)));
        let Some((_, history)) = with_age.min_by_key(|(when, _)| *when) else {
            return;
        };
        bytes -= history.bytes;
        history.forget_oldest();
        bytes += history.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Position;
    use crate::mask::{Brush, Editor, Label};
    use crate::size::Size;

    /// An editor in which the first `count` pixels of the first row were painted one by one.
    fn dotted(count: usize) -> Editor {
        let mut editor = Editor::new(Mask::empty(Size::new(4, 200)));
        for column in 0..count {
            dot(&mut editor, column);
        }
        editor
    }

    fn dot(editor: &mut Editor, column: usize) {
        editor.begin(Brush::new(1.0, Label::Foreground), Position::new(column as f64 + 0.5, 0.5), None).unwrap();
        editor.finish();
    }

    fn undo_all(editor: &mut Editor) -> usize {
        std::iter::from_fn(|| editor.undo()).count()
    }

    #[test]
    fn the_oldest_edits_of_all_images_fall_off_first() {
        let (mut a, mut b) = (dotted(3), dotted(2));
        dot(&mut a, 9);
        let total = a.history().bytes() + b.history().bytes();
        // One byte too much costs one edit, the first of `a`.
        trim_histories(&mut [a.history_mut(), b.history_mut()], total - 1);
        assert!(a.history().bytes() + b.history().bytes() < total);
        assert_eq!((undo_all(&mut a), undo_all(&mut b)), (3, 2));
        assert_eq!(a.mask().count(Label::Foreground), 1);
        // Taken back edits count as well, and go in the end.
        assert!(a.history().can_redo());
        trim_histories(&mut [a.history_mut(), b.history_mut()], 0);
        assert_eq!((a.history().bytes(), b.history().bytes()), (0, 0));
        assert!(!a.history().can_redo() && !b.history().can_redo());
    }

    #[test]
    fn what_was_taken_back_is_redone_in_order_after_trimming() {
        let mut editor = dotted(4);
        undo_all(&mut editor);
        let bytes = editor.history().bytes();
        trim_histories(&mut [editor.history_mut()], bytes - 1);
        // The first three are still brought back, in order; the fourth is forgotten.
        assert_eq!(std::iter::from_fn(|| editor.redo()).count(), 3);
        assert_eq!(editor.mask(), &Mask::from_fn(Size::new(4, 200), |row, column| row == 0 && column < 3));
    }

    #[test]
    fn a_new_edit_forgets_what_was_taken_back_and_its_bytes() {
        let mut editor = dotted(3);
        let bytes_of_three = editor.history().bytes();
        editor.undo();
        dot(&mut editor, 2);
        assert!(!editor.history().can_redo());
        assert_eq!(editor.history().bytes(), bytes_of_three);
    }
}
