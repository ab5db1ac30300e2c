//! Where a run is.

use serde::{Deserialize, Serialize};

use super::guard::{Alarm, GuardReport};
use super::record::ValidationRecord;

/// What a run does now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// At work, or killed at work.
    #[default]
    Running,
    Paused,
    /// Paused by itself.
    Alarmed(GuardReport),
    /// Ended by a person before its last step.
    Stopped,
    Finished,
}

/// `state.json`; written with every checkpoint and every change of the status.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    pub status: Status,
    /// Of the last checkpoint: from here the run goes on.
    pub step: usize,
    /// Steps of the whole run.
    pub total_steps: usize,
    /// The checkpoint with the lowest validation loss, and its loss.
    pub best_step: usize,
    pub best_loss: f32,
    /// The model before the run on the same photos; absent until it was judged.
    pub original: Option<ValidationRecord>,
    /// Alarms that a person chose to ignore by going on.
    pub ignored: Vec<Alarm>,
}
