//! Two loaded models judged on a data set, one picture at a time, so that views are served in between.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use crate::jobs::Cancel;
use crate::jobs::compare::html::{self, Pictures};
use crate::jobs::compare::{Comparison, Report, report};
use crate::jobs::evaluate::{Dataset, EvaluateJob, Step};

use super::background::Background;
use super::event::Event;
use super::guard::guarded;
use super::interactive::{Interactive, Models};
use super::request::{BatchId, ModelId};

/// What to compare, and where to put the page.
#[derive(Clone, Debug)]
pub struct CompareRequest {
    pub before: ModelId,
    pub after: ModelId,
    /// What the report calls them.
    pub names: [String; 2],
    pub dataset: Arc<Dataset>,
    pub job: EvaluateJob,
    /// The page with pictures; `None`: only the report.
    pub page: Option<PathBuf>,
}

/// How a comparison ended.
#[derive(Clone, Debug)]
pub enum CompareEnd {
    /// All pictures had their turn, or those before it was cancelled.
    Finished { report: Arc<Report>, was_cancelled: bool },
    /// It could not start or go on; a sentence.
    Refused(String),
}

/// A comparison and how far it is.
pub struct CompareBatch {
    id: BatchId,
    request: CompareRequest,
    comparison: Option<Comparison>,
    cancel: Cancel,
}

impl CompareBatch {
    pub fn new(id: BatchId, request: CompareRequest, cancel: Cancel) -> Self {
        Self { id, request, comparison: None, cancel }
    }

    fn step(&mut self, models: &Models, interactive: &mut Interactive) -> Option<CompareEnd> {
        let request = &self.request;
        let (Some(before), Some(after)) = (models.get(&request.before), models.get(&request.after)) else {
            return Some(CompareEnd::Refused("a model of this comparison is not loaded; choose two models".to_owned()));
        };
        let comparison = match &mut self.comparison {
            Some(comparison) => comparison,
            none => match Comparison::new(&request.job, &request.dataset, before, after) {
                Ok(comparison) => none.insert(comparison),
                Err(error) => return Some(CompareEnd::Refused(error.to_string())),
            },
        };
        let cancel = &self.cancel;
        let mut on_pass = || {
            interactive.serve_waiting(models);
            match cancel.is_cancelled() || interactive.inbox.is_closed() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        let step = match on_pass() {
            ControlFlow::Continue(()) => comparison.step(before, after, &request.dataset, &mut on_pass),
            ControlFlow::Break(()) => Step::Cancelled,
        };
        if step == Step::Advanced {
            let (done, total) = (comparison.done(), request.dataset.pictures.len());
            interactive.outbox.send(Event::CompareAdvanced { id: self.id, done, total });
            return None;
        }
        let report = report(comparison, &request.dataset, request.names.clone(), &after.classes);
        if let Some(page) = &request.page {
            let pictures = Pictures { dataset: &request.dataset, job: &request.job, before, after };
            if let Err(error) = html::write(page, &report, &pictures) {
                let path = page.display();
                let reason = format!("the page cannot be written ({error}); choose another folder: {path}");
                return Some(CompareEnd::Refused(reason));
            }
        }
        Some(CompareEnd::Finished { report: Arc::new(report), was_cancelled: step == Step::Cancelled })
    }
}

impl Background for CompareBatch {
    fn advance(mut self: Box<Self>, models: &Models, interactive: &mut Interactive) -> Option<Box<dyn Background>> {
        let end = match guarded(|| self.step(models, interactive)) {
            Ok(None) => return Some(self),
            Ok(Some(end)) => end,
            Err(fault) => CompareEnd::Refused(fault),
        };
        if !interactive.inbox.is_closed() {
            interactive.outbox.send(Event::Compared { id: self.id, end });
        }
        None
    }
}
