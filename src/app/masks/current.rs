//! The mask that is painted on.

use std::sync::Arc;

use ::image::RgbImage;

use crate::app::views::Shown;
use crate::image::{ImageSource, Position};
use crate::jobs::engine_thread::ViewResult;
use crate::mask::{Brush, EditError, Editor, History, Mask, MaskRecord, Operation, Region, Review};
use crate::render::MaskPicture;

use super::feedback::Feedback;
use super::saver::{Place, Saved, Task};
use super::{Kept, Unsaved};

/// A mask in the editor, with what follows it: its picture, what the model sees of it, and its file.
pub struct Current {
    pub image: ImageSource,
    pub(super) place: Place,
    editor: Editor,
    record: MaskRecord,
    picture: Arc<MaskPicture>,
    feedback: Feedback,
    file: FileState,
}

/// How the mask stands to its file.
#[derive(Clone, Copy, Debug, Default)]
struct FileState {
    /// There is a file, or will be.
    exists: bool,
    /// Something changed since the mask was last given to be saved.
    is_dirty: bool,
    /// Of the state that was last given to be saved; 0 is the one that was read.
    ticket: u64,
    /// The ticket of what lies in the file, and the digest of that mask.
    saved: Option<(u64, u64)>,
    /// The last attempt failed.
    has_failed: bool,
}

impl Current {
    /// Of an image without a mask.
    pub(super) fn empty(image: ImageSource, place: Place, mask: Mask, picture: Arc<MaskPicture>) -> Self {
        Self::with(image, place, (Editor::new(mask), picture), MaskRecord::default(), FileState::default())
    }

    /// From its file, whose mask has this digest.
    pub(super) fn loaded(
        image: ImageSource,
        place: Place,
        (mask, record, digest): (Mask, MaskRecord, u64),
        picture: Arc<MaskPicture>,
        kept: Option<Kept>,
    ) -> Self {
        // Another program may have written the file meanwhile: then the edits of before mean nothing.
        let history = kept.filter(|kept| kept.digest == Some(digest)).map(|kept| kept.history);
        let editor = Editor::resume(Arc::new(mask), history.unwrap_or_default());
        let file = FileState { exists: true, saved: Some((0, digest)), ..FileState::default() };
        Self::with(image, place, (editor, picture), record, file)
    }

    /// Of what is not saved yet.
    pub(super) fn unsaved(image: ImageSource, history: History, unsaved: Unsaved) -> Self {
        let Unsaved { place, mask, record, ticket } = unsaved;
        let file = FileState { exists: true, ticket, ..FileState::default() };
        let picture = Arc::new(MaskPicture::new(mask.size(), mask.as_bytes()));
        Self::with(image, place, (Editor::resume(mask, history), picture), record, file)
    }

    fn with(
        image: ImageSource,
        place: Place,
        (editor, picture): (Editor, Arc<MaskPicture>),
        record: MaskRecord,
        file: FileState,
    ) -> Self {
        Self { image, place, editor, record, picture, feedback: Feedback::default(), file }
    }

    pub fn mask(&self) -> &Mask {
        self.editor.mask()
    }

    /// The mask as it is now; see [`Editor::snapshot`].
    pub(super) fn snapshot(&self) -> Arc<Mask> {
        self.editor.snapshot()
    }

    pub fn record(&self) -> &MaskRecord {
        &self.record
    }

    pub fn history(&self) -> &History {
        self.editor.history()
    }

    /// Grows with every change of the mask.
    pub fn revision(&self) -> u64 {
        self.editor.revision()
    }

    pub fn is_painting(&self) -> bool {
        self.editor.is_painting()
    }

    /// Where the last stroke ended: a straight line begins there.
    pub fn last_end(&self) -> Option<Position> {
        self.editor.last_end()
    }

    /// The mask as the window draws it.
    pub fn picture(&self) -> &Arc<MaskPicture> {
        &self.picture
    }

    /// What the mask and the relevance have to do with each other.
    pub fn feedback(&self) -> &Feedback {
        &self.feedback
    }

    /// Whether there is a mask at all: somebody made or judged one.
    pub fn exists(&self) -> bool {
        self.file.exists
    }

    /// Whether the last attempt to save failed.
    pub fn has_failed(&self) -> bool {
        self.file.has_failed
    }

    /// Whether something is not in the file yet.
    pub fn is_unsaved(&self) -> bool {
        let is_in_file = self.file.saved.is_some_and(|(ticket, _)| ticket == self.file.ticket);
        self.file.is_dirty || self.file.exists && !is_in_file
    }

    /// Lets the feedback follow the map on screen.
    pub(super) fn refresh(&mut self, result: Option<&Arc<ViewResult>>, shown: Shown) {
        self.feedback.refresh(self.editor.mask(), result, shown);
    }

    pub(super) fn history_mut(&mut self) -> &mut History {
        self.editor.history_mut()
    }

    /// Begins a stroke.
    pub(super) fn begin(&mut self, brush: Brush, at: Position, photo: Option<&RgbImage>) -> Result<(), EditError> {
        self.end();
        let region = self.editor.begin(brush, at, photo)?;
        self.follow(region);
        Ok(())
    }

    /// Goes on with it.
    pub(super) fn move_to(&mut self, to: Position, photo: Option<&RgbImage>) -> Result<(), EditError> {
        let region = self.editor.move_to(to, photo)?;
        self.follow(region);
        Ok(())
    }

    /// Ends the stroke under way, if there is one.
    pub(super) fn end(&mut self) {
        if self.editor.finish().is_some() {
            self.changed();
        }
    }

    /// Takes the stroke under way back.
    pub(super) fn abort(&mut self) {
        if let Some(region) = self.editor.abort() {
            self.follow(region);
        }
    }

    pub(super) fn apply(&mut self, operation: &Operation, photo: Option<&RgbImage>) -> Result<(), EditError> {
        self.end();
        let region = self.editor.apply(operation, photo)?;
        self.changed_in(Some(region));
        Ok(())
    }

    pub(super) fn undo(&mut self) {
        self.end();
        let region = self.editor.undo();
        self.changed_in(region);
    }

    pub(super) fn redo(&mut self) {
        self.end();
        let region = self.editor.redo();
        self.changed_in(region);
    }

    pub(super) fn set_review(&mut self, review: Review) {
        self.end();
        if self.record.review != review || !self.file.exists {
            self.record.review = review;
            self.file.is_dirty = true;
        }
    }

    /// A mask that was found by a method takes the place of this one, as one item of the history.
    pub(super) fn replace(&mut self, mask: Arc<Mask>, record: MaskRecord) -> Result<(), EditError> {
        self.apply(&Operation::Replace(mask), None)?;
        self.record = record;
        self.file.is_dirty = true;
        Ok(())
    }

    fn changed_in(&mut self, region: Option<Region>) {
        if let Some(region) = region.filter(|region| !region.is_empty()) {
            self.follow(region);
            self.changed();
        }
    }

    /// A person changed the mask.
    fn changed(&mut self) {
        if self.file.exists {
            self.record.origin = self.record.origin.edited();
        }
        // It was about another mask.
        self.record.quality = None;
        self.file.is_dirty = true;
    }

    /// Lets the picture and what the model sees follow the mask.
    fn follow(&mut self, region: Region) {
        let mask = self.editor.mask();
        self.picture.update(region.top..region.bottom(), region.left..region.right(), mask.as_bytes());
        self.feedback.follow(mask, region);
    }

    /// What is to be saved, once.
    pub(super) fn take_unsaved(&mut self) -> Option<Task> {
        if !std::mem::take(&mut self.file.is_dirty) {
            return None;
        }
        self.file.exists = true;
        self.file.ticket += 1;
        Some(self.task())
    }

    fn task(&self) -> Task {
        let (image, place) = (self.image.clone(), self.place.clone());
        Task { image, place, mask: self.editor.snapshot(), record: self.record.clone(), ticket: self.file.ticket }
    }

    /// Hears how saving ended.
    pub(super) fn saved(&mut self, saved: &Saved) {
        self.file.has_failed = saved.outcome.is_err();
        if let Ok(digest) = saved.outcome {
            self.file.saved = Some((saved.ticket, digest));
        }
    }

    /// What is to be kept in memory while another image is looked at.
    pub(super) fn keep(self) -> (ImageSource, Kept) {
        let is_unsaved = self.is_unsaved();
        let (mask, history) = self.editor.into_parts();
        let digest = self.file.saved.filter(|_| !is_unsaved).map(|(_, digest)| digest);
        let (place, record, ticket) = (self.place, self.record, self.file.ticket);
        let unsaved = is_unsaved.then_some(Unsaved { place, mask, record, ticket });
        (self.image, Kept { history, digest, unsaved })
    }
}
