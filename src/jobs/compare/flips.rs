//! Picture by picture: what was fixed, what was broken, what stayed wrong.

use std::cmp::Reverse;

use serde::Serialize;

use crate::jobs::evaluate::Judged;
use crate::jobs::table::as_csv;
use crate::relevance::RelevanceMap;
use crate::vit::classes::ClassNames;

use super::report::Report;

/// How the answer to a picture changed. In the order of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlipKind {
    /// Wrong before, right after.
    Fixed,
    /// Right before, wrong after.
    Broken,
    BothWrong,
    BothRight,
}

/// What one model said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Said {
    pub class: usize,
    pub name: String,
    pub confidence: f32,
    pub truth_probability: f32,
    /// Share of the relevance on the object, where there is a mask.
    pub relevance_mass: Option<f64>,
    #[serde(skip)]
    pub map: Option<RelevanceMap>,
}

/// One picture, both answers, both maps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flip {
    /// Its place in the data set.
    pub index: usize,
    pub image: String,
    pub kind: FlipKind,
    pub truth: usize,
    pub truth_name: String,
    pub before: Said,
    pub after: Said,
}

impl Flip {
    /// `None` if one of the models gave no answer.
    pub fn new(before: &Judged, after: &Judged, names: &ClassNames) -> Option<Self> {
        let kind = match (before.answer?.top_1, after.answer?.top_1) {
            (false, true) => FlipKind::Fixed,
            (true, false) => FlipKind::Broken,
            (false, false) => FlipKind::BothWrong,
            (true, true) => FlipKind::BothRight,
        };
        let truth = *before.truth.first()?;
        Some(Self {
            index: before.index,
            image: before.image.clone(),
            kind,
            truth,
            truth_name: names.short_name(truth).to_owned(),
            before: Said::new(before, names)?,
            after: Said::new(after, names)?,
        })
    }

    /// How much likelier the truth became.
    pub fn gain(&self) -> f32 {
        self.after.truth_probability - self.before.truth_probability
    }

    /// How much of the relevance moved onto the object, or off it.
    pub fn moved(&self) -> Option<f64> {
        Some(self.after.relevance_mass? - self.before.relevance_mass?)
    }
}

impl Said {
    fn new(judged: &Judged, names: &ClassNames) -> Option<Self> {
        let answer = judged.answer?;
        Some(Self {
            class: answer.predicted,
            name: names.short_name(answer.predicted).to_owned(),
            confidence: answer.confidence,
            truth_probability: answer.truth_probability,
            relevance_mass: judged.map.map(|map| map.scores.mass),
            map: judged.relevance.clone(),
        })
    }
}

const TITLES: [&str; 11] = [
    "image",
    "kind",
    "truth",
    "before",
    "before_confidence",
    "before_truth_probability",
    "before_mass",
    "after",
    "after_confidence",
    "after_truth_probability",
    "after_mass",
];

/// One line per picture, titles first.
///
/// # Errors
/// See [`as_csv`].
pub fn flips_table(report: &Report) -> std::io::Result<Vec<u8>> {
    as_csv(TITLES, report.flips.iter().map(row))
}

fn row(flip: &Flip) -> [String; 11] {
    let kind = match flip.kind {
        FlipKind::Fixed => "fixed",
        FlipKind::Broken => "broken",
        FlipKind::BothWrong => "both_wrong",
        FlipKind::BothRight => "both_right",
    };
    let said = |said: &Said| {
        let mass = said.relevance_mass.map_or_else(String::new, |mass| mass.to_string());
        [said.name.clone(), said.confidence.to_string(), said.truth_probability.to_string(), mass]
    };
    let [before, before_confidence, before_truth, before_mass] = said(&flip.before);
    let [after, after_confidence, after_truth, after_mass] = said(&flip.after);
    [
        flip.image.clone(),
        kind.to_owned(),
        flip.truth_name.clone(),
        before,
        before_confidence,
        before_truth,
        before_mass,
        after,
        after_confidence,
        after_truth,
        after_mass,
    ]
}

/// By kind, then the largest changes first: of the truth's probability, and where both are right of the map.
pub fn sort(flips: &mut [Flip]) {
    flips.sort_by_key(|flip| {
        let change = match flip.kind {
            FlipKind::Fixed => f64::from(flip.gain()),
            FlipKind::Broken => -f64::from(flip.gain()),
            FlipKind::BothWrong => f64::from(flip.gain().abs()),
            FlipKind::BothRight => flip.moved().unwrap_or_else(|| f64::from(flip.gain())).abs(),
        };
        // Whole billionths: floats have no order to sort by.
        (flip.kind, Reverse((change * 1e9) as i64), flip.index)
    });
}
