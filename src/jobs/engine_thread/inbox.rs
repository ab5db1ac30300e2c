//! What waits for the engine thread. The rule «latest request wins» lives here and nowhere else.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::engine::Device;
use crate::jobs::Cancel;
use crate::jobs::model::ModelSource;
use crate::vit::weights::LoadOptions;

use super::background::Background;
use super::batch::Batch;
use super::masks::{MaskBatch, MaskRequest};
use super::request::{ExplainRequest, ModelId, Request, ViewId};

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
    /// The explanation that runs now.
    running: Option<Running>,
    is_closed: bool,
}

struct Running {
    view: ViewId,
    model: ModelId,
    cancel: Cancel,
}

/// What changes the models.
pub enum Control {
    Load { id: ModelId, source: ModelSource, device: Device, options: LoadOptions },
    Unload(ModelId),
}

/// What to do next.
pub enum Work {
    Control(Control),
    Explain(Box<ExplainRequest>, Cancel),
    Mask(Box<MaskRequest>),
    /// One picture of it; give it back with [`Inbox::put_back`] for the next.
    Batch(Box<dyn Background>),
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
            Request::Batch { id, model, job, inputs, cancel } => {
                waiting.batches.push_back(Box::new(Batch::new(id, model, *job, inputs, cancel)));
            }
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// Waits for work; `None` once the inbox is closed.
    pub fn take(&self) -> Option<Work> {
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
            if let Some(batch) = waiting.batches.pop_front() {
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
    use super::*;
    use crate::image::ImageSource;
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
        assert!(matches!(inbox.take(), Some(Work::Control(Control::Unload(ModelId(0))))));
    }

    #[test]
    fn models_come_before_explanations_and_a_closed_inbox_gives_nothing() {
        let inbox = Inbox::default();
        inbox.put(explain(1, "a"));
        let (source, device, options) = (ModelSource::Embedded, Device::Cpu, LoadOptions::default());
        inbox.put(Request::Load { id: ModelId(0), source, device, options });
        assert!(matches!(inbox.take(), Some(Work::Control(Control::Load { .. }))));
        assert!(matches!(inbox.take(), Some(Work::Explain(request, _)) if request.muted == Muted::default()));
        inbox.put(explain(1, "b"));
        inbox.close();
        assert!(inbox.take().is_none() && inbox.take_explain().is_none());
    }
}
