//! A mask from a map of values on the patch grid: whatever is above a threshold.
//!
//! Of a relevance map that is circular: a model finetuned on such masks is told to look where it looks already, and
//! metrics against them measure nothing. It is a start for the brush, not evidence.

use serde::{Deserialize, Serialize};

use crate::image::{Framing, Position};
use crate::size::Size;

use super::bitmap::Mask;

/// How the threshold follows from the values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdRule {
    /// The cut that leaves the least variance within both sides (Otsu 1979), in 256 steps.
    Otsu,
    /// The mean of all values.
    Mean,
    /// The value below which this share of all values lies, 0…1.
    Percentile(f64),
}

impl ThresholdRule {
    /// The threshold for some values; `None` if they do not differ or are not finite.
    pub fn threshold(self, values: &[f32]) -> Option<f32> {
        let (min, max) = values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
        let is_flat = values.iter().any(|value| !value.is_finite()) || max - min <= 1e-12 * max.abs();
        if values.is_empty() || is_flat {
            return None;
        }
        Some(match self {
            Self::Otsu => otsu(values, min, max),
            Self::Mean => (values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64) as f32,
            Self::Percentile(share) => percentile(values, share),
        })
    }
}

impl std::fmt::Display for ThresholdRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Otsu => f.write_str("otsu"),
            Self::Mean => f.write_str("mean"),
            Self::Percentile(share) => write!(f, "percentile {:.0}", 100.0 * share),
        }
    }
}

/// `otsu`, `mean`, or a percentile as a number from 0 to 100.
impl std::str::FromStr for ThresholdRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "otsu" => Ok(Self::Otsu),
            "mean" => Ok(Self::Mean),
            _ => {
                let number = text.parse::<f64>().ok().filter(|number| (0.0..100.0).contains(number));
                let percent = number.ok_or_else(|| {
                    format!("`{text}` is no threshold; write otsu, mean, or a percentile from 0 to 99 such as 80")
                })?;
                Ok(Self::Percentile(percent / 100.0))
            }
        }
    }
}

/// A map of patches as the model saw the photo.
#[derive(Clone, Copy, Debug)]
pub struct PatchMap<'a> {
    /// `[grid.height, grid.width]`
    pub values: &'a [f32],
    pub grid: Size,
    /// In pixels of the model input.
    pub patch: Size,
    pub framing: &'a Framing,
}

impl PatchMap<'_> {
    /// The photo's pixels whose interpolated value exceeds `threshold`; what the model did not see is background.
    pub fn above(&self, threshold: f32) -> Mask {
        let photo = self.framing.original();
        let rows: Vec<_> = (0..photo.height).map(|row| self.tap(row, Axis::Y)).collect();
        let columns: Vec<_> = (0..photo.width).map(|column| self.tap(column, Axis::X)).collect();
        Mask::from_fn(photo, |row, column| {
            let (Some((upper, lower, down)), Some((left, right, along))) = (rows[row], columns[column]) else {
                return false;
            };
            let value = |y: usize, x: usize| self.values[y * self.grid.width + x];
            let mix = |a: f32, b: f32, share: f32| a * (1.0 - share) + b * share;
            let above = mix(value(upper, left), value(upper, right), along);
            let below = mix(value(lower, left), value(lower, right), along);
            mix(above, below, down) > threshold
        })
    }

    /// The patches that a photo's row or column lies between, and the share of the second.
    fn tap(&self, at: usize, axis: Axis) -> Option<(usize, usize, f32)> {
        let centre = at as f64 + 0.5;
        let input = self.framing.input_from_image(Position::new(centre, centre));
        let (position, patch, count) = match axis {
            Axis::X => (input.x, self.patch.width, self.grid.width),
            Axis::Y => (input.y, self.patch.height, self.grid.height),
        };
        if !(0.0..(count * patch) as f64).contains(&position) {
            return None;
        }
        let cell = (position / patch as f64 - 0.5).clamp(0.0, (count - 1) as f64);
        let first = cell as usize;
        Some((first, (first + 1).min(count - 1), (cell - first as f64) as f32))
    }
}

#[derive(Clone, Copy)]
enum Axis {
    X,
    Y,
}

/// The threshold, of 256 bins over `min…max`, that makes the variance between the two sides largest (Otsu 1979);
/// values equal to it lie below.
pub fn otsu(values: &[f32], min: f32, max: f32) -> f32 {
    const BINS: usize = 256;
    let width = (max - min) / BINS as f32;
    let mut histogram = [0.0_f64; BINS];
    for &value in values {
        histogram[(((value - min) / width) as usize).min(BINS - 1)] += 1.0;
    }
    let total: f64 = histogram.iter().sum();
    let moment: f64 = histogram.iter().enumerate().map(|(bin, count)| bin as f64 * count).sum();
    let (mut below, mut moment_below) = (0.0, 0.0);
    let (mut best, mut best_variance) = (0, f64::NEG_INFINITY);
    for (bin, count) in histogram.iter().enumerate().take(BINS - 1) {
        below += count;
        moment_below += bin as f64 * count;
        let above = total - below;
        if below > 0.0 && above > 0.0 {
            let apart = moment_below / below - (moment - moment_below) / above;
            let variance = below * above * apart * apart;
            if variance > best_variance {
                (best, best_variance) = (bin, variance);
            }
        }
    }
    // Just below the next bin: values of that bin are above.
    (min + (best + 1) as f32 * width).next_down()
}

fn percentile(values: &[f32], share: f64) -> f32 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted[((sorted.len() as f64 * share.clamp(0.0, 1.0)) as usize).min(sorted.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_of_two_heaps() {
        let values: Vec<f32> = (0..90).map(|i| i as f32 / 900.0).chain((0..10).map(|i| 5.0 + i as f32)).collect();
        let otsu = ThresholdRule::Otsu.threshold(&values).unwrap();
        assert!(otsu > 0.1 && otsu <= 5.0, "{otsu} parts the heaps");
        // By hand: 90 values with mean 89/1800, ten with mean 9.5.
        let mean = ThresholdRule::Mean.threshold(&values).unwrap();
        assert!((mean - (90.0 * 89.0 / 1800.0 + 95.0) / 100.0).abs() < 1e-5);
        assert_eq!(ThresholdRule::Percentile(0.9).threshold(&values), Some(5.0));
        assert_eq!(ThresholdRule::Otsu.threshold(&[2.0; 8]), None);
        assert_eq!(ThresholdRule::Mean.threshold(&[1.0, f32::NAN]), None);
        assert_eq!(ThresholdRule::Mean.threshold(&[]), None);
    }

    #[test]
    fn rules_are_read_as_they_are_typed() {
        assert_eq!("otsu".parse(), Ok(ThresholdRule::Otsu));
        assert_eq!("80".parse(), Ok(ThresholdRule::Percentile(0.8)));
        assert!("100".parse::<ThresholdRule>().unwrap_err().contains("percentile"));
    }

    #[test]
    fn the_map_is_laid_over_the_photo_where_the_model_looked() {
        // A photo of 8×16 of which the model saw the middle 8×8, in patches of 4.
        let framing = Framing::centred(Size::new(8, 16), Size::new(8, 16), Size::square(8));
        let values = [0.0, 1.0, 0.0, 1.0];
        let map = PatchMap { values: &values, grid: Size::square(2), patch: Size::square(4), framing: &framing };
        // Between the patches' centres, at columns 6 and 10 of the photo, the value rises from 0 to 1.
        assert_eq!(map.above(0.5), Mask::from_fn(Size::new(8, 16), |_, column| (8..12).contains(&column)));
    }
}
