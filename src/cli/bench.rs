//! `vitrine bench`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::engine::Device;
use crate::jobs::devices::{Plan, kernel_times, measure};
use crate::jobs::model::{LoadedModel, ModelSource};
use crate::vit::weights::LoadOptions;

/// Measures how long an explanation takes, and on a GPU how long each kernel does.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Weights: a file, a folder or a name of `vitrine models list`; without it the embedded demo model.
    #[arg(long, value_name = "M")]
    model: Option<PathBuf>,
    /// Number of attention heads, where the weights do not tell.
    #[arg(long, value_name = "N")]
    heads: Option<usize>,
    /// auto, cpu, gpu[:INDEX|NAME], cuda[:INDEX] or metal[:INDEX].
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    device: Device,
    /// Pictures explained at once.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    batch: u16,
    #[arg(long, default_value_t = 12, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &BenchArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let source = ModelSource::from(args.model.as_ref());
    let options = LoadOptions { heads: args.heads, input: None };
    let model = LoadedModel::open(&source, args.device.clone(), &options)?;
    let batch = usize::from(args.batch);
    let plan = Plan { runs: args.runs as usize, warm_ups: 2, batch, at_most: Duration::from_secs(3600) };
    let times = measure(&model, plan).map_err(anyhow::Error::msg)?;
    let kernels = kernel_times(&model, batch).map_err(anyhow::Error::msg)?;
    let device = model.engine.device();
    if args.json {
        let value = json!({
            "device": device.device,
            "threads": device.threads,
            "model": model.name,
            "batch": batch,
            "runs": times.0.len(),
            "min_ms": times.minimum(),
            "median_ms": times.median(),
            "kernels": kernels,
        });
        writeln!(out, "{}", serde_json::to_string_pretty(&value)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let plural = if batch == 1 { "" } else { "s" };
    writeln!(out, "{} on {device}, {batch} picture{plural} at once, {} runs", model.name, times.0.len())?;
    writeln!(out, "relevance    min {:9.2} ms   median {:9.2} ms", times.minimum(), times.median())?;
    for (kernel, time) in kernels.iter().flatten() {
        writeln!(out, "  {kernel:<24}{:>5} runs{:10.3} ms", time.runs, time.milliseconds)?;
    }
    Ok(ExitCode::SUCCESS)
}
