//! `vitrine explain`.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::engine::Device;
use crate::jobs::Cancel;
use crate::jobs::explain::{Event, ExplainJob, Explainer, Report, Target};
use crate::jobs::inputs::{Input, collect};
use crate::jobs::model::{LoadedModel, ModelSource, Profile};
use crate::jobs::tensors::explain_tensors;
use crate::render::Style;
use crate::size::Size;
use crate::vit::weights::LoadOptions;

use super::method::MethodArgs;
use super::models::parse_size;
use super::{FAILED_INPUT, UsageError, progress};

/// Shows where the model looks: per image a picture, the raw map and a report.
///
/// Writes STEM.overlay.png (image, heatmap, colour bar), STEM.relevance.npy (f32, rows × columns of patches, raw) and
/// STEM.json. A folder explains all images in it; a broken image is reported and the others go on.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Images, or folders of images.
    #[arg(value_name = "IMAGE", required_unless_present = "tensor", conflicts_with = "tensor")]
    images: Vec<PathBuf>,
    /// Explain the tensor `image` [B,3,H,W] (normalised, optional `target` [B]) of a safetensors file instead.
    #[arg(long, value_name = "FILE")]
    tensor: Option<PathBuf>,
    /// Weights: a file, a folder or a name of `vitrine models list`; without it the embedded demo model.
    #[arg(long, value_name = "M")]
    model: Option<PathBuf>,
    /// Folder of downloaded models [default: that of Hugging Face's tools].
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Number of attention heads, where the weights do not tell.
    #[arg(long, value_name = "N")]
    heads: Option<usize>,
    /// Input size in pixels the weights were trained for, where they do not tell: 224 or WIDTHxHEIGHT.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    input: Option<Size>,
    /// Class to explain: `predicted`, a name, a WordNet id or an index.
    #[arg(long, default_value = "predicted", value_name = "CLASS")]
    target: String,
    /// Explain why the target rather than this class.
    #[arg(long, value_name = "CLASS")]
    contrast: Option<String>,
    #[command(flatten)]
    method: MethodArgs,
    /// What this patch looks at (row and column, from 0), instead of what the classifier looks at.
    #[arg(long, value_name = "Y,X", value_parser = parse_patch)]
    token: Option<(usize, usize)>,
    /// How images are prepared.
    #[arg(long, default_value = "model", value_enum)]
    profile: ProfileName,
    /// auto, cpu, gpu[:INDEX|NAME], cuda[:INDEX] or metal[:INDEX].
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    device: Device,
    /// Folder for the results; `-` prints JSON and writes nothing. With --tensor the safetensors file to write.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Print one JSON object per image.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProfileName {
    /// The weights' own normalisation, crop and bicubic filter.
    Model,
    /// Mean and standard deviation 0.5, 256 pixels bilinear, centre crop: the paper's for every family.
    Paper,
}

fn parse_patch(text: &str) -> Result<(usize, usize), String> {
    let wrong = || format!("`{text}` is no patch; write its row and column, such as 7,3");
    let (row, column) = text.split_once(',').ok_or_else(wrong)?;
    Ok((row.trim().parse().map_err(|_| wrong())?, column.trim().parse().map_err(|_| wrong())?))
}

pub fn run(args: &ExplainArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let source = ModelSource::from(args.model.as_ref());
    let options = LoadOptions { heads: args.heads, input: args.input };
    let model = LoadedModel::open_in(args.cache.as_deref(), &source, args.device.clone(), &options)?;
    if let Some(tensor) = &args.tensor {
        return tensors(args, &model, tensor, out);
    }
    let job = args.job();
    let explainer = Explainer::new(&model, &job).map_err(|err| UsageError(err.to_string()))?;
    for warning in model.warnings(job.profile) {
        progress::say(&format!("warning: {warning}"));
    }
    let mut printer = Printer::new(out, args.json || job.out.is_none());
    let inputs = printer.take_readable(&args.images)?;
    let bar = progress::bar(inputs.len());
    explainer.run(&inputs, &Cancel::default(), &mut |event| match event {
        Event::Started { path, .. } => bar.set_message(path.file_name().unwrap_or_default().display().to_string()),
        Event::Advanced(_) => bar.tick(),
        Event::Explained { explained, .. } => {
            bar.suspend(|| printer.explained(&explained.report));
            bar.inc(1);
        }
        Event::Failed { path, error, .. } => {
            bar.suspend(|| printer.failed(path, &anyhow::Error::from(error)));
            bar.inc(1);
        }
    });
    bar.finish_and_clear();
    printer.finish()
}

fn tensors(args: &ExplainArgs, model: &LoadedModel, input: &Path, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    if args.out.as_os_str() == "-" {
        return Err(UsageError("--tensor writes a safetensors file: give --out FILE, not `-`".to_owned()).into());
    }
    explain_tensors(&*model.engine, input, &args.out)?;
    if args.json {
        writeln!(out, "{}", serde_json::json!({ "model": model.name, "input": input, "output": args.out }))?;
    } else {
        writeln!(out, "{}", args.out.display())?;
    }
    Ok(ExitCode::SUCCESS)
}

impl ExplainArgs {
    fn job(&self) -> ExplainJob {
        ExplainJob {
            target: match self.target.as_str() {
                "predicted" => Target::Predicted,
                name => Target::Class(name.to_owned()),
            },
            contrast: self.contrast.clone(),
            method: self.method.method,
            score: self.method.objective,
            options: self.method.options(),
            patch: self.token,
            style: Style::default(),
            profile: match self.profile {
                ProfileName::Model => Profile::Model,
                ProfileName::Paper => Profile::Paper,
            },
            out: (self.out.as_os_str() != "-").then(|| self.out.clone()),
        }
    }
}

/// Prints results as they come, and remembers how it went.
struct Printer<'a> {
    out: &'a mut dyn Write,
    json: bool,
    failures: usize,
    done: usize,
    /// (right, known): pictures whose folder names their class.
    right: (usize, usize),
    broken_pipe: std::io::Result<()>,
}

impl<'a> Printer<'a> {
    fn new(out: &'a mut dyn Write, json: bool) -> Self {
        Self { out, json, failures: 0, done: 0, right: (0, 0), broken_pipe: Ok(()) }
    }

    /// The pictures to explain; folders that cannot be listed are reported at once.
    fn take_readable(&mut self, paths: &[PathBuf]) -> anyhow::Result<Vec<Input>> {
        let mut inputs = Vec::new();
        let mut seen = HashSet::new();
        for found in collect(paths) {
            match found {
                Ok(input) if seen.insert(input.source.clone()) => inputs.push(input),
                Ok(_) => {}
                Err((path, error)) => self.failed(&path, &error.into()),
            }
        }
        if inputs.is_empty() && self.failures == 0 {
            anyhow::bail!("there is no image in the given folders");
        }
        Ok(inputs)
    }

    fn line(&mut self, line: &str) {
        if self.broken_pipe.is_ok() {
            self.broken_pipe = writeln!(self.out, "{line}");
        }
    }

    fn explained(&mut self, report: &Report) {
        self.done += 1;
        if let (Some(truth), Some(top)) = (&report.truth, report.top.first()) {
            self.right.0 += usize::from(truth.index == top.index);
            self.right.1 += 1;
        }
        if self.json {
            if let Ok(text) = serde_json::to_string(report) {
                self.line(&text);
            }
            return;
        }
        let target = report.target.as_ref().map_or(String::new(), |t| format!("  {} {:.3}", t.name, t.probability));
        let flat = if report.flat { "  (flat: no patch stands out)" } else { "" };
        self.line(&format!("{}{target}{flat}", report.image));
    }

    fn failed(&mut self, path: &Path, error: &anyhow::Error) {
        self.failures += 1;
        if self.json {
            self.line(&serde_json::json!({ "image": path, "error": format!("{error:#}") }).to_string());
        }
        progress::say(&format!("error: {error:#}"));
    }

    fn finish(self) -> anyhow::Result<ExitCode> {
        self.broken_pipe?;
        if self.done + self.failures > 1 {
            let (right, known) = self.right;
            let top1 = match known {
                0 => String::new(),
                _ => format!(", top-1 {:.1} % ({right} of {known})", 100.0 * right as f64 / known as f64),
            };
            progress::say(&format!("{} explained, {} failed{top1}", self.done, self.failures));
        }
        Ok(ExitCode::from(if self.failures > 0 { FAILED_INPUT } else { 0 }))
    }
}
