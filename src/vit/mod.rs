//! The Vision Transformer: architecture, weights in every spelling, and the hand-derived passes.

pub mod classes;
pub mod config;
pub mod hub;
pub mod weights;

pub use config::{Pooling, VitConfig};
