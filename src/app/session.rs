//! Everything the window knows.

use std::collections::HashMap;
use std::path::PathBuf;

use poll_promise::Promise;
use serde::{Deserialize, Serialize};

use crate::image::{ImageSource, PatchIndex};
use crate::jobs::Cancel;
use crate::jobs::download::Download;
use crate::jobs::engine_thread::{EngineThread, ExplainRequest, ViewId};
use crate::jobs::listing::Listing;
use crate::jobs::model::ModelSource;
use crate::jobs::thumbnails::{Finished, ThumbnailOptions, Thumbnails};
use crate::project::is_project_path;
use crate::relevance::{Method, MethodOptions};
use crate::vit::{Muted, Score};

use super::canvas::{Canvas, Tool};
use super::command::{Command, Slot};
use super::evaluate::Evaluate;
use super::export::{Captured, Export};
use super::finetune::Finetune;
use super::gallery::{Gallery, GalleryCommand, ItemState};
use super::masks::{MaskTool, Masks};
use super::models::Models;
use super::notice::Notices;
use super::occlusion::Occluded;
use super::picker::{Ask, FilePicker};
use super::project::{Belongings, OpenProject};
use super::settings::{Panel, Settings, View};
use super::views::{Shown, ViewState};
use super::{Wake, views};

/// What is asked of the models about the selected image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Explain {
    /// `None`: what the model predicts.
    pub target: Option<usize>,
    pub contrast: Option<usize>,
    /// Which number of the target is explained; a contrast is one of logits.
    pub score: Score,
    pub method: Method,
    pub first_block: usize,
    /// The patch whose row is shown instead of the classifier's.
    pub patch: Option<PatchIndex>,
    pub muted: Muted,
    pub options: MethodOptions,
    pub norms: Norms,
}

/// Whether the lengths of the output tokens are shown: outliers hold no information of their place
/// («Vision Transformers Need Registers», arXiv 2309.16588).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Norms {
    #[default]
    Hidden,
    /// Outliers are marked over the map.
    Marked,
    /// In place of the map.
    Mapped,
}

impl Norms {
    pub const ALL: [Self; 3] = [Self::Hidden, Self::Marked, Self::Mapped];

    /// In the order of [`Self::ALL`], and round again.
    pub const fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }

    pub const fn title(self) -> &'static str {
        match self {
            Self::Hidden => "off",
            Self::Marked => "mark",
            Self::Mapped => "map",
        }
    }
}

/// Work in the background, as the user sees it.
#[derive(Clone, Debug)]
pub struct Job {
    pub id: u64,
    pub title: String,
    /// `total` 0: not known yet.
    pub done: u64,
    pub total: u64,
    pub cancel: Cancel,
}

/// The state of the window.
pub struct Session {
    pub settings: Settings,
    pub gallery: Gallery,
    pub models: Models,
    pub explain: Explain,
    pub canvas: Canvas,
    pub masks: Masks,
    pub finetune: Finetune,
    pub evaluate: Evaluate,
    pub notices: Notices,
    pub jobs: Vec<Job>,
    pub palette_open: bool,
    pub shortcuts_open: bool,
    /// The window should close.
    pub quit: bool,
    /// Text for the clipboard, to be taken by the window.
    pub to_clipboard: Option<String>,
    pub(super) views: HashMap<ViewId, ViewState>,
    pub(super) sent: HashMap<ViewId, ExplainRequest>,
    pub(super) occluded: Option<Occluded>,
    pub(super) engine: EngineThread,
    /// Job, and what runs for it.
    pub(super) listings: Vec<(u64, Listing)>,
    pub(super) downloads: Vec<(u64, Slot, Download)>,
    pub(super) asked: Vec<(Ask, Promise<Vec<PathBuf>>)>,
    pub(super) picker: Box<dyn FilePicker>,
    pub(super) wake: Wake,
    pub(super) next_job: u64,
    pub(super) exports: HashMap<u64, Export>,
    pub(super) saving: Vec<Promise<Result<PathBuf, String>>>,
    /// What was shown when the dialog that asks where to save it was opened.
    pub(super) captured: Option<Captured>,
    /// The image of the last frame.
    pub(super) last_image: Option<ImageSource>,
    /// `None`: the system gave no thread for them.
    thumbnails: Option<Thumbnails>,
    /// The user has chosen an image since the listing began.
    pub(super) has_chosen: bool,
    /// The first image is to be selected once the gallery is in order.
    pub(super) selects_first: bool,
    pub(super) pasted: usize,
    pub(super) pasting: Vec<Promise<Option<ImageSource>>>,
    /// Of what is painted over; never used twice.
    pub(super) next_version: u64,
    pub(super) project: Option<OpenProject>,
    pub(super) belongings: Belongings,
    /// Something was done since the project was last compared with its file.
    pub(super) project_may_have_changed: bool,
}

impl Session {
    /// A session without images or models. `wake` is called from other threads when there is something to
    /// [`Session::receive`].
    ///
    /// # Errors
    /// If the system gives no thread to compute on.
    pub fn new(
        settings: Settings,
        picker: Box<dyn FilePicker>,
        thumbnail_options: ThumbnailOptions,
        wake: Wake,
    ) -> std::io::Result<Self> {
        let engine = {
            let wake = wake.clone();
            EngineThread::spawn(move || wake())?
        };
        let mut gallery = Gallery::default();
        gallery.apply(&GalleryCommand::CellSide(settings.thumbnail_size));
        let mut notices = Notices::default();
        let thumbnails = Thumbnails::start(thumbnail_options, &wake)
            .inspect_err(|error| notices.error(format!("There will be no thumbnails: {error}")))
            .ok();
        let masks = Masks::new(settings.mask_folder.clone(), wake.clone())?;
        let tool = if settings.panel == Panel::Mask { Tool::Mask(MaskTool::Brush) } else { Tool::Look };
        let canvas = Canvas { tool, ..Canvas::default() };
        Ok(Self {
            settings,
            gallery,
            models: Models::default(),
            explain: Explain::default(),
            canvas,
            masks,
            finetune: Finetune::default(),
            evaluate: Evaluate::default(),
            notices,
            jobs: Vec::new(),
            palette_open: false,
            shortcuts_open: false,
            quit: false,
            to_clipboard: None,
            views: HashMap::new(),
            sent: HashMap::new(),
            occluded: None,
            engine,
            listings: Vec::new(),
            downloads: Vec::new(),
            asked: Vec::new(),
            picker,
            wake,
            next_job: 0,
            exports: HashMap::new(),
            saving: Vec::new(),
            captured: None,
            last_image: None,
            thumbnails,
            has_chosen: false,
            selects_first: false,
            pasted: 0,
            pasting: Vec::new(),
            next_version: 0,
            project: None,
            belongings: Belongings::default(),
            project_may_have_changed: false,
        })
    }

    /// Opens what the command line named, and the embedded demo for what it did not.
    pub fn start(&mut self, paths: Vec<PathBuf>) {
        if paths.iter().any(|path| is_project_path(path)) {
            return self.apply(Command::Open(paths));
        }
        let (weights, images): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| super::open::is_model(path));
        if weights.is_empty() {
            self.apply(Command::LoadModel(Slot::Main, ModelSource::Embedded));
        }
        if images.is_empty() {
            self.add_demo_photos();
        }
        self.apply(Command::Open(weights.into_iter().chain(images).collect()));
    }

    /// The image that is looked at.
    pub fn image(&self) -> Option<&ImageSource> {
        self.gallery.selected_item().map(|item| &item.source)
    }

    /// What is known about a view.
    pub fn view(&self, id: ViewId) -> Option<&ViewState> {
        self.views.get(&id)
    }

    pub(super) fn view_mut(&mut self, id: ViewId) -> &mut ViewState {
        self.views.entry(id).or_default()
    }

    /// Whether a view waits for the result of its latest request.
    pub fn is_waiting(&self, id: ViewId) -> bool {
        let asked = self.sent.get(&id);
        let answered = self.views.get(&id).and_then(|view| view.result.as_ref()).map(|result| &result.request);
        asked.is_some() && asked != answered && self.views.get(&id).is_none_or(|view| view.error.is_none())
    }

    /// Which map of the results is asked for.
    pub fn shown(&self) -> Shown {
        match self.explain.norms {
            Norms::Mapped => Shown::Norms,
            Norms::Hidden | Norms::Marked => Shown::Relevance { first_block: self.explain.first_block },
        }
    }

    /// Whether the view needs a second model that is not there.
    pub fn lacks_second(&self) -> bool {
        self.settings.view == View::Difference && !self.compares()
    }

    /// Whether two models are compared.
    pub fn compares(&self) -> bool {
        self.models.get(Slot::Second).is_some()
    }

    /// What is painted over on the selected image.
    pub fn occluded(&self) -> Option<&Occluded> {
        self.occluded.as_ref().filter(|occluded| Some(&occluded.image) == self.image())
    }

    /// The images whose thumbnails are visible and not there yet.
    pub fn want_thumbnails(&mut self, sources: &[ImageSource]) {
        if let Some(thumbnails) = &mut self.thumbnails {
            thumbnails.want(sources);
            // What was in memory is there at once, and no thread wakes the window for it.
            if thumbnails.has_ready() {
                (self.wake)();
            }
        }
    }

    /// The user comes back from elsewhere, and may have changed files there: those of visible thumbnails are looked at.
    pub fn check_files(&mut self, visible: &[ImageSource]) {
        if let Some(thumbnails) = &mut self.thumbnails {
            thumbnails.check(visible);
        }
    }

    /// Thumbnails that came in since the last call.
    pub fn finished_thumbnails(&mut self) -> Vec<Finished> {
        let Some(thumbnails) = &mut self.thumbnails else { return Vec::new() };
        let finished = thumbnails.poll();
        for Finished { source, thumbnail, is_renewed, .. } in &finished {
            let state = match &**thumbnail {
                Ok(_) => ItemState::Ready,
                Err(error) => ItemState::Broken(error.clone()),
            };
            self.gallery.set_state(source, state);
            if *is_renewed {
                // What was computed from the old file is asked for again.
                self.sent.retain(|_, request| request.image != *source);
                self.gallery.set_prediction(source, None);
            }
        }
        finished
    }

    pub(super) fn begin_job(&mut self, title: impl Into<String>) -> (u64, Cancel) {
        self.next_job += 1;
        let cancel = Cancel::default();
        let (id, title) = (self.next_job, title.into());
        self.jobs.push(Job { id, title, done: 0, total: 0, cancel: cancel.clone() });
        (id, cancel)
    }

    pub(super) fn advance_job(&mut self, id: u64, done: u64, total: u64) {
        if let Some(job) = self.jobs.iter_mut().find(|job| job.id == id) {
            (job.done, job.total) = (done, total);
        }
    }

    pub(super) fn end_job(&mut self, id: u64) {
        self.jobs.retain(|job| job.id != id);
    }

    /// The main model's view.
    pub fn main_view(&self) -> Option<&ViewState> {
        self.views.get(&views::MAIN)
    }
}
