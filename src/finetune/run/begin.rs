//! How a run begins: anew, again, or from a checkpoint of another.

use std::path::Path;

use crate::vit::{Engine, OptimiserState};

use super::super::loader::Loader;
use super::super::split::Split;
use super::super::{FinetuneConfig, Sample, hash};
use super::checkpoint::{ModelFacts, State, class_names};
use super::error::RunError;
use super::files;
use super::folder::{RunFolder, RunView, read_records};
use super::manifest::{Manifest, ModelRecord, Parent, SampleRecord, VERSION};
use super::state::{RunState, Status};
use super::validation::Validation;
use super::{Run, Work};

/// What a model is called and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    pub name: String,
    /// What loads it again; `None` for the embedded demo.
    pub source: Option<String>,
}

/// Everything a new run needs besides the engine.
pub struct Beginning<'a> {
    pub folder: &'a Path,
    pub config: FinetuneConfig,
    pub split: Split,
    pub model: Origin,
    pub facts: ModelFacts,
}

impl Run {
    /// Begins a run with the weights that are loaded; checks photos and masks, and writes the manifest.
    ///
    /// # Errors
    /// If the configuration or the photos cannot work, or the folder holds a run already or cannot be written.
    pub fn begin(beginning: Beginning<'_>, engine: &mut dyn Engine) -> Result<Self, RunError> {
        let Beginning { folder, config, split, model, facts } = beginning;
        config.validate()?;
        if engine.config().classes == 0 {
            return Err(RunError::NoHead);
        }
        let folder = RunFolder::create(folder)?;
        let split = files::keep(split, folder.path())?;
        let record = |sample: &Sample| {
            let class_name = facts.class_names.get(sample.class).map_or("", String::as_str);
            SampleRecord::of(sample, class_name)
        };
        let records = |set: &[Sample]| set.iter().map(record).collect::<Result<Vec<_>, _>>();
        let sha256 = hash::of_weights(&engine.weights()?);
        let manifest = Manifest {
            version: VERSION,
            program: program(),
            model: ModelRecord { name: model.name, source: model.source, sha256 },
            parent: None,
            mean: facts.mean,
            std: facts.std,
            train: records(&split.train)?,
            validation: records(&split.validation)?,
            hold_out: records(&split.hold_out)?,
            config,
        };
        engine.set_optimiser(OptimiserState::default())?;
        let run = Self::assemble(folder, manifest, split, facts, RunState::default());
        run.folder.write_json("state.json", &run.state)?;
        // Last: with it, there is a run.
        run.folder.write_json("manifest.json", &run.manifest)?;
        Ok(run)
    }

    /// Goes on with a run from its last checkpoint, whatever ended it; it is running then.
    ///
    /// # Errors
    /// If there is no run, its files are damaged, photos or masks changed, or the model does not fit.
    pub fn resume(folder: &Path, engine: &mut dyn Engine) -> Result<Self, RunError> {
        let folder = RunFolder::open(folder)?;
        let (manifest, state) = (folder.manifest()?, folder.state()?);
        let split = manifest.split()?;
        let facts = ModelFacts {
            config: engine.config().clone(),
            class_names: class_names(&folder.checkpoint(0)),
            mean: manifest.mean,
            std: manifest.std,
        };
        let was_judged = state.original.is_some();
        let mut run = Self::assemble(folder, manifest, split, facts, state);
        run.records = read_records(run.folder.path())?;
        if was_judged {
            run.restore(run.state.step, engine)?;
        } else {
            // It was killed before its first checkpoint: the weights must be those it began with.
            if hash::of_weights(&engine.weights()?) != run.manifest.model.sha256 {
                return Err(RunError::OtherModel { folder: run.folder.path().to_owned() });
            }
            run.records.clear();
            run.folder.write_records(&[])?;
        }
        match &run.state.status {
            Status::Running | Status::Finished => {}
            _ => run.go_on()?,
        }
        Ok(run)
    }

    /// A new run in `folder` on the photos of another, from one of its checkpoints on, with another configuration.
    /// Loss, rate and length may differ; which photos it learns from does not.
    ///
    /// # Errors
    /// If there is no such run or checkpoint, or the new folder cannot be written.
    pub fn branch(
        parent: &Path,
        step: usize,
        folder: &Path,
        config: FinetuneConfig,
        engine: &mut dyn Engine,
    ) -> Result<Self, RunError> {
        config.validate()?;
        let view = RunView::read(parent)?;
        let Some((_, at)) = view.checkpoints.iter().find(|(checkpoint, _)| checkpoint.step == step) else {
            let steps = view.checkpoints.iter().map(|(checkpoint, _)| checkpoint.step).collect();
            return Err(RunError::NoCheckpoint { step, steps, folder: parent.to_owned() });
        };
        let split = view.manifest.split()?;
        let state = State::read(at)?;
        let facts = ModelFacts {
            config: engine.config().clone(),
            class_names: class_names(at),
            mean: view.manifest.mean,
            std: view.manifest.std,
        };
        let folder = RunFolder::create(folder)?;
        let run = std::path::absolute(parent).unwrap_or_else(|_| parent.to_owned());
        let manifest = Manifest { program: program(), parent: Some(Parent { run, step }), config, ..view.manifest };
        engine.set_weights(state.weights)?;
        engine.set_optimiser(state.optimiser)?;
        let mut branch = Self::assemble(folder, manifest, split, facts, RunState::default());
        // What the tuned model is compared with stays the model before the first run.
        branch.state.original = view.state.original;
        branch.folder.write_json("state.json", &branch.state)?;
        branch.folder.write_json("manifest.json", &branch.manifest)?;
        Ok(branch)
    }

    fn assemble(folder: RunFolder, manifest: Manifest, split: Split, facts: ModelFacts, mut state: RunState) -> Self {
        state.total_steps = manifest.config.total_steps(split.train.len());
        let loader = Loader::new(facts.config.input, manifest.mean, manifest.std);
        let work = Work::Validate(Box::new(Validation::new(&split)));
        Self { folder, manifest, split, loader, facts, state, records: Vec::new(), step: 0, work }
    }
}

fn program() -> String {
    concat!("vitrine ", env!("CARGO_PKG_VERSION")).to_owned()
}
