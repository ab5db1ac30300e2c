//! The options that choose how a prediction is explained, of whatever command explains.

use clap::Args;

use crate::relevance::{Method, MethodOptions};
use crate::vit::{Muted, Score};

/// Each number is read by the methods it names and ignored by the others.
#[derive(Debug, Args)]
pub(super) struct MethodArgs {
    #[arg(long, default_value = "gae", value_enum)]
    pub method: Method,
    /// Which number of the target class is explained.
    #[arg(long, default_value = "logit", value_enum)]
    pub objective: Score,
    /// Start the relevance rule at this block, counted from 0 (gae).
    #[arg(long, default_value_t = 0, value_name = "K")]
    first_block: usize,
    /// Leave blocks and heads out of the rule: 3,5:2 are block 3 and head 2 of block 5 (gae).
    #[arg(long, value_name = "BLOCK[:HEAD],…")]
    mute: Option<Muted>,
    /// Points of the path (integrated-gradients) [default: 32].
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    /// Noisy copies (smoothgrad) [default: 16].
    #[arg(long, value_name = "N")]
    samples: Option<usize>,
    /// Noise as a share of the input's range (smoothgrad) [default: 0.15].
    #[arg(long, value_name = "SHARE")]
    noise: Option<f32>,
    /// Side of the grey window in patches (occlusion) [default: 1].
    #[arg(long, value_name = "N")]
    window: Option<usize>,
    /// From one window to the next, in patches (occlusion) [default: 1].
    #[arg(long, value_name = "N")]
    stride: Option<usize>,
    /// Random masks (rise) [default: 1000].
    #[arg(long, value_name = "N")]
    masks: Option<usize>,
    /// Cells of a mask along each axis (rise) [default: 7].
    #[arg(long, value_name = "N")]
    cells: Option<usize>,
    /// Probability that a cell is visible (rise) [default: 0.5].
    #[arg(long, value_name = "SHARE")]
    visible: Option<f64>,
    /// Of noise and masks: the same seed gives the same map (smoothgrad, rise) [default: 0].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

impl MethodArgs {
    pub fn options(&self) -> MethodOptions {
        let default = MethodOptions::default();
        MethodOptions {
            start: default.start,
            muted: self.mute.clone().unwrap_or_default(),
            first_block: self.first_block,
            steps: self.steps.unwrap_or(default.steps),
            samples: self.samples.unwrap_or(default.samples),
            noise: self.noise.unwrap_or(default.noise),
            window: self.window.unwrap_or(default.window),
            stride: self.stride.unwrap_or(default.stride),
            masks: self.masks.unwrap_or(default.masks),
            cells: self.cells.unwrap_or(default.cells),
            visible: self.visible.unwrap_or(default.visible),
            batch_size: default.batch_size,
            seed: self.seed.unwrap_or(default.seed),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;

    #[test]
    fn without_options_the_defaults_that_the_help_names_hold() {
        let mut command = MethodArgs::augment_args(clap::Command::new("test")).term_width(0);
        let help = command.render_long_help().to_string();
        let matches = command.try_get_matches_from(["test"]).unwrap();
        let options = MethodArgs::from_arg_matches(&matches).unwrap().options();
        assert_eq!(options, MethodOptions::default());
        for (name, value) in [
            ("integrated-gradients", options.steps.to_string()),
            ("smoothgrad", options.samples.to_string()),
            ("smoothgrad", options.noise.to_string()),
            ("occlusion", options.window.to_string()),
            ("occlusion", options.stride.to_string()),
            ("rise", options.masks.to_string()),
            ("rise", options.cells.to_string()),
            ("rise", options.visible.to_string()),
            ("smoothgrad, rise", options.seed.to_string()),
        ] {
            assert!(help.contains(&format!("({name}) [default: {value}]")), "{name} {value} in\n{help}");
        }
    }
}
