//! What a model said about one picture, judged by its truth.

use serde::Serialize;

use crate::vit::softmax;

/// The answer to one picture with a known class.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// The class of the largest logit among all.
    pub predicted: usize,
    /// Its probability.
    pub confidence: f32,
    /// Of the true class; of several accepted ones, their sum.
    pub truth_probability: f32,
    /// Whether the prediction is right.
    pub top_1: bool,
    /// Whether a right class is among the five likeliest.
    pub top_5: bool,
    /// The same if only the classes of the data set could be answered.
    pub among: Among,
}

/// An answer restricted to the classes of a data set, as ImageNet-A and -R are scored.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Among {
    pub predicted: usize,
    pub top_1: bool,
    pub top_5: bool,
    /// Of the true class, with all others left out of the softmax.
    pub truth_probability: f32,
}

impl Answer {
    /// Judges logits. `truth`: the accepted classes; `classes`: those of the data set.
    ///
    /// `None` without logits, without truth, or if a class is not one of the model's.
    pub fn new(logits: &[f32], truth: &[usize], classes: &[usize]) -> Option<Self> {
        let exists = |class: &usize| *class < logits.len();
        if truth.is_empty() || classes.is_empty() || !truth.iter().chain(classes).all(exists) {
            return None;
        }
        let every: Vec<usize> = (0..logits.len()).collect();
        let (all, among) = (Ranked::new(logits, truth, &every), Ranked::new(logits, truth, classes));
        Some(Self {
            predicted: all.best,
            confidence: all.confidence,
            truth_probability: all.truth_probability,
            top_1: all.is_right_within(1),
            top_5: all.is_right_within(5),
            among: Among {
                predicted: among.best,
                top_1: among.is_right_within(1),
                top_5: among.is_right_within(5),
                truth_probability: among.truth_probability,
            },
        })
    }
}

/// Logits of some classes, put in order as far as needed.
struct Ranked {
    best: usize,
    confidence: f32,
    truth_probability: f32,
    /// Classes before the first right one; those of equal logits count in their order.
    before_truth: usize,
}

impl Ranked {
    fn new(logits: &[f32], truth: &[usize], classes: &[usize]) -> Self {
        let own: Vec<f32> = classes.iter().map(|&class| logits[class]).collect();
        let probabilities = softmax(&own);
        let mut order: Vec<usize> = (0..own.len()).collect();
        order.sort_by(|&a, &b| own[b].total_cmp(&own[a]));
        let is_right = |at: &usize| truth.contains(&classes[*at]);
        Self {
            best: classes[order[0]],
            confidence: probabilities[order[0]],
            truth_probability: order.iter().filter(|at| is_right(at)).map(|&at| probabilities[at]).sum(),
            before_truth: order.iter().position(|at| is_right(at)).unwrap_or(usize::MAX),
        }
    }

    fn is_right_within(&self, first: usize) -> bool {
        self.before_truth < first
    }
}

/// Bins of the calibration error.
const BINS: usize = 15;

/// What one answer adds to the calibration error: confidence − right in its bin, and last 1 for its count. Bin i holds
/// confidences in (i/15, (i + 1)/15].
pub fn calibration_share(confidence: f32, right: bool) -> [f64; BINS + 1] {
    let mut share = [0.0; BINS + 1];
    let bin = ((f64::from(confidence) * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
    share[bin] = f64::from(confidence) - f64::from(u8::from(right));
    share[BINS] = 1.0;
    share
}

/// Expected calibration error: how far confidence and accuracy lie apart, weighted by the pictures of each bin
/// (Guo et al., arXiv 1706.04599). `sums`: of the [`calibration_share`]s of all answers; `None` for none.
pub fn calibration_error(sums: &[f64; BINS + 1]) -> Option<f64> {
    let (answers, gaps) = sums.split_last()?;
    (*answers > 0.0).then(|| gaps.iter().map(|gap| gap.abs()).sum::<f64>() / answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_judged_over_all_and_over_some_classes() {
        // Order of all seven: 3, 1, 0, 5, 2, 6, 4.
        let logits = [1.0, 2.0, -1.0, 3.0, -9.0, 0.0, -2.0];
        let answer = Answer::new(&logits, &[0], &[0, 4, 6]).unwrap();
        assert_eq!((answer.predicted, answer.top_1, answer.top_5), (3, false, true));
        assert_eq!((answer.among.predicted, answer.among.top_1), (0, true));
        // By hand: e¹ / (e¹ + e⁻⁹ + e⁻²), in f32.
        let expected = 1.0_f64.exp() / (1.0_f64.exp() + (-9.0_f64).exp() + (-2.0_f64).exp());
        assert!((f64::from(answer.among.truth_probability) - expected).abs() < 1e-6);
        let worst = Answer::new(&logits, &[4], &[0, 4, 6]).unwrap();
        assert!(!worst.top_5 && worst.among.top_5 && !worst.among.top_1);
        let either = Answer::new(&logits, &[4, 3], &[3, 4]).unwrap();
        assert!(either.top_1 && (either.truth_probability - either.confidence) < 1e-5);
    }

    #[test]
    fn what_the_model_does_not_know_has_no_answer() {
        assert_eq!(Answer::new(&[], &[0], &[0]), None);
        assert_eq!(Answer::new(&[1.0], &[], &[0]), None);
        assert_eq!(Answer::new(&[1.0], &[1], &[0]), None);
        assert_eq!(Answer::new(&[1.0], &[0], &[1]), None);
    }

    #[test]
    fn calibration_by_hand() {
        // Third bin: 0.19 right, 0.15 wrong, |0.34 − 1|. Last bin: 1.0 right and 0.95 wrong, |1.95 − 1|. Of five.
        let answers = [(0.19, true), (0.15, false), (1.0, true), (0.95, false), (0.0, false)];
        let mut sums = [0.0; BINS + 1];
        for (confidence, right) in answers {
            let share = calibration_share(confidence, right);
            sums.iter_mut().zip(share).for_each(|(sum, share)| *sum += share);
        }
        // 1e-7: the confidences are f32.
        assert!((calibration_error(&sums).unwrap() - (0.66 + 0.95) / 5.0).abs() < 1e-7);
        assert_eq!(calibration_error(&[0.0; BINS + 1]), None);
    }
}
