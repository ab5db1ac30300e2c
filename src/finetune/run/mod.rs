//! A finetuning run: an advance at a time, everything on the disk, so that it can stop anywhere and go on.
//!
//! One [`Run::advance`] is one step of the optimiser or one batch of validation; whoever drives the run does other
//! things between two of them. The order of the photos, their crops and flips follow from seed, epoch and index alone,
//! so a run that goes on from a checkpoint, even after it was killed, computes the numbers it would have computed.

mod begin;
mod checkpoint;
mod error;
mod files;
mod folder;
mod guard;
mod manifest;
mod record;
mod state;
mod validation;

use std::path::PathBuf;
use std::time::Instant;

use crate::vit::Engine;

use super::learn::learn;
use super::loader::{Draw, Loader, donor, order};
use super::split::Split;
use super::{FinetuneConfig, StepStats, TrainBatch};

pub use begin::{Beginning, Origin};
pub use checkpoint::{
    Checkpoint, ModelFacts, State as CheckpointState, model_config, model_file, read_tensors, write_tensors,
};
pub use error::RunError;
pub use folder::{RunFolder, RunView, read_checkpoints, write_notes};
pub use guard::{Alarm, GuardReport};
pub use manifest::{Manifest, ModelRecord, Parent, SampleRecord};
pub use record::{Losses, Record, Share, StepRecord, ValidationRecord};
pub use state::{RunState, Status};

use validation::Validation;

/// Steps over which the speed is averaged.
const SPEED_STEPS: usize = 8;

/// A run and the model it trains; the engine is lent to every call.
pub struct Run {
    folder: RunFolder,
    manifest: Manifest,
    split: Split,
    loader: Loader,
    facts: ModelFacts,
    state: RunState,
    records: Vec<Record>,
    /// Steps done; at least those of the last checkpoint.
    step: usize,
    work: Work,
}

/// What the next advance does.
enum Work {
    Validate(Box<Validation>),
    Train,
    Nothing,
}

/// What an advance did.
#[derive(Clone, Debug, PartialEq)]
pub enum RunEvent {
    Step(StepEvent),
    /// Photos judged so far.
    Validating {
        done: usize,
        total: usize,
    },
    Validated(ValidationRecord),
    Checkpoint {
        step: usize,
        folder: PathBuf,
        is_best: bool,
    },
    /// The run paused by itself.
    Guard(GuardReport),
    /// Nothing is left to do.
    Done {
        best_step: usize,
    },
}

/// A step and how the run goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepEvent {
    pub record: StepRecord,
    pub total_steps: usize,
    /// Of the last few steps.
    pub pictures_per_second: f32,
    /// Until the last step, validations left aside.
    pub eta_seconds: f32,
}

impl Run {
    /// What the folder says about the run.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub fn config(&self) -> &FinetuneConfig {
        &self.manifest.config
    }

    pub fn state(&self) -> &RunState {
        &self.state
    }

    /// Everything noted so far.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The photos of the run.
    pub fn split(&self) -> &Split {
        &self.split
    }

    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// Steps done.
    pub fn step(&self) -> usize {
        self.step
    }

    /// The validation of the best checkpoint; none before the first.
    pub fn best(&self) -> Option<ValidationRecord> {
        self.records.iter().find_map(|record| match record {
            Record::Validation(record) if record.step == self.state.best_step => Some(*record),
            _ => None,
        })
    }

    /// Does the next piece of work; nothing once the run is paused, alarmed or over.
    ///
    /// # Errors
    /// If a photo or the run folder cannot be read or written, or the device fails; the run can go on from its last
    /// checkpoint.
    pub fn advance(&mut self, engine: &mut dyn Engine) -> Result<Vec<RunEvent>, RunError> {
        if self.state.status != Status::Running {
            return Ok(Vec::new());
        }
        match std::mem::replace(&mut self.work, Work::Nothing) {
            Work::Train => self.train(engine),
            Work::Validate(validation) => self.validate(engine, validation),
            Work::Nothing => self.finish(),
        }
    }

    fn train(&mut self, engine: &mut dyn Engine) -> Result<Vec<RunEvent>, RunError> {
        // A step that fails is tried again by the next advance.
        self.work = Work::Train;
        let start = Instant::now();
        let pictures = self.split.train.len();
        let per_epoch = self.config().steps_per_epoch(pictures);
        let epoch = self.step / per_epoch;
        let batches = self.batches(epoch, self.step % per_epoch)?;
        let lr = self.config().lr_at(epoch);
        let pictures_of_step = batches.iter().map(|batch| batch.labels.len()).sum();
        let stats = learn(engine, &batches, self.config(), lr)?;
        self.step += 1;
        let record = StepRecord {
            step: self.step,
            epoch,
            lr,
            losses: losses_of(&stats),
            gradient_norm: stats.gradient_norm as f32,
            flat: stats.flat_maps.len(),
            pictures: pictures_of_step,
            seconds: start.elapsed().as_secs_f32(),
        };
        self.note(Record::Step(record))?;
        let mut events = vec![RunEvent::Step(self.step_event(record))];
        if let Some((alarm, message)) = guard::after_step(&record) {
            events.extend(self.alarm(alarm, message)?);
            // The numbers after this step are of no use to anyone; guards or not, it cannot go on from here.
            return Ok(events);
        }
        let is_last = self.step >= self.state.total_steps;
        let epoch_ends = self.step.is_multiple_of(per_epoch);
        if is_last || epoch_ends && (epoch + 1).is_multiple_of(self.config().checkpoint_epochs) {
            self.work = Work::Validate(Box::new(Validation::new(&self.split)));
        }
        Ok(events)
    }

    /// The batches of one step; `index` counts the steps of the epoch.
    fn batches(&self, epoch: usize, index: usize) -> Result<Vec<TrainBatch>, RunError> {
        let config = self.config();
        let order = order(config.seed, epoch, self.split.train.len());
        let per_step = config.batch_size * config.accumulation;
        let of_step = order.chunks(per_step).nth(index).unwrap_or_default();
        let load = |&photo: &usize| {
            let sample = &self.split.train[photo];
            let draw = Draw { seed: config.seed, epoch, index: photo };
            let donor = donor(&self.split.train, draw, config.swap_backgrounds);
            match config.augment {
                true => self.loader.training(sample, donor, draw),
                false => self.loader.centred(sample, donor),
            }
        };
        let collect = |batch: &[usize]| -> Result<TrainBatch, RunError> {
            Ok(TrainBatch::collect(batch.iter().map(load).collect::<Result<_, _>>()?, self.loader.input()))
        };
        of_step.chunks(config.batch_size).map(collect).collect()
    }

    fn step_event(&self, record: StepRecord) -> StepEvent {
        let recent = self.records.iter().rev().filter_map(|record| match record {
            Record::Step(record) => Some((record.pictures as f32, record.seconds)),
            Record::Validation(_) => None,
        });
        let (count, pictures, seconds) = recent
            .take(SPEED_STEPS)
            .fold((0.0_f32, 0.0_f32, 0.0_f32), |(n, pictures, seconds), (p, s)| (n + 1.0, pictures + p, seconds + s));
        let left = self.state.total_steps.saturating_sub(self.step) as f32;
        StepEvent {
            record,
            total_steps: self.state.total_steps,
            pictures_per_second: pictures / seconds.max(1e-6),
            eta_seconds: left * seconds / count.max(1.0),
        }
    }

    fn validate(
        &mut self,
        engine: &mut dyn Engine,
        mut validation: Box<Validation>,
    ) -> Result<Vec<RunEvent>, RunError> {
        if let Some((done, total)) = validation.advance(engine, &self.split, &self.loader, self.config())? {
            self.work = Work::Validate(validation);
            return Ok(vec![RunEvent::Validating { done, total }]);
        }
        let epoch = self.step / self.config().steps_per_epoch(self.split.train.len());
        let mut record = validation.finish(self.step, epoch, self.config());
        let original = *self.state.original.get_or_insert(record);
        record.original_accuracy = original.accuracy;
        record.original_hold_out = original.hold_out;
        self.note(Record::Validation(record))?;
        let mut events = vec![RunEvent::Validated(record), self.save(engine, record)?];
        self.work = if self.step >= self.state.total_steps { Work::Nothing } else { Work::Train };
        if let Some((alarm, message)) = guard::after_validation(&record, &original, self.config()) {
            events.extend(self.alarm(alarm, message)?);
        }
        Ok(events)
    }

    /// Writes a checkpoint, then what refers to it.
    fn save(&mut self, engine: &mut dyn Engine, validation: ValidationRecord) -> Result<RunEvent, RunError> {
        let optimiser = engine.optimiser()?;
        let facts = Checkpoint { step: self.step, optimiser_steps: optimiser.steps, validation };
        let folder = self.folder.checkpoint(self.step);
        CheckpointState { facts, weights: engine.weights()?, optimiser }.write(&folder, &self.facts)?;
        let is_first = self.records.iter().filter(|record| matches!(record, Record::Validation(_))).count() == 1;
        // Without validation photos nothing tells the checkpoints apart, and the last has learned most.
        let is_best = is_first || self.split.validation.is_empty() || validation.losses.total < self.state.best_loss;
        if is_best {
            (self.state.best_step, self.state.best_loss) = (self.step, validation.losses.total);
        }
        self.state.step = self.step;
        self.folder.write_tables(&self.records)?;
        self.folder.write_json("state.json", &self.state)?;
        self.prune()?;
        Ok(RunEvent::Checkpoint { step: self.step, folder, is_best })
    }

    /// Removes checkpoints that nobody asked to keep.
    fn prune(&self) -> Result<(), RunError> {
        let keep = self.config().keep_checkpoints;
        if keep == 0 {
            return Ok(());
        }
        let is_spare = |step: usize| ![0, self.state.best_step, self.step].contains(&step);
        let checkpoints = read_checkpoints(self.folder.path())?;
        let spare: Vec<PathBuf> =
            checkpoints.into_iter().filter(|(at, _)| is_spare(at.step)).map(|(_, path)| path).collect();
        for path in spare.iter().rev().skip(keep) {
            std::fs::remove_dir_all(path).map_err(|source| RunError::Write { source, path: path.clone() })?;
        }
        Ok(())
    }

    fn note(&mut self, record: Record) -> Result<(), RunError> {
        self.folder.append(&record)?;
        self.records.push(record);
        Ok(())
    }

    /// Pauses the run, unless the alarm is to be ignored.
    fn alarm(&mut self, alarm: Alarm, message: String) -> Result<Option<RunEvent>, RunError> {
        let is_fatal = alarm == Alarm::NotANumber;
        if !is_fatal && (!self.config().guards || self.state.ignored.contains(&alarm)) {
            return Ok(None);
        }
        let report = GuardReport { alarm, step: self.step, message, roll_back_to: self.state.best_step };
        self.set_status(Status::Alarmed(report.clone()))?;
        Ok(Some(RunEvent::Guard(report)))
    }

    fn finish(&mut self) -> Result<Vec<RunEvent>, RunError> {
        self.set_status(Status::Finished)?;
        Ok(vec![RunEvent::Done { best_step: self.state.best_step }])
    }

    fn set_status(&mut self, status: Status) -> Result<(), RunError> {
        self.state.status = status;
        self.folder.write_json("state.json", &self.state)
    }

    /// Lets the run rest. Steps since the last checkpoint are computed again after a restart of the program, not
    /// after [`Self::go_on`].
    ///
    /// # Errors
    /// If the state cannot be written.
    pub fn pause(&mut self) -> Result<(), RunError> {
        if self.state.status == Status::Running { self.set_status(Status::Paused) } else { Ok(()) }
    }

    /// Goes on after a pause or an alarm; the same alarm pauses no more, except that of a loss that is no number:
    /// there only [`Self::roll_back`] helps.
    ///
    /// # Errors
    /// If the state cannot be written.
    pub fn go_on(&mut self) -> Result<(), RunError> {
        match &self.state.status {
            Status::Alarmed(report) if report.alarm == Alarm::NotANumber => return Ok(()),
            Status::Alarmed(report) => self.state.ignored.push(report.alarm),
            Status::Paused | Status::Stopped => {}
            Status::Running | Status::Finished => return Ok(()),
        }
        self.set_status(Status::Running)
    }

    /// Ends the run before its last step; it can be gone on with later.
    ///
    /// # Errors
    /// If the state cannot be written.
    pub fn stop(&mut self) -> Result<(), RunError> {
        if self.state.status == Status::Finished { Ok(()) } else { self.set_status(Status::Stopped) }
    }

    /// Takes the run back to a checkpoint: its weights, its optimiser, its numbers. Later checkpoints move to
    /// `undone/`. The run is paused then.
    ///
    /// # Errors
    /// If there is no such checkpoint, or it cannot be read.
    pub fn roll_back(&mut self, step: usize, engine: &mut dyn Engine) -> Result<(), RunError> {
        let checkpoints = read_checkpoints(self.folder.path())?;
        self.restore(step, engine)?;
        let later: Vec<usize> = checkpoints.iter().map(|(at, _)| at.step).filter(|at| *at > step).collect();
        let kept = checkpoints.iter().map(|(at, _)| at).filter(|at| at.step <= step);
        let best = kept.min_by(|a, b| a.validation.losses.total.total_cmp(&b.validation.losses.total));
        (self.state.best_step, self.state.best_loss) =
            best.map_or((step, f32::MAX), |best| (best.step, best.validation.losses.total));
        self.state.step = step;
        self.set_status(Status::Paused)?;
        for step in later {
            self.folder.undo_checkpoint(step)?;
        }
        Ok(())
    }

    /// The checkpoint before the last one: what an «undo» goes back to.
    pub fn undo_step(&self) -> Option<usize> {
        let checkpoints = read_checkpoints(self.folder.path()).ok()?;
        checkpoints.iter().map(|(checkpoint, _)| checkpoint.step).filter(|step| *step < self.step).max()
    }

    /// Weights, optimiser and records as they were at a checkpoint.
    fn restore(&mut self, step: usize, engine: &mut dyn Engine) -> Result<(), RunError> {
        let checkpoints = read_checkpoints(self.folder.path())?;
        if !checkpoints.iter().any(|(checkpoint, _)| checkpoint.step == step) {
            let steps = checkpoints.iter().map(|(checkpoint, _)| checkpoint.step).collect();
            return Err(RunError::NoCheckpoint { step, steps, folder: self.folder.path().to_owned() });
        }
        let state = CheckpointState::read(&self.folder.checkpoint(step))?;
        engine.set_weights(state.weights)?;
        engine.set_optimiser(state.optimiser)?;
        self.records.retain(|record| record.step() <= step);
        self.folder.write_records(&self.records)?;
        self.step = step;
        self.work = if step >= self.state.total_steps { Work::Nothing } else { Work::Train };
        Ok(())
    }
}

fn losses_of(stats: &StepStats) -> Losses {
    let [total, background, foreground, classification] =
        [stats.total, stats.background, stats.foreground, stats.classification].map(|loss| loss as f32);
    Losses { total, background, foreground, classification }
}
