//! A job over many pictures, one at a time, so that views are served in between.

use crate::image::ImageSource;
use crate::jobs::Cancel;
use crate::jobs::explain::{Event as JobEvent, ExplainError, ExplainJob, Explainer, Report};
use crate::jobs::inputs::{Input, Names};
use crate::relevance::RelevanceError;

use super::background::Background;
use super::event::{BatchEnd, Event};
use super::guard::guarded;
use super::interactive::{Interactive, Models};
use super::request::{BatchId, ModelId};

/// A batch and how far it is.
#[derive(Debug)]
pub struct Batch {
    id: BatchId,
    model: ModelId,
    job: ExplainJob,
    sources: Vec<ImageSource>,
    /// Of the files written so far.
    names: Names,
    cancel: Cancel,
    explained: usize,
    failed: usize,
}

/// What became of one picture.
type Outcome = Result<Box<Report>, ExplainError>;

impl Batch {
    pub fn new(id: BatchId, model: ModelId, job: ExplainJob, sources: Vec<ImageSource>, cancel: Cancel) -> Self {
        Self { id, model, job, sources, names: Names::default(), cancel, explained: 0, failed: 0 }
    }

    fn step(&mut self, models: &Models, interactive: &mut Interactive) -> Option<BatchEnd> {
        let Some(model) = models.get(&self.model) else {
            return Some(BatchEnd::Refused("the model of this batch is not loaded; choose a model".to_owned()));
        };
        let explainer = match Explainer::new(model, &self.job) {
            Ok(explainer) => explainer,
            Err(error) => return Some(BatchEnd::Refused(error.to_string())),
        };
        let next = self.explained + self.failed;
        let Some(source) = self.sources.get(next) else {
            return Some(BatchEnd::Finished { explained: self.explained, failed: self.failed });
        };
        let input = self.names.name(source.clone());
        let outcome = match guarded(|| explain(&explainer, &input, &self.cancel, models, interactive)) {
            Ok(None | Some(Err(ExplainError::Relevance(RelevanceError::Cancelled)))) => {
                return Some(BatchEnd::Cancelled);
            }
            Ok(Some(outcome)) => outcome.map_err(|error| error.to_string()),
            Err(fault) => Err(fault),
        };
        let source = input.source;
        let in_path = source.path().display().to_string();
        let outcome =
            outcome.map_err(|error| if error.contains(&in_path) { error } else { format!("{error}: {in_path}") });
        if outcome.is_ok() {
            self.explained += 1;
        } else {
            self.failed += 1;
        }
        let (done, total) = (next + 1, self.sources.len());
        interactive.outbox.send(Event::BatchAdvanced { id: self.id, done, total, source, outcome });
        (done == total).then_some(BatchEnd::Finished { explained: self.explained, failed: self.failed })
    }
}

impl Background for Batch {
    fn advance(mut self: Box<Self>, models: &Models, interactive: &mut Interactive) -> Option<Box<dyn Background>> {
        let Some(end) = self.step(models, interactive) else { return Some(self) };
        if !interactive.inbox.is_closed() {
            interactive.outbox.send(Event::BatchDone { id: self.id, end });
        }
        None
    }
}

/// One picture; views are served before it and between its passes through the model. `None`: cancelled before.
fn explain(
    explainer: &Explainer<'_>,
    input: &Input,
    cancel: &Cancel,
    models: &Models,
    interactive: &mut Interactive,
) -> Option<Outcome> {
    let stop = Cancel::default();
    let mut outcome = None;
    let heed = |interactive: &Interactive| {
        if cancel.is_cancelled() || interactive.inbox.is_closed() {
            stop.cancel();
        }
    };
    heed(interactive);
    explainer.run(std::slice::from_ref(input), &stop, &mut |event| match event {
        JobEvent::Started { .. } | JobEvent::Advanced(_) => {
            interactive.serve_waiting(models);
            heed(interactive);
        }
        JobEvent::Explained { explained, .. } => outcome = Some(Ok(Box::new(explained.report))),
        JobEvent::Failed { error, .. } => outcome = Some(Err(error)),
    });
    outcome
}
