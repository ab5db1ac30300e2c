//! What the window draws: reads the state, returns commands.

pub mod gallery;
