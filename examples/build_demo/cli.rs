//! The command line of the builder.

use std::path::PathBuf;

use clap::Parser;

use crate::train::Recipe;

/// Build the embedded demo: render, train, export.
#[derive(Parser)]
#[command(about)]
pub struct Options {
    /// Folder to write to.
    #[arg(long, default_value = "assets/demo")]
    pub out: PathBuf,
    /// Folder with the animals.
    #[arg(long, default_value = "assets/demo/sprites")]
    pub sprites: PathBuf,
    /// Fixes scenes, initial weights and the order of training.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Number of different training pictures.
    #[arg(long, default_value_t = 16_000)]
    images: usize,
    /// Optimiser steps.
    #[arg(long, default_value_t = 1150)]
    steps: usize,
    /// Pictures per step; a multiple of 16 keeps all cores busy.
    #[arg(long, default_value_t = 32)]
    pub batch: usize,
    /// Cores to use; all by default. The result does not depend on it.
    #[arg(long)]
    threads: Option<usize>,
    /// Keep the model in the folder; renew figures, configuration and photos.
    #[arg(long)]
    pub skip_training: bool,
    /// Only draw the validation and test pictures with their masks into this folder, to judge other models on.
    #[arg(long, value_name = "DIR")]
    pub draw: Option<PathBuf>,
    /// A tiny run that only shows that everything works.
    #[arg(long)]
    quick: bool,
}

impl Options {
    pub fn recipe(&self) -> Recipe {
        Recipe {
            seed: self.seed,
            steps: self.steps(),
            batch: self.batch,
            learning_rate: 1e-3,
            weight_decay: 0.05,
            early_patches: 0.5,
            early_share: 0.8,
        }
    }

    pub fn threads(&self) -> usize {
        self.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
    }

    pub fn training_pictures(&self) -> usize {
        if self.quick { 2 * self.batch } else { self.images }
    }

    pub fn steps(&self) -> usize {
        if self.quick { 2 } else { self.steps }
    }

    pub fn validation_pictures(&self) -> usize {
        if self.quick { 12 } else { 240 }
    }

    pub fn test_pictures(&self) -> usize {
        if self.quick { 12 } else { 600 }
    }

    /// Photos per class of each set.
    pub fn photos_per_class(&self) -> usize {
        if self.quick { 1 } else { 3 }
    }

    /// The command that gives the same model, for the record.
    pub fn command(&self) -> String {
        let Self { seed, batch, .. } = self;
        let (images, steps) = (self.training_pictures(), self.steps());
        format!(
            "cargo run --release --example build_demo -- --seed {seed} --images {images} --steps {steps} --batch {batch}"
        )
    }
}
