//! A window's side of the engine thread, for tests: it can hold the thread up at any event.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use vitrine::demo;
use vitrine::engine::Device;
use vitrine::image::ImageSource;
use vitrine::jobs::engine_thread::{
    EngineThread, Event, ExplainRequest, ModelId, ModelInfo, Request, ViewId, ViewResult,
};
use vitrine::jobs::model::ModelSource;
use vitrine::vit::weights::LoadOptions;

pub const MODEL: ModelId = ModelId(7);
pub const VIEW: ViewId = ViewId(1);

/// Far beyond anything a test waits for; only a thread that hangs takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Window {
    pub thread: EngineThread,
    woken: Receiver<()>,
    gate: Arc<Gate>,
    pending: VecDeque<Event>,
}

/// Where the thread stops in `wake`, if told so.
struct Gate {
    holds_next: AtomicBool,
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Window {
    pub fn open() -> Self {
        let (sender, woken) = channel();
        let gate =
            Arc::new(Gate { holds_next: AtomicBool::new(false), is_open: Mutex::new(true), opened: Condvar::new() });
        let at_gate = gate.clone();
        let thread = EngineThread::spawn(move || {
            // Before the test hears of the event: what it then asks for is about the next one.
            let holds = at_gate.holds_next.swap(false, Ordering::SeqCst);
            // The test may be gone already.
            sender.send(()).ok();
            if holds {
                at_gate.wait();
            }
        });
        Self { thread: thread.unwrap(), woken, gate, pending: VecDeque::new() }
    }

    /// With the demo model loaded.
    pub fn with_demo() -> (Self, Arc<ModelInfo>) {
        let mut window = Self::open();
        let info = window.load(ModelSource::Embedded, LoadOptions::default()).unwrap();
        (window, info)
    }

    pub fn load(&mut self, source: ModelSource, options: LoadOptions) -> Result<Arc<ModelInfo>, String> {
        self.thread.send(Request::Load { id: MODEL, source, device: Device::Cpu, options });
        self.until(|event| match event {
            Event::ModelLoaded { id: MODEL, info, .. } => Some(Ok(info.clone())),
            Event::ModelFailed { id: MODEL, error } => Some(Err(error.clone())),
            _ => None,
        })
    }

    /// Holds the thread up when it tells the next event.
    pub fn hold_at_next_event(&self) {
        *self.gate.is_open.lock().unwrap() = false;
        self.gate.holds_next.store(true, Ordering::SeqCst);
    }

    pub fn release(&self) {
        *self.gate.is_open.lock().unwrap() = true;
        self.gate.opened.notify_all();
    }

    pub fn explain(&self, request: &ExplainRequest) {
        self.thread.send(Request::Explain(Box::new(request.clone())));
    }

    /// The answer to this very request; a failure is one too.
    pub fn answer(&mut self, request: &ExplainRequest) -> Result<Arc<ViewResult>, String> {
        self.explain(request);
        self.until(|event| match event {
            Event::Explained { result, .. } if result.request == *request => Some(Ok(result.clone())),
            Event::Failed { view, error, .. } if *view == request.view => Some(Err(error.clone())),
            _ => None,
        })
    }

    pub fn next(&mut self) -> Event {
        while self.pending.is_empty() {
            assert!(self.woken.recv_timeout(PATIENCE).is_ok(), "the engine thread says nothing");
            self.pending.extend(self.thread.drain());
        }
        self.pending.pop_front().unwrap()
    }

    /// Passes over events until one is of interest.
    pub fn until<T>(&mut self, mut interest: impl FnMut(&Event) -> Option<T>) -> T {
        loop {
            if let Some(found) = interest(&self.next()) {
                return found;
            }
        }
    }
}

impl Drop for Window {
    /// A failed test must not wait for a thread that it holds up itself.
    fn drop(&mut self) {
        self.release();
    }
}

impl Gate {
    fn wait(&self) {
        let is_open = self.is_open.lock().unwrap();
        drop(self.opened.wait_while(is_open, |is_open| !*is_open).unwrap());
    }
}

/// A photo of the demo, as the window shows it.
pub fn demo_image(index: usize) -> ImageSource {
    let photo = demo::photos().unwrap().swap_remove(index);
    ImageSource::memory(format!("{}.jpg", photo.stem()), photo.jpeg)
}

/// The demo photo in the only view.
pub fn request(index: usize) -> ExplainRequest {
    ExplainRequest::new(VIEW, MODEL, demo_image(index))
}
