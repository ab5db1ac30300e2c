//! The main job: explain pictures, write what was found.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use crate::files::write_atomically;
use crate::image::{self, ImageError, Prepared};
use crate::npy::{NpyError, write_npy};
use crate::relevance::{self, Explanation, Method, MethodOptions, Progress, RelevanceError, RelevanceMap};
use crate::render::{self, Figure, GridMap, RenderError, Style};
use crate::size::Size;
use crate::vit::classes::ClassError;
use crate::vit::{Batch, Muted, Objective, Score, Start, VitConfig, argmax, softmax};

use super::Cancel;
use super::inputs::Input;
use super::model::{LoadedModel, Profile};
use super::truth::class_of_folder;

/// Which class is explained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// The model's own first choice.
    #[default]
    Predicted,
    /// A class by index, WordNet id or name.
    Class(String),
}

/// What to explain and where to put it.
#[derive(Clone, Debug, Default)]
pub struct ExplainJob {
    pub target: Target,
    /// Explain the target rather than this class.
    pub contrast: Option<String>,
    pub score: Score,
    pub method: Method,
    pub options: MethodOptions,
    /// Patch (row, column) whose relevance is asked for, instead of the classifier's.
    pub patch: Option<(usize, usize)>,
    pub profile: Profile,
    /// How the heat of the figures is drawn.
    pub style: Style,
    /// Folder for the files; none are written without one.
    pub out: Option<PathBuf>,
}

/// A class of the model with its score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    pub index: usize,
    pub name: String,
    pub probability: f32,
    pub logit: f32,
}

/// What `STEM.json` holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub model: String,
    pub image: String,
    pub profile: Profile,
    /// Absent for a model without a classification head.
    pub target: Option<Prediction>,
    pub contrast: Option<Prediction>,
    /// Which number of the target was explained; of a contrast always the logits.
    pub objective: Score,
    /// The class that the picture's folder names, if it names one.
    pub truth: Option<Prediction>,
    /// The five likeliest classes.
    pub top: Vec<Prediction>,
    pub method: Method,
    pub first_block: usize,
    pub patch: Option<(usize, usize)>,
    /// Patches of the relevance map.
    pub grid: Size,
    pub min: f32,
    pub max: f32,
    /// No patch stands out: the map is constant or not finite.
    pub flat: bool,
    pub seconds: f64,
    /// Written files; empty if none were asked for.
    pub files: Vec<PathBuf>,
    pub warnings: Vec<String>,
}

/// A finished picture.
pub struct Explained {
    pub report: Report,
    pub map: RelevanceMap,
}

/// What a job tells while it runs.
pub enum Event<'a> {
    /// A picture's turn has come.
    Started {
        index: usize,
        path: &'a Path,
    },
    /// Of the current picture, for methods that need many passes.
    Advanced(Progress),
    Explained {
        index: usize,
        explained: Box<Explained>,
    },
    Failed {
        index: usize,
        path: &'a Path,
        error: ExplainError,
    },
}

/// Why a picture was not explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error(transparent)]
    Relevance(#[from] RelevanceError),
    #[error(transparent)]
    Figure(#[from] RenderError),
    #[error(transparent)]
    Npy(#[from] NpyError),
    #[error("the report cannot be written ({source}); check the folder and the space on the disk: {}", path.display())]
    Write { source: std::io::Error, path: PathBuf },
}

/// Why a job cannot start: it asks for something the model does not have.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error(transparent)]
    Class(#[from] ClassError),
    #[error("patch {row},{column} is outside of the grid of {grid} patches; rows and columns count from 0")]
    NoSuchPatch { row: usize, column: usize, grid: Size },
    #[error("block {asked} does not exist: the model has blocks 0 to {last}")]
    NoSuchBlock { asked: usize, last: usize },
    #[error("{method} explains a class, and this model has no classification head; use rollout or raw-attention")]
    NoHead { method: Method },
    #[error(
        "{method} has no token to start from; only gae, rollout, raw-attention and attention-gradcam look from a patch"
    )]
    NoToken { method: Method },
    #[error("only gae can start at another block than the first, {method} cannot")]
    NoFirstBlock { method: Method },
    #[error("only gae can leave heads and blocks out, {method} cannot")]
    NoMuting { method: Method },
    #[error("block {block} cannot be left out: the model has blocks 0 to {last}")]
    NoMutedBlock { block: usize, last: usize },
    #[error("head {head} of block {block} cannot be left out: every block has heads 0 to {last}")]
    NoMutedHead { block: usize, head: usize, last: usize },
    #[error("a contrast compares logits; leave out the contrast or the objective probability")]
    ContrastOfProbability,
}

/// A job whose names are resolved against a model.
pub struct Explainer<'a> {
    model: &'a LoadedModel,
    job: &'a ExplainJob,
    options: MethodOptions,
    target: Option<usize>,
    contrast: Option<usize>,
}

impl<'a> Explainer<'a> {
    /// # Errors
    /// If the job asks for a class, patch or block that the model does not have.
    pub fn new(model: &'a LoadedModel, job: &'a ExplainJob) -> Result<Self, JobError> {
        let config = model.engine.config();
        let method = job.method;
        check_head(config, method)?;
        let target = match &job.target {
            Target::Predicted => None,
            Target::Class(name) => Some(model.classes.find(name)?),
        };
        let contrast = job.contrast.as_deref().map(|name| model.classes.find(name)).transpose()?;
        let mut options = job.options.clone();
        if options.first_block >= config.depth {
            return Err(JobError::NoSuchBlock { asked: options.first_block, last: config.depth - 1 });
        }
        if options.first_block > 0 && method != Method::Gae {
            return Err(JobError::NoFirstBlock { method });
        }
        check_muting(config, method, &options.muted)?;
        if contrast.is_some() && job.score == Score::Probability {
            return Err(JobError::ContrastOfProbability);
        }
        if let Some(start) = start_token(config, method, job.patch)? {
            options.start = start;
        }
        Ok(Self { model, job, options, target, contrast })
    }

    /// Explains the pictures one by one; a broken one is reported and the others go on.
    pub fn run(&self, inputs: &[Input], cancel: &Cancel, on_event: &mut dyn FnMut(Event<'_>)) {
        for (index, input) in inputs.iter().enumerate() {
            if cancel.is_cancelled() {
                return;
            }
            on_event(Event::Started { index, path: input.source.path() });
            let mut progress = |progress| {
                on_event(Event::Advanced(progress));
                if cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            match self.explain(input, &mut progress) {
                Ok(explained) => on_event(Event::Explained { index, explained: Box::new(explained) }),
                Err(error) => on_event(Event::Failed { index, path: input.source.path(), error }),
            }
        }
    }

    fn explain(
        &self,
        input: &Input,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Explained, ExplainError> {
        let start = Instant::now();
        let picture = input.source.decode()?;
        let prepared = image::prepare(&picture, &self.model.preparation(self.job.profile))?;
        let batch = Batch { pixels: prepared.input.clone(), count: 1, size: prepared.size };
        let objective = |_: usize, logits: &[f32]| self.objective(logits);
        let explanation =
            relevance::explain(&*self.model.engine, &batch, &objective, self.job.method, &self.options, progress)?
                .swap_remove(0);
        let mut report = self.report(input.source.path(), &explanation);
        report.seconds = start.elapsed().as_secs_f64();
        if let Some(out) = &self.job.out {
            let stem = out.join(&input.stem);
            self.write(&stem, &picture.rgb, &prepared, &explanation.map, &mut report)?;
        }
        Ok(Explained { report, map: explanation.map })
    }

    fn objective(&self, logits: &[f32]) -> Objective {
        let target = self.target.unwrap_or_else(|| argmax(logits));
        Objective::of(target, self.contrast, self.job.score)
    }

    fn report(&self, path: &Path, explanation: &Explanation) -> Report {
        let Explanation { logits, map, .. } = explanation;
        let classes = &self.model.classes;
        let probabilities = softmax(logits);
        let prediction = |index: usize| Prediction {
            index,
            name: classes.name(index).to_owned(),
            probability: probabilities[index],
            logit: logits[index],
        };
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
        let target = (!logits.is_empty()).then(|| prediction(self.target.unwrap_or_else(|| argmax(logits))));
        Report {
            model: self.model.name.clone(),
            image: path.display().to_string(),
            profile: self.job.profile,
            target,
            contrast: self.contrast.map(prediction),
            objective: self.job.score,
            truth: class_of_folder(path, |name| classes.find(name).ok()).map(prediction),
            top: order.into_iter().take(5).map(prediction).collect(),
            method: self.job.method,
            first_block: self.options.first_block,
            patch: self.job.patch,
            grid: map.grid,
            min: map.min(),
            max: map.max(),
            flat: map.is_flat(),
            seconds: 0.0,
            files: Vec::new(),
            warnings: self.model.warnings(self.job.profile),
        }
    }

    /// `STEM.overlay.png`, `STEM.relevance.npy` and, last, `STEM.json`: who finds that finds the others.
    fn write(
        &self,
        stem: &Path,
        photo: &::image::RgbImage,
        prepared: &Prepared,
        map: &RelevanceMap,
        report: &mut Report,
    ) -> Result<(), ExplainError> {
        let with = |ending: &str| {
            let mut path = stem.as_os_str().to_owned();
            path.push(ending);
            PathBuf::from(path)
        };
        let (overlay, npy, json) = (with(".overlay.png"), with(".relevance.npy"), with(".json"));
        let figure = Figure {
            photo,
            map: GridMap::new(&map.values, map.grid)?,
            crop: prepared.framing.crop_in_image(),
            caption: &self.caption(report),
        };
        render::write_png(&overlay, &render::figure(&figure, &self.job.style)?)?;
        write_npy(&npy, &[map.grid.height, map.grid.width], &map.values)?;
        report.files = vec![overlay, npy, json.clone()];
        let failed = |source| ExplainError::Write { source, path: json.clone() };
        let text = serde_json::to_vec_pretty(report).map_err(|err| failed(err.into()))?;
        write_atomically(&json, &text).map_err(failed)
    }

    fn caption(&self, report: &Report) -> String {
        let mut parts = Vec::new();
        if let Some(target) = &report.target {
            let mut part = format!("{} {:.2}", self.model.classes.short_name(target.index), target.probability);
            if let Some(contrast) = &report.contrast {
                part += &format!(" rather than {}", self.model.classes.short_name(contrast.index));
            }
            parts.push(part);
        }
        if report.objective == Score::Probability {
            parts.push("of the probability".to_owned());
        }
        parts.push(report.method.title().to_owned());
        if let Some((row, column)) = report.patch {
            parts.push(format!("patch {row},{column}"));
        }
        if report.first_block > 0 {
            parts.push(format!("from block {}", report.first_block));
        }
        if self.options.muted != Muted::default() {
            parts.push(format!("without {}", self.options.muted));
        }
        parts.push(report.model.clone());
        parts.join(" · ")
    }
}

/// Whether a model has what a method explains.
pub(super) fn check_head(config: &VitConfig, method: Method) -> Result<(), JobError> {
    if method.needs_head() && config.classes == 0 { Err(JobError::NoHead { method }) } else { Ok(()) }
}

fn check_muting(config: &VitConfig, method: Method, muted: &Muted) -> Result<(), JobError> {
    let (depth, heads) = (config.depth, config.heads);
    if *muted != Muted::default() && method != Method::Gae {
        return Err(JobError::NoMuting { method });
    }
    let blocks = muted.blocks.iter().chain(muted.heads.iter().map(|(block, _)| block));
    if let Some(&block) = blocks.filter(|block| **block >= depth).max() {
        return Err(JobError::NoMutedBlock { block, last: depth - 1 });
    }
    match muted.heads.iter().find(|(_, head)| *head >= heads) {
        Some(&(block, head)) => Err(JobError::NoMutedHead { block, head, last: heads - 1 }),
        None => Ok(()),
    }
}

/// The token of a patch (row, column), if one is asked for.
pub(super) fn start_token(
    config: &VitConfig,
    method: Method,
    patch: Option<(usize, usize)>,
) -> Result<Option<Start>, JobError> {
    let Some((row, column)) = patch else { return Ok(None) };
    let grid = config.grid();
    if row >= grid.height || column >= grid.width {
        return Err(JobError::NoSuchPatch { row, column, grid });
    }
    if !method.starts_at_token() {
        return Err(JobError::NoToken { method });
    }
    Ok(Some(Start::Token(config.prefix_tokens() + row * grid.width + column)))
}
