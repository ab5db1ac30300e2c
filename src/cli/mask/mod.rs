//! `vitrine mask`.

mod convert;
mod printer;

use std::collections::HashSet;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use crate::engine::Device;
use crate::image::ImageSource;
use crate::jobs::Cancel;
use crate::jobs::explain::Target;
use crate::jobs::inputs::collect;
use crate::jobs::mask::{AutoMaskError, MaskEvent, MaskJob, MaskMethod, Masker, RelevanceOptions, TokenCutOptions};
use crate::jobs::model::{LoadedModel, ModelSource};
use crate::mask::{BilateralOptions, MaskProfile, MaskStore, ThresholdRule};
use crate::size::Size;
use crate::vit::FeatureKind;
use crate::vit::weights::LoadOptions;

use super::models::parse_size;
use super::{UsageError, progress};
use printer::Printer;

/// Finds the object in images: a mask per image, 255 on the object and 0 elsewhere.
///
/// Writes STEM.png and STEM.json (how it was found, how sure it is); a second image of the same name gets a longer
/// one. An image that has a mask in the folder is left alone, so that an interrupted run goes on where it was.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct MaskArgs {
    #[command(subcommand)]
    command: Option<MaskCommand>,
    /// Images, or folders of images.
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<PathBuf>,
    /// Weights: a file, a folder or a name of `vitrine models list`; without it the embedded demo model.
    #[arg(long, value_name = "M")]
    model: Option<PathBuf>,
    /// Number of attention heads, where the weights do not tell.
    #[arg(long, value_name = "N")]
    heads: Option<usize>,
    /// Input size in pixels the weights were trained for, where they do not tell: 224 or WIDTHxHEIGHT.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    input: Option<Size>,
    /// auto, cpu, gpu[:INDEX|NAME], cuda[:INDEX] or metal[:INDEX].
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    device: Device,
    /// Folder for the masks.
    #[arg(long, value_name = "DIR", required = true)]
    out: Option<PathBuf>,
    #[arg(long, default_value = "tokencut", value_enum)]
    method: MethodName,
    /// Cosine similarity above which two patches belong together [default: 0.2; 0.4 for models trained on labels].
    #[arg(long, value_name = "COSINE", allow_negative_numbers = true)]
    tau: Option<f32>,
    /// Block whose features are cut, counted from 0 [default: the last; ⌊0.83·L⌋ for models trained on labels].
    #[arg(long, value_name = "K")]
    block: Option<usize>,
    /// Which part of the block's queries, keys and values.
    #[arg(long, default_value = "k", value_enum)]
    features: FeatureKind,
    /// Longer side of the image for the model, in pixels [default: 480, but at most 30 patches].
    #[arg(long, value_name = "PIXELS")]
    size: Option<usize>,
    /// Enlarge smaller images to that size: more patches, finer masks [default: true; false with --profile paper].
    #[arg(long, value_name = "true|false")]
    enlarge: Option<bool>,
    /// Which eigenvector is cut: 2 is the second smallest, the method's own.
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u8).range(2..=7))]
    eigenvector: u8,
    /// Keep the coarse mask in whole patches.
    #[arg(long)]
    no_refine: bool,
    /// Reach of the refinement in pixels.
    #[arg(long, default_value_t = 16.0, value_name = "PIXELS")]
    sigma_spatial: f64,
    /// Reach of the refinement in brightness, 0 to 255.
    #[arg(long, default_value_t = 16.0, value_name = "STEPS")]
    sigma_luma: f64,
    /// Reach of the refinement in colour, 0 to 255.
    #[arg(long, default_value_t = 8.0, value_name = "STEPS")]
    sigma_chroma: f64,
    /// The released code's behaviour, or ours where it errs with large objects.
    #[arg(long, default_value = "default", value_enum)]
    profile: ProfileName,
    /// With --method relevance: otsu, mean, or a percentile such as 80.
    #[arg(long, default_value = "otsu", value_name = "RULE")]
    threshold: ThresholdRule,
    /// With --method relevance: class whose relevance is taken: `predicted`, a name, a WordNet id or an index.
    #[arg(long, default_value = "predicted", value_name = "CLASS")]
    target: String,
    /// Make masks anew where there are some; those that a person made or accepted are moved to DIR/removed.
    #[arg(long)]
    overwrite: bool,
    /// Print one JSON object per image.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum MaskCommand {
    Convert(convert::ConvertArgs),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MethodName {
    /// Normalised cut of a model's features, refined along the image's edges.
    Tokencut,
    /// Where the model looks. Circular: no independent evidence of where it should look.
    Relevance,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProfileName {
    Default,
    Paper,
}

pub fn run(args: &MaskArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    if let Some(MaskCommand::Convert(args)) = &args.command {
        return convert::run(args, out);
    }
    let folder = args.out.as_ref().ok_or_else(|| UsageError("--out DIR is missing".to_owned()))?;
    let source = ModelSource::from(args.model.as_ref());
    let model = LoadedModel::open(&source, args.device.clone(), &LoadOptions { heads: args.heads, input: args.input })?;
    let job = args.job();
    job.check(&model).map_err(|err| UsageError(err.to_string()))?;
    if args.method == MethodName::Relevance {
        progress::say("warning: masks from relevance are circular: they are not independent evidence");
    }
    let store = MaskStore::open(folder.clone(), || {});
    for problem in store.problems() {
        progress::say(&format!("warning: {problem}"));
    }
    let mut printer = Printer::new(out, args.json);
    let sources = args.sources(&mut printer)?;
    let bar = progress::bar(sources.len());
    let cancel = Cancel::default();
    Masker::new(&model, &job, &store).run(&sources, &cancel, &mut |event| match event {
        MaskEvent::Started { path, .. } => bar.set_message(path.file_name().unwrap_or_default().display().to_string()),
        MaskEvent::Advanced(_) => bar.tick(),
        MaskEvent::Done { path, outcome, .. } => {
            bar.suspend(|| printer.done(path, &outcome));
            bar.inc(1);
        }
        MaskEvent::Failed { path, error, .. } => {
            // The next mask would not be saved either.
            if matches!(error, AutoMaskError::Save { .. }) {
                cancel.cancel();
            }
            bar.suspend(|| printer.failed(path, &error.into()));
            bar.inc(1);
        }
    });
    bar.finish_and_clear();
    printer.finish()
}

impl MaskArgs {
    fn job(&self) -> MaskJob {
        let method = match self.method {
            MethodName::Tokencut => MaskMethod::TokenCut(self.tokencut()),
            MethodName::Relevance => MaskMethod::Relevance(RelevanceOptions {
                rule: self.threshold,
                target: match self.target.as_str() {
                    "predicted" => Target::Predicted,
                    name => Target::Class(name.to_owned()),
                },
                ..RelevanceOptions::default()
            }),
        };
        MaskJob { method, overwrite: self.overwrite }
    }

    fn tokencut(&self) -> TokenCutOptions {
        let bilateral = BilateralOptions {
            sigma_spatial: self.sigma_spatial,
            sigma_luma: self.sigma_luma,
            sigma_chroma: self.sigma_chroma,
            ..BilateralOptions::default()
        };
        TokenCutOptions {
            tau: self.tau,
            block: self.block,
            features: self.features,
            size: self.size,
            enlarge: self.enlarge,
            eigenvector: usize::from(self.eigenvector) - 2,
            click: None,
            profile: match self.profile {
                ProfileName::Default => MaskProfile::Default,
                ProfileName::Paper => MaskProfile::Paper,
            },
            refine: (!self.no_refine).then_some(bilateral),
        }
    }

    /// The images, each once; folders that cannot be listed are reported at once.
    fn sources(&self, printer: &mut Printer<'_>) -> anyhow::Result<Vec<ImageSource>> {
        let mut sources = Vec::new();
        let mut seen = HashSet::new();
        for found in collect(&self.images) {
            match found {
                Ok(input) if seen.insert(input.source.clone()) => sources.push(input.source),
                Ok(_) => {}
                Err((path, error)) => printer.failed(&path, &error.into()),
            }
        }
        if sources.is_empty() && !printer.has_failures() {
            anyhow::bail!("there is no image in the given folders");
        }
        Ok(sources)
    }
}
