//! `vitrine models`: what a weight file holds, which models have names, and fetching them.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::size::Size;
use crate::vit::classes::ClassNames;
use crate::vit::hub::{CURATED, DownloadEvent, Hub, SEGMENTER, curated, resolve};
use crate::vit::weights::{self, Checkpoint, LoadOptions, Normalisation, NormalisationSource};

/// Inspect weight files, list and fetch published models.
#[derive(Debug, Args)]
pub struct ModelsArgs {
    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    /// Tell what a weight file holds: architecture, and what became of each name.
    Inspect {
        /// Weight file, index of shards, model folder, or the name of a downloaded model.
        file: String,
        /// Number of attention heads, where the file does not tell.
        #[arg(long)]
        heads: Option<usize>,
        /// Input size of the position embedding in pixels, as WIDTHxHEIGHT, where its grid is not square.
        #[arg(long, value_parser = parse_size)]
        input: Option<Size>,
        /// Folder of downloaded models [default: that of Hugging Face's tools].
        #[arg(long)]
        cache: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the models known by name.
    List {
        /// Folder of downloaded models [default: that of Hugging Face's tools].
        #[arg(long)]
        cache: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Download a model; an interrupted download continues.
    Get {
        /// One of the names of `vitrine models list`.
        name: String,
        /// Folder of downloaded models [default: that of Hugging Face's tools].
        #[arg(long)]
        cache: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command and prints to `out`.
///
/// # Errors
/// Unreadable weights, unknown names, a hub that cannot be reached; or `out` that cannot be written.
pub fn run(args: &ModelsArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    match &args.command {
        ModelsCommand::Inspect { file, heads, input, cache, json } => {
            let path = resolve(file, cache.as_deref())?;
            let checkpoint = weights::load(&path, &LoadOptions { heads: *heads, input: *input })?;
            if *json { print_json(out, &describe_json(&checkpoint))? } else { describe(out, &checkpoint)? }
        }
        ModelsCommand::List { cache, json } => list(out, &Hub::from_env(cache.as_deref())?, *json)?,
        ModelsCommand::Get { name, cache, json } => {
            let folder = get(&Hub::from_env(cache.as_deref())?, name)?;
            if *json {
                print_json(out, &json!({ "name": name, "path": folder }))?;
            } else {
                writeln!(out, "{name} is ready: {}", folder.display())?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `224x192` (width first) or `224`.
pub(super) fn parse_size(text: &str) -> Result<Size, String> {
    let side = |text: &str| text.parse().map_err(|_| format!("`{text}` is not a number of pixels"));
    match text.split_once(['x', '×']) {
        Some((width, height)) => Ok(Size::new(side(height)?, side(width)?)),
        None => Ok(Size::square(side(text)?)),
    }
}

fn print_json(out: &mut dyn Write, value: &serde_json::Value) -> anyhow::Result<()> {
    Ok(writeln!(out, "{}", serde_json::to_string_pretty(value)?)?)
}

fn describe(out: &mut dyn Write, checkpoint: &Checkpoint) -> anyhow::Result<()> {
    let (config, report) = (&checkpoint.config, &checkpoint.report);
    let mut line = |title: &str, text: String| writeln!(out, "{title:<14}{text}");
    line("input", format!("{} ({})", config.input, report.input_source))?;
    line("patch", format!("{}, grid {}, {} prefix tokens", config.patch, config.grid(), config.prefix_tokens()))?;
    line("width", format!("{}, {} blocks, MLP {}", config.dim, config.depth, config.hidden))?;
    line("heads", format!("{} ({})", config.heads, report.heads_source))?;
    let names = ClassNames::of_model(config.classes, checkpoint.class_names.as_deref());
    line("classes", if names.is_empty() { "none, a backbone".into() } else { class_range(&names) })?;
    let (Normalisation { mean, std, .. }, source) = checkpoint.effective_normalisation();
    line("normalisation", format!("mean {mean:?}, std {std:?} ({source})"))?;
    write!(out, "{report}")?;
    Ok(())
}

fn class_range(names: &ClassNames) -> String {
    let last = names.len().saturating_sub(1);
    format!("{} («{}» … «{}»)", names.len(), names.short_name(0), names.short_name(last))
}

fn describe_json(checkpoint: &Checkpoint) -> serde_json::Value {
    let (normalisation, source) = checkpoint.effective_normalisation();
    json!({
        "config": checkpoint.config,
        "family": checkpoint.family,
        "normalisation": normalisation,
        "normalisation_assumed": source == NormalisationSource::Assumed,
        "class_names": checkpoint.class_names,
        "report": checkpoint.report,
    })
}

fn list(out: &mut dyn Write, hub: &Hub, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let models = CURATED.iter().chain([&SEGMENTER]).map(|model| {
            json!({ "name": model.name, "repository": model.repository, "family": model.family,
                "parameters_millions": model.parameters_millions, "description": model.description,
                "path": hub.cached(model) })
        });
        return print_json(out, &models.collect());
    }
    for model in CURATED.iter().chain([&SEGMENTER]) {
        let state = if hub.cached(model).is_some() { "downloaded" } else { "" };
        writeln!(out, "{:<14}{:>4} M  {:<10}  {}", model.name, model.parameters_millions, state, model.description)?;
    }
    Ok(())
}

/// Fetches a model, with a progress bar on standard error where that is a terminal.
fn get(hub: &Hub, name: &str) -> anyhow::Result<PathBuf> {
    const TEMPLATE: &str = "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    let bar = if std::io::stderr().is_terminal() { ProgressBar::no_length() } else { ProgressBar::hidden() };
    bar.set_style(ProgressStyle::with_template(TEMPLATE)?);
    let folder = hub.fetch(curated(name)?, &mut |event| match event {
        DownloadEvent::Started { file, bytes } => {
            bar.set_message(file.to_owned());
            bar.set_length(bytes as u64);
            bar.set_position(0);
        }
        DownloadEvent::Advanced { bytes } => bar.inc(bytes as u64),
        DownloadEvent::Finished => {}
    });
    bar.finish_and_clear();
    Ok(folder?)
}
