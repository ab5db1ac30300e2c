//! `vitrine demo`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use crate::demo;
use crate::engine::Device;
use crate::jobs::demo::{SetSummary, run as explain_demo};
use crate::jobs::model::{LoadedModel, ModelSource};
use crate::vit::weights::LoadOptions;

/// Describes the embedded demo and exports its photos, masks and model.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Write photos, masks and model into this folder.
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
    /// Explain the photos into this folder, and say how much of the relevance lies on the animals.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["export", "json"])]
    explain: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &DemoArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    if let Some(folder) = &args.explain {
        return explain(folder, out);
    }
    let figures = demo::figures()?;
    let photos = demo::photos()?;
    if let Some(folder) = &args.export {
        demo::export(folder)?;
    }
    if args.json {
        let photos: Vec<_> = photos
            .iter()
            .map(|p| serde_json::json!({"name": p.name, "set": p.set, "class": p.class, "background": p.background}))
            .collect();
        let value = serde_json::json!({"figures": figures, "photos": photos, "exported": args.export});
        writeln!(out, "{}", serde_json::to_string_pretty(&value)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let percent = |score: &demo::Score| format!("{:.1} % of {}", 100.0 * score.accuracy, score.pictures);
    writeln!(out, "Animals on telling backgrounds: a small ViT that learned a shortcut.\n")?;
    writeln!(out, "  parameters              {}", figures.parameters)?;
    writeln!(out, "  background tells class  in {:.0} % of the training pictures", 100.0 * figures.correlation)?;
    writeln!(out, "  right, correlated       {}", percent(&figures.correlated))?;
    writeln!(out, "  right, other background {}", percent(&figures.counter))?;
    writeln!(out, "  photos with exact masks {}", photos.len())?;
    writeln!(out, "  made by                 {} (seed {})", figures.command, figures.seed)?;
    match &args.export {
        Some(folder) => writeln!(out, "\nWritten: {}", folder.display())?,
        None => writeln!(out, "\n`vitrine demo --export DIR` writes the photos, masks and model.")?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Explains the demo's photos into a folder.
fn explain(folder: &Path, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let model = LoadedModel::open(&ModelSource::Embedded, Device::Auto, &LoadOptions::default())
        .context("the embedded model does not load")?;
    let mut printed = Ok(());
    writeln!(out, "Explaining the embedded demo's photos into {}\n", folder.display())?;
    writeln!(out, "{:<32}{:<14}{:<14}", "photo", "background of", "answer")?;
    let summaries = explain_demo(&model, folder, &mut |photo, explained| {
        let answer = explained.report.top.first();
        let (name, probability) = answer.map_or(("", 0.0), |top| (top.name.as_str(), top.probability));
        let verdict = if name == photo.class { "" } else { "  wrong" };
        let line = writeln!(out, "{:<32}{:<14}{:<12}{probability:.2}{verdict}", photo.stem(), photo.background, name);
        if printed.is_ok() {
            printed = line;
        }
    })?;
    printed?;
    writeln!(out)?;
    for summary in &summaries {
        writeln!(out, "{}", describe(summary))?;
    }
    writeln!(out, "\nThe heatmaps: {}/explained\nYour own photo: vitrine explain PHOTO --out DIR", folder.display())?;
    Ok(ExitCode::SUCCESS)
}

fn describe(summary: &SetSummary) -> String {
    format!(
        "{:<12} {:>2} of {} right, {:>2} named after the background; {:.0} % of the relevance on the animal, which covers {:.0} %",
        summary.set.folder(),
        summary.right,
        summary.photos,
        summary.named_the_background,
        100.0 * summary.relevance_on_animal,
        100.0 * summary.area_of_animal,
    )
}
