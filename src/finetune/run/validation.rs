//! Judges the validation photos and the hold-out, a batch at a time.

use crate::vit::Engine;

use super::super::config::FinetuneConfig;
use super::super::judge::{Judgement, MapJudgement, judge};
use super::super::loader::Loader;
use super::super::split::Split;
use super::error::RunError;
use super::record::{Losses, Share, ValidationRecord};

/// A validation and how far it is.
pub struct Validation {
    done: usize,
    total: usize,
    judged: Vec<Judgement>,
    hold_out: Share,
}

impl Validation {
    pub fn new(split: &Split) -> Self {
        let total = split.validation.len() + split.hold_out.len();
        Self { done: 0, total, judged: Vec::new(), hold_out: Share::default() }
    }

    /// Judges the next batch; `None` once all photos are judged.
    pub fn advance(
        &mut self,
        engine: &dyn Engine,
        split: &Split,
        loader: &Loader,
        config: &FinetuneConfig,
    ) -> Result<Option<(usize, usize)>, RunError> {
        let validation = split.validation.len();
        // A batch holds photos of one set.
        let (set, start) = match self.done < validation {
            true => (&split.validation, self.done),
            false => (&split.hold_out, self.done - validation),
        };
        let batch: Vec<_> = set.iter().skip(start).take(config.batch_size).collect();
        if batch.is_empty() {
            return Ok(None);
        }
        let mut examples = batch.iter().map(|sample| loader.centred(sample, None)).collect::<Result<Vec<_>, _>>()?;
        let is_validation = self.done < validation;
        if !is_validation {
            // Only watched: their masks, if they have any, are not looked at.
            examples.iter_mut().for_each(|example| example.weight.fill(0.0));
        }
        for judgement in judge(engine, examples, config)? {
            match is_validation {
                true => self.judged.push(judgement),
                false => self.hold_out.count(judgement.is_right),
            }
        }
        self.done += batch.len();
        Ok(Some((self.done, self.total)))
    }

    pub fn finish(self, step: usize, epoch: usize, config: &FinetuneConfig) -> ValidationRecord {
        let judged = &self.judged;
        let mean = |of: &dyn Fn(&Judgement) -> f64| average(judged.iter().map(of));
        let maps: Vec<_> = judged.iter().filter_map(|judgement| judgement.map).collect();
        let mean_map = |of: fn(&MapJudgement) -> f64| average(maps.iter().map(of));
        let mut accuracy = Share::default();
        judged.iter().for_each(|judgement| accuracy.count(judgement.is_right));
        ValidationRecord {
            step,
            epoch,
            losses: Losses {
                total: mean(&|judgement| judgement.total(config)),
                background: mean_map(|map| map.background),
                foreground: mean_map(|map| map.foreground),
                classification: mean(&|judgement| judgement.classification),
            },
            accuracy,
            original_accuracy: accuracy,
            hold_out: self.hold_out,
            original_hold_out: self.hold_out,
            confidence: mean(&|judgement| judgement.confidence),
            relevance_on_object: mean_map(|map| map.on_object),
            flat: maps.iter().filter(|map| map.is_flat).count(),
            masked: maps.len(),
        }
    }
}

/// 0 of none.
fn average(values: impl ExactSizeIterator<Item = f64>) -> f32 {
    let count = values.len().max(1) as f64;
    // From +0: an empty sum of floats is −0.
    (values.fold(0.0, |sum, value| sum + value) / count) as f32
}
