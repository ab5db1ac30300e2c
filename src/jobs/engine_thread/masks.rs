//! Automatic masks: one photo under sliders, and many in the background.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::image::{ImageSource, Picture};
use crate::jobs::Cancel;
use crate::jobs::mask::{
    AutoMask, AutoMaskError, ClickOptions, Clicker, MaskEvent, MaskJob, MaskMethod, MaskOutcome, Masker,
    TokenCutOptions, Workbench, relevance_mask,
};
use crate::jobs::model::LoadedModel;
use crate::mask::MaskStore;

use super::background::Background;
use super::caches::PhotoKey;
use super::event::Event;
use super::guard::guarded;
use super::interactive::{Interactive, Models};
use super::request::{BatchId, ModelId, ViewId};

/// One photo, one question; the latest of a view wins.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskRequest {
    pub view: ViewId,
    /// Not read for clicks, which another model answers.
    pub model: ModelId,
    pub image: ImageSource,
    pub question: MaskQuestion,
}

/// How the mask is to be found.
#[derive(Clone, Debug, PartialEq)]
pub enum MaskQuestion {
    Method(MaskMethod),
    Click(ClickOptions),
}

/// Masks for many photos, saved as they are found.
#[derive(Clone, Debug)]
pub struct MaskBatchRequest {
    pub id: BatchId,
    pub model: ModelId,
    pub job: MaskJob,
    pub sources: Vec<ImageSource>,
    pub store: MaskStore,
    pub cancel: Cancel,
}

/// What the thread says about masks.
#[derive(Clone, Debug)]
pub enum MaskAnswer {
    /// The mask of [`MaskRequest::image`]; nothing is saved.
    Found { request: Arc<MaskRequest>, mask: Arc<AutoMask>, seconds: f64 },
    /// No mask; the sentence ends with the image's path.
    Failed { request: Arc<MaskRequest>, error: String },
    /// One more photo of a batch has its mask, had one, or gets none.
    BatchAdvanced { id: BatchId, done: usize, total: usize, source: ImageSource, outcome: Result<MaskOutcome, String> },
    /// Nothing more comes of this batch. What is saved is skipped when the same batch is started again.
    BatchDone { id: BatchId, end: MaskBatchEnd },
}

/// How a batch of masks ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MaskBatchEnd {
    Finished(MaskCounts),
    Cancelled(MaskCounts),
    /// The model is gone.
    Refused(String),
}

/// What became of the photos of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaskCounts {
    pub made: usize,
    /// Had a mask already.
    pub kept: usize,
    pub failed: usize,
}

impl MaskCounts {
    pub const fn done(self) -> usize {
        self.made + self.kept + self.failed
    }
}

impl Interactive {
    /// Answers one request, unless a newer one of its view waits.
    pub fn serve_mask(&mut self, models: &Models, request: MaskRequest) {
        let start = Instant::now();
        let outcome = guarded(|| self.find_mask(models, &request));
        let image = request.image.clone();
        let request = Arc::new(request);
        let error = match outcome {
            Ok(Ok(None)) => return,
            Ok(Ok(Some(mask))) => {
                let seconds = start.elapsed().as_secs_f64();
                let mask = Arc::new(mask);
                return self.outbox.send(Event::Mask(MaskAnswer::Found { request, mask, seconds }));
            }
            Ok(Err(error)) => error,
            Err(fault) => {
                (self.caches.workbench, self.caches.clicker) = (None, None);
                fault
            }
        };
        let error = ending_in_path(error, &image);
        self.outbox.send(Event::Mask(MaskAnswer::Failed { request, error }));
    }

    /// `None`: a newer request makes this one pointless.
    fn find_mask(&mut self, models: &Models, request: &MaskRequest) -> Result<Option<AutoMask>, String> {
        let key = PhotoKey::of(&request.image);
        let photo = self.caches.photo(&key).map_err(|error| error.to_string())?;
        let path = request.image.path();
        let model = || models.get(&request.model).ok_or("the model of this view is not loaded; choose a model");
        let found = match &request.question {
            MaskQuestion::Click(options) => self.click(options, key, &photo.picture, path),
            MaskQuestion::Method(MaskMethod::TokenCut(options)) => {
                self.cut(request.model, model()?, options, key, &photo.picture, path)
            }
            MaskQuestion::Method(MaskMethod::Relevance(options)) => {
                relevance_mask(model()?, &photo.picture, path, options, &mut |_| {
                    let is_pointless = self.inbox.is_closed() || self.inbox.has_mask_request(request.view);
                    if is_pointless { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                })
            }
        };
        match found {
            Ok(mask) => Ok(Some(mask)),
            Err(error) if error.is_cancelled() => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    fn cut(
        &mut self,
        id: ModelId,
        model: &LoadedModel,
        options: &TokenCutOptions,
        key: PhotoKey,
        picture: &Picture,
        path: &Path,
    ) -> Result<AutoMask, AutoMaskError> {
        let known = self.caches.workbench.take();
        let mut bench = match known {
            Some((of, photo, bench)) if of == id && photo == key && bench.fits(model, options) => bench,
            _ => Workbench::new(model, picture, options)?,
        };
        let mask = bench.mask(path, options);
        self.caches.workbench = Some((id, key, bench));
        mask
    }

    fn click(
        &mut self,
        options: &ClickOptions,
        key: PhotoKey,
        picture: &Picture,
        path: &Path,
    ) -> Result<AutoMask, AutoMaskError> {
        let weights = options.weights.as_deref();
        let mut clicker = match self.caches.clicker.take() {
            Some(clicker) if clicker.is_of(weights) => clicker,
            _ => Clicker::open(weights)?,
        };
        let mask = clicker.mask(key, picture, path, &options.prompt);
        self.caches.clicker = Some(clicker);
        mask
    }
}

/// A batch and how far it is.
#[derive(Debug)]
pub struct MaskBatch {
    request: MaskBatchRequest,
    counts: MaskCounts,
}

impl MaskBatch {
    pub fn new(request: MaskBatchRequest) -> Self {
        Self { request, counts: MaskCounts::default() }
    }

    fn step(&mut self, models: &Models, interactive: &mut Interactive) -> Option<MaskBatchEnd> {
        let Some(model) = models.get(&self.request.model) else {
            let reason = "the model of this batch is not loaded; choose a model";
            return Some(MaskBatchEnd::Refused(reason.to_owned()));
        };
        let (next, total) = (self.counts.done(), self.request.sources.len());
        let Some(source) = self.request.sources.get(next).cloned() else {
            return Some(MaskBatchEnd::Finished(self.counts));
        };
        let outcome = match guarded(|| self.one(model, &source, models, interactive)) {
            Ok(None) => return Some(MaskBatchEnd::Cancelled(self.counts)),
            Ok(Some(outcome)) => outcome.map_err(|error| error.to_string()),
            Err(fault) => Err(fault),
        };
        let outcome = outcome.map_err(|error| ending_in_path(error, &source));
        match &outcome {
            Ok(MaskOutcome::Made(_)) => self.counts.made += 1,
            Ok(MaskOutcome::Kept(_)) => self.counts.kept += 1,
            Err(_) => self.counts.failed += 1,
        }
        let done = next + 1;
        let answer = MaskAnswer::BatchAdvanced { id: self.request.id, done, total, source, outcome };
        interactive.outbox.send(Event::Mask(answer));
        (done == total).then_some(MaskBatchEnd::Finished(self.counts))
    }

    /// One photo; views are served before it and between passes through the model. `None`: cancelled.
    fn one(
        &self,
        model: &LoadedModel,
        source: &ImageSource,
        models: &Models,
        interactive: &mut Interactive,
    ) -> Option<Result<MaskOutcome, AutoMaskError>> {
        let stop = Cancel::default();
        let heed = |interactive: &Interactive| {
            if self.request.cancel.is_cancelled() || interactive.inbox.is_closed() {
                stop.cancel();
            }
        };
        heed(interactive);
        let masker = Masker::new(model, &self.request.job, &self.request.store);
        let mut outcome = None;
        masker.run(std::slice::from_ref(source), &stop, &mut |event| match event {
            MaskEvent::Started { .. } | MaskEvent::Advanced(_) => {
                interactive.serve_waiting(models);
                heed(interactive);
            }
            MaskEvent::Done { outcome: done, .. } => outcome = Some(Ok(done)),
            MaskEvent::Failed { error, .. } => outcome = Some(Err(error)),
        });
        outcome
    }
}

impl Background for MaskBatch {
    fn advance(mut self: Box<Self>, models: &Models, interactive: &mut Interactive) -> Option<Box<dyn Background>> {
        let Some(end) = self.step(models, interactive) else { return Some(self) };
        if !interactive.inbox.is_closed() {
            interactive.outbox.send(Event::Mask(MaskAnswer::BatchDone { id: self.request.id, end }));
        }
        None
    }
}

fn ending_in_path(error: String, image: &ImageSource) -> String {
    let path = image.path().display().to_string();
    if error.contains(&path) { error } else { format!("{error}: {path}") }
}
