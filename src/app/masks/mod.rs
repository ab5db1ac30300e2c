//! Masks of the session: the one that is painted on, what is kept of the others, and where all of them are saved.
//!
//! The mask of the selected image is read on a thread of its own once its photo is there. Every edit is saved on
//! another thread; what an image's history of edits knows stays in memory, within a budget, when another is selected.

mod auto;
mod command;
mod command_line;
mod current;
mod edit;
mod feedback;
mod follow;
mod places;
mod saver;
mod states;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use poll_promise::Promise;

use super::{Settings, Wake};
use crate::app::gallery::Item;
use crate::image::ImageSource;
use crate::mask::{History, Label, Mask, MaskFile, MaskRecord, MaskStore, trim_histories};
use crate::render::{MaskPicture, MaskStyle};

pub use auto::{Auto, AutoMethod, AutoOptions};
pub use command::{BrushEdge, MaskCommand, MaskTool, PaintOptions};
pub use current::Current;
pub use feedback::{Feedback, Numbers};
pub use saver::Place;

use places::Places;
use saver::{Saver, Task};

/// What the histories of all images may occupy together.
const HISTORY_BUDGET: usize = 256 << 20;

/// Everything about masks.
pub struct Masks {
    /// What tools paint, unless they erase.
    pub label: Label,
    /// What finds masks, and what it found.
    pub auto: Auto,
    state: State,
    kept: HashMap<ImageSource, Kept>,
    places: Places,
    saver: Saver,
    /// For which image another one's mask is being read.
    copying: Option<(ImageSource, Promise<Copied>)>,
    /// Items of the gallery whose state is known, and how many stores had been read then.
    looked_up: (usize, usize),
}

/// The mask of the selected image.
enum State {
    /// There is no image, or its photo is not there yet.
    None,
    Loading {
        image: ImageSource,
        place: Place,
        loaded: Promise<Loaded>,
    },
    /// Its file cannot be used, and is not to be written over.
    Refused {
        image: ImageSource,
        place: Place,
        error: String,
    },
    Ready(Box<Current>),
}

/// What the file of a mask held, and the digest of the mask; an empty mask without digest where there is no file.
type Loaded = Result<(MaskFile, Option<u64>, Arc<MaskPicture>), String>;

/// Another image's mask, or why there is none.
type Copied = Result<Arc<Mask>, String>;

/// What is left of a mask when another image is looked at.
struct Kept {
    history: History,
    /// Of the mask as it lies in its file, to which the history belongs.
    digest: Option<u64>,
    /// What could not be saved yet.
    unsaved: Option<Unsaved>,
}

struct Unsaved {
    place: Place,
    mask: Arc<Mask>,
    record: MaskRecord,
    ticket: u64,
}

/// What a window can say about the mask of the selected image.
#[derive(Clone, Copy)]
pub enum MaskView<'a> {
    None,
    Loading,
    /// Why its file cannot be used.
    Refused(&'a str),
    Ready(&'a Current),
}

impl Masks {
    /// `chosen`: where masks of files lie, see `Places`.
    ///
    /// # Errors
    /// If the system gives no thread to save on.
    pub fn new(chosen: Option<PathBuf>, wake: Wake) -> std::io::Result<Self> {
        Ok(Self {
            label: Label::Foreground,
            auto: Auto::default(),
            state: State::None,
            kept: HashMap::new(),
            places: Places::new(chosen, wake.clone()),
            saver: Saver::start(wake)?,
            copying: None,
            looked_up: (0, 0),
        })
    }

    /// Where masks of pictures that are no files lie from now on: the demo's, and pasted ones.
    pub fn set_data_folder(&mut self, folder: impl Into<PathBuf>) {
        self.places.set_data_folder(folder.into());
    }

    /// The file of an image's mask, if there is one.
    pub fn file_of(&mut self, item: &Item) -> Option<PathBuf> {
        self.places.file(item)
    }

    /// The store that keeps the mask of an image.
    pub fn store_of(&mut self, item: &Item) -> MaskStore {
        self.places.of(item).store
    }

    /// What there is of the selected image's mask.
    pub fn view(&self) -> MaskView<'_> {
        match &self.state {
            State::None => MaskView::None,
            State::Loading { .. } => MaskView::Loading,
            State::Refused { error, .. } => MaskView::Refused(error),
            State::Ready(current) => MaskView::Ready(current),
        }
    }

    /// The mask that can be painted on.
    pub fn current(&self) -> Option<&Current> {
        match &self.state {
            State::Ready(current) => Some(current),
            State::None | State::Loading { .. } | State::Refused { .. } => None,
        }
    }

    /// The mask that lies over an image on screen, if there is one and it is shown.
    pub(super) fn shown(&self, settings: &Settings, image: Option<&ImageSource>) -> Option<(Arc<Mask>, MaskStyle)> {
        let current = self.current().filter(|current| Some(&current.image) == image && current.exists())?;
        settings.show_mask.then(|| (current.snapshot(), settings.mask_style))
    }

    fn current_mut(&mut self) -> Option<&mut Current> {
        match &mut self.state {
            State::Ready(current) => Some(current),
            State::None | State::Loading { .. } | State::Refused { .. } => None,
        }
    }

    /// The image whose mask this is about.
    fn image(&self) -> Option<&ImageSource> {
        match &self.state {
            State::None => None,
            State::Loading { image, .. } | State::Refused { image, .. } => Some(image),
            State::Ready(current) => Some(&current.image),
        }
    }

    /// Saves the current mask if it differs from what was last given to be saved.
    fn save(&mut self) {
        if let State::Ready(current) = &mut self.state
            && let Some(task) = current.take_unsaved()
        {
            self.saver.save(task);
        }
    }

    /// Lets go of the current mask: it is saved, and its history kept.
    fn leave(&mut self) {
        if let Some(current) = self.current_mut() {
            current.end();
        }
        self.save();
        if let State::Ready(current) = std::mem::replace(&mut self.state, State::None) {
            let (image, kept) = current.keep();
            if kept.unsaved.is_some() || kept.history.can_undo() || kept.history.can_redo() {
                self.kept.insert(image, kept);
            }
        }
        self.trim(HISTORY_BUDGET);
    }

    /// Forgets the oldest edits of all images beyond a budget in bytes.
    fn trim(&mut self, budget: usize) {
        let current = match &mut self.state {
            State::Ready(current) => Some(current.history_mut()),
            State::None | State::Loading { .. } | State::Refused { .. } => None,
        };
        let kept = self.kept.values_mut().map(|kept| &mut kept.history);
        trim_histories(&mut current.into_iter().chain(kept).collect::<Vec<_>>(), budget);
    }
}

impl Drop for Masks {
    /// A window may be closed in the middle of a stroke.
    fn drop(&mut self) {
        self.leave();
    }
}

impl Unsaved {
    fn task(&self, image: &ImageSource) -> Task {
        let Self { place, mask, record, ticket } = self;
        let (place, mask, record) = (place.clone(), mask.clone(), record.clone());
        Task { image: image.clone(), place, mask, record, ticket: *ticket }
    }
}
