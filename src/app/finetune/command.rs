//! What the user asks of finetuning.

use crate::finetune::{FinetuneConfig, Preset};
use crate::image::ImageSource;
use crate::jobs::finetune::RunCommand;

use super::Shows;

/// A wish about a run, or about the one to come.
#[derive(Clone, Debug, PartialEq)]
pub enum FinetuneCommand {
    /// Learning rate and temperature of a model of the paper; the rest as it is set.
    Preset(Preset),
    Config(Box<FinetuneConfig>),
    /// Whether the run pauses after the check of its photos and losses, before the first step.
    PauseAfterCheck(bool),
    /// Learn from all images, not only from those that the gallery shows.
    AllImages(bool),
    ChooseFolder,
    /// Starts a run; a paused one goes on.
    Start,
    /// Of the run that is open.
    Run(RunCommand),
    /// Go on with a run of another day: a dialog asks for its folder.
    Resume,
    /// A new run from a checkpoint of this one, with the present settings.
    Branch {
        step: usize,
    },
    /// Which weights the views of the tuned model show.
    Look(Shows),
    /// Keeps an image in the timeline, where its map follows the weights.
    Pin(ImageSource),
    Unpin(ImageSource),
    /// Closes the run's curves; its folder stays.
    Close,
}
