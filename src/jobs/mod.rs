//! Jobs: configuration in, a stream of events out. Terminal and window read the same.

pub mod compare;
pub mod convert;
pub mod demo;
pub mod devices;
pub mod download;
pub mod engine_thread;
pub mod evaluate;
pub mod explain;
pub mod finetune;
pub mod inputs;
pub mod labels;
pub mod listing;
pub mod lru;
pub mod mask;
pub mod memory;
pub mod model;
pub mod strip;
pub mod table;
pub mod tensors;
pub mod thumbnails;
pub mod truth;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Called after each event, from the job's thread, so that a window that sleeps looks at its receivers.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// A wish to stop, shared between whoever wishes and the job.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
