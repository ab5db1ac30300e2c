//! The loop of the engine thread.

use std::sync::Arc;
use std::time::Instant;

use crate::engine::Device;
use crate::jobs::model::{LoadedModel, ModelSource};
use crate::vit::weights::LoadOptions;

use super::blends::{Blend, Blends};
use super::caches::Caches;
use super::event::{Event, ModelInfo};
use super::guard::guarded;
use super::inbox::{Control, Inbox, Work};
use super::interactive::{Interactive, Models};
use super::outbox::Outbox;
use super::request::ModelId;
use super::runs::Runs;

/// Everything that lives on the engine thread.
pub struct Worker {
    models: Models,
    runs: Runs,
    blends: Blends,
    interactive: Interactive,
}

impl Worker {
    pub fn new(inbox: Arc<Inbox>, outbox: Arc<Outbox>) -> Self {
        let interactive = Interactive { inbox, outbox, caches: Caches::new() };
        Self { models: Models::new(), runs: Runs::default(), blends: Blends::default(), interactive }
    }

    /// Works until the inbox is closed.
    pub fn run(mut self) {
        while let Some(work) = self.interactive.inbox.take(self.runs.is_waiting()) {
            match work {
                Work::Control(control) => self.control(control),
                Work::Explain(request, cancel) => self.interactive.serve(&self.models, &request, &cancel),
                Work::Step => self.runs.advance(&mut self.models, &mut self.interactive),
                Work::Mask(request) => self.interactive.serve_mask(&self.models, *request),
                Work::Batch(batch) => {
                    if let Some(batch) = batch.advance(&self.models, &mut self.interactive) {
                        self.interactive.inbox.put_back(batch);
                    }
                }
            }
            self.leave_lost_devices();
        }
    }

    /// Models whose device is gone go on on the CPU.
    fn leave_lost_devices(&mut self) {
        let lost: Vec<ModelId> =
            self.models.iter().filter(|(_, model)| model.engine.is_lost()).map(|(&id, _)| id).collect();
        for id in lost {
            self.leave_lost_device(id);
        }
    }

    /// Loads a model anew: what it had learned in memory is gone with the device, but a run of it goes on from its last
    /// checkpoint.
    fn leave_lost_device(&mut self, id: ModelId) {
        let Self { models, runs, blends, interactive } = self;
        let Some(model) = models.remove(&id) else { return };
        let (source, options, from) = (model.source.clone(), model.options.clone(), model.engine.device().device);
        drop(model);
        blends.forget();
        interactive.caches.weights_changed(id);
        let opened = guarded(|| LoadedModel::open(&source, Device::Cpu, &options));
        match opened.and_then(|opened| opened.map_err(|error| error.to_string())) {
            Ok(model) => {
                let info = Arc::new(ModelInfo::of(&model, source));
                models.insert(id, model);
                interactive.outbox.send(Event::ModelMoved { id, info, from });
                runs.resume_interrupted(id, models, interactive);
            }
            Err(error) => {
                runs.unload(id);
                interactive.outbox.send(Event::ModelFailed { id, error });
            }
        }
    }

    fn control(&mut self, control: Control) {
        let Self { models, runs, interactive, .. } = self;
        match control {
            Control::Load { id, source, device, options } => self.load(id, source, device, &options),
            Control::Unload(id) => {
                runs.unload(id);
                models.remove(&id);
                interactive.caches.unload(id);
            }
            Control::Gather { id, model, start, pinned } => runs.gather(id, model, *start, pinned, models, interactive),
            Control::Begin(gathered) => runs.begin(*gathered, models, interactive),
            Control::Run { id, command } => {
                // A run that goes back will write other weights to places that are known.
                self.blends.forget();
                runs.command(id, command, models, interactive);
            }
            Control::Blend { model, blend } => self.blend(model, blend),
        }
    }

    fn blend(&mut self, model: ModelId, blend: Blend) {
        let outcome = match self.models.get_mut(&model) {
            None => Err("the model is not loaded; choose a model".to_owned()),
            Some(_) if self.runs.trains(model) => {
                Err("a run trains this model; stop the run, or load the model a second time".to_owned())
            }
            Some(loaded) => guarded(|| self.blends.apply(&blend, loaded)).and_then(|applied| applied),
        };
        self.interactive.outbox.send(match outcome {
            Ok(()) => {
                self.interactive.caches.weights_changed(model);
                Event::Blended { model, blend }
            }
            Err(error) => Event::BlendFailed { model, error },
        });
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
