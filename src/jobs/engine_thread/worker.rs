//! The loop of the engine thread.

use std::sync::Arc;
use std::time::Instant;

use crate::engine::Device;
use crate::jobs::model::{LoadedModel, ModelSource};
use crate::vit::weights::LoadOptions;

use super::caches::Caches;
use super::event::{Event, ModelInfo};
use super::guard::guarded;
use super::inbox::{Control, Inbox, Work};
use super::interactive::{Interactive, Models};
use super::outbox::Outbox;
use super::request::ModelId;

/// Everything that lives on the engine thread.
pub struct Worker {
    models: Models,
    interactive: Interactive,
}

impl Worker {
    pub fn new(inbox: Arc<Inbox>, outbox: Arc<Outbox>) -> Self {
        Self { models: Models::new(), interactive: Interactive { inbox, outbox, caches: Caches::new() } }
    }

    /// Works until the inbox is closed.
    pub fn run(mut self) {
        while let Some(work) = self.interactive.inbox.take() {
            match work {
                Work::Control(Control::Load { id, source, device, options }) => {
                    self.load(id, source, device, &options);
                }
                Work::Control(Control::Unload(id)) => {
                    self.models.remove(&id);
                    self.interactive.caches.unload(id);
                }
                Work::Explain(request, cancel) => self.interactive.serve(&self.models, &request, &cancel),
                Work::Mask(request) => self.interactive.serve_mask(&self.models, *request),
                Work::Batch(batch) => {
                    if let Some(batch) = batch.advance(&self.models, &mut self.interactive) {
                        self.interactive.inbox.put_back(batch);
                    }
                }
            }
        }
    }

    fn load(&mut self, id: ModelId, source: ModelSource, device: Device, options: &LoadOptions) {
        let start = Instant::now();
        let opened = guarded(|| LoadedModel::open(&source, device, options));
        let event = match opened.and_then(|opened| opened.map_err(|error| error.to_string())) {
            Ok(model) => {
                let info = Arc::new(ModelInfo::of(&model, source));
                self.models.insert(id, model);
                Event::ModelLoaded { id, info, seconds: start.elapsed().as_secs_f64() }
            }
            Err(error) => Event::ModelFailed { id, error },
        };
        self.interactive.outbox.send(event);
    }
}
