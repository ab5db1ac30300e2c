//! Why a run does not begin, go on or resume.

use std::path::PathBuf;

use crate::vit::EngineError;

use super::super::StepError;
use super::super::config::ConfigError;
use super::super::error::DataError;

/// Why a run cannot work; each message names the cure.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Step(#[from] StepError),
    #[error("this model has no classification head, and relevance explains a class; choose a model with one")]
    NoHead,
    #[error("there is a run in this folder already; choose another folder, or go on with it by --resume: {}", folder.display())]
    Exists { folder: PathBuf },
    #[error("there is no run in this folder; name the folder that holds manifest.json: {}", folder.display())]
    NoRun { folder: PathBuf },
    #[error("another program works on this run; wait for it or close it: {}", folder.display())]
    Locked { folder: PathBuf },
    #[error("a file of the run is damaged ({problem}); restore it, or begin a new run: {}", path.display())]
    Damaged { problem: String, path: PathBuf },
    #[error("this file changed since the run began, so its numbers would not continue; restore it or begin a new run: {}", path.display())]
    Changed { path: PathBuf },
    #[error("the model is another one than this run began with; load the one its manifest names: {}", folder.display())]
    OtherModel { folder: PathBuf },
    #[error("there is no checkpoint of step {step}; there are {}: {}", known(steps), folder.display())]
    NoCheckpoint { step: usize, steps: Vec<usize>, folder: PathBuf },
    #[error("the run cannot be written ({source}); free space or choose another folder: {}", path.display())]
    Write { source: std::io::Error, path: PathBuf },
}

fn known(steps: &[usize]) -> String {
    if steps.is_empty() {
        return "none".to_owned();
    }
    steps.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}
