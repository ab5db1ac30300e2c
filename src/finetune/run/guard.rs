//! Signs that a run goes wrong.

use serde::{Deserialize, Serialize};

use super::super::config::FinetuneConfig;
use super::record::{Share, StepRecord, ValidationRecord};

/// Share of flat maps that is too much: half.
const FLAT_SHARE: f32 = 0.5;
/// Confidence below this share of the original's is a collapse.
const CONFIDENCE_SHARE: f32 = 0.5;
/// Fewer photos lost than that may be chance, whatever the percentage says.
const FEWEST_LOST: usize = 3;

/// What a guard saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alarm {
    /// The loss or its gradient is no finite number: the weights are spoilt.
    NotANumber,
    FlatMaps,
    Confidence,
    Accuracy,
}

/// Why a run paused by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GuardReport {
    pub alarm: Alarm,
    /// After which step.
    pub step: usize,
    /// What was seen, and what may help.
    pub message: String,
    /// The checkpoint to go back to: the best before the alarm.
    pub roll_back_to: usize,
}

pub fn after_step(record: &StepRecord) -> Option<(Alarm, String)> {
    let is_finite = record.losses.total.is_finite() && record.gradient_norm.is_finite();
    let message = format!(
        "the loss of step {} is no number (loss {}, gradient norm {}); roll back and go on with a lower learning \
         rate or with clipping",
        record.step, record.losses.total, record.gradient_norm
    );
    (!is_finite).then_some((Alarm::NotANumber, message))
}

pub fn after_validation(
    now: &ValidationRecord,
    original: &ValidationRecord,
    config: &FinetuneConfig,
) -> Option<(Alarm, String)> {
    if !now.losses.total.is_finite() {
        let message = "the validation loss is no number; roll back and go on with a lower learning rate".to_owned();
        return Some((Alarm::NotANumber, message));
    }
    let too_flat = |record: &ValidationRecord| record.flat as f32 > FLAT_SHARE * record.masked as f32;
    if too_flat(now) && !too_flat(original) {
        let message = format!(
            "{} of {} relevance maps are flat, so the loss has nothing to pull at; roll back and lower the learning \
             rate or the weight of the background term",
            now.flat, now.masked
        );
        return Some((Alarm::FlatMaps, message));
    }
    if now.confidence < CONFIDENCE_SHARE * original.confidence {
        let message = format!(
            "the mean confidence fell from {:.2} to {:.2}; roll back and raise the weight of the classification term",
            original.confidence, now.confidence
        );
        return Some((Alarm::Confidence, message));
    }
    accuracy(now, original, config.accuracy_drop)
}

/// On the hold-out, or where there is none on the validation photos.
fn accuracy(now: &ValidationRecord, original: &ValidationRecord, allowed: f32) -> Option<(Alarm, String)> {
    let (before, after): (Share, Share) =
        if now.hold_out.of > 0 { (original.hold_out, now.hold_out) } else { (original.accuracy, now.accuracy) };
    let lost = before.right.saturating_sub(after.right);
    let points = 100.0 * (before.rate() - after.rate());
    (lost >= FEWEST_LOST && points > allowed).then(|| {
        let message = format!(
            "the accuracy on watched photos fell from {before} to {after}, more than {allowed} points; roll back and \
             lower the learning rate, or pull towards the labels"
        );
        (Alarm::Accuracy, message)
    })
}

#[cfg(test)]
mod tests {
    use super::super::record::Losses;
    use super::*;

    fn fine() -> ValidationRecord {
        let share = Share { right: 90, of: 100 };
        ValidationRecord {
            confidence: 0.8,
            masked: 10,
            accuracy: share,
            hold_out: share,
            ..ValidationRecord::default()
        }
    }

    fn alarm(now: ValidationRecord) -> Option<Alarm> {
        after_validation(&now, &fine(), &FinetuneConfig::default()).map(|(alarm, _)| alarm)
    }

    #[test]
    fn each_sign_is_seen_and_its_absence_too() {
        assert_eq!(alarm(fine()), None);
        let broken = Losses { total: f32::NAN, ..Losses::default() };
        assert_eq!(alarm(ValidationRecord { losses: broken, ..fine() }), Some(Alarm::NotANumber));
        assert_eq!(alarm(ValidationRecord { flat: 6, ..fine() }), Some(Alarm::FlatMaps));
        assert_eq!(alarm(ValidationRecord { flat: 5, ..fine() }), None);
        assert_eq!(alarm(ValidationRecord { confidence: 0.39, ..fine() }), Some(Alarm::Confidence));
        let after = |right| ValidationRecord { hold_out: Share { right, of: 100 }, ..fine() };
        // Five points are allowed by default.
        assert_eq!((alarm(after(85)), alarm(after(84))), (None, Some(Alarm::Accuracy)));
    }

    #[test]
    fn one_photo_of_a_few_is_no_alarm() {
        let few = |right| ValidationRecord { hold_out: Share { right, of: 10 }, ..fine() };
        let seen = |now| after_validation(&now, &few(9), &FinetuneConfig::default()).map(|(alarm, _)| alarm);
        assert_eq!((seen(few(7)), seen(few(6))), (None, Some(Alarm::Accuracy)));
        let none = Share::default();
        let by_validation = ValidationRecord { hold_out: none, accuracy: Share { right: 40, of: 100 }, ..fine() };
        let original = ValidationRecord { hold_out: none, ..fine() };
        assert!(after_validation(&by_validation, &original, &FinetuneConfig::default()).is_some());
    }

    #[test]
    fn a_step_without_numbers_is_an_alarm() {
        let step = StepRecord { gradient_norm: 1.0, ..StepRecord::default() };
        assert!(after_step(&step).is_none());
        assert!(after_step(&StepRecord { gradient_norm: f32::INFINITY, ..step }).is_some());
    }
}
