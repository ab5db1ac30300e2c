//! The window: reads the [`Session`](crate::app::Session), draws it, and returns what the user wishes as commands.

mod actions;
mod canvas;
mod clipboard;
mod colour_bar;
mod drop;
pub mod gallery;
mod log;
mod notices;
mod palette;
mod panel;
mod shortcuts;
mod status;
mod theme;
mod timeline;
mod top_bar;
mod window;

pub use window::{Window, run, waker};
