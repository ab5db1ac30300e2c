//! `vitrine compare`.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use crate::files::write_atomically;
use crate::jobs::compare::html::{self, Pictures};
use crate::jobs::compare::{Comparison, FlipKind, Report, Row, flips_table, report, told_apart};
use crate::jobs::evaluate::{Dataset, Step};
use crate::jobs::model::{LoadedModel, ModelSource};

use super::data::DataArgs;
use super::{FAILED_INPUT, UsageError, progress};

/// Compares two models on one data set: what changed, how sure that is, which pictures were fixed and broken.
///
/// Writes into the folder: compare.html, a page with tables, maps and pictures that needs nothing else; compare.json,
/// every figure with its interval and every picture's answers; flips.csv, the answers as a table.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Weights before: a file, a folder or a name of `vitrine models list`.
    #[arg(long, value_name = "A")]
    before: PathBuf,
    /// Weights after.
    #[arg(long, value_name = "B")]
    after: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// Folder for the results.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &CompareArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let open = |weights: &PathBuf| {
        LoadedModel::open(&ModelSource::from(Some(weights)), args.data.device.clone(), &args.data.load_options())
    };
    let (before, after) = (open(&args.before)?, open(&args.after)?);
    // Maps are shown for every flip, masks or not.
    let job = crate::jobs::evaluate::EvaluateJob { maps: true, ..args.data.job() };
    let dataset = Dataset::open(&args.data.place(), &before.classes)?;
    let mut comparison =
        Comparison::new(&job, &dataset, &before, &after).map_err(|error| UsageError(error.to_string()))?;
    for note in before.warnings(job.profile).iter().chain(&dataset.notes) {
        progress::say(&format!("warning: {note}"));
    }
    let bar = progress::bar(dataset.pictures.len());
    while comparison.step(&before, &after, &dataset, &mut || ControlFlow::Continue(())) == Step::Advanced {
        bar.inc(1);
    }
    bar.finish_and_clear();
    let names = told_apart([&before, &after].map(|model| (model.name.as_str(), &model.source)));
    let report = report(&comparison, &dataset, names, &after.classes);
    for failure in &report.failures {
        progress::say(&format!("error: {}", failure.error));
    }
    if report.counts_after.pictures == report.failures.len() {
        anyhow::bail!("no picture could be judged");
    }
    let json = serde_json::to_vec_pretty(&report)?;
    save(&args.out.join("compare.json"), &json)?;
    save(&args.out.join("flips.csv"), &flips_table(&report)?)?;
    let page = args.out.join("compare.html");
    let pictures = Pictures { dataset: &dataset, job: &job, before: &before, after: &after };
    html::write(&page, &report, &pictures).with_context(|| cannot_write(&page))?;
    match args.json {
        true => {
            out.write_all(&json)?;
            writeln!(out)?;
        }
        false => print(&report, &page, out)?,
    }
    Ok(ExitCode::from(if report.failures.is_empty() { 0 } else { FAILED_INPUT }))
}

fn cannot_write(path: &Path) -> String {
    format!("the results cannot be written; check the folder: {}", path.display())
}

fn save(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_atomically(path, bytes).with_context(|| cannot_write(path))
}

fn print(report: &Report, page: &Path, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "{} → {} · {} pictures\n", report.before, report.after, report.counts_after.pictures)?;
    writeln!(
        out,
        "{:<58}{:>6}  {:>8}  {:>8}  {:>8}  {:<17}{:<18}",
        "", "n", "before", "after", "change", "95 %", "fixed/broken, p"
    )?;
    for row in &report.rows {
        print_row(row, out)?;
    }
    let count = |kind| report.of_kind(kind).count();
    writeln!(
        out,
        "\n{} fixed, {} broken, {} wrong before and after, {} right before and after",
        count(FlipKind::Fixed),
        count(FlipKind::Broken),
        count(FlipKind::BothWrong),
        count(FlipKind::BothRight),
    )?;
    writeln!(out, "{}", page.display())
}

fn print_row(row: &Row, out: &mut dyn Write) -> std::io::Result<()> {
    let measure = row.figure.measure;
    let interval = row
        .difference
        .interval
        .map_or_else(String::new, |of| format!("{} … {}", measure.signed(of.low), measure.signed(of.high)));
    let test = row.mcnemar.map_or_else(String::new, |test| format!("{}/{}, {:.3}", test.fixed, test.broken, test.p));
    writeln!(
        out,
        "{:<58}{:>6}  {:>8}  {:>8}  {:>8}  {interval:<17}{test}",
        row.figure.title,
        row.figure.n,
        measure.with_unit(row.before.value),
        measure.with_unit(row.after.value),
        measure.signed(row.difference.value),
    )
}
