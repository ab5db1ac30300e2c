//! `vitrine devices`.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use crate::jobs::devices::{DeviceReport, survey};

/// Lists the devices that can compute, tests whether they compute the right numbers, and how fast.
#[derive(Debug, Args)]
pub struct DevicesArgs {
    /// Seconds of explaining per device.
    #[arg(long, default_value_t = 5.0, value_name = "S", value_parser = parse_seconds)]
    seconds: f64,
    /// Print one JSON object per device.
    #[arg(long)]
    json: bool,
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err(format!("`{text}` is no number of seconds between 0 and 3600")),
    }
}

pub fn run(args: &DevicesArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let mut printed = Ok(());
    survey(args.seconds, &mut |report| {
        if printed.is_ok() {
            printed = print(out, &report, args.json);
        }
    });
    printed?;
    Ok(ExitCode::SUCCESS)
}

fn print(out: &mut dyn Write, report: &DeviceReport, json: bool) -> anyhow::Result<()> {
    if json {
        writeln!(out, "{}", serde_json::to_string(report)?)?;
        return Ok(());
    }
    let default = if report.is_default { "  (auto takes it)" } else { "" };
    writeln!(out, "{:<8}{}{default}", report.device, report.name)?;
    if let Some(adapter) = &report.adapter {
        writeln!(out, "        {}, {}, driver {}", adapter.kind, adapter.backend, adapter.driver)?;
        let clock = if adapter.has_timestamps { "times its kernels" } else { "does not time its kernels" };
        writeln!(
            out,
            "        tensors up to {} MB, {} kB of work group memory, {clock}",
            adapter.largest_tensor >> 20,
            adapter.workgroup_memory >> 10
        )?;
        match &report.failure {
            None => writeln!(out, "        self-test passed: the CPU's numbers")?,
            Some(why) => writeln!(out, "        self-test failed: {why}")?,
        }
    }
    if let Some(gflops) = report.gflops {
        writeln!(out, "        matrix product {gflops:.0} GFLOP/s")?;
    }
    if let Some(milliseconds) = report.explain_milliseconds {
        writeln!(out, "        the demo model explains a picture in {milliseconds:.1} ms")?;
    }
    writeln!(out)?;
    Ok(())
}
