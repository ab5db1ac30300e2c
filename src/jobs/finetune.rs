//! The finetuning job: which photos, which run, and what it tells. Window and command line drive it alike, one
//! [`Training::advance`] at a time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use crate::demo::{self, DemoError, DemoPhoto, Set};
use crate::finetune::folders::{ClassOf, find};
use crate::finetune::run::{
    Beginning, GuardReport, ModelFacts, Origin, Share, Status, StepEvent, StepRecord, ValidationRecord,
};
use crate::finetune::{
    DataError, FinetuneConfig, Loader, MaskSource, Preflight, PreflightReport, Run, RunError, RunEvent, Sample, Split,
    split,
};
use crate::image::{self, ImageSource};
use crate::mask::Mask;
use crate::size::Size;
use crate::vit::classes::{ClassError, ClassNames};

use super::memory::resident_bytes;
use super::model::{LoadedModel, ModelSource, Profile};
use super::strip;
use super::truth::{ClassIndex, class_of_folder};

/// Where the photos come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Photos {
    /// A folder of class folders, and one of masks; see [`crate::finetune::folders`].
    Folders { images: PathBuf, masks: Option<PathBuf> },
    /// Chosen by the caller, with masks and classes: a project's.
    Chosen(Vec<Sample>),
    /// The embedded demo's: those on usual backgrounds to learn from, those on misleading ones, without their masks, to
    /// watch.
    Demo,
}

/// A new run.
#[derive(Clone, Debug, PartialEq)]
pub struct FinetuneJob {
    pub photos: Photos,
    pub config: FinetuneConfig,
    /// Whose mean and deviation the photos are normalised with.
    pub profile: Profile,
    /// The run's folder.
    pub out: PathBuf,
}

/// How a run starts.
#[derive(Clone, Debug, PartialEq)]
pub enum Start {
    /// From the weights as they are loaded.
    New(Box<FinetuneJob>),
    /// From its last checkpoint.
    Resume(PathBuf),
    /// From a checkpoint of another run, on the same photos.
    Branch { parent: PathBuf, step: usize, out: PathBuf, config: Box<FinetuneConfig> },
}

/// Why a run does not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum FinetuneError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Class(#[from] ClassError),
    #[error(transparent)]
    Demo(#[from] DemoError),
}

impl From<DataError> for FinetuneError {
    fn from(error: DataError) -> Self {
        Self::Run(error.into())
    }
}

/// Lists the photos and draws the sets; needs no engine, only names.
///
/// # Errors
/// If there are no usable photos, or the configuration names classes that the model does not have.
pub fn gather(job: &FinetuneJob, names: &ClassNames) -> Result<Split, FinetuneError> {
    job.config.validate().map_err(RunError::from)?;
    let index = ClassIndex::new(names);
    let class_of: &ClassOf<'_> = &|path: &Path| class_of_folder(path, |name| index.get(name));
    let samples = match &job.photos {
        Photos::Folders { images, masks } => find(images, masks.as_deref(), class_of)?.samples,
        Photos::Chosen(samples) => samples.clone(),
        Photos::Demo => demo_samples(names)?,
    };
    let only = job.config.classes.iter().map(|name| names.find(name)).collect::<Result<Vec<_>, _>>()?;
    Ok(split(samples, &only, &job.config)?)
}

/// The embedded photos with their exact masks.
fn demo_samples(names: &ClassNames) -> Result<Vec<Sample>, FinetuneError> {
    let sample = |photo: DemoPhoto| -> Result<Sample, FinetuneError> {
        let name = format!("{}.jpg", photo.stem());
        let mask = image::decode(photo.mask_png, Path::new(&name)).map_err(DataError::from)?.rgb;
        let size = Size::new(mask.height() as usize, mask.width() as usize);
        let mask = Mask::from_fn(size, |row, column| mask.get_pixel(column as u32, row as u32)[0] > 127);
        Ok(Sample {
            image: ImageSource::memory(&name, photo.jpeg),
            name,
            mask: (photo.set == Set::Correlated).then(|| MaskSource::Memory(Arc::new(mask))),
            class: names.find(&photo.class)?,
        })
    };
    demo::photos()?.into_iter().map(sample).collect()
}

/// Measures the terms of the loss on a selection at once; [`Training`] does it in pieces.
///
/// # Errors
/// As [`Preflight`]'s.
pub fn preflight(job: &FinetuneJob, split: &Split, model: &mut LoadedModel) -> Result<PreflightReport, RunError> {
    let preparation = model.preparation(job.profile);
    let loader = Loader::new(preparation.input, preparation.mean, preparation.std);
    let mut preflight = Preflight::new(split, &job.config, &loader)?;
    loop {
        if let Some(report) = preflight.advance(&mut *model.engine)? {
            return Ok(report);
        }
    }
}

/// What happens in a run, in order.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum News {
    /// The photos are checked and the folder is there.
    Began {
        folder: PathBuf,
        step: usize,
        total_steps: usize,
        train: usize,
        validation: usize,
        hold_out: usize,
    },
    Preflight(PreflightReport),
    Step(StepNews),
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
    /// The run paused by itself: [`RunCommand::GoOn`] ignores it, [`RunCommand::RollBack`] goes back.
    Guard(GuardReport),
    Paused {
        step: usize,
    },
    WentOn {
        step: usize,
    },
    /// The run is at this checkpoint again, and paused.
    RolledBack {
        step: usize,
    },
    Stopped {
        step: usize,
    },
    Done {
        step: usize,
        best_step: usize,
        accuracy: Share,
        original_accuracy: Share,
    },
    /// It cannot go on; what was written can be resumed.
    Failed {
        error: String,
    },
}

/// A step, and how the run goes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StepNews {
    #[serde(flatten)]
    pub record: StepRecord,
    pub total_steps: usize,
    pub pictures_per_second: f32,
    pub eta_seconds: f32,
    /// Of the whole program; `None` where the system does not tell.
    pub memory_bytes: Option<u64>,
}

/// What a run can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunCommand {
    Pause,
    /// After a pause or an alarm, which is ignored from then on.
    GoOn,
    /// The end; the folder can be resumed later.
    Stop,
    /// To the checkpoint of this step.
    RollBack(usize),
    /// To the checkpoint before the current step.
    Undo,
}

/// A run at work on a model.
pub struct Training {
    run: Run,
    preflight: Option<Preflight>,
    /// Photos whose maps are drawn with every checkpoint.
    pinned: Vec<ImageSource>,
    profile: Profile,
}

impl Training {
    /// Starts a run; `split`: what [`gather`] found for a new one, else empty.
    ///
    /// # Errors
    /// If it cannot start; see [`Run::begin`], [`Run::resume`] and [`Run::branch`].
    pub fn start(
        start: &Start,
        split: Split,
        pinned: Vec<ImageSource>,
        model: &mut LoadedModel,
    ) -> Result<(Self, News), RunError> {
        let (run, profile) = match start {
            Start::New(job) => (Self::begin(job, split, model)?, job.profile),
            Start::Resume(folder) => (Run::resume(folder, &mut *model.engine)?, Profile::Model),
            Start::Branch { parent, step, out, config } => {
                let config = (**config).clone();
                (Run::branch(parent, *step, out, config, &mut *model.engine)?, Profile::Model)
            }
        };
        let preflight = match start {
            Start::New(_) => {
                let manifest = run.manifest();
                let loader = Loader::new(model.engine.config().input, manifest.mean, manifest.std);
                Some(Preflight::new(run.split(), run.config(), &loader)?)
            }
            _ => None,
        };
        let began = News::Began {
            folder: run.folder().path().to_owned(),
            step: run.step(),
            total_steps: run.state().total_steps,
            train: run.split().train.len(),
            validation: run.split().validation.len(),
            hold_out: run.split().hold_out.len(),
        };
        Ok((Self { run, preflight, pinned, profile }, began))
    }

    fn begin(job: &FinetuneJob, split: Split, model: &mut LoadedModel) -> Result<Run, RunError> {
        let preparation = model.preparation(job.profile);
        let source = match &model.source {
            ModelSource::Embedded => None,
            ModelSource::Named(name) => Some(name.clone()),
        };
        let facts = ModelFacts {
            config: model.engine.config().clone(),
            class_names: (0..model.classes.len()).map(|class| model.classes.name(class).to_owned()).collect(),
            mean: preparation.mean,
            std: preparation.std,
        };
        let beginning = Beginning {
            folder: &job.out,
            config: job.config.clone(),
            split,
            model: Origin { name: model.name.clone(), source },
            facts,
        };
        Run::begin(beginning, &mut *model.engine)
    }

    pub fn run(&self) -> &Run {
        &self.run
    }

    /// What starts it again from its last checkpoint, and the photos it watches.
    pub fn into_start(self) -> (Start, Vec<ImageSource>) {
        (Start::Resume(self.run.folder().path().to_owned()), self.pinned)
    }

    /// Whether there is work to do.
    pub fn is_running(&self) -> bool {
        self.run.state().status == Status::Running
    }

    /// Whether it ended, well or not, and nobody waits for it to go on.
    pub fn is_over(&self) -> bool {
        matches!(self.run.state().status, Status::Finished | Status::Stopped)
    }

    /// The next piece of work: a batch of the pre-flight, a step, or a batch of validation.
    ///
    /// # Errors
    /// As [`Run::advance`]; the run can be resumed.
    pub fn advance(&mut self, model: &mut LoadedModel) -> Result<Vec<News>, RunError> {
        if let Some(preflight) = &mut self.preflight {
            let report = preflight.advance(&mut *model.engine)?;
            if report.is_some() {
                self.preflight = None;
            }
            return Ok(report.map(News::Preflight).into_iter().collect());
        }
        let events = self.run.advance(&mut *model.engine)?;
        for event in &events {
            if let RunEvent::Checkpoint { step, .. } = event {
                self.draw_strip(*step, model)?;
            }
        }
        Ok(events.into_iter().map(|event| self.news(event)).collect())
    }

    fn news(&self, event: RunEvent) -> News {
        match event {
            RunEvent::Step(StepEvent { record, total_steps, pictures_per_second, eta_seconds }) => {
                let memory_bytes = resident_bytes();
                News::Step(StepNews { record, total_steps, pictures_per_second, eta_seconds, memory_bytes })
            }
            RunEvent::Validating { done, total } => News::Validating { done, total },
            RunEvent::Validated(record) => News::Validated(record),
            RunEvent::Checkpoint { step, folder, is_best } => News::Checkpoint { step, folder, is_best },
            RunEvent::Guard(report) => News::Guard(report),
            RunEvent::Done { best_step } => {
                let best = self.run.best();
                News::Done {
                    step: self.run.step(),
                    best_step,
                    accuracy: best.map(|best| best.accuracy).unwrap_or_default(),
                    original_accuracy: best.map(|best| best.original_accuracy).unwrap_or_default(),
                }
            }
        }
    }

    fn draw_strip(&self, step: usize, model: &LoadedModel) -> Result<(), RunError> {
        if self.pinned.is_empty() {
            return Ok(());
        }
        let path = self.run.folder().strip(step);
        strip::write(&path, &self.pinned, model, self.profile).map_err(|source| RunError::Write { source, path })
    }

    /// Does what a person asks; what came of it.
    ///
    /// # Errors
    /// If there is no such checkpoint, or the folder cannot be read or written.
    pub fn command(&mut self, command: RunCommand, model: &mut LoadedModel) -> Result<News, RunError> {
        let engine = &mut *model.engine;
        match command {
            RunCommand::Pause => self.run.pause()?,
            RunCommand::GoOn => self.run.go_on()?,
            RunCommand::Stop => self.run.stop()?,
            RunCommand::RollBack(step) => self.run.roll_back(step, engine)?,
            RunCommand::Undo => {
                let step = self.run.undo_step().unwrap_or(0);
                self.run.roll_back(step, engine)?;
            }
        }
        let step = self.run.step();
        Ok(match command {
            RunCommand::Pause => News::Paused { step },
            RunCommand::GoOn => News::WentOn { step },
            RunCommand::Stop => News::Stopped { step },
            RunCommand::RollBack(_) | RunCommand::Undo => News::RolledBack { step },
        })
    }
}
