//! The state of the window and what changes it. Nothing here draws.
//!
//! [`Session`] is everything there is; [`Command`] is everything that can be wished. The window calls
//! [`Session::receive`] before each frame, draws what it finds, and hands the commands of the frame to
//! [`Session::apply`].

mod apply;
pub mod canvas;
pub mod command;
mod command_line;
pub mod difference;
pub mod evaluate;
mod events;
mod export;
pub mod finetune;
pub mod gallery;
mod maps;
pub mod masks;
pub mod models;
pub mod notice;
pub mod occlusion;
mod open;
pub mod panes;
pub mod picker;
mod project;
mod promise;
mod session;
pub mod settings;
pub mod views;
mod wants;

pub use command::{Command, Slot};
pub use masks::MaskCommand;
pub use picker::{Ask, FilePicker, SystemPicker};
pub use session::{Explain, Job, Norms, Session};
pub use settings::{Panel, Settings, Theme, View};

/// Wakes the window from any thread.
pub use crate::jobs::Wake;
