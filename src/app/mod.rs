//! What the window shows, as plain state that never draws.

pub mod gallery;
