//! From two evaluations to a table with differences, tests, classes and flips.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::eval::{Bootstrap, Interval, McNemar};
use crate::jobs::evaluate::summary::{Column, Counts, Figure, counts};
use crate::jobs::evaluate::{Dataset, EvaluateJob, ExplainedClass, Failure, Judged, Measure};
use crate::relevance::Method;
use crate::vit::classes::ClassNames;

use super::Comparison;
use super::flips::{Flip, FlipKind, sort};

/// A figure with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Value {
    pub value: f64,
    pub interval: Option<Interval>,
}

/// One figure of both models, over the pictures that take part for both.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    #[serde(flatten)]
    pub figure: Figure,
    pub before: Value,
    pub after: Value,
    /// After − before, of the same pictures.
    pub difference: Value,
    /// For shares of right answers.
    pub mcnemar: Option<McNemar>,
}

/// Accuracy on the pictures of one class.
#[derive(Clone, Debug, Serialize)]
pub struct ClassRow {
    pub class: usize,
    pub name: String,
    pub n: usize,
    pub before: f64,
    pub after: f64,
    #[serde(flatten)]
    pub mcnemar: McNemar,
    /// Mean share of the relevance on the object.
    pub mass_before: Option<f64>,
    pub mass_after: Option<f64>,
}

/// Everything about two models on one data set.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub before: String,
    pub after: String,
    pub method: Method,
    pub explained: ExplainedClass,
    pub seed: u64,
    pub bootstrap: Bootstrap,
    pub counts_before: Counts,
    pub counts_after: Counts,
    /// Classes of the data set.
    pub classes: usize,
    pub rows: Vec<Row>,
    pub per_class: Vec<ClassRow>,
    /// Every picture with two answers, see `sort`.
    pub flips: Vec<Flip>,
    pub failures: Vec<Failure>,
    pub notes: Vec<String>,
}

impl Report {
    /// The row of a figure, if any picture took part.
    pub fn row(&self, measure: Measure) -> Option<&Row> {
        self.rows.iter().find(|row| row.figure.measure == measure)
    }

    pub fn of_kind(&self, kind: FlipKind) -> impl Iterator<Item = &Flip> {
        self.flips.iter().filter(move |flip| flip.kind == kind)
    }
}

/// Reports what was judged so far; `models`: what they are called, see [`super::told_apart`], `names`: their classes.
pub fn report(comparison: &Comparison, dataset: &Dataset, models: [String; 2], names: &ClassNames) -> Report {
    let EvaluateJob { method, explained, seed, bootstrap, .. } = *comparison.before.job();
    let pairs = pairs(comparison);
    let mut flips: Vec<Flip> = pairs.iter().filter_map(|(before, after)| Flip::new(before, after, names)).collect();
    sort(&mut flips);
    let of_before: Vec<&Judged> = pairs.iter().map(|pair| pair.0).collect();
    let of_after: Vec<&Judged> = pairs.iter().map(|pair| pair.1).collect();
    let [before, after] = models;
    let failures = merged(&comparison.before.failures, &comparison.after.failures);
    Report {
        before,
        after,
        method,
        explained,
        seed,
        bootstrap,
        counts_before: counts(&of_before, failures.len()),
        counts_after: counts(&of_after, failures.len()),
        classes: dataset.classes.len(),
        rows: rows(&of_before, &of_after, &bootstrap),
        per_class: per_class(&pairs, names),
        flips,
        failures,
        notes: dataset.notes.clone(),
    }
}

/// The pictures that both models have judged.
fn pairs(comparison: &Comparison) -> Vec<(&Judged, &Judged)> {
    let after: HashMap<usize, &Judged> = comparison.after.judged.iter().map(|judged| (judged.index, judged)).collect();
    let before = comparison.before.judged.iter();
    before.filter_map(|judged| Some((judged, *after.get(&judged.index)?))).collect()
}

/// What failed for one fails for the other; it is told once.
fn merged(before: &[Failure], after: &[Failure]) -> Vec<Failure> {
    let only_after = after.iter().filter(|failure| !before.contains(failure));
    before.iter().chain(only_after).cloned().collect()
}

fn rows(before: &[&Judged], after: &[&Judged], bootstrap: &Bootstrap) -> Vec<Row> {
    let both = |measure: Measure| {
        let takes_part = |at: usize| measure.of(before[at]).is_some() && measure.of(after[at]).is_some();
        Some([Column::of_some(measure, before, takes_part)?, Column::of_some(measure, after, takes_part)?])
    };
    let columns: Vec<[Column; 2]> = Measure::all().into_iter().filter_map(both).collect();
    let of_three = |values: [Option<f64>; 2]| {
        let [before, after] = values;
        [before, after, before.zip(after).map(|(before, after)| after - before)]
    };
    let intervals = bootstrap.intervals(before.len(), |draw| {
        columns.iter().flat_map(|columns| of_three([0, 1].map(|side| columns[side].value_of(draw)))).collect()
    });
    let row = |(at, columns): (usize, &[Column; 2])| {
        let [Some(of_before), Some(of_after), Some(change)] = of_three([0, 1].map(|side| columns[side].value())) else {
            return None;
        };
        let interval = |which: usize| intervals.get(3 * at + which).copied().flatten();
        Some(Row {
            figure: Figure::new(&columns[0], before),
            before: Value { value: of_before, interval: interval(0) },
            after: Value { value: of_after, interval: interval(1) },
            difference: Value { value: change, interval: interval(2) },
            mcnemar: mcnemar(columns[0].measure, before, after),
        })
    };
    columns.iter().enumerate().filter_map(row).collect()
}

fn mcnemar(measure: Measure, before: &[&Judged], after: &[&Judged]) -> Option<McNemar> {
    let pair = |(before, after): (&&Judged, &&Judged)| measure.is_right(before).zip(measure.is_right(after));
    let pairs: Vec<(bool, bool)> = before.iter().zip(after).filter_map(pair).collect();
    (!pairs.is_empty()).then(|| McNemar::of(pairs.into_iter()))
}

fn per_class(pairs: &[(&Judged, &Judged)], names: &ClassNames) -> Vec<ClassRow> {
    let mut by_class: BTreeMap<usize, Vec<(&Judged, &Judged)>> = BTreeMap::new();
    for pair in pairs {
        if let Some(&class) = pair.0.truth.first() {
            by_class.entry(class).or_default().push(*pair);
        }
    }
    let row = |(class, pairs): (usize, Vec<(&Judged, &Judged)>)| {
        let (before, after): (Vec<&Judged>, Vec<&Judged>) = pairs.into_iter().unzip();
        let value = |measure, judged: &[&Judged]| Column::new(measure, judged)?.value();
        Some(ClassRow {
            class,
            name: names.short_name(class).to_owned(),
            n: before.len(),
            before: value(Measure::Top1, &before)?,
            after: value(Measure::Top1, &after)?,
            mcnemar: mcnemar(Measure::Top1, &before, &after)?,
            mass_before: value(Measure::Mass, &before),
            mass_after: value(Measure::Mass, &after),
        })
    };
    by_class.into_iter().filter_map(row).collect()
}
