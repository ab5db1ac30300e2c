//! From judged pictures to a table: values, intervals, per class.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::eval::{Bootstrap, Interval, Scene};
use crate::relevance::Method;
use crate::vit::classes::ClassNames;

use super::dataset::Dataset;
use super::judge::{Judged, MaskUse};
use super::measure::{Better, Group, Measure, SUMS, Sums, total};
use super::{EvaluateJob, Evaluation, ExplainedClass, Failure};

/// What a figure is, whether of one model or of two.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    #[serde(skip)]
    pub measure: Measure,
    pub key: String,
    pub title: String,
    pub group: Group,
    pub better: Better,
    /// Pictures that took part.
    pub n: usize,
    /// What a random map and a Gaussian in the middle get.
    pub random_map: Option<f64>,
    pub centred_map: Option<f64>,
}

impl Figure {
    /// Of the pictures of a column, which are among those that were judged.
    pub fn new(column: &Column, judged: &[&Judged]) -> Self {
        let measure = column.measure;
        let [random_map, centred_map] = measure.of_all_baselines(judged);
        Self {
            measure,
            key: measure.key(),
            title: measure.title(),
            group: measure.group(),
            better: measure.better(),
            n: column.n,
            random_map,
            centred_map,
        }
    }
}

/// One figure of one model.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    #[serde(flatten)]
    pub figure: Figure,
    /// Shares are 0…1.
    pub value: f64,
    /// 95 %, bootstrapped over the pictures.
    pub interval: Option<Interval>,
}

/// How the pictures were used.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counts {
    pub pictures: usize,
    pub failed: usize,
    /// Nothing tells their class.
    pub without_class: usize,
    pub without_mask: usize,
    /// No object in what the model sees: excluded from everything about masks.
    pub empty_masks: usize,
    /// No place of the map differs from another: count as chance.
    pub flat_maps: usize,
    /// With an object and a background large enough to be taken apart.
    pub taken_apart: usize,
}

/// Accuracy of the pictures of one class.
#[derive(Clone, Debug, Serialize)]
pub struct ClassRow {
    pub class: usize,
    pub name: String,
    pub n: usize,
    pub top_1: f64,
    pub top_5: f64,
    pub top_1_among_classes: f64,
    /// On another class's background, of the pictures that were put there.
    pub other_background: Option<f64>,
    pub relevance_mass: Option<f64>,
}

/// Everything about one model on one data set.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    pub model: String,
    pub method: Method,
    pub explained: ExplainedClass,
    pub seed: u64,
    pub bootstrap: Bootstrap,
    pub counts: Counts,
    /// Classes of the data set.
    pub classes: usize,
    pub rows: Vec<Row>,
    pub per_class: Vec<ClassRow>,
    pub failures: Vec<Failure>,
    pub notes: Vec<String>,
}

/// Summarises what was judged so far.
pub fn summarise(model: &str, names: &ClassNames, dataset: &Dataset, evaluation: &Evaluation) -> Summary {
    let EvaluateJob { method, explained, seed, bootstrap, .. } = *evaluation.job();
    let judged: Vec<&Judged> = evaluation.judged.iter().collect();
    Summary {
        model: model.to_owned(),
        method,
        explained,
        seed,
        bootstrap,
        counts: counts(&judged, evaluation.failures.len()),
        classes: dataset.classes.len(),
        rows: rows(&judged, &bootstrap),
        per_class: per_class(&judged, names),
        failures: evaluation.failures.clone(),
        notes: dataset.notes.clone(),
    }
}

/// How pictures were used.
pub fn counts(judged: &[&Judged], failed: usize) -> Counts {
    let count = |of: &dyn Fn(&Judged) -> bool| judged.iter().filter(|judged| of(judged)).count();
    Counts {
        pictures: judged.len() + failed,
        failed,
        without_class: count(&|judged| judged.truth.is_empty()),
        without_mask: count(&|judged| judged.mask == MaskUse::None),
        empty_masks: count(&|judged| judged.mask == MaskUse::Empty),
        flat_maps: count(&|judged| judged.map.is_some_and(|map| map.scores.flat)),
        taken_apart: count(&|judged| !judged.scenes.is_empty()),
    }
}

fn rows(judged: &[&Judged], bootstrap: &Bootstrap) -> Vec<Row> {
    let columns: Vec<Column> = Measure::all().into_iter().filter_map(|measure| Column::new(measure, judged)).collect();
    let intervals =
        bootstrap.intervals(judged.len(), |draw| columns.iter().map(|column| column.value_of(draw)).collect());
    let row = |(at, column): (usize, &Column)| {
        Some(Row {
            figure: Figure::new(column, judged),
            value: column.value()?,
            interval: intervals.get(at).copied().flatten(),
        })
    };
    columns.iter().enumerate().filter_map(row).collect()
}

/// What every picture adds to one figure, 0 where it takes no part.
pub struct Column {
    pub measure: Measure,
    /// Pictures that take part.
    pub n: usize,
    shares: Vec<Sums>,
}

impl Column {
    /// `None` if no picture takes part.
    pub fn new(measure: Measure, judged: &[&Judged]) -> Option<Self> {
        Self::of_some(measure, judged, |_| true)
    }

    /// Of those pictures only whose place in `judged` is accepted.
    pub fn of_some(measure: Measure, judged: &[&Judged], accept: impl Fn(usize) -> bool) -> Option<Self> {
        let share = |(at, judged): (usize, &&Judged)| measure.of(judged).filter(|_| accept(at));
        let shares: Vec<Option<Sums>> = judged.iter().enumerate().map(share).collect();
        let n = shares.iter().flatten().count();
        (n > 0).then(|| Self {
            measure,
            n,
            shares: shares.into_iter().map(|share| share.unwrap_or([0.0; SUMS])).collect(),
        })
    }

    pub fn value(&self) -> Option<f64> {
        self.measure.value(&total(self.shares.iter().copied()))
    }

    /// Of a resample of the pictures.
    pub fn value_of(&self, draw: &[u32]) -> Option<f64> {
        self.measure.value(&total(draw.iter().map(|&at| self.shares[at as usize])))
    }
}

/// Accuracy per class, for the classes that occur.
fn per_class(judged: &[&Judged], names: &ClassNames) -> Vec<ClassRow> {
    let mut by_class: BTreeMap<usize, Vec<&Judged>> = BTreeMap::new();
    for judged in judged {
        if let Some(&class) = judged.truth.first() {
            by_class.entry(class).or_default().push(judged);
        }
    }
    let row = |(class, judged): (usize, Vec<&Judged>)| {
        let value = |measure| Column::new(measure, &judged).and_then(|column| column.value());
        Some(ClassRow {
            class,
            name: names.short_name(class).to_owned(),
            n: judged.len(),
            top_1: value(Measure::Top1)?,
            top_5: value(Measure::Top5)?,
            top_1_among_classes: value(Measure::AmongTop1)?,
            other_background: value(Measure::SceneTop1(Scene::OtherClass)),
            relevance_mass: value(Measure::Mass),
        })
    };
    by_class.into_iter().filter_map(row).collect()
}
