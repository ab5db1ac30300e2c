//! Which values the ends of a colour map stand for.

use serde::{Deserialize, Serialize};

use super::colour_map::ColourMap;

/// What the ends of the colour map stand for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueRange {
    pub low: f32,
    pub high: f32,
}

impl ValueRange {
    /// Minimum and maximum; `None` if the map is flat (max − min < 1e-12·|max|) or has a value that is not finite.
    pub fn of(values: &[f32]) -> Option<Self> {
        let low = values.iter().copied().fold(f32::INFINITY, f32::min);
        let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        // `min` and `max` skip NaN, so each value is asked.
        values.iter().all(|value| value.is_finite()).then_some(())?;
        Self { low, high }.if_varied()
    }

    /// The values below which `low` and `high` per cent of the map lie, linearly between its sorted values (numpy's
    /// default); the whole range if nothing lies between them, because so much of the map is equal.
    ///
    /// `None` for the maps for which [`Self::of`] has none.
    pub fn percentiles(values: &[f32], low: f32, high: f32) -> Option<Self> {
        let whole = Self::of(values)?;
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f32::total_cmp);
        let value_at = |percent: f32| {
            let rank = percent.clamp(0.0, 100.0) / 100.0 * (sorted.len() - 1) as f32;
            let below = rank as usize;
            let above = (below + 1).min(sorted.len() - 1);
            sorted[below] + (sorted[above] - sorted[below]) * rank.fract()
        };
        let between = Self { low: value_at(low), high: value_at(high) };
        Some(between.if_varied().unwrap_or(whole))
    }

    /// Both ranges and what lies between them.
    pub fn union(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// As these colours show it: the same length on both sides of 0 if they are signed.
    pub fn for_colours(self, colours: ColourMap) -> Self {
        let reach = self.low.abs().max(self.high.abs());
        if colours.is_signed() { Self { low: -reach, high: reach } } else { self }
    }

    /// The middle, the value of ½ in [`Self::position`].
    pub fn middle(self) -> f32 {
        self.low / 2.0 + self.high / 2.0
    }

    /// Where a value lies between `low` (0) and `high` (1).
    pub fn position(self, value: f32) -> f32 {
        (value - self.low) / (self.high - self.low)
    }

    /// Itself, if its ends are finite and further apart than single precision blurs.
    pub(super) fn if_varied(self) -> Option<Self> {
        let finite = self.low.is_finite() && self.high.is_finite();
        (finite && self.high > self.low && self.high - self.low >= 1e-12 * self.high.abs()).then_some(self)
    }
}

/// How the range of a map is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RangeMode {
    /// Each map's own minimum and maximum.
    #[default]
    PerImage,
    /// Two percentiles of each map (in per cent), so that a few extreme patches do not take all colours.
    Percentile { low: f32, high: f32 },
    /// One range for all maps in view, so that equal colours are equal values.
    Shared,
    /// The range that was in use when it was locked.
    Locked,
}

impl RangeMode {
    /// Each mode once, in the order of menus.
    pub const ALL: [Self; 4] = [Self::PerImage, Self::Percentile { low: 1.0, high: 99.0 }, Self::Shared, Self::Locked];

    pub const fn title(self) -> &'static str {
        match self {
            Self::PerImage => "Per image",
            Self::Percentile { .. } => "Percentile",
            Self::Shared => "Shared",
            Self::Locked => "Locked",
        }
    }

    /// The range of the map `own`, symmetric about 0 for signed colours; `None` if it is flat or not finite.
    ///
    /// `in_view` are the maps that [`Self::Shared`] spans (those without a range do not count), `locked` is the range
    /// of [`Self::Locked`]; where these are missing, the map's own range steps in.
    pub fn resolve(
        self,
        own: &[f32],
        in_view: &[&[f32]],
        locked: Option<ValueRange>,
        colours: ColourMap,
    ) -> Option<ValueRange> {
        let whole = ValueRange::of(own)?;
        let range = match self {
            Self::PerImage => whole,
            Self::Percentile { low, high } => ValueRange::percentiles(own, low, high)?,
            Self::Shared => {
                in_view.iter().filter_map(|values| ValueRange::of(values)).reduce(ValueRange::union).unwrap_or(whole)
            }
            Self::Locked => locked.unwrap_or(whole),
        };
        Some(range.for_colours(colours))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn range(low: f32, high: f32) -> ValueRange {
        ValueRange { low, high }
    }

    #[test]
    fn flat_and_broken_maps_have_no_range() {
        assert_eq!(ValueRange::of(&[0.25; 4]), None);
        assert_eq!(ValueRange::of(&[0.0, f32::NAN, 1.0]), None);
        assert_eq!(ValueRange::of(&[0.0, f32::INFINITY]), None);
        assert_eq!(ValueRange::of(&[3.0, -1.0, 2.0]), Some(range(-1.0, 3.0)));
    }

    #[test]
    fn percentiles_lie_between_the_sorted_values() {
        // numpy.percentile([4, 0, 3, 1, 2], [10, 75]): ranks .1·4 = .4 and .75·4 = 3, so 0.4 and 3.0
        assert_eq!(ValueRange::percentiles(&[4.0, 0.0, 3.0, 1.0, 2.0], 10.0, 75.0), Some(range(0.4, 3.0)));
        assert_eq!(ValueRange::percentiles(&[4.0, 0.0, 2.0], 0.0, 100.0), Some(range(0.0, 4.0)));
        assert_eq!(ValueRange::percentiles(&[4.0, 0.0, 2.0], -7.0, f32::INFINITY), Some(range(0.0, 4.0)));
        assert_eq!(ValueRange::percentiles(&[4.0, 0.0, 2.0], f32::NAN, 50.0), Some(range(0.0, 4.0)));
    }

    #[test]
    fn percentiles_of_a_mostly_equal_map_fall_back_to_all_of_it() {
        let mut values = [0.0; 100];
        values[7] = 1.0;
        assert_eq!(ValueRange::percentiles(&values, 5.0, 95.0), Some(range(0.0, 1.0)));
        assert_eq!(ValueRange::percentiles(&[2.0; 9], 5.0, 95.0), None);
    }

    #[test]
    fn every_mode_finds_its_range() {
        let (own, other): ([f32; 2], [f32; 2]) = ([1.0, 2.0], [-3.0, 1.5]);
        let flat = [9.0; 2];
        let resolve =
            |mode: RangeMode, colours| mode.resolve(&own, &[&own, &other, &flat], Some(range(0.0, 5.0)), colours);
        assert_eq!(resolve(RangeMode::PerImage, ColourMap::Turbo), Some(range(1.0, 2.0)));
        assert_eq!(resolve(RangeMode::Percentile { low: 50.0, high: 100.0 }, ColourMap::Turbo), Some(range(1.5, 2.0)));
        assert_eq!(resolve(RangeMode::Shared, ColourMap::Turbo), Some(range(-3.0, 2.0)));
        assert_eq!(resolve(RangeMode::Locked, ColourMap::Turbo), Some(range(0.0, 5.0)));
        assert_eq!(resolve(RangeMode::Shared, ColourMap::Diverging), Some(range(-3.0, 3.0)), "0 in the middle");
        assert_eq!(resolve(RangeMode::Locked, ColourMap::Diverging), Some(range(-5.0, 5.0)));
    }

    #[test]
    fn a_flat_map_has_no_range_whatever_is_shared_or_locked() {
        for mode in RangeMode::ALL {
            let resolved = mode.resolve(&[1.0; 3], &[&[0.0, 1.0]], Some(range(0.0, 1.0)), ColourMap::Turbo);
            assert_eq!(resolved, None, "{}", mode.title());
        }
    }

    #[test]
    fn the_own_range_steps_in_for_a_missing_one() {
        for mode in [RangeMode::Shared, RangeMode::Locked] {
            assert_eq!(mode.resolve(&[1.0, 2.0], &[], None, ColourMap::Turbo), Some(range(1.0, 2.0)));
        }
    }
}
