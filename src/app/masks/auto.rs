//! Masks found by a method: for the selected image under sliders, for many in the background.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::app::command::Slot;
use crate::app::notice::Level;
use crate::app::session::Session;
use crate::app::views;
use crate::image::{ImageSource, Position};
use crate::jobs::engine_thread::{
    BatchId, MaskAnswer, MaskBatchEnd, MaskBatchRequest, MaskCounts, MaskQuestion, MaskRequest, ModelId, Request,
};
use crate::jobs::explain::Target;
use crate::jobs::mask::{AutoMask, ClickOptions, MaskJob, MaskMethod, MaskOutcome, RelevanceOptions, TokenCutOptions};
use crate::mask::ThresholdRule;
use crate::segment::Prompt;

use super::{Current, Masks};

/// What finds the mask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AutoMethod {
    /// The object as one side of a cut of the model's features.
    #[default]
    TokenCut,
    /// Segment Anything, told by clicks where the object is.
    Click,
    /// Whatever is relevant enough on the map. Circular.
    Relevance,
}

impl AutoMethod {
    pub const ALL: [Self; 3] = [Self::TokenCut, Self::Click, Self::Relevance];

    pub const fn title(self) -> &'static str {
        match self {
            Self::TokenCut => "TokenCut",
            Self::Click => "Clicks",
            Self::Relevance => "Relevance",
        }
    }

    pub const fn help(self) -> &'static str {
        match self {
            Self::TokenCut => "The object as one side of a cut of the model's own features",
            Self::Click => "Segment Anything: point at the object; Alt points at what it is not",
            Self::Relevance => "Whatever the map on screen finds relevant. Circular: not independent evidence",
        }
    }
}

/// How masks are found, remembered from start to start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AutoOptions {
    pub method: AutoMethod,
    pub tokencut: TokenCutOptions,
    pub rule: ThresholdRule,
}

impl Default for AutoOptions {
    fn default() -> Self {
        Self { method: AutoMethod::default(), tokencut: TokenCutOptions::default(), rule: ThresholdRule::Otsu }
    }
}

/// What was found for the selected image, and what is being looked for.
#[derive(Default)]
pub struct Auto {
    /// The image that is being worked on; its mask follows the options until it is painted on or left.
    image: Option<ImageSource>,
    /// It is to be looked for as soon as its photo is there.
    is_wished: bool,
    /// Points and a box for Segment Anything, or the part that TokenCut is to cut out.
    prompt: Prompt,
    click: Option<Position>,
    /// What was asked last, and the mask's revision then: who paints meanwhile wants no answer any more.
    sent: Option<(MaskRequest, u64)>,
    found: Option<Found>,
    error: Option<String>,
    batches: HashMap<u64, MaskCounts>,
}

/// An answer that was taken over.
struct Found {
    mask: Arc<AutoMask>,
    seconds: f64,
    /// Of the mask when it was taken over: another one means that somebody changed it since.
    revision: u64,
}

impl Auto {
    /// What was found last for the selected image, and in how many seconds.
    pub fn found(&self) -> Option<(&AutoMask, f64)> {
        self.found.as_ref().map(|found| (&*found.mask, found.seconds))
    }

    /// Whether an answer is on its way.
    pub fn is_waiting(&self) -> bool {
        self.sent.is_some() || self.is_wished
    }

    /// The image that is being worked on.
    pub(super) fn image(&self) -> Option<&ImageSource> {
        self.image.as_ref()
    }

    /// Why nothing was found.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Where the object was pointed at, for Segment Anything.
    pub fn prompt(&self) -> &Prompt {
        &self.prompt
    }

    /// The part that TokenCut was pointed to.
    pub fn click(&self) -> Option<Position> {
        self.click
    }

    /// Whether changes of the options are answered at once.
    pub fn is_live(&self) -> bool {
        self.image.is_some()
    }

    /// Takes note of the answer to the latest request; the mask's revision when it was asked.
    fn answered(&mut self, request: &MaskRequest) -> Option<u64> {
        self.sent.take_if(|(sent, _)| sent == request).map(|(_, revision)| revision)
    }

    /// Begins with another image.
    pub(super) fn forget(&mut self) {
        let batches = std::mem::take(&mut self.batches);
        *self = Self { batches, ..Self::default() };
    }
}

impl Session {
    /// Looks for the mask of the selected image, as soon as that is there; from then on it follows the options.
    pub(super) fn find_mask(&mut self) {
        self.masks.auto.image = self.image().cloned();
        self.masks.auto.is_wished = true;
        self.ask_for_wished_mask();
    }

    /// Asks for what was wished, once the photo is there.
    pub(super) fn ask_for_wished_mask(&mut self) {
        if self.masks.auto.is_wished && self.masks.current().is_some() {
            self.masks.auto.is_wished = false;
            self.ask_for_mask();
        }
    }

    pub(super) fn set_auto_options(&mut self, options: AutoOptions) {
        if options.method != self.settings.auto_mask.method {
            self.masks.auto.forget();
        }
        self.settings.auto_mask = options;
        if self.masks.follows_method() {
            self.ask_for_mask();
        }
    }

    /// A place that is on the object, or beside it.
    pub(super) fn point_at(&mut self, at: Position, is_object: bool) {
        match self.settings.auto_mask.method {
            AutoMethod::TokenCut => self.masks.auto.click = Some(at),
            AutoMethod::Click => self.masks.auto.prompt.points.push((at, is_object)),
            AutoMethod::Relevance => return,
        }
        self.find_mask();
    }

    /// A box around the object.
    pub(super) fn box_around(&mut self, from: Position, to: Position) {
        if self.settings.auto_mask.method == AutoMethod::Click {
            self.masks.auto.prompt.area = Some((from, to));
            self.find_mask();
        }
    }

    /// Takes points and box back; the mask stays.
    pub(super) fn forget_points(&mut self) {
        self.masks.auto.forget();
    }

    fn ask_for_mask(&mut self) {
        let auto = &self.masks.auto;
        let Some(image) = auto.image.clone().filter(|image| Some(image) == self.image()) else { return };
        let options = self.settings.auto_mask;
        let model = self.models.get(Slot::Main).map(|model| model.id);
        let question = match options.method {
            AutoMethod::Click if auto.prompt == Prompt::default() => {
                return self.notices.warning("Point at the object first: take the tool «Point» and click on it.");
            }
            AutoMethod::Click => MaskQuestion::Click(ClickOptions { weights: None, prompt: auto.prompt.clone() }),
            AutoMethod::TokenCut => {
                let tokencut = TokenCutOptions { click: auto.click, ..options.tokencut };
                MaskQuestion::Method(MaskMethod::TokenCut(tokencut))
            }
            AutoMethod::Relevance => MaskQuestion::Method(MaskMethod::Relevance(self.relevance_options())),
        };
        let needs_model = options.method != AutoMethod::Click;
        let Some(model) = model.or_else(|| (!needs_model).then_some(ModelId(u64::MAX))) else {
            return self.notices.warning("Open a model first: its features find the object.");
        };
        let request = MaskRequest { view: views::MAIN, model, image, question };
        self.masks.auto.error = None;
        let revision = self.masks.current().map_or(0, Current::revision);
        self.masks.auto.sent = Some((request.clone(), revision));
        self.engine.send(Request::Mask(Box::new(request)));
    }

    /// As the map on screen is made.
    fn relevance_options(&self) -> RelevanceOptions {
        let target = self.explain.target.map_or(Target::Predicted, |class| Target::Class(class.to_string()));
        RelevanceOptions {
            rule: self.settings.auto_mask.rule,
            method: self.explain.method,
            target,
            profile: self.settings.profile,
        }
    }

    pub(in crate::app) fn receive_mask_answer(&mut self, answer: MaskAnswer) {
        match answer {
            MaskAnswer::Found { request, mask, seconds } => {
                if let Some(asked_at) = self.masks.auto.answered(&request)
                    && self.masks.current().is_some_and(|current| current.revision() == asked_at)
                {
                    self.take_over(mask, seconds);
                }
            }
            MaskAnswer::Failed { request, error } => {
                if self.masks.auto.answered(&request).is_some() {
                    self.notices.log(Level::Error, &error);
                    self.masks.auto.error = Some(error);
                }
            }
            MaskAnswer::BatchAdvanced { id: BatchId(id), done, total, source, outcome } => {
                self.advance_job(id, done as u64, total as u64);
                self.batch_advanced(id, &source, outcome);
            }
            MaskAnswer::BatchDone { id: BatchId(id), end } => self.mask_batch_done(id, end),
        }
    }

    /// The mask that was found takes the place of the current one. As long as nobody paints, answers replace each
    /// other: moving a slider is one item of the history.
    fn take_over(&mut self, mask: Arc<AutoMask>, seconds: f64) {
        let last = self.masks.auto.found.as_ref().map(|found| found.revision);
        let file = &mask.file;
        let (pixels, record) = (Arc::new(file.mask.clone()), file.record.clone());
        let mut revision = 0;
        self.edit_mask(|current, _| {
            if last == Some(current.revision()) {
                current.undo();
            }
            current.replace(pixels, record)?;
            revision = current.revision();
            Ok(())
        });
        self.masks.auto.found = Some(Found { mask, seconds, revision });
    }

    /// Looks for the masks of all images that the gallery shows and that have none; `overwrite`: also of the others.
    pub(super) fn find_all_masks(&mut self, overwrite: bool) {
        let Some(model) = self.models.get(Slot::Main).map(|model| model.id) else {
            return self.notices.warning("Open a model first: its features find the object.");
        };
        let options = self.settings.auto_mask;
        let method = match options.method {
            AutoMethod::TokenCut => MaskMethod::TokenCut(TokenCutOptions { click: None, ..options.tokencut }),
            AutoMethod::Relevance => MaskMethod::Relevance(self.relevance_options()),
            AutoMethod::Click => {
                return self.notices.warning("Clicks are for one image; choose TokenCut to go through many.");
            }
        };
        // The engine knows images by their paths, which pasted ones do not have.
        let mut folders: Vec<(PathBuf, Vec<ImageSource>)> = Vec::new();
        for &index in self.gallery.order() {
            let item = &self.gallery.items()[index as usize];
            if item.source.is_pasted() {
                continue;
            }
            let folder = self.masks.places.folder(item);
            match folders.iter_mut().find(|(known, _)| *known == folder) {
                Some((_, sources)) => sources.push(item.source.clone()),
                None => folders.push((folder, vec![item.source.clone()])),
            }
        }
        if folders.is_empty() {
            return self.notices.warning("There are no images to find masks for.");
        }
        for (folder, sources) in folders {
            let (id, cancel) = self.begin_job(format!("Masks of {} images", sources.len()));
            self.masks.auto.batches.insert(id, MaskCounts::default());
            let store = self.masks.places.store(folder);
            let job = MaskJob { method: method.clone(), overwrite };
            let request = MaskBatchRequest { id: BatchId(id), model, job, sources, store, cancel };
            self.engine.send(Request::MaskBatch(Box::new(request)));
        }
    }

    fn batch_advanced(&mut self, id: u64, source: &ImageSource, outcome: Result<MaskOutcome, String>) {
        if !self.masks.auto.batches.contains_key(&id) {
            return;
        }
        match outcome {
            Ok(MaskOutcome::Made(report)) => {
                self.gallery.set_mask(source, Some((&report.record).into()));
                self.masks.made_elsewhere(source);
            }
            Ok(MaskOutcome::Kept(state)) => self.gallery.set_mask(source, Some(state)),
            Err(error) => self.notices.log(Level::Error, &error),
        }
    }

    fn mask_batch_done(&mut self, id: u64, end: MaskBatchEnd) {
        self.end_job(id);
        self.masks.auto.batches.remove(&id);
        let told = |MaskCounts { made, kept, .. }: MaskCounts| {
            let kept = if kept > 0 { format!(", {kept} had one already") } else { String::new() };
            format!("{made} masks found{kept}")
        };
        match end {
            MaskBatchEnd::Finished(counts) if counts.failed == 0 => self.notices.info(told(counts)),
            MaskBatchEnd::Finished(counts) => {
                let failed = counts.failed;
                self.notices.warning(format!("{}, {failed} failed; the log (Ctrl+L) says why", told(counts)));
            }
            MaskBatchEnd::Cancelled(counts) => {
                self.notices.info(format!("Stopped: {}. What is done is kept; start again to go on.", told(counts)));
            }
            MaskBatchEnd::Refused(error) => self.notices.error(error),
        }
    }
}

impl Masks {
    /// Whether the mask is the one that was found for it, so that another may take its place.
    fn follows_method(&self) -> bool {
        let is_found = |current: &Current| {
            let found = self.auto.found.as_ref();
            self.auto.is_live() && found.is_none_or(|found| found.revision == current.revision())
        };
        self.current().is_some_and(is_found)
    }

    /// Another thread wrote the mask of an image: if it is on screen, it is read anew.
    fn made_elsewhere(&mut self, source: &ImageSource) {
        let is_untouched = self
            .current()
            .is_some_and(|current| current.image == *source && !current.is_unsaved() && !current.history().can_undo());
        if is_untouched {
            self.state = super::State::None;
        }
    }
}
