//! **Vitrine** shows where a Vision Transformer looks.
//!
//! # The house, on one page
//!
//! | folder | what lives there | knows nothing of |
//! |---|---|---|
//! | [`engine`] | `Ops`, the seam to the hardware, and its candle backend with fused CPU row kernels | images |
//! | [`vit`] | configuration, weights in every spelling, the passes in paper order generic over `Ops`, class names, model hub | files of pictures, windows |
//! | [`image`] | decode, prepare for the model, `Framing`: original pixels ↔ model input ↔ patches | models |
//! | [`mask`] | foreground masks in photo pixels: painting, history, automatic masks, file formats | models, windows |
//! | [`project`] | the project file and its autosave | models, windows |
//! | [`segment`] | Segment Anything: a click becomes a mask | masks, windows |
//! | [`relevance`] | one file per family of methods, normalisation | masks |
//! | [`finetune`] | configuration, pictures, loss, the run and its folder, checkpoints, guards | windows |
//! | [`eval`] | metrics | windows |
//! | [`jobs`] | a job is configuration in, event stream out; window and terminal read it alike | terminals, windows |
//! | [`render`] | colour maps, figures and the heatmap shader, from plain arrays | models, tensors |
//! | [`demo`] | the embedded model and its photos | everything else |
//! | [`app`] | the window's state, [`app::Command`], what each command does | drawing |
//! | [`ui`] | panels and canvas: read the state, return commands | threads, tensors |
//! | [`cli`] | the command line | windows |
//!
//! Imports point down: `main → {cli, ui → app} → jobs → {finetune, eval, relevance, mask, segment, image, project, demo}
//! → vit → engine`;
//! `tests/architecture.rs` reads the `use` lines and guards it.

pub mod app;
pub mod cli;
pub mod demo;
pub mod engine;
pub mod eval;
pub mod files;
pub mod finetune;
pub mod image;
pub mod jobs;
pub mod mask;
pub mod npy;
pub mod project;
pub mod relevance;
pub mod render;
pub mod segment;
pub mod size;
pub mod ui;
pub mod vit;
