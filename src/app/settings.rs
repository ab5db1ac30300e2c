//! What is remembered from one start to the next.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::engine::Device;
use crate::jobs::model::Profile;
use crate::relevance::Method;
use crate::render::{MaskStyle, RangeMode, Style, ValueRange};

use super::masks::{AutoOptions, PaintOptions};

/// Light, dark, or as the system says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub const fn title(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }
}

/// How the canvas arranges what it shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    #[default]
    Single,
    /// Photo and heat, or the two models.
    SideBySide,
    /// A divider to drag: photo and heat, or the two models.
    Wipe,
    /// The two models, or photo and heat, take turns.
    Blink,
    /// The first model's normalised map minus the second's.
    Difference,
    /// Several methods, of each model, on one image.
    Grid,
}

impl View {
    pub const ALL: [Self; 6] = [Self::Single, Self::SideBySide, Self::Wipe, Self::Blink, Self::Difference, Self::Grid];

    pub const fn title(self) -> &'static str {
        match self {
            Self::Single => "Single",
            Self::SideBySide => "Side by side",
            Self::Wipe => "Wipe",
            Self::Blink => "Blink",
            Self::Difference => "Difference",
            Self::Grid => "Grid",
        }
    }

    pub const fn help(self) -> &'static str {
        match self {
            Self::Single => "One image with its heat",
            Self::SideBySide => "Photo beside heat; with a second model, the two models",
            Self::Wipe => "Drag a divider between photo and heat, or between two models",
            Self::Blink => "Photo and heat, or two models, take turns",
            Self::Difference => "First model minus second, on one signed scale",
            Self::Grid => "Several methods, of each model, on one image",
        }
    }
}

/// What the panel on the right is about: the steps of the work, in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Panel {
    /// Where the model looks.
    #[default]
    Explain,
    /// Where it should look.
    Mask,
    /// Make it look there.
    Finetune,
    /// Whether that helped.
    Evaluate,
}

impl Panel {
    pub const ALL: [Self; 4] = [Self::Explain, Self::Mask, Self::Finetune, Self::Evaluate];

    pub const fn title(self) -> &'static str {
        match self {
            Self::Explain => "Explain",
            Self::Mask => "Mask",
            Self::Finetune => "Finetune",
            Self::Evaluate => "Evaluate",
        }
    }

    /// As the palette names it.
    pub const fn step(self) -> &'static str {
        match self {
            Self::Explain => "Step: Explain",
            Self::Mask => "Step: Mask",
            Self::Finetune => "Step: Finetune",
            Self::Evaluate => "Step: Evaluate",
        }
    }

    pub const fn help(self) -> &'static str {
        match self {
            Self::Explain => "Where the model looks",
            Self::Mask => "Where it should look: paint, find and review the object",
            Self::Finetune => "Make it look there: a short run on the relevance maps",
            Self::Evaluate => "Whether that helped: before and after, image by image",
        }
    }
}

/// Everything that outlives the window. Unknown or missing fields of an older file fall back to their defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub theme: Theme,
    /// Size of all controls, 1 = the system's.
    pub scale: f32,
    pub view: View,
    pub style: Style,
    pub range: RangeMode,
    /// What [`RangeMode::Locked`] holds on to.
    pub locked_range: Option<ValueRange>,
    pub show_heat: bool,
    pub show_mask: bool,
    pub mask_style: MaskStyle,
    pub paint: PaintOptions,
    pub auto_mask: AutoOptions,
    /// Where masks of image files lie; `None`: beside the images.
    pub mask_folder: Option<PathBuf>,
    /// The frame around what the model sees.
    pub show_crop: bool,
    /// Whether photo pixels are blurred into each other at high zoom.
    pub smooth_pixels: bool,
    pub profile: Profile,
    /// What computes.
    pub device: Device,
    pub grid_methods: Vec<Method>,
    pub thumbnail_size: f32,
    pub show_images: bool,
    pub show_panel: bool,
    pub panel: Panel,
    pub show_log: bool,
    /// The curves of a run below the canvas.
    pub show_timeline: bool,
    /// Where runs are written; `None`: with the program's data.
    pub runs_folder: Option<PathBuf>,
    /// Model files opened before, latest first.
    pub recent_models: Vec<PathBuf>,
    /// Projects opened before, latest first.
    pub recent_projects: Vec<PathBuf>,
    /// The folder a dialog opens in.
    pub last_folder: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: Theme::default(),
            scale: 1.0,
            view: View::default(),
            style: Style::default(),
            range: RangeMode::default(),
            locked_range: None,
            show_heat: true,
            show_mask: true,
            mask_style: MaskStyle::default(),
            paint: PaintOptions::default(),
            auto_mask: AutoOptions::default(),
            mask_folder: None,
            show_crop: true,
            smooth_pixels: false,
            profile: Profile::default(),
            device: Device::default(),
            grid_methods: vec![Method::Gae, Method::Rollout, Method::RawAttention, Method::AttentionGradcam],
            thumbnail_size: 104.0,
            show_images: true,
            show_panel: true,
            panel: Panel::default(),
            show_log: false,
            show_timeline: false,
            runs_folder: None,
            recent_models: Vec::new(),
            recent_projects: Vec::new(),
            last_folder: None,
        }
    }
}

impl Settings {
    const RECENT: usize = 8;

    /// Puts a model file first among the recent ones.
    pub fn remember_model(&mut self, path: PathBuf) {
        remember(&mut self.recent_models, path, Self::RECENT);
    }

    /// Puts a project first among the recent ones.
    pub fn remember_project(&mut self, path: PathBuf) {
        remember(&mut self.recent_projects, path, Self::RECENT);
    }
}

fn remember(known: &mut Vec<PathBuf>, path: PathBuf, most: usize) {
    known.retain(|other| *other != path);
    known.insert(0, path);
    known.truncate(most);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_model_comes_first_and_once() {
        let mut settings = Settings::default();
        for name in ["a", "b", "a"] {
            settings.remember_model(name.into());
        }
        assert_eq!(settings.recent_models, [PathBuf::from("a"), PathBuf::from("b")]);
    }

    #[test]
    fn a_file_of_another_version_keeps_what_it_can() {
        let read: Settings = serde_json::from_str(r#"{"scale": 1.5, "no_longer_known": 3}"#).unwrap();
        assert_eq!(read, Settings { scale: 1.5, ..Settings::default() });
    }
}
