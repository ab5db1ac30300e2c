//! Average precision of a map as a ranking of pixels.

/// Average precision: the mean precision over the positives, in the order of falling scores; equal scores are taken
/// together, as scikit-learn does.
///
/// `scores` must not be negative or not-a-number. `None` if nothing is positive.
pub fn average_precision(scores: &[f32], positive: &[bool]) -> Option<f64> {
    Ranking::new(scores.iter().copied().zip(positive.iter().copied())).average_precision()
}

/// The paper's: both channels {1 − R̂, R̂} against {background, object} as one ranking.
pub fn two_channel_average_precision(scores: &[f32], mask: &[bool]) -> Option<f64> {
    let object = scores.iter().copied().zip(mask.iter().copied());
    let background = object.clone().map(|(score, inside)| (1.0 - score, !inside));
    Ranking::new(background.chain(object)).average_precision()
}

/// Scores with their labels, packed so that one integer sort puts them in order.
struct Ranking(Vec<u64>);

impl Ranking {
    fn new(scored: impl Iterator<Item = (f32, bool)>) -> Self {
        // The bits of floats that are not negative are ordered as their values; −0 becomes 0.
        let key = |(score, positive): (f32, bool)| (u64::from((score + 0.0).to_bits()) << 1) | u64::from(positive);
        let mut keys: Vec<u64> = scored.map(key).collect();
        keys.sort_unstable();
        Self(keys)
    }

    fn average_precision(&self) -> Option<f64> {
        let positives = self.0.iter().filter(|key| *key & 1 == 1).count();
        if positives == 0 {
            return None;
        }
        let (mut seen, mut found, mut sum) = (0_usize, 0_usize, 0.0);
        for group in self.0.chunk_by(|a, b| a >> 1 == b >> 1).rev() {
            let here = group.iter().filter(|key| *key & 1 == 1).count();
            seen += group.len();
            found += here;
            sum += here as f64 * found as f64 / seen as f64;
        }
        Some(sum / positives as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_at_each_positive_by_hand() {
        // Falling: + − + +. Precisions at the positives: 1, 2/3, 3/4.
        let found = average_precision(&[0.9, 0.8, 0.7, 0.1], &[true, false, true, true]).unwrap();
        assert!((found - (1.0 + 2.0 / 3.0 + 0.75) / 3.0).abs() < 1e-12);
        assert_eq!(average_precision(&[0.5], &[false]), None);
    }

    #[test]
    fn equal_scores_are_taken_together() {
        // A map that says nothing has the precision of the share of the object, wherever the object lies.
        assert_eq!(average_precision(&[0.3; 4], &[true, false, false, false]), Some(0.25));
        assert_eq!(average_precision(&[0.3; 4], &[false, false, false, true]), Some(0.25));
        assert_eq!(average_precision(&[0.0, -0.0], &[true, false]), Some(0.5));
        assert_eq!(two_channel_average_precision(&[0.5; 4], &[true, false, false, false]), Some(0.5));
    }
}
