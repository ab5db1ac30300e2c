//! The one thread that owns the models and computes: the latest request wins, what was computed is kept.
//!
//! The window sends [`Request`]s and drains [`Event`]s; neither waits for the other. Of each view only the newest
//! request is served. One pass through the model is recorded ([`crate::relevance::Recording`]), so that another method
//! of the attention family, another patch, a muted head or a picture seen before is answered without the model.

mod background;
mod batch;
mod blends;
mod caches;
mod compare;
mod event;
mod guard;
mod inbox;
mod interactive;
mod masks;
mod occlusion;
mod outbox;
mod page;
mod request;
mod runs;
mod worker;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use blends::Blend;
pub use compare::{CompareEnd, CompareRequest};
pub use event::{BatchEnd, DecodedPhoto, Event, ModelInfo, ProfileInfo, ViewResult};
pub use masks::{MaskAnswer, MaskBatchEnd, MaskBatchRequest, MaskCounts, MaskQuestion, MaskRequest};
pub use occlusion::{Fill, Occlusion, Stroke};
pub use request::{BatchId, ExplainRequest, ModelId, Request, RunId, ViewId};

use inbox::Inbox;
use outbox::Outbox;
use worker::Worker;

/// How long a window that closes waits for the thread: too short to be felt.
const PATIENCE: Duration = Duration::from_millis(200);

/// A handle to the thread; dropping it ends the thread after the current pass through the model, which is only waited
/// for if it is short. Files are written whole or not at all, so the program may end amid a long one.
pub struct EngineThread {
    inbox: Arc<Inbox>,
    outbox: Arc<Outbox>,
    thread: Option<JoinHandle<()>>,
}

impl EngineThread {
    /// `wake` is called on the engine thread after every event; it should only ask for a repaint.
    ///
    /// # Errors
    /// If the system starts no more threads.
    pub fn spawn(wake: impl Fn() + Send + Sync + 'static) -> std::io::Result<Self> {
        let (inbox, outbox) = (Arc::new(Inbox::default()), Arc::new(Outbox::new(wake)));
        let worker = Worker::new(inbox.clone(), outbox.clone());
        let thread = std::thread::Builder::new().name("engine".to_owned()).spawn(|| worker.run())?;
        Ok(Self { inbox, outbox, thread: Some(thread) })
    }

    /// Returns at once.
    pub fn send(&self, request: Request) {
        self.inbox.put(request);
    }

    /// Everything that happened since the last call, in order.
    pub fn drain(&self) -> Vec<Event> {
        self.outbox.drain()
    }
}

impl Drop for EngineThread {
    fn drop(&mut self) {
        self.inbox.close();
        let Some(thread) = self.thread.take() else { return };
        let deadline = Instant::now() + PATIENCE;
        while !thread.is_finished() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        if thread.is_finished() {
            // Its panics were caught and reported where they happened.
            drop(thread.join());
        }
    }
}
