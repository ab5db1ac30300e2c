//! What a run notes down: one line per step and per validation.

use serde::{Deserialize, Deserializer, Serialize};

/// The terms of the loss: means over pixels and pictures, before their weights.
///
/// Single precision: written in decimals and read again, these are the same numbers to the bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Losses {
    /// L, the weighted sum.
    #[serde(deserialize_with = "number")]
    pub total: f32,
    /// L_bg. Of a step of GradMask and RRR: their mask term.
    #[serde(deserialize_with = "number")]
    pub background: f32,
    /// L_fg
    #[serde(deserialize_with = "number")]
    pub foreground: f32,
    /// L_cls
    #[serde(deserialize_with = "number")]
    pub classification: f32,
}

/// JSON has no word for what is no finite number and says null.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    Ok(Option::<f32>::deserialize(deserializer)?.unwrap_or(f32::NAN))
}

/// A line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    Step(StepRecord),
    Validation(ValidationRecord),
}

/// One step of the optimiser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Counts from 1.
    pub step: usize,
    /// Counts from 0.
    pub epoch: usize,
    pub lr: f32,
    #[serde(flatten)]
    pub losses: Losses,
    /// ‖∇L‖₂ over all trained parameters, before clipping.
    #[serde(deserialize_with = "number")]
    pub gradient_norm: f32,
    /// Photos whose relevance map is flat.
    pub flat: usize,
    pub pictures: usize,
    pub seconds: f32,
}

/// The model on the validation photos and the hold-out, after `step` steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ValidationRecord {
    pub step: usize,
    /// Epochs done.
    pub epoch: usize,
    /// L on the validation photos; the lowest is the best checkpoint.
    #[serde(flatten)]
    pub losses: Losses,
    /// On the validation photos; beside it the same photos' accuracy before the run.
    pub accuracy: Share,
    pub original_accuracy: Share,
    /// On the hold-out photos.
    pub hold_out: Share,
    pub original_hold_out: Share,
    /// Mean probability of the model's own answer.
    #[serde(deserialize_with = "number")]
    pub confidence: f32,
    /// Mean share of the relevance that lies on the object, of the photos with masks; 0 without any.
    #[serde(deserialize_with = "number")]
    pub relevance_on_object: f32,
    /// Photos with masks whose map is flat.
    pub flat: usize,
    /// Photos with masks.
    pub masked: usize,
}

/// How many of how many are right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    pub right: usize,
    pub of: usize,
}

impl Share {
    /// In 0…1; 0 of none.
    pub fn rate(self) -> f32 {
        if self.of == 0 { 0.0 } else { self.right as f32 / self.of as f32 }
    }

    pub(super) fn count(&mut self, is_right: bool) {
        self.right += usize::from(is_right);
        self.of += 1;
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.of == 0 { write!(f, "—") } else { write!(f, "{:.1} % of {}", 100.0 * self.rate(), self.of) }
    }
}

impl Record {
    pub fn step(&self) -> usize {
        match self {
            Self::Step(record) => record.step,
            Self::Validation(record) => record.step,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_to_the_bit_and_what_is_none_comes_back_as_none() {
        let read = |record: &Record| serde_json::from_str::<Record>(&serde_json::to_string(record).unwrap()).unwrap();
        for bits in (0..2000_u32).map(|index| index.wrapping_mul(2_654_435_761) >> 2) {
            let losses = Losses { total: f32::from_bits(bits), ..Losses::default() };
            let record = Record::Step(StepRecord { losses, seconds: 0.5, ..StepRecord::default() });
            if losses.total.is_finite() {
                assert_eq!(read(&record), record, "{}", losses.total);
            }
        }
        let broken = StepRecord { gradient_norm: f32::INFINITY, ..StepRecord::default() };
        assert!(matches!(read(&Record::Step(broken)), Record::Step(step) if step.gradient_norm.is_nan()));
    }
}
