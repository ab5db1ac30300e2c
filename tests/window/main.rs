//! The window as a user meets it: controls by their names, keys and the pointer, and what they change.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod auto_mask;
mod canvas;
mod evaluate;
mod explain;
mod files;
mod finetune;
mod gui;
mod heat;
mod mask;
mod mask_files;
mod models;
mod occlusion;
#[path = "../support/offscreen.rs"]
#[allow(dead_code, reason = "each test binary uses its own part")]
mod offscreen;
mod pointer;
mod projects;
mod shell;
mod snapshots;
mod views;
