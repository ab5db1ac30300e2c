//! How good an explanation is, in numbers.

mod mass;

pub use mass::{Mass, relevance_mass};
