//! Finetuning on the engine thread: between two steps it serves views, with the weights as they are then.

use std::collections::BTreeMap;

use crate::finetune::{RunError, Split};
use crate::image::ImageSource;
use crate::jobs::finetune::{FinetuneError, News, RunCommand, Start, Training, gather};

use super::event::Event;
use super::guard::guarded;
use super::inbox::Control;
use super::interactive::{Interactive, Models};
use super::request::{ModelId, RunId};

/// A run that was asked for, while its photos are listed and checked.
#[derive(Debug)]
pub struct Gathered {
    pub id: RunId,
    pub model: ModelId,
    pub start: Start,
    pub pinned: Vec<ImageSource>,
    pub split: Result<Split, FinetuneError>,
}

/// The runs at work, and the models that they train.
#[derive(Default)]
pub struct Runs {
    at_work: BTreeMap<RunId, (ModelId, Training)>,
    /// The last that was advanced: they take turns.
    last: Option<RunId>,
    /// Runs whose device is gone, with where they left off.
    interrupted: Vec<Interrupted>,
}

struct Interrupted {
    id: RunId,
    model: ModelId,
    start: Start,
    pinned: Vec<ImageSource>,
}

impl Runs {
    /// Whether there is a step to take.
    pub fn is_waiting(&self) -> bool {
        self.at_work.values().any(|(_, training)| training.is_running())
    }

    /// Whether a run trains this model, or may go on with it.
    pub fn trains(&self, model: ModelId) -> bool {
        self.at_work.values().any(|(of, training)| *of == model && !training.is_over())
    }

    /// Lists photos on a thread of its own: folders may be large, and views must not wait.
    pub fn gather(
        &self,
        id: RunId,
        model: ModelId,
        start: Start,
        pinned: Vec<ImageSource>,
        models: &Models,
        interactive: &Interactive,
    ) {
        let refuse = |error: &str| interactive.outbox.send(failed(id, error));
        let Some(loaded) = models.get(&model) else {
            return refuse("the model to finetune is not loaded; choose a model");
        };
        if self.trains(model) {
            return refuse("another run trains this model; stop it, or load the model a second time");
        }
        let (names, inbox) = (loaded.classes.clone(), interactive.inbox.clone());
        let work = move || {
            let split = match &start {
                Start::New(job) => gather(job, &names),
                Start::Resume(_) | Start::Branch { .. } => Ok(Split::default()),
            };
            inbox.put_control(Control::Begin(Box::new(Gathered { id, model, start, pinned, split })));
        };
        if std::thread::Builder::new().name("gather".to_owned()).spawn(work).is_err() {
            refuse("the system starts no more threads; close other programs");
        }
    }

    /// Starts a run whose photos are listed.
    pub fn begin(&mut self, gathered: Gathered, models: &mut Models, interactive: &mut Interactive) {
        let Gathered { id, model, start, pinned, split } = gathered;
        let outcome = split.map_err(|error| error.to_string()).and_then(|split| {
            let loaded = models.get_mut(&model).ok_or("the model to finetune was closed; choose a model")?;
            let started = guarded(|| Training::start(&start, split, pinned, loaded))?;
            started.map_err(|error| error.to_string())
        });
        match outcome {
            Ok((training, began)) => {
                // What ended on this model has no say any more.
                self.at_work.retain(|_, (of, _)| *of != model);
                self.at_work.insert(id, (model, training));
                interactive.caches.weights_changed(model);
                interactive.outbox.send(Event::Run { id, news: Box::new(began) });
            }
            Err(error) => interactive.outbox.send(failed(id, &error)),
        }
    }

    /// One piece of work of the run whose turn it is, then the views that wait.
    pub fn advance(&mut self, models: &mut Models, interactive: &mut Interactive) {
        let waiting: Vec<RunId> =
            self.at_work.iter().filter(|(_, (_, training))| training.is_running()).map(|(&id, _)| id).collect();
        let next = waiting.iter().find(|id| Some(**id) > self.last).or(waiting.first());
        let Some(&id) = next else { return };
        self.last = Some(id);
        self.work_on(id, models, interactive, |training, model| training.advance(model));
        interactive.serve_waiting(models);
    }

    /// Does what a person asks of a run.
    pub fn command(&mut self, id: RunId, command: RunCommand, models: &mut Models, interactive: &mut Interactive) {
        if !self.at_work.contains_key(&id) {
            return interactive.outbox.send(failed(id, "this run is not open; resume it from its folder"));
        }
        self.work_on(id, models, interactive, |training, model| Ok(vec![training.command(command, model)?]));
    }

    fn work_on(
        &mut self,
        id: RunId,
        models: &mut Models,
        interactive: &mut Interactive,
        work: impl FnOnce(&mut Training, &mut crate::jobs::model::LoadedModel) -> Result<Vec<News>, RunError>,
    ) {
        let Some((model, training)) = self.at_work.get_mut(&id) else { return };
        let model = *model;
        let outcome = match models.get_mut(&model) {
            Some(loaded) => guarded(|| work(training, loaded)).and_then(|done| done.map_err(|error| error.to_string())),
            None => Err("the model of this run was closed; resume the run from its folder".to_owned()),
        };
        match outcome {
            Ok(news) => {
                if news.iter().any(changes_weights) {
                    interactive.caches.weights_changed(model);
                }
                for news in news {
                    interactive.outbox.send(Event::Run { id, news: Box::new(news) });
                }
            }
            Err(error) => {
                // Its files are whole up to the last checkpoint; what is in memory may not be.
                let is_lost = models.get(&model).is_some_and(|model| model.engine.is_lost());
                match self.at_work.remove(&id) {
                    Some((model, training)) if is_lost => self.interrupt(id, model, training),
                    _ => interactive.outbox.send(failed(id, &error)),
                }
            }
        }
    }

    /// Runs of a model that has moved to another device go on from their last checkpoints.
    pub fn resume_interrupted(&mut self, moved: ModelId, models: &Models, interactive: &Interactive) {
        // No step failed where the device went between two.
        let unaware: Vec<_> = self.at_work.extract_if(.., |_, (model, _)| *model == moved).collect();
        for (id, (model, training)) in unaware {
            if training.is_running() {
                self.interrupt(id, model, training);
            } else if !training.is_over() {
                // It would go on with weights that are not its own.
                interactive.outbox.send(failed(id, "its device was lost while it paused; resume it from its folder"));
            }
        }
        let of_model: Vec<Interrupted> = self.interrupted.extract_if(.., |run| run.model == moved).collect();
        for Interrupted { id, model, start, pinned } in of_model {
            self.gather(id, model, start, pinned, models, interactive);
        }
    }

    /// Lets go of the run's folder, until the model is there again.
    fn interrupt(&mut self, id: RunId, model: ModelId, training: Training) {
        let (start, pinned) = training.into_start();
        self.interrupted.push(Interrupted { id, model, start, pinned });
    }

    /// A model goes: its runs end where they are.
    pub fn unload(&mut self, model: ModelId) {
        self.interrupted.retain(|run| run.model != model);
        self.at_work.retain(|_, (of, _)| *of != model);
    }
}

fn changes_weights(news: &News) -> bool {
    matches!(news, News::Step(_) | News::RolledBack { .. })
}

fn failed(id: RunId, error: &str) -> Event {
    Event::Run { id, news: Box::new(News::Failed { error: error.to_owned() }) }
}
