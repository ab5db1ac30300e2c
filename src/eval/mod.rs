//! How good an explanation and a model are, in numbers: pure functions of maps, masks, logits.

mod answer;
mod background;
pub mod faithfulness;
mod map_scores;
mod mass;
mod overlap;
mod precision;
mod statistics;

pub use answer::{Among, Answer, calibration_error, calibration_share};
pub use background::{Scene, donors};
pub use map_scores::{MapScores, Truth, centred_map, random_map};
pub use mass::{Mass, relevance_mass};
pub use overlap::{Overlap, Threshold};
pub use precision::{average_precision, two_channel_average_precision};
pub use statistics::{Bootstrap, Interval, McNemar};
