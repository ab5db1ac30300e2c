//! How heat is laid over a photo: everything that sliders and menus change, as plain numbers.

use serde::{Deserialize, Serialize};

use super::colour_map::ColourMap;
use super::range::ValueRange;
use super::shading::Shading;

/// As many contour levels as the shader's uniform has room for.
pub const MAX_CONTOURS: usize = 8;

/// How heat is laid over a photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Style {
    pub colours: ColourMap,
    /// 0: only the photo, 1: only the heat; in between cold places are more transparent than hot ones.
    pub opacity: f32,
    /// What the ends of the colours stand for; `None`: the map's own minimum and maximum.
    pub range: Option<ValueRange>,
    /// The heat is the position in the range to this power: below 1 faint heat shows, above 1 only the hottest does.
    pub gamma: f32,
    /// The share of the range below which there is no heat; of the way from 0 to either end for signed colours.
    pub threshold: f32,
    pub interpolation: Interpolation,
    /// Where contour lines run, as shares of the range (0…1, before gamma); those after the first [`MAX_CONTOURS`]
    /// are not drawn.
    pub contours: Vec<f32>,
    pub blend: Blend,
    /// Whether the part of the photo that the model did not see fades.
    pub dim_unseen: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            colours: ColourMap::default(),
            opacity: 0.65,
            range: None,
            gamma: 1.0,
            threshold: 0.0,
            interpolation: Interpolation::default(),
            contours: Vec::new(),
            blend: Blend::default(),
            dim_unseen: true,
        }
    }
}

impl Style {
    /// The gamma values that make a difference worth seeing; others are clamped to them.
    pub const GAMMA: std::ops::RangeInclusive<f32> = 0.1..=10.0;

    /// The colours of 0, 1/255, … 1 of the range as a colour bar shows them: with gamma, and grey where the colours of
    /// the map do not take part.
    pub fn bar_colours(&self) -> [[u8; 3]; 256] {
        let shading = Shading::new(self, ValueRange { low: 0.0, high: 1.0 });
        std::array::from_fn(|i| shading.colour(shading.heat(i as f32 / 255.0)).map(|channel| channel.round() as u8))
    }
}

/// How values between the centres of the patches come about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// Not at all: each patch has one value, as the model computed it.
    Patches,
    #[default]
    Bilinear,
    /// Catmull–Rom (Keys' cubic convolution with a = −½) through the centres: smooth, and may overshoot.
    Bicubic,
}

impl Interpolation {
    pub const ALL: [Self; 3] = [Self::Patches, Self::Bilinear, Self::Bicubic];

    pub const fn title(self) -> &'static str {
        match self {
            Self::Patches => "Patches",
            Self::Bilinear => "Bilinear",
            Self::Bicubic => "Bicubic",
        }
    }
}

/// How heat and photo become one picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Blend {
    /// The colours of the heat over the photo.
    #[default]
    Overlay,
    /// The photo times the heat, without the heat's colours: what is dark is irrelevant.
    Multiply,
}

impl Blend {
    pub const ALL: [Self; 2] = [Self::Overlay, Self::Multiply];

    pub const fn title(self) -> &'static str {
        match self {
            Self::Overlay => "Overlay",
            Self::Multiply => "Multiply",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_survive_being_saved_and_old_files_get_defaults() {
        let style = Style {
            range: Some(ValueRange { low: -1.0, high: 2.0 }),
            contours: vec![0.25, 0.5],
            interpolation: Interpolation::Bicubic,
            blend: Blend::Multiply,
            ..Style::default()
        };
        let saved = serde_json::to_string(&style).unwrap();
        assert_eq!(serde_json::from_str::<Style>(&saved).unwrap(), style);
        let older: Style = serde_json::from_str(r#"{"opacity": 0.5}"#).unwrap();
        assert_eq!(older, Style { opacity: 0.5, ..Style::default() });
    }

    #[test]
    fn the_bar_shows_what_the_picture_shows() {
        let grey = |style: Style| Style { colours: ColourMap::Grey, ..style }.bar_colours().map(|[r, _, _]| r);
        assert_eq!(grey(Style::default())[100], 100);
        // (51/255)² = 1/25, times 255
        assert_eq!(grey(Style { gamma: 2.0, ..Style::default() })[51], 10);
        let cut = Style { threshold: 0.4, blend: Blend::Multiply, ..Style::default() };
        assert_eq!(cut.bar_colours()[255], [255; 3], "no colours, only brightness");
        // 0.4·255 = 102
        assert_eq!(grey(cut)[101..=102], [0, 102]);
    }
}
