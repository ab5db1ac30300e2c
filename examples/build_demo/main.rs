//! Builds the embedded demo «animals on telling backgrounds» and writes it to `assets/demo`:
//!
//! ```text
//! cargo run --release --example build_demo
//! ```
//!
//! 1. [`dataset`] renders scenes in which the background tells the animal 92 times of 100.
//! 2. [`train`] trains a small Vision Transformer on them, which duly takes the shortcut.
//! 3. [`export`] writes the model, photos with exact masks, and the measured accuracies.
//!
//! Everything follows from `--seed`. `--skip-training` keeps the model and renews the rest; `--draw DIR` writes the
//! validation and test pictures as folders, for `vitrine finetune`, `evaluate` and `compare`.

mod background;
mod canvas;
mod cli;
mod colour;
mod dataset;
mod dice;
mod export;
mod kernels;
mod model;
mod noise;
mod report;
mod scene;
mod species;
mod sprites;
#[cfg(test)]
mod tests;
mod train;

use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;

use cli::Options;
use dataset::{Dataset, Split};
use dice::Dice;
use model::{IMAGE_SIZE, Vit};
use report::{Report, Score, say};
use species::SPECIES;
use sprites::Cast;

/// candle's variable for the threads of one product.
const CANDLE_THREADS: &str = "RAYON_NUM_THREADS";

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    if std::env::var_os(CANDLE_THREADS).is_some_and(|threads| threads == "1") {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads()).build()?;
        return pool.install(|| build(&options)).map(|()| ExitCode::SUCCESS);
    }
    // Whole pictures are spread over the cores, so each product should stay on its own core: candle's
    // threads would wait for each other. candle takes their number from the environment alone, and a
    // process may change its own environment only by unsafe means, hence a second one.
    let program = std::env::current_exe().context("cannot find this program to start it with one thread a product")?;
    let status = Command::new(program).args(std::env::args_os().skip(1)).env(CANDLE_THREADS, "1").status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn build(options: &Options) -> Result<()> {
    let cast = Cast::load(&options.sprites)?;
    if let Some(folder) = &options.draw {
        return export::write_sets(&cast, options, folder);
    }
    let vit = Vit::new(SPECIES.len(), &mut Dice::new(options.seed))?;
    let command = options.command();
    let model_file = options.out.join("model.safetensors");
    if !options.skip_training {
        train_model(options, &cast, &vit)?;
        export::write_model(&vit, &model_file, options.seed, &command)?;
    }
    // Judge what is shipped: the weights in half precision, read back.
    vit.load(&model_file)?;
    let score = |split: Split| -> Result<Score> {
        let pictures = Dataset::render(&cast, options.seed, split, options.test_pictures(), IMAGE_SIZE)?;
        Ok(Score { accuracy: train::accuracy(&vit, &pictures)?, pictures: pictures.len() })
    };
    let (correlated, counter) = (score(Split::TestCorrelated)?, score(Split::TestCounter)?);
    say(&format!("test set, correlated background: {correlated}"));
    say(&format!("test set, counter-correlated background: {counter}"));
    let photos = export::write_photos(&cast, options)?;
    let report = Report {
        seed: options.seed,
        command,
        parameters: vit.parameter_count(),
        correlation: dataset::CORRELATION,
        training_pictures: options.training_pictures(),
        training_steps: options.steps(),
        batch: options.batch,
        correlated,
        counter,
        photos,
    };
    export::write_config(&options.out)?;
    report.write(&options.out.join("demo.json"))
}

fn train_model(options: &Options, cast: &Cast, vit: &Vit) -> Result<()> {
    let seed = options.seed;
    say(&format!("rendering {} training pictures", options.training_pictures()));
    let stored_side = IMAGE_SIZE + train::SHIFT;
    let data = Dataset::render(cast, seed, Split::Training, options.training_pictures(), stored_side)?;
    let validation = |split| Dataset::render(cast, seed, split, options.validation_pictures(), IMAGE_SIZE);
    let (correlated, counter) = (validation(Split::ValidationCorrelated)?, validation(Split::ValidationCounter)?);
    say(&format!("training {} parameters for {} steps", vit.parameter_count(), options.steps()));
    let start = Instant::now();
    let mut smooth = None;
    train::train(vit, &data, &options.recipe(), |step, loss| {
        let mean = smooth.map_or(loss, |mean: f64| 0.95 * mean + 0.05 * loss);
        smooth = Some(mean);
        let done = step + 1;
        if done % 20 == 0 {
            let speed = (done * options.batch) as f64 / start.elapsed().as_secs_f64();
            say(&format!("step {done}: loss {mean:.3}, {speed:.1} pictures/s"));
        }
        if done % 200 == 0 || done == options.steps() {
            let (home, away) = (train::accuracy(vit, &correlated)?, train::accuracy(vit, &counter)?);
            say(&format!("validation: correlated {home:.3}, counter-correlated {away:.3}"));
        }
        Ok(())
    })?;
    say(&format!("trained in {:.0} s", start.elapsed().as_secs_f64()));
    Ok(())
}
