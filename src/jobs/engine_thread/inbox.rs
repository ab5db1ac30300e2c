//! What waits for the engine thread. The rule «latest request wins» lives here and nowhere else.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::engine::Device;
use crate::image::ImageSource;
use crate::jobs::Cancel;
use crate::jobs::finetune::{RunCommand, Start};
use crate::jobs::model::ModelSource;
use crate::vit::weights::LoadOptions;

use super::background::Background;
use super::batch::Batch;
use super::blends::Blend;
use super::compare::CompareBatch;
use super::masks::{MaskBatch, MaskRequest};
use super::page::SavePage;
use super::request::{ExplainRequest, ModelId, Request, RunId, ViewId};
use super::runs::Gathered;

/// Shared by the window, which puts in, and the engine thread, which takes out.
#[derive(Default)]
pub struct Inbox {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    controls: VecDeque<Control>,
    /// At most one per view, the longest waiting first.
    explains: VecDeque<Box<ExplainRequest>>,
    /// As `explains`.
    masks: VecDeque<Box<MaskRequest>>,
    batches: VecDeque<Box<dyn Background>>,
    /// Whether a batch was served last, so that the next turn is a run's.
    batch_was_last: bool,
    /// The explanation that runs now.
    running: Option<Running>,
    is_closed: bool,
}

struct Running {
    view: ViewId,
    model: ModelId,
    cancel: Cancel,
}

/// What changes the models, or who trains them.
pub enum Control {
    Load { id: ModelId, source: ModelSource, device: Device, options: LoadOptions },
    Unload(ModelId),
    Gather { id: RunId, model: ModelId, start: Box<Start>, pinned: Vec<ImageSource> },
    Begin(Box<Gathered>),
    Run { id: RunId, command: RunCommand },
    Blend { model: ModelId, blend: Blend },
}

/// What to do next.
pub enum Work {
    Control(Control),
    Explain(Box<ExplainRequest>, Cancel),
    Mask(Box<MaskRequest>),
    /// One picture of it; give it back with [`Inbox::put_back`] for the next.
    Batch(Box<dyn Background>),
    /// The next step of a run.
    Step,
}

impl Inbox {
    pub fn put(&self, request: Request) {
        let mut waiting = self.lock();
        match request {
            Request::Load { id, source, device, options } => {
                waiting.controls.push_back(Control::Load { id, source, device, options });
            }
            Request::Unload(id) => {
                waiting.drop_explains(|explain| explain.model == id, |running| running.model == id);
                waiting.masks.retain(|mask| mask.model != id);
                waiting.controls.push_back(Control::Unload(id));
            }
            Request::Forget(view) => {
                waiting.drop_explains(|explain| explain.view == view, |running| running.view == view);
                waiting.masks.retain(|mask| mask.view != view);
            }
            Request::Explain(explain) => {
                let view = explain.view;
                if let Some(running) = waiting.running.as_ref().filter(|running| running.view == view) {
                    running.cancel.cancel();
                }
                // The place in the queue stays, so that a slider does not starve its own view.
                match waiting.explains.iter_mut().find(|older| older.view == view) {
                    Some(older) => *older = explain,
                    None => waiting.explains.push_back(explain),
                }
            }
            Request::Mask(mask) => match waiting.masks.iter_mut().find(|older| older.view == mask.view) {
                Some(older) => *older = mask,
                None => waiting.masks.push_back(mask),
            },
            Request::MaskBatch(batch) => waiting.batches.push_back(Box::new(MaskBatch::new(*batch))),
            Request::Compare { id, compare, cancel } => {
                waiting.batches.push_back(Box::new(CompareBatch::new(id, *compare, cancel)));
            }
            Request::Batch { id, model, job, sources, cancel } => {
                waiting.batches.push_back(Box::new(Batch::new(id, model, *job, sources, cancel)));
            }
            // Someone waits for it, and it is over soon.
            Request::SavePage { compare, report, path } => {
                waiting.batches.push_front(Box::new(SavePage { compare: *compare, report, path }));
            }
            Request::Finetune { id, model, start, pinned } => {
                waiting.controls.push_back(Control::Gather { id, model, start, pinned });
            }
            Request::Run { id, command } => waiting.controls.push_back(Control::Run { id, command }),
            Request::Blend { model, blend } => {
                waiting.controls.retain(|other| !matches!(other, Control::Blend { model: of, .. } if *of == model));
                waiting.controls.push_back(Control::Blend { model, blend });
            }
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// From a thread that prepared something for the engine thread.
    pub fn put_control(&self, control: Control) {
        self.lock().controls.push_back(control);
        self.changed.notify_one();
    }

    /// Waits for work; `None` once the inbox is closed. `runs_wait`: there is a step to take when nothing else waits;
    /// batches and steps take turns.
    pub fn take(&self, runs_wait: bool) -> Option<Work> {
        let mut waiting = self.lock();
        loop {
            if waiting.is_closed {
                return None;
            }
            if let Some(control) = waiting.controls.pop_front() {
                return Some(Work::Control(control));
            }
            if let Some((explain, cancel)) = waiting.start_explain() {
                return Some(Work::Explain(explain, cancel));
            }
            if let Some(mask) = waiting.masks.pop_front() {
                return Some(Work::Mask(mask));
            }
            let is_runs_turn = waiting.batch_was_last || waiting.batches.is_empty();
            if runs_wait && is_runs_turn {
                waiting.batch_was_last = false;
                return Some(Work::Step);
            }
            if let Some(batch) = waiting.batches.pop_front() {
                waiting.batch_was_last = true;
                return Some(Work::Batch(batch));
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next explanation, if one waits; for use in the midst of a batch.
    pub fn take_explain(&self) -> Option<(Box<ExplainRequest>, Cancel)> {
        self.lock().start_explain()
    }

    /// The next mask, if one is asked for; for use in the midst of a batch.
    pub fn take_mask(&self) -> Option<Box<MaskRequest>> {
        let mut waiting = self.lock();
        if waiting.is_closed { None } else { waiting.masks.pop_front() }
    }

    /// Whether a view waits for a mask.
    pub fn has_mask_request(&self, view: ViewId) -> bool {
        self.lock().masks.iter().any(|mask| mask.view == view)
    }

    /// What [`Self::take`] gave out to be explained is done, one way or another.
    pub fn finish_explain(&self) {
        self.lock().running = None;
    }

    /// Lets an explanation wait again, unless a newer one of its view does.
    pub fn put_back_explain(&self, explain: Box<ExplainRequest>) {
        let mut waiting = self.lock();
        if waiting.explains.iter().all(|newer| newer.view != explain.view) {
            waiting.explains.push_front(explain);
        }
    }

    /// Lets a batch go on, before those that came later.
    pub fn put_back(&self, batch: Box<dyn Background>) {
        self.lock().batches.push_front(batch);
    }

    /// Ends the work as soon as it can be ended.
    pub fn close(&self) {
        let mut waiting = self.lock();
        waiting.is_closed = true;
        if let Some(running) = &waiting.running {
            running.cancel.cancel();
        }
        drop(waiting);
        self.changed.notify_one();
    }

    pub fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// No code that can panic runs under the lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn start_explain(&mut self) -> Option<(Box<ExplainRequest>, Cancel)> {
        if self.is_closed {
            return None;
        }
        let explain = self.explains.pop_front()?;
        let cancel = Cancel::default();
        self.running = Some(Running { view: explain.view, model: explain.model, cancel: cancel.clone() });
        Some((explain, cancel))
    }

    fn drop_explains(&mut self, waiting: impl Fn(&ExplainRequest) -> bool, running: impl Fn(&Running) -> bool) {
        self.explains.retain(|explain| !waiting(explain));
        if let Some(running) = self.running.as_ref().filter(|now| running(now)) {
            running.cancel.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::BatchId;
    use super::*;
    use crate::vit::Muted;

    fn explain(view: u64, name: &str) -> Request {
        let image = ImageSource::memory(name, Vec::new());
        Request::Explain(Box::new(ExplainRequest::new(ViewId(view), ModelId(0), image)))
    }

    fn next(inbox: &Inbox) -> Option<(u64, String, Cancel)> {
        let (explain, cancel) = inbox.take_explain()?;
        Some((explain.view.0, explain.image.title().into_owned(), cancel))
    }

    #[test]
    fn the_latest_of_a_view_takes_the_place_of_older_ones() {
        let inbox = Inbox::default();
        for (view, name) in [(1, "a"), (2, "b"), (1, "c"), (1, "d")] {
            inbox.put(explain(view, name));
        }
        let order: Vec<_> = std::iter::from_fn(|| next(&inbox)).map(|(view, name, _)| (view, name)).collect();
        assert_eq!(order, [(1, "d".to_owned()), (2, "b".to_owned())]);
    }

    #[test]
    fn only_a_newer_request_of_the_same_view_stops_the_running_one() {
        let inbox = Inbox::default();
        inbox.put(explain(1, "a"));
        let (.., cancel) = next(&inbox).unwrap();
        inbox.put(explain(2, "b"));
        assert!(!cancel.is_cancelled());
        inbox.put(explain(1, "c"));
        assert!(cancel.is_cancelled());

        inbox.finish_explain();
        let (.., cancel) = next(&inbox).unwrap();
        inbox.put(Request::Forget(ViewId(2)));
        assert!(cancel.is_cancelled(), "a closed view needs no answer");
    }

    #[test]
    fn unloading_a_model_drops_what_waits_for_it() {
        let inbox = Inbox::default();
        inbox.put(explain(1, "a"));
        inbox.put(Request::Unload(ModelId(0)));
        assert!(next(&inbox).is_none());
        assert!(matches!(inbox.take(false), Some(Work::Control(Control::Unload(ModelId(0))))));
    }

    #[test]
    fn models_come_before_explanations_and_a_closed_inbox_gives_nothing() {
        let inbox = Inbox::default();
        inbox.put(explain(1, "a"));
        let (source, device, options) = (ModelSource::Embedded, Device::Cpu, LoadOptions::default());
        inbox.put(Request::Load { id: ModelId(0), source, device, options });
        assert!(matches!(inbox.take(false), Some(Work::Control(Control::Load { .. }))));
        assert!(matches!(inbox.take(false), Some(Work::Explain(request, _)) if request.muted == Muted::default()));
        inbox.put(explain(1, "b"));
        inbox.close();
        assert!(inbox.take(false).is_none() && inbox.take_explain().is_none());
    }

    #[test]
    fn of_waiting_blends_of_a_model_the_latest_is_done() {
        let inbox = Inbox::default();
        for (model, alpha) in [(0, 0.1), (1, 0.2), (0, 0.3)] {
            let blend = Blend { before: "a".into(), after: "b".into(), alpha };
            inbox.put(Request::Blend { model: ModelId(model), blend });
        }
        let next = || match inbox.take(true) {
            Some(Work::Control(Control::Blend { model, blend })) => Some((model.0, blend.alpha)),
            _ => None,
        };
        assert_eq!([next(), next(), next()], [Some((1, 0.2)), Some((0, 0.3)), None]);
    }

    #[test]
    fn steps_and_batches_take_turns_and_views_come_first() {
        let inbox = Inbox::default();
        let job = Box::<crate::jobs::explain::ExplainJob>::default();
        let cancel = Cancel::default();
        inbox.put(Request::Batch { id: BatchId(0), model: ModelId(0), job, sources: Vec::new(), cancel });
        inbox.put(explain(1, "a"));
        let mut order = String::new();
        for _ in 0..5 {
            match inbox.take(true).unwrap() {
                Work::Explain(..) => order.push('v'),
                Work::Step => order.push('s'),
                Work::Batch(batch) => {
                    order.push('b');
                    inbox.put_back(batch);
                }
                Work::Mask(_) => order.push('m'),
                Work::Control(_) => order.push('c'),
            }
        }
        assert_eq!(order, "vbsbs");
    }
}
