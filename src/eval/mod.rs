//! How good an explanation and a model are, in numbers: pure functions of maps, masks, logits.

mod answer;
mod background;
pub mod faithfulness;
mod inpaint;
mod map_scores;
mod mass;
mod overlap;
mod precision;
mod statistics;

pub use answer::{Among, Answer, calibration_error, calibration_share};
pub use background::{Cutout, LARGEST_OBJECT, SMALLEST_OBJECT, Scene, donors};
pub use inpaint::{fill_hole, widened};
pub use map_scores::{MapScores, Truth, centred_map, random_map};
pub use mass::{Mass, relevance_mass};
pub use overlap::{Overlap, Threshold};
pub use precision::{average_precision, two_channel_average_precision};
pub use statistics::{Bootstrap, Interval, McNemar};
