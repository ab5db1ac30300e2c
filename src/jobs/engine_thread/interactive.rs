//! Serves one view: from the photo to its maps, by the shortest way that the caches allow.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use crate::image::{ImageError, Prepared};
use crate::jobs::Cancel;
use crate::jobs::explain::{JobError, check_head, start_token};
use crate::jobs::model::LoadedModel;
use crate::relevance::{
    self, Explanation, MAPS_LIMIT_BYTES, Method, MethodOptions, Progress, Recording, RelevanceError, RelevanceMap,
};
use crate::vit::{Batch, Engine, EngineError, Muted, Objective, Start, argmax, softmax};

use super::caches::{Caches, InputKey, MapKey, PhotoKey, RecordingKey};
use super::event::{Event, ViewResult};
use super::guard::guarded;
use super::inbox::Inbox;
use super::outbox::Outbox;
use super::request::{ExplainRequest, ModelId};

pub type Models = BTreeMap<ModelId, LoadedModel>;

/// The part of the thread that answers views; the models are lent to it, so that it can also serve amid a batch.
pub struct Interactive {
    pub inbox: Arc<Inbox>,
    pub outbox: Arc<Outbox>,
    pub caches: Caches,
}

/// Why a view gets no maps.
#[derive(Debug, thiserror::Error)]
enum ViewError {
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error(transparent)]
    Job(#[from] JobError),
    #[error(transparent)]
    Relevance(#[from] RelevanceError),
    #[error("the model of this view is not loaded; choose a model")]
    NoModel,
}

/// One request on its way.
struct Task<'a> {
    request: &'a ExplainRequest,
    engine: &'a dyn Engine,
    key: InputKey,
    prepared: Arc<Prepared>,
    cancel: &'a Cancel,
    /// Whether anything was sent through the model.
    used_model: bool,
}

/// What a method found.
struct Found {
    logits: Vec<f32>,
    maps: Vec<RelevanceMap>,
    signed: Option<RelevanceMap>,
}

impl Interactive {
    /// All explanations and masks that wait, one after the other. A model whose device is gone has to move first.
    pub fn serve_waiting(&mut self, models: &Models) {
        let all_are_there = || !models.values().any(|model| model.engine.is_lost());
        while all_are_there()
            && let Some((request, cancel)) = self.inbox.take_explain()
        {
            self.serve(models, &request, &cancel);
        }
        while let Some(request) = self.inbox.take_mask() {
            self.serve_mask(models, *request);
        }
    }

    /// Answers one request, unless it was cancelled.
    pub fn serve(&mut self, models: &Models, request: &ExplainRequest, cancel: &Cancel) {
        let outcome = guarded(|| self.explain(models, request, cancel));
        self.inbox.finish_explain();
        let (view, image) = (request.view, request.image.clone());
        let error = match outcome {
            Ok(Ok(result)) => return self.outbox.send(Event::Explained { view, result: Arc::new(result) }),
            Ok(Err(ViewError::Relevance(RelevanceError::Cancelled))) => return,
            // A newer request of this view waits, and speaks for itself.
            Ok(Err(_)) if cancel.is_cancelled() => return,
            // Answered once the model has moved to another device.
            Ok(Err(_)) if models.get(&request.model).is_some_and(|model| model.engine.is_lost()) => {
                return self.inbox.put_back_explain(Box::new(request.clone()));
            }
            Ok(Err(error)) => error.to_string(),
            Err(fault) => {
                self.caches = Caches::new();
                fault
            }
        };
        let path = image.path().display().to_string();
        let error = if error.ends_with(&path) { error } else { format!("{error}: {path}") };
        self.outbox.send(Event::Failed { view, image, error });
    }

    fn explain(&mut self, models: &Models, request: &ExplainRequest, cancel: &Cancel) -> Result<ViewResult, ViewError> {
        let start = Instant::now();
        let photo_key = PhotoKey::of(&request.image);
        let photo = self.caches.photo(&photo_key)?;
        let view = request.view;
        let Some(model) = models.get(&request.model) else {
            self.outbox.send(Event::Photo { view, photo, prepared: None });
            return Err(ViewError::NoModel);
        };
        let key = InputKey::of(request, photo_key);
        let prepared = self.caches.input(&key, request, model, &photo)?;
        self.outbox.send(Event::Photo { view, photo, prepared: Some(prepared.clone()) });

        let engine = &*model.engine;
        let config = engine.config();
        check_head(config, request.method)?;
        let patch = request.patch.map(|patch| (patch.row, patch.column));
        let token = start_token(config, request.method, patch)?.unwrap_or_default();
        request.check_classes(config.classes)?;

        let mut task = Task { request, engine, key, prepared, cancel, used_model: false };
        let Found { logits, maps, signed } = match request.method.starts_at_token() {
            true => self.by_recording(&mut task, token)?,
            false => self.by_method(&mut task)?,
        };
        let token_norms = match request.want_norms {
            true => Some(self.recording(&mut task, false)?.token_norms()),
            false => None,
        };
        let target = request.objective(&logits).map(|_| request.target.unwrap_or_else(|| argmax(&logits)));
        Ok(ViewResult {
            request: request.clone(),
            probabilities: if logits.is_empty() { Vec::new() } else { softmax(&logits) },
            target,
            contrast: request.contrast.filter(|_| target.is_some()),
            logits,
            maps,
            signed,
            token_norms,
            grid: config.grid_of(task.prepared.size),
            patch: config.patch,
            seconds: start.elapsed().as_secs_f64(),
            from_cache: !task.used_model,
            prepared: task.prepared,
        })
    }

    fn by_recording(&mut self, task: &mut Task<'_>, start: Start) -> Result<Found, ViewError> {
        let method = task.request.method;
        let recording = self.recording(task, method.needs_head())?;
        task.used_model |= !recording.keeps_maps();
        let maps = recording.maps(task.engine, method, start, &task.request.muted)?;
        Ok(Found { logits: recording.logits().to_vec(), maps, signed: None })
    }

    /// Attention and token norms are the same whatever is explained; `exact`: the gradients matter too.
    fn recording(&mut self, task: &mut Task<'_>, exact: bool) -> Result<Arc<Recording>, ViewError> {
        if let Some(logits) = self.caches.logits(&task.key) {
            let wanted = RecordingKey { input: task.key.clone(), objective: task.request.objective(&logits) };
            let recordings = &mut self.caches.recordings;
            let other = |known: &RecordingKey| !exact && known.input == wanted.input;
            if let Some(recording) = recordings.get(&wanted).cloned().or_else(|| recordings.find(other).cloned()) {
                return Ok(recording);
            }
        }
        let objective = |logits: &[f32]| task.request.objective(logits).unwrap_or(Objective::Logit(0));
        let recording = Arc::new(Recording::take(task.engine, task.pixels(), &objective, MAPS_LIMIT_BYTES)?);
        task.used_model = true;
        self.caches.keep_logits(&task.key, recording.logits());
        let key = RecordingKey { input: task.key.clone(), objective: recording.objective() };
        self.caches.keep_recording(key, recording.clone());
        Ok(recording)
    }

    /// Methods that look at the pixels, and may take many passes.
    fn by_method(&mut self, task: &mut Task<'_>) -> Result<Found, ViewError> {
        // These methods do not read them.
        let options = MethodOptions {
            start: Start::Readout,
            muted: Muted::default(),
            first_block: 0,
            ..task.request.options.clone()
        };
        let method = task.request.method;
        let key_of = |task: &Task<'_>, objective| MapKey::new(task.key.clone(), objective, method, &options);
        let known = self.caches.logits(&task.key).map(|logits| task.request.objective(&logits));
        if let Some(explanation) = known.and_then(|objective| self.caches.map(&key_of(task, objective))) {
            return Ok(Found::from(&*explanation));
        }
        let explanation = Arc::new(task.explain(method, &options, &self.outbox)?);
        task.used_model = true;
        self.caches.keep_logits(&task.key, &explanation.logits);
        let objective = task.request.objective(&explanation.logits);
        self.caches.keep_map(key_of(task, objective), explanation.clone());
        Ok(Found::from(&*explanation))
    }
}

impl Task<'_> {
    fn pixels(&self) -> Batch {
        Batch { pixels: self.prepared.input.clone(), count: 1, size: self.prepared.size }
    }

    fn explain(&self, method: Method, options: &MethodOptions, outbox: &Outbox) -> Result<Explanation, RelevanceError> {
        let objective = |_: usize, logits: &[f32]| self.request.objective(logits).unwrap_or(Objective::Logit(0));
        let view = self.request.view;
        let mut on_progress = |Progress { done, total }| {
            // What is done anyway is shown, though something newer waits: a brush would never see a picture else.
            if done == total {
                return ControlFlow::Continue(());
            }
            outbox.send(Event::Progress { view, done, total });
            if self.cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let pixels = self.pixels();
        let mut found = relevance::explain(self.engine, &pixels, &objective, method, options, &mut on_progress)?;
        Ok(found.swap_remove(0))
    }
}

impl ExplainRequest {
    /// `None` for a model without a head.
    fn objective(&self, logits: &[f32]) -> Option<Objective> {
        let target = self.target.unwrap_or_else(|| argmax(logits));
        (!logits.is_empty()).then_some(Objective::of(target, self.contrast, self.score))
    }

    fn check_classes(&self, classes: usize) -> Result<(), RelevanceError> {
        let asked = [self.target, self.contrast].into_iter().flatten();
        match asked.max().filter(|&class| classes > 0 && class >= classes) {
            Some(class) => Err(EngineError::NoSuchClass { class, last: classes - 1 }.into()),
            None => Ok(()),
        }
    }
}

impl From<&Explanation> for Found {
    fn from(explanation: &Explanation) -> Self {
        let Explanation { logits, map, signed } = explanation.clone();
        Self { logits, maps: vec![map], signed }
    }
}
