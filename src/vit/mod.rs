//! The Vision Transformer: architecture, weights in every spelling, and the hand-derived passes.

pub mod config;
pub mod weights;

pub use config::{Pooling, VitConfig};
