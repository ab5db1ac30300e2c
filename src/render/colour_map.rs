//! Colour maps: a relevance between 0 and 1 becomes a colour.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A named colour map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColourMap {
    /// Google's rainbow with even steps of brightness; the default for heat over a photo.
    #[default]
    Turbo,
    Viridis,
    Magma,
    Inferno,
    /// Looks the same with and without colour vision deficiency.
    Cividis,
    /// Matlab's rainbow, for figures that are to look like those of earlier papers.
    Jet,
    Grey,
    /// Blue, nearly white, red, for signed maps: 0 lies in the middle, at ½.
    Diverging,
}

impl ColourMap {
    pub const ALL: [Self; 8] =
        [Self::Turbo, Self::Viridis, Self::Magma, Self::Inferno, Self::Cividis, Self::Jet, Self::Grey, Self::Diverging];

    /// The colour of `t`, clamped to 0…1; not a number counts as 0.
    pub fn lookup(self, t: f32) -> [u8; 3] {
        let t = if t.is_nan() { 0.0 } else { t.clamp(0.0, 1.0) };
        let gradient = match self {
            Self::Turbo => colorous::TURBO,
            Self::Viridis => colorous::VIRIDIS,
            Self::Magma => colorous::MAGMA,
            Self::Inferno => colorous::INFERNO,
            Self::Cividis => colorous::CIVIDIS,
            Self::Jet => return jet(t),
            Self::Grey => return [(t * 255.0).round() as u8; 3],
            // The gradient runs from red to blue; positive relevance is to be the warm end.
            Self::Diverging => return colorous::RED_BLUE.eval_continuous(1.0 - f64::from(t)).into_array(),
        };
        gradient.eval_continuous(f64::from(t)).into_array()
    }

    /// The colours of 0, 1/255, … 1.
    pub fn table(self) -> [[u8; 3]; 256] {
        std::array::from_fn(|i| self.lookup(i as f32 / 255.0))
    }

    /// Whether values are to be shown symmetrically about 0.
    pub fn is_signed(self) -> bool {
        self == Self::Diverging
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Turbo => "turbo",
            Self::Viridis => "viridis",
            Self::Magma => "magma",
            Self::Inferno => "inferno",
            Self::Cividis => "cividis",
            Self::Jet => "jet",
            Self::Grey => "grey",
            Self::Diverging => "diverging",
        }
    }
}

/// Matlab's `jet`: three trapezoids of slope 4, shifted by a quarter.
fn jet(t: f32) -> [u8; 3] {
    [3.0, 2.0, 1.0].map(|centre: f32| ((1.5 - (4.0 * t - centre).abs()).clamp(0.0, 1.0) * 255.0).round() as u8)
}

impl fmt::Display for ColourMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name is not one of [`ColourMap::ALL`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no colour map {0:?}; use turbo, viridis, magma, inferno, cividis, jet, grey or diverging")]
pub struct UnknownColourMap(String);

impl FromStr for ColourMap {
    type Err = UnknownColourMap;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let wanted = name.to_lowercase();
        Self::ALL.into_iter().find(|map| map.name() == wanted).ok_or_else(|| UnknownColourMap(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_the_published_colours() {
        // matplotlib's viridis, magma, inferno at 0 and 1: #440154…#fde725, #000004…#fcfdbf, #000004…#fcffa4;
        // jet runs from half blue to half red, grey from black to white.
        for (map, low, high) in [
            (ColourMap::Viridis, [0x44, 0x01, 0x54], [0xfd, 0xe7, 0x25]),
            (ColourMap::Magma, [0x00, 0x00, 0x04], [0xfc, 0xfd, 0xbf]),
            (ColourMap::Inferno, [0x00, 0x00, 0x04], [0xfc, 0xff, 0xa4]),
            (ColourMap::Jet, [0, 0, 128], [128, 0, 0]),
            (ColourMap::Grey, [0; 3], [255; 3]),
        ] {
            assert_eq!((map.lookup(0.0), map.lookup(1.0)), (low, high), "{map}");
        }
    }

    #[test]
    fn turbo_is_blue_below_and_red_above() {
        let [low, high] = [0.1, 0.9].map(|t| ColourMap::Turbo.lookup(t));
        assert!(low[2] > 2 * low[0] && high[0] > 2 * high[2], "{low:?} {high:?}");
    }

    #[test]
    fn zero_of_the_diverging_map_is_neutral_and_its_sides_are_blue_and_red() {
        let [negative, zero, positive] = [0.0, 0.5, 1.0].map(|t| ColourMap::Diverging.lookup(t));
        let spread = zero.iter().max().unwrap() - zero.iter().min().unwrap();
        // ColorBrewer's RdBu has #f7f7f7 in the middle; the spline through its eleven colours leaves a hint of red.
        assert!(spread <= 8 && zero[0] > 225, "{zero:?}");
        assert!(negative[2] > negative[0] && positive[0] > positive[2]);
    }

    #[test]
    fn values_outside_are_clamped() {
        for map in ColourMap::ALL {
            assert_eq!(map.lookup(-3.0), map.table()[0]);
            assert_eq!(map.lookup(f32::INFINITY), map.table()[255]);
            assert_eq!(map.lookup(f32::NAN), map.table()[0]);
        }
    }

    #[test]
    fn names_lead_back_to_their_maps() {
        for map in ColourMap::ALL {
            assert_eq!(map.to_string().to_uppercase().parse(), Ok(map));
            assert_eq!(serde_json::to_value(map).unwrap(), map.name(), "the file format uses the same names");
        }
        let message = "rainbow".parse::<ColourMap>().unwrap_err().to_string();
        assert!(message.contains("rainbow") && ColourMap::ALL.iter().all(|map| message.contains(map.name())));
    }
}
