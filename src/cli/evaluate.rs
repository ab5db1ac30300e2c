//! `vitrine evaluate`.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use crate::files::write_atomically;
use crate::jobs::evaluate::summary::{Row, Summary, summarise};
use crate::jobs::evaluate::{Cutouts, Dataset, Evaluation, Group, Judged, Step};
use crate::jobs::model::{LoadedModel, ModelSource};

use super::data::DataArgs;
use super::{FAILED_INPUT, UsageError, progress};

/// Judges a model on a data set: accuracy, calibration, maps against masks, reliance on backgrounds.
///
/// Writes one JSON file: every figure with its 95 % interval, accuracy per class, and what was measured for each
/// picture. A broken picture is reported and the others go on.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// Weights: a file, a folder or a name of `vitrine models list`; without it the embedded demo model.
    #[arg(long, value_name = "M")]
    model: Option<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
    /// JSON file for the results; `-` writes none.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,
}

/// What the file holds.
#[derive(Serialize)]
struct Results<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    pictures: &'a [Judged],
}

pub fn run(args: &EvaluateArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let source = ModelSource::from(args.model.as_ref());
    let model = LoadedModel::open(&source, args.data.device.clone(), &args.data.load_options())?;
    check_head(&model)?;
    let job = args.data.job();
    let dataset = Dataset::open(&args.data.place(), &model.classes)?;
    for note in model.warnings(job.profile).iter().chain(&dataset.notes) {
        progress::say(&format!("warning: {note}"));
    }
    let bar = progress::bar(dataset.pictures.len());
    let mut evaluation = Evaluation::new(job, &dataset);
    let mut cutouts = Cutouts::default();
    while evaluation.step(&model, &dataset, &mut cutouts, &mut || ControlFlow::Continue(())) == Step::Advanced {
        bar.inc(1);
    }
    bar.finish_and_clear();
    for failure in &evaluation.failures {
        progress::say(&format!("error: {}", failure.error));
    }
    if evaluation.judged.is_empty() {
        anyhow::bail!("no picture could be judged");
    }
    let summary = summarise(&model.name, &model.classes, &dataset, &evaluation);
    if args.out.as_os_str() != "-" {
        write(&args.out, &Results { summary: &summary, pictures: &evaluation.judged })?;
    }
    match args.json {
        true => writeln!(out, "{}", serde_json::to_string_pretty(&summary)?)?,
        false => print(&summary, out)?,
    }
    Ok(ExitCode::from(if evaluation.failures.is_empty() { 0 } else { FAILED_INPUT }))
}

/// Everything here needs answers.
pub fn check_head(model: &LoadedModel) -> anyhow::Result<()> {
    match model.engine.config().classes {
        0 => {
            Err(UsageError(format!("{} has no classification head, so it gives no answers to judge", model.name))
                .into())
        }
        _ => Ok(()),
    }
}

fn write(path: &Path, results: &Results<'_>) -> anyhow::Result<()> {
    let text = serde_json::to_vec_pretty(results)?;
    write_atomically(path, &text)
        .with_context(|| format!("the results cannot be written; check the folder: {}", path.display()))
}

fn print(summary: &Summary, out: &mut dyn Write) -> std::io::Result<()> {
    let counts = &summary.counts;
    writeln!(out, "{} · {} pictures of {} classes", summary.model, counts.pictures, summary.classes)?;
    for (count, what) in [
        (counts.failed, "could not be read"),
        (counts.without_class, "without a known class: not counted as right or wrong"),
        (counts.empty_masks, "with a mask that shows no object to the model: excluded from maps and backgrounds"),
        (counts.flat_maps, "with a flat map: counted as chance"),
    ] {
        if count > 0 {
            writeln!(out, "  {count} {what}")?;
        }
    }
    let groups = [
        (Group::Classification, "Answers"),
        (Group::Maps, "Maps against masks"),
        (Group::Faithfulness, "What the model needs"),
        (Group::Background, "Background reliance"),
    ];
    for (group, title) in groups {
        let rows: Vec<&Row> = summary.rows.iter().filter(|row| row.figure.group == group).collect();
        if rows.is_empty() {
            continue;
        }
        let columns =
            if rows.iter().any(|row| row.figure.random_map.is_some()) { "  random map   centred" } else { "" };
        writeln!(out, "\n{title:<58}{:>6}  {:>7}  {:<15}{columns}", "n", "value", "95 %")?;
        for row in rows {
            print_row(row, out)?;
        }
    }
    Ok(())
}

fn print_row(row: &Row, out: &mut dyn Write) -> std::io::Result<()> {
    let measure = row.figure.measure;
    let interval =
        row.interval.map_or_else(String::new, |of| format!("{} … {}", measure.bare(of.low), measure.bare(of.high)));
    write!(out, "  {:<56}{:>6}  {:>7}  {interval:<15}", row.figure.title, row.figure.n, measure.with_unit(row.value))?;
    if let (Some(random), Some(centred)) = (row.figure.random_map, row.figure.centred_map) {
        write!(out, "  {:>10}  {:>8}", measure.with_unit(random), measure.with_unit(centred))?;
    }
    writeln!(out)
}
