//! A look before the run: what each term of the loss is on the selection, and how hard it would pull.

use serde::Serialize;

use crate::vit::{Engine, Update};

use super::config::{FinetuneConfig, Term};
use super::loader::Loader;
use super::run::RunError;
use super::split::Split;
use super::{StepStats, TrainBatch, train_step};

/// Training photos that are looked at.
const PHOTOS: usize = 16;

/// What a run would start from.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PreflightReport {
    pub train: usize,
    pub validation: usize,
    pub hold_out: usize,
    pub total_steps: usize,
    /// Photos looked at, spread over the training photos.
    pub pictures: usize,
    pub terms: Vec<TermReport>,
    /// L on these photos.
    pub total: f64,
    /// Of these photos, those whose relevance map is flat.
    pub flat: usize,
    /// Of these photos, those that the model answers rightly.
    pub right: usize,
    /// What is no reason to refuse, but worth knowing.
    pub warnings: Vec<String>,
}

/// One term of the loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TermReport {
    pub term: Term,
    /// Mean over pixels and photos, before its weight.
    pub loss: f64,
    /// ‖∇‖₂ of the weighted term over everything that learns; mean over the batches.
    pub gradient_norm: f64,
}

/// Measures, a batch at a time; nothing is learned.
pub struct Preflight {
    config: FinetuneConfig,
    batches: Vec<TrainBatch>,
    /// Measurements to come, last first: a term alone, or the whole loss.
    measures: Vec<Option<Term>>,
    /// Batches of the current measurement that are done, and their means.
    done: usize,
    mean: StepStats,
    report: PreflightReport,
}

impl Preflight {
    /// # Errors
    /// If the configuration cannot work, or photos or masks cannot be read.
    pub fn new(split: &Split, config: &FinetuneConfig, loader: &Loader) -> Result<Self, RunError> {
        config.validate()?;
        let batches = batches(split, config, loader)?;
        let terms = [Term::Classification, Term::Foreground, Term::Background].into_iter();
        let measures = std::iter::once(None).chain(terms.filter(|term| config.has(*term)).map(Some)).collect();
        let report = PreflightReport {
            train: split.train.len(),
            validation: split.validation.len(),
            hold_out: split.hold_out.len(),
            total_steps: config.total_steps(split.train.len()),
            pictures: batches.iter().map(|batch| batch.labels.len()).sum(),
            ..PreflightReport::default()
        };
        Ok(Self { config: config.clone(), batches, measures, done: 0, mean: StepStats::default(), report })
    }

    /// Takes the next batch through the model; the report once there is nothing left.
    ///
    /// # Errors
    /// If the photos do not fit the model, or the device fails.
    pub fn advance(&mut self, engine: &mut dyn Engine) -> Result<Option<PreflightReport>, RunError> {
        let Some(&measure) = self.measures.last() else { return Ok(Some(self.report.clone())) };
        if let Some(batch) = self.batches.get(self.done) {
            let share = 1.0 / self.batches.len() as f64;
            add(&mut self.mean, &dry(engine, batch, &self.config.only(measure))?, share);
            self.done += 1;
        }
        if self.done < self.batches.len() {
            return Ok(None);
        }
        let mean = std::mem::take(&mut self.mean);
        match measure {
            Some(term) => self.report.terms.push(TermReport::of(term, &mean)),
            None => {
                self.report.total = mean.total;
                (self.report.flat, self.report.right) = (mean.flat_maps.len(), mean.correct);
                self.report.warnings = warnings(&self.report, &self.config);
            }
        }
        self.done = 0;
        self.measures.pop();
        Ok(self.measures.is_empty().then(|| self.report.clone()))
    }
}

impl FinetuneConfig {
    /// With one term of the loss alone, or all for `None`.
    fn only(&self, term: Option<Term>) -> Self {
        let all = [Term::Background, Term::Foreground, Term::Classification];
        match term {
            Some(term) => Self { without: all.into_iter().filter(|other| *other != term).collect(), ..self.clone() },
            None => self.clone(),
        }
    }
}

impl TermReport {
    fn of(term: Term, stats: &StepStats) -> Self {
        let loss = match term {
            Term::Background => stats.background,
            Term::Foreground => stats.foreground,
            Term::Classification => stats.classification,
        };
        Self { term, loss, gradient_norm: stats.gradient_norm }
    }
}

fn warnings(report: &PreflightReport, config: &FinetuneConfig) -> Vec<String> {
    let mut warnings = Vec::new();
    if report.validation == 0 {
        warnings.push("there are no validation photos, so the last checkpoint counts as the best; classes with more masks would give some".to_owned());
    }
    if 2 * report.flat > report.pictures {
        warnings.push(format!(
            "{} of {} relevance maps are flat: the mask terms will hardly pull",
            report.flat, report.pictures
        ));
    }
    let norm = |term| report.terms.iter().find(|report| report.term == term).map(|report| report.gradient_norm);
    if config.has_mask_term() && norm(Term::Background).unwrap_or(0.0) + norm(Term::Foreground).unwrap_or(0.0) == 0.0 {
        warnings.push("the mask terms have no gradient: nothing will move the relevance".to_owned());
    }
    warnings
}

/// Photos spread evenly over the sorted training set, so over its classes.
fn batches(split: &Split, config: &FinetuneConfig, loader: &Loader) -> Result<Vec<TrainBatch>, RunError> {
    let count = split.train.len().min(PHOTOS);
    let spread = (0..count).map(|index| &split.train[index * split.train.len() / count]);
    let examples = spread.map(|sample| loader.centred(sample, None)).collect::<Result<Vec<_>, _>>()?;
    Ok(examples.chunks(config.batch_size).map(|batch| TrainBatch::collect(batch.to_vec(), loader.input())).collect())
}

/// One batch; its gradients are dropped.
fn dry(engine: &mut dyn Engine, batch: &TrainBatch, config: &FinetuneConfig) -> Result<StepStats, RunError> {
    let step = config.step_config(engine.config().depth, Update::Collect);
    let stats = train_step(engine, batch, &step);
    engine.forget_gradients();
    Ok(stats?)
}

fn add(mean: &mut StepStats, stats: &StepStats, share: f64) {
    mean.total += share * stats.total;
    mean.background += share * stats.background;
    mean.foreground += share * stats.foreground;
    mean.classification += share * stats.classification;
    mean.gradient_norm += share * stats.gradient_norm;
    mean.correct += stats.correct;
    mean.flat_maps.extend(&stats.flat_maps);
}
