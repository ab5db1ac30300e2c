//! The run that is open: what it told, and what follows from that.

use std::path::{Path, PathBuf};

use crate::finetune::PreflightReport;
use crate::finetune::run::GuardReport;
use crate::jobs::engine_thread::{ModelId, RunId};
use crate::jobs::finetune::{News, RunCommand, Start};

use super::super::models::Ready;
use super::look::Shows;
use super::progress::Progress;

/// What a run does now.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// The copy of the model that is to learn is on its way.
    Loading,
    /// Photos and masks are listed and checked.
    Gathering,
    /// The terms of the loss are measured before the first step.
    Checking,
    Running,
    Validating {
        done: usize,
        total: usize,
    },
    Paused,
    /// Paused by itself.
    Alarmed(GuardReport),
    Stopped,
    Done {
        best_step: usize,
    },
    Failed(String),
}

impl Phase {
    /// Whether it can be paused.
    pub fn is_at_work(&self) -> bool {
        matches!(self, Self::Checking | Self::Running | Self::Validating { .. })
    }

    /// Whether it waits for a person.
    pub fn waits(&self) -> bool {
        matches!(self, Self::Paused | Self::Alarmed(_))
    }

    /// Whether nothing more will come.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Stopped | Self::Done { .. } | Self::Failed(_))
    }

    pub const fn title(&self) -> &'static str {
        match self {
            Self::Loading => "Loading a copy of the model",
            Self::Gathering => "Checking photos and masks",
            Self::Checking => "Measuring the losses",
            Self::Running => "Training",
            Self::Validating { .. } => "Validating",
            Self::Paused => "Paused",
            Self::Alarmed(_) => "Paused by a guard",
            Self::Stopped => "Stopped",
            Self::Done { .. } => "Done",
            Self::Failed(_) => "Failed",
        }
    }
}

/// A checkpoint on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedWeights {
    pub step: usize,
    pub folder: PathBuf,
}

/// Everything about it.
pub struct Run {
    pub id: RunId,
    pub phase: Phase,
    /// `None` until it began.
    pub folder: Option<PathBuf>,
    /// Photos to learn from, to validate on, to watch.
    pub photos: [usize; 3],
    pub progress: Progress,
    pub preflight: Option<PreflightReport>,
    /// By step, ascending; that of step 0 is the model before.
    pub checkpoints: Vec<SavedWeights>,
    /// The step of the best checkpoint so far.
    pub best: Option<usize>,
    pub memory_bytes: Option<u64>,
    pub shows: Shows,
    pub(super) pause_after_check: bool,
    /// The copy at work, until it is ready to be trained.
    pub(super) start: Option<Box<Start>>,
    pub(super) trainee: ModelId,
    /// The copy at work, kept here while another one takes its slot.
    pub(super) live: Option<Ready>,
    /// The copy that shows other weights, and the wish that waits for it.
    pub(super) viewer: Option<ModelId>,
}

impl Run {
    pub(super) fn new(id: RunId, trainee: ModelId, start: Start, pause_after_check: bool) -> Self {
        Self {
            id,
            phase: Phase::Loading,
            folder: None,
            photos: [0; 3],
            progress: Progress::default(),
            preflight: None,
            checkpoints: Vec::new(),
            best: None,
            memory_bytes: None,
            shows: Shows::Live,
            pause_after_check,
            start: Some(Box::new(start)),
            trainee,
            live: None,
            viewer: None,
        }
    }

    /// Whether it trains this model, or shows its weights in it.
    pub(super) fn has(&self, model: ModelId) -> bool {
        self.trainee == model || self.viewer == Some(model)
    }

    /// Which weights it shows.
    pub(in super::super) fn weights(&self) -> String {
        match self.shows {
            Shows::Live => format!("step {}", self.progress.step()),
            Shows::Blend { step, alpha: 1.0 } => format!("step {step}"),
            Shows::Blend { step, alpha } => format!("{alpha:.2} of the way to step {step}"),
        }
    }

    /// The last part of the run's folder.
    pub fn name(&self) -> String {
        let folder = self.folder.as_deref().and_then(Path::file_name);
        folder.map_or_else(|| "new run".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    /// The checkpoint of a step, or the nearest one.
    pub fn nearest(&self, step: usize) -> Option<&SavedWeights> {
        self.checkpoints.iter().min_by_key(|saved| saved.step.abs_diff(step))
    }

    /// Takes news in; what is to be told to the run at once.
    pub(super) fn take(&mut self, news: &News) -> Option<RunCommand> {
        match news {
            News::Began { folder, step, total_steps, train, validation, hold_out } => {
                self.folder = Some(folder.clone());
                self.photos = [*train, *validation, *hold_out];
                self.progress.total_steps = *total_steps;
                self.phase = if *step == 0 { Phase::Checking } else { Phase::Running };
            }
            News::Preflight(report) => {
                self.preflight = Some(report.clone());
                self.phase = Phase::Running;
                return std::mem::take(&mut self.pause_after_check).then_some(RunCommand::Pause);
            }
            News::Step(step) => {
                self.phase = Phase::Running;
                self.progress.total_steps = step.total_steps;
                self.progress.push_step(step.record);
                self.memory_bytes = step.memory_bytes;
            }
            News::Validating { done, total } => self.phase = Phase::Validating { done: *done, total: *total },
            News::Validated(record) => self.progress.push_validation(*record),
            News::Checkpoint { step, folder, is_best } => {
                if *is_best {
                    self.best = Some(*step);
                }
                self.checkpoints.retain(|saved| saved.step < *step);
                self.checkpoints.push(SavedWeights { step: *step, folder: folder.clone() });
                if self.phase.is_at_work() {
                    self.phase = Phase::Running;
                }
            }
            News::Guard(report) => self.phase = Phase::Alarmed(report.clone()),
            News::Paused { .. } => self.phase = Phase::Paused,
            News::WentOn { .. } => self.phase = Phase::Running,
            News::RolledBack { step } => {
                self.progress.roll_back(*step);
                self.checkpoints.retain(|saved| saved.step <= *step);
                self.best.take_if(|best| *best > *step);
                self.phase = Phase::Paused;
            }
            News::Stopped { .. } => self.phase = Phase::Stopped,
            News::Done { best_step, .. } => {
                self.best = Some(*best_step);
                self.phase = Phase::Done { best_step: *best_step };
            }
            News::Failed { error } => self.phase = Phase::Failed(error.clone()),
        }
        None
    }
}

/// Whether the weights at work are other ones than before.
pub(super) fn changes_weights(news: &News) -> bool {
    matches!(news, News::Step(_) | News::RolledBack { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Run {
        let start = Start::Resume("run".into());
        let mut run = Run::new(RunId(1), ModelId(2), start, true);
        let began =
            News::Began { folder: "runs/today".into(), step: 0, total_steps: 8, train: 6, validation: 2, hold_out: 1 };
        assert_eq!(run.take(&began), None);
        run
    }

    fn checkpoint(step: usize) -> News {
        News::Checkpoint { step, folder: format!("step-{step}").into(), is_best: step != 4 }
    }

    #[test]
    fn a_wished_pause_comes_after_the_check_and_only_once() {
        let mut run = run();
        assert_eq!((run.phase.clone(), run.name(), run.photos), (Phase::Checking, "today".to_owned(), [6, 2, 1]));
        assert_eq!(run.take(&News::Preflight(PreflightReport::default())), Some(RunCommand::Pause));
        run.take(&News::Paused { step: 0 });
        assert!(run.phase.waits());
        run.take(&News::WentOn { step: 0 });
        assert_eq!(run.take(&News::Preflight(PreflightReport::default())), None);
    }

    #[test]
    fn a_roll_back_takes_checkpoints_away() {
        let mut run = run();
        [0, 4, 8].into_iter().for_each(|step| _ = run.take(&checkpoint(step)));
        assert_eq!(run.nearest(5).map(|saved| saved.step), Some(4));
        assert_eq!(run.best, Some(8));
        run.take(&News::RolledBack { step: 4 });
        assert_eq!(run.best, None, "the best one was undone");
        assert_eq!(run.checkpoints.iter().map(|saved| saved.step).collect::<Vec<_>>(), [0, 4]);
        assert!(run.phase.waits());
        run.take(&News::Failed { error: "the disk is full".to_owned() });
        assert!(run.phase.is_over() && !run.phase.is_at_work());
    }
}
