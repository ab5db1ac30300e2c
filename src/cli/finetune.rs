//! `vitrine finetune`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgMatches, Args, Command, FromArgMatches, ValueEnum};
use indicatif::ProgressBar;

use crate::engine::Device;
use crate::finetune::run::{Parent, RunView, Status, ValidationRecord, model_file};
use crate::finetune::{FinetuneConfig, Preset, export};
use crate::image::ImageSource;
use crate::jobs::finetune::{FinetuneError, FinetuneJob, News, Photos, RunCommand, Start, StepNews, Training, gather};
use crate::jobs::model::{LoadedModel, ModelSource, Profile};
use crate::size::Size;
use crate::vit::weights::LoadOptions;

use super::models::parse_size;
use super::{FAILED_INPUT, UsageError, progress};

/// Finetune a model on its relevance maps: relevance moves onto the objects that masks show.
///
/// Writes a run folder: manifest, metrics (JSON lines, CSV), and checkpoints with timm's names. Without --model the
/// embedded demo model, without --images the embedded demo's photos.
#[derive(Debug, Args)]
pub struct FinetuneArgs {
    /// Weights: a file, a folder or a name of `vitrine models list`; without it the embedded demo model.
    #[arg(long, value_name = "M")]
    model: Option<PathBuf>,
    /// Folder of photos, in a sub-folder per class (WordNet id or class name).
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// Folder of masks: `CLASS/NAME.png`, ImageNet-S ids, TokenCut's `CLASS/NAME_tokencut_bfs.png`, or a project's.
    #[arg(long, value_name = "DIR", requires = "images")]
    masks: Option<PathBuf>,
    /// The run's folder.
    #[arg(long, value_name = "RUN")]
    out: PathBuf,
    /// Learning rate and temperature that suit a model; other flags change single values of it.
    #[arg(long, value_enum)]
    preset: Option<Preset>,
    /// Go on with the run in --out from its last checkpoint, also after a crash.
    #[arg(long, conflicts_with_all = ["model", "images", "preset", "branch"])]
    resume: bool,
    /// With --resume: go back to the checkpoint of this step first.
    #[arg(long, value_name = "STEP", requires = "resume")]
    roll_back: Option<usize>,
    /// Start from a checkpoint of another run, on its photos: RUN@STEP.
    #[arg(long, value_name = "RUN@STEP", value_parser = parse_branch, conflicts_with_all = ["model", "images"])]
    branch: Option<Parent>,
    /// Measure the terms of the loss and their gradients on the selection, and train nothing.
    #[arg(long, conflicts_with_all = ["resume", "branch"])]
    preflight: bool,
    /// Afterwards write the best checkpoint to this file: .safetensors, or .pth.tar for PyTorch.
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
    /// Photos whose maps are drawn with every checkpoint.
    #[arg(long, value_name = "IMAGE")]
    pin: Vec<PathBuf>,
    /// How photos are normalised.
    #[arg(long, default_value = "model", value_enum)]
    profile: Normalisation,
    /// Number of attention heads, where the weights do not tell.
    #[arg(long, value_name = "N")]
    heads: Option<usize>,
    /// Input size in pixels the weights were trained for, where they do not tell: 224 or WIDTHxHEIGHT.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    input: Option<Size>,
    /// auto, cpu, gpu[:INDEX|NAME], cuda[:INDEX] or metal[:INDEX].
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    device: Device,
    /// Print one JSON object per event.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    overrides: Overrides,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Normalisation {
    /// With the weights' own mean and standard deviation.
    Model,
    /// With 0.5 for every family, as the paper's code does.
    Paper,
}

impl From<Normalisation> for Profile {
    fn from(name: Normalisation) -> Self {
        match name {
            Normalisation::Model => Self::Model,
            Normalisation::Paper => Self::Paper,
        }
    }
}

/// The flags that change single values of a preset.
#[derive(Debug)]
struct Overrides(ArgMatches);

impl Args for Overrides {
    fn augment_args(command: Command) -> Command {
        FinetuneConfig::augment_args_for_update(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        FinetuneConfig::augment_args_for_update(command)
    }
}

impl FromArgMatches for Overrides {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(matches.clone()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0 = matches.clone();
        Ok(())
    }
}

fn parse_branch(text: &str) -> Result<Parent, String> {
    let wrong = || format!("`{text}` is no checkpoint; write the run's folder and the step, such as runs/a@120");
    let (run, step) = text.rsplit_once('@').ok_or_else(wrong)?;
    Ok(Parent { run: run.into(), step: step.parse().map_err(|_| wrong())? })
}

/// Runs the command; events go to `out`.
///
/// # Errors
/// Photos, masks, models or configurations that cannot work; or `out` that cannot be written.
pub fn run(args: &FinetuneArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let mut printer = Printer { out, json: args.json, bar: ProgressBar::hidden() };
    let start = args.start()?;
    let mut model = args.load(&start)?;
    let split = match &start {
        Start::New(job) => {
            for warning in model.warnings(job.profile) {
                progress::say(&format!("warning: {warning}"));
            }
            gather(job, &model.classes).map_err(usage)?
        }
        Start::Resume(_) | Start::Branch { .. } => crate::finetune::Split::default(),
    };
    if args.preflight {
        return preflight(&start, &split, &mut model, &mut printer);
    }
    let pinned = args.pin.iter().map(ImageSource::file).collect();
    let (mut training, began) = Training::start(&start, split, pinned, &mut model)?;
    printer.tell(&began)?;
    if let Some(step) = args.roll_back {
        printer.tell(&training.command(RunCommand::RollBack(step), &mut model)?)?;
        printer.tell(&training.command(RunCommand::GoOn, &mut model)?)?;
    }
    while training.is_running() {
        for news in training.advance(&mut model)? {
            printer.tell(&news)?;
        }
    }
    printer.bar.finish_and_clear();
    if let Some(file) = &args.export {
        export::export(&args.out, None, file)?;
        printer.say(&format!("exported   {}", file.display()))?;
    }
    let is_alarmed = matches!(training.run().state().status, Status::Alarmed(_));
    Ok(ExitCode::from(if is_alarmed { FAILED_INPUT } else { 0 }))
}

/// What the arguments ask for that does not exist is told like clap's own errors.
fn usage(error: FinetuneError) -> anyhow::Error {
    match error {
        FinetuneError::Class(error) => UsageError(error.to_string()).into(),
        FinetuneError::Run(crate::finetune::RunError::Config(error)) => UsageError(error.to_string()).into(),
        FinetuneError::Run(error) => error.into(),
        FinetuneError::Demo(error) => error.into(),
    }
}

fn preflight(
    start: &Start,
    split: &crate::finetune::Split,
    model: &mut LoadedModel,
    printer: &mut Printer<'_>,
) -> anyhow::Result<ExitCode> {
    if let Start::New(job) = start {
        let report = crate::jobs::finetune::preflight(job, split, model)?;
        printer.tell(&News::Preflight(report))?;
    }
    Ok(ExitCode::SUCCESS)
}

impl FinetuneArgs {
    fn start(&self) -> anyhow::Result<Start> {
        if self.resume {
            return Ok(Start::Resume(self.out.clone()));
        }
        // clap does not ask for a missing --resume that --model or --images would conflict with.
        if self.roll_back.is_some() {
            return Err(UsageError("--roll-back goes with --resume".to_owned()).into());
        }
        let base = match &self.branch {
            Some(parent) => RunView::read(&parent.run)?.manifest.config,
            None if self.images.is_none() && self.preset.is_none() => Preset::Demo.config(),
            None => self.preset.unwrap_or_default().config(),
        };
        let mut config = base;
        config.update_from_arg_matches(&self.overrides.0).map_err(|error| UsageError(error.to_string()))?;
        config.validate().map_err(|error| UsageError(error.to_string()))?;
        if let Some(Parent { run, step }) = &self.branch {
            let (parent, step, out) = (run.clone(), *step, self.out.clone());
            return Ok(Start::Branch { parent, step, out, config: Box::new(config) });
        }
        let photos = match &self.images {
            Some(images) => Photos::Folders { images: images.clone(), masks: self.masks.clone() },
            None if self.model.is_some() => {
                return Err(
                    UsageError("--model needs --images DIR, and --masks DIR for most methods".to_owned()).into()
                );
            }
            None => Photos::Demo,
        };
        let (out, profile) = (self.out.clone(), self.profile.into());
        Ok(Start::New(Box::new(FinetuneJob { photos, config, profile, out })))
    }

    /// The model to train: the one asked for, or the first checkpoint of a run.
    fn load(&self, start: &Start) -> anyhow::Result<LoadedModel> {
        let options = LoadOptions { heads: self.heads, input: self.input };
        let source = match start {
            Start::New(_) => ModelSource::from(self.model.as_ref()),
            Start::Resume(run) | Start::Branch { parent: run, .. } => of_run(run)?,
        };
        Ok(LoadedModel::open(&source, self.device.clone(), &options)?)
    }
}

/// A checkpoint of the run, or before the first what the run began with.
fn of_run(run: &Path) -> anyhow::Result<ModelSource> {
    let view = RunView::read(run)?;
    let by_manifest = || view.manifest.model.source.clone().map_or(ModelSource::Embedded, ModelSource::Named);
    let first = view.checkpoints.first().map(|(_, folder)| model_file(folder));
    Ok(first.map_or_else(by_manifest, |file| ModelSource::from(Some(&file))))
}

/// Prints what happens: words and a bar, or JSON.
struct Printer<'a> {
    out: &'a mut dyn Write,
    json: bool,
    bar: ProgressBar,
}

impl Printer<'_> {
    fn tell(&mut self, news: &News) -> anyhow::Result<()> {
        if self.json {
            return Ok(writeln!(self.out, "{}", serde_json::to_string(news)?)?);
        }
        match news {
            News::Began { folder, step, total_steps, train, validation, hold_out } => {
                self.bar = progress::bar(*total_steps);
                self.bar.set_position(*step as u64);
                self.say(&format!(
                    "run        {}\nphotos     {train} to train on, {validation} to validate, {hold_out} to watch",
                    folder.display()
                ))
            }
            News::Preflight(report) => {
                for term in &report.terms {
                    let line = format!("{:<11}{:.5}, gradient {:.3e}", name(&term.term), term.loss, term.gradient_norm);
                    self.say(&line)?;
                }
                report.warnings.iter().for_each(|warning| progress::say(&format!("warning: {warning}")));
                Ok(())
            }
            News::Step(StepNews { record, pictures_per_second, .. }) => {
                self.bar.set_position(record.step as u64);
                self.bar.set_message(format!("loss {:.4}, {pictures_per_second:.1} photos/s", record.losses.total));
                Ok(())
            }
            News::Validating { .. } | News::Checkpoint { is_best: false, .. } => Ok(()),
            News::Validated(record) => self.say(&describe(record)),
            News::Checkpoint { folder, .. } => self.say(&format!("best       {}", folder.display())),
            News::Guard(report) => {
                progress::say(&format!("paused: {}", report.message));
                progress::say(&format!(
                    "go back with --resume --roll-back {}, or go on regardless with --resume",
                    report.roll_back_to
                ));
                Ok(())
            }
            News::Paused { step } | News::WentOn { step } => self.say(&format!("at step    {step}")),
            News::RolledBack { step } => self.say(&format!("back at    step {step}")),
            News::Stopped { step } => self.say(&format!("stopped at step {step}")),
            News::Done { best_step, accuracy, original_accuracy, .. } => self.say(&format!(
                "done       best checkpoint: step {best_step}, accuracy {accuracy} (before {original_accuracy})"
            )),
            News::Failed { error } => {
                progress::say(&format!("error: {error}"));
                Ok(())
            }
        }
    }

    fn say(&mut self, line: &str) -> anyhow::Result<()> {
        if self.json {
            return Ok(());
        }
        let out = &mut self.out;
        Ok(self.bar.suspend(|| writeln!(out, "{line}"))?)
    }
}

/// A line that leaves out what there are no photos for.
fn describe(record: &ValidationRecord) -> String {
    let mut parts = vec![format!("step {:<6}", record.step)];
    if record.accuracy.of > 0 {
        parts.push(format!("loss {:.5}", record.losses.total));
        parts.push(format!("accuracy {} (before {})", record.accuracy, record.original_accuracy));
    }
    if record.masked > 0 {
        parts.push(format!("relevance on object {:.1} %", 100.0 * record.relevance_on_object));
    }
    if record.hold_out.of > 0 {
        parts.push(format!("watched {} (before {})", record.hold_out, record.original_hold_out));
    }
    parts.join(", ").replacen(", ", "", 1)
}

fn name(term: &crate::finetune::Term) -> &'static str {
    match term {
        crate::finetune::Term::Background => "background",
        crate::finetune::Term::Foreground => "foreground",
        crate::finetune::Term::Classification => "classes",
    }
}
