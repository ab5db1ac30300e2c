//! Two models on one data set: did the change help, and where did it hurt?
//!
//! Both see the same pictures and the same backgrounds behind the objects, so that every difference is one of the same
//! pictures. [`Comparison::step`] judges one picture, so that a window is served in between; [`report`] makes plain data
//! of what was judged, and [`html`] a page of that.

mod flips;
pub mod html;
mod names;
mod page;
mod report;

use super::evaluate::{Cutouts, Dataset, EvaluateJob, Evaluation, OnPass, Step};
use super::model::LoadedModel;

pub use flips::{Flip, FlipKind, Said, flips_table};
pub use names::told_apart;
pub use page::Verdict;
pub use report::{ClassRow, Report, Row, Value, report};

/// Two models on one data set, picture by picture.
pub struct Comparison {
    pub before: Evaluation,
    pub after: Evaluation,
    cutouts: Cutouts,
}

/// Why two models cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    #[error("{model} has no classification head, so it gives no answers to compare")]
    NoHead { model: String },
    #[error(
        "the models answer different questions: {before} knows {before_classes} classes, {after} {after_classes}; \
         compare models with the same classes"
    )]
    Classes { before: String, before_classes: usize, after: String, after_classes: usize },
}

impl Comparison {
    /// # Errors
    /// If the models do not have the same number of classes, or none.
    pub fn new(
        job: &EvaluateJob,
        dataset: &Dataset,
        before: &LoadedModel,
        after: &LoadedModel,
    ) -> Result<Self, CompareError> {
        let classes = |model: &LoadedModel| model.engine.config().classes;
        if let Some(model) = [before, after].into_iter().find(|model| classes(model) == 0) {
            return Err(CompareError::NoHead { model: model.name.clone() });
        }
        if classes(before) != classes(after) {
            return Err(CompareError::Classes {
                before: before.name.clone(),
                before_classes: classes(before),
                after: after.name.clone(),
                after_classes: classes(after),
            });
        }
        let evaluation = || Evaluation::new(job.clone(), dataset);
        Ok(Self { before: evaluation(), after: evaluation(), cutouts: Cutouts::default() })
    }

    /// Pictures that both models have seen.
    pub fn done(&self) -> usize {
        self.after.done()
    }

    /// Judges the next picture by both models. After [`Step::Cancelled`] it goes on where it stopped.
    pub fn step(
        &mut self,
        before: &LoadedModel,
        after: &LoadedModel,
        dataset: &Dataset,
        on_pass: &mut OnPass<'_>,
    ) -> Step {
        if self.before.done() == self.after.done() {
            let step = self.before.step(before, dataset, &mut self.cutouts, on_pass);
            if step != Step::Advanced {
                return step;
            }
        }
        self.after.step(after, dataset, &mut self.cutouts, on_pass)
    }
}
