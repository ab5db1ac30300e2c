//! Saving what is shown: figure, raw map, a whole folder with a table.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::files::write_atomically;
use crate::image::ImageSource;
use crate::jobs::engine_thread::{BatchEnd, BatchId, ModelId, Request, ViewId};
use crate::jobs::explain::{ExplainJob, Report, Target};
use crate::jobs::table::table;
use crate::mask::Mask;
use crate::npy::write_npy;
use crate::relevance::Method;
use crate::render::{self, GridMap, HeatMap, MaskStyle, RangeMode, RenderError, Style, sheet, write_png};
use crate::vit::{Muted, Score};

use super::command::Slot;
use super::difference::{self, DifferenceMap};
use super::gallery::Prediction;
use super::notice::Level;
use super::panes::{Content, Shows};
use super::picker::Ask;
use super::promise::promised;
use super::session::{Norms, Session};
use super::views::{self, PhotoOnScreen};

/// All shown images on their way through the model.
pub struct Export {
    model: ModelId,
    /// Where maps and table go; `None` when only predictions are wanted.
    folder: Option<PathBuf>,
    done: usize,
    /// For the table.
    reports: Vec<Report>,
}

/// What was shown when it was to be saved.
pub struct Captured {
    /// Of the main model.
    map: Arc<HeatMap>,
    /// All panes of the view, for the figure.
    panels: Vec<CapturedPanel>,
    columns: usize,
}

struct CapturedPanel {
    photo: PhotoOnScreen,
    /// With its range.
    heat: Option<(Arc<HeatMap>, Style)>,
    /// If it is shown.
    mask: Option<(Arc<Mask>, MaskStyle)>,
    caption: String,
}

impl CapturedPanel {
    fn as_panel(&self) -> Result<render::Panel<'_>, RenderError> {
        let heat = match &self.heat {
            Some((map, style)) => Some((GridMap::new(map.values(), map.grid())?, map.crop(), style)),
            None => None,
        };
        let mask = self.mask.as_ref().map(|(mask, style)| (mask.as_bytes(), *style));
        Ok(render::Panel { photo: &self.photo.picture().rgb, heat, mask, caption: &self.caption })
    }
}

/// The table beside the maps.
const TABLE: &str = "relevance.csv";

impl Session {
    /// Asks where to save what is shown now: another image may be selected before the dialog is closed.
    pub(super) fn ask_to_save(&mut self, ask: Ask, ending: &str) {
        let panels = self.capture();
        let Some(map) = self.heat(views::MAIN).cloned().filter(|_| !panels.is_empty()) else {
            self.notices.warning("There is no map to save yet.");
            return;
        };
        // As on the canvas: up to three beside each other, a grid as square as can be.
        let columns = if panels.len() <= 3 { panels.len() } else { panels.len().isqrt() };
        self.captured = Some(Captured { map, panels, columns });
        let stem = self.image().and_then(|image| image.path().file_stem()).unwrap_or_default();
        let name = format!("{}.relevance.{ending}", stem.to_string_lossy());
        self.ask(ask, &name);
    }

    /// All panes of the view that have arrived.
    fn capture(&self) -> Vec<CapturedPanel> {
        let Some(main) = self.main_view().and_then(|view| view.photo.clone()) else { return Vec::new() };
        let styled = |map: Arc<HeatMap>| {
            let style = Style { range: self.range_of(&map), ..self.settings.style.clone() };
            (map, style)
        };
        let mask = self.masks.shown(&self.settings, self.image());
        let panel = |content: Content| {
            let photo = self.view(content.view).and_then(|view| view.photo.clone()).unwrap_or_else(|| main.clone());
            let (heat, caption) = match content.shows {
                Shows::Photo => (None, photo.decoded.source.title().into_owned()),
                Shows::Heat => (Some(styled(self.heat(content.view)?.clone())), self.caption(content.view)),
                Shows::Difference => {
                    let map = DifferenceMap::default().of(self.heat(views::MAIN)?, self.heat(views::SECOND)?)?;
                    let style = difference::style(&self.settings.style, &map);
                    (Some((map, style)), content.title)
                }
            };
            Some(CapturedPanel { photo, heat, mask: mask.clone(), caption })
        };
        self.contents().into_iter().filter_map(panel).collect()
    }

    /// Draws the picture at its own resolution, which takes its time: on another thread.
    pub(super) fn save_figure(&mut self, path: PathBuf) {
        let Some(Captured { panels, columns, .. }) = self.captured.take() else { return };
        let failed = || Err("The figure could not be drawn; save it as .npy and report this fault.".to_owned());
        self.saving.push(promised("save figure", &self.wake, failed, move || {
            let draw = || -> Result<(), RenderError> {
                let panels = panels.iter().map(CapturedPanel::as_panel).collect::<Result<Vec<_>, _>>()?;
                write_png(&path, &sheet(&panels, columns)?)
            };
            draw().map(|()| path).map_err(|error| error.to_string())
        }));
    }

    /// Says how figures and tables ended.
    pub(super) fn receive_saved(&mut self) {
        for promise in std::mem::take(&mut self.saving) {
            match promise.try_take() {
                Ok(Ok(path)) => self.notices.info(format!("Saved: {}", path.display())),
                Ok(Err(error)) => self.notices.error(error),
                Err(promise) => self.saving.push(promise),
            }
        }
    }

    pub(super) fn save_map(&mut self, path: &Path) {
        let Some(Captured { map, .. }) = self.captured.take() else { return };
        match write_npy(path, &[map.grid().height, map.grid().width], map.values()) {
            Ok(()) => self.notices.info(format!("Saved: {}", path.display())),
            Err(error) => self.notices.error(error.to_string()),
        }
    }

    /// Explains all images that the gallery shows, in its order, in the background.
    pub(super) fn export_folder(&mut self, folder: PathBuf) {
        // By number: some names stand for two classes.
        let name = |class: usize| class.to_string();
        let explain = &self.explain;
        let mut options = explain.options.clone();
        if explain.method == Method::Gae {
            (options.muted, options.first_block) = (explain.muted.clone(), explain.first_block);
        }
        let job = ExplainJob {
            target: explain.target.map_or(Target::Predicted, |class| Target::Class(name(class))),
            contrast: explain.contrast.map(name),
            score: if explain.contrast.is_none() { explain.score } else { Score::Logit },
            method: explain.method,
            options,
            patch: explain.patch.filter(|_| explain.method.starts_at_token()).map(|patch| (patch.row, patch.column)),
            profile: self.settings.profile,
            style: Style {
                range: self.settings.locked_range.filter(|_| self.settings.range == RangeMode::Locked),
                ..self.settings.style.clone()
            },
            out: Some(folder.clone()),
        };
        self.begin_batch("Exporting", job, Some(folder));
    }

    /// Asks for the predictions of all images that the gallery shows.
    pub(super) fn classify_all(&mut self) {
        // Raw attention needs the forward pass only.
        let job = ExplainJob { method: Method::RawAttention, profile: self.settings.profile, ..ExplainJob::default() };
        self.begin_batch("Classifying", job, None);
    }

    fn begin_batch(&mut self, what: &str, job: ExplainJob, folder: Option<PathBuf>) {
        let Some(model) = self.models.get(Slot::Main).map(|model| model.id) else { return };
        let sources: Vec<_> = self.gallery.chosen(false).map(|item| item.source.clone()).collect();
        let (id, cancel) = self.begin_job(format!("{what} {} images", sources.len()));
        self.exports.insert(id, Export { model, folder, done: 0, reports: Vec::new() });
        self.engine.send(Request::Batch { id: BatchId(id), model, job: Box::new(job), sources, cancel });
    }

    pub(super) fn export_advanced(
        &mut self,
        BatchId(id): BatchId,
        source: &ImageSource,
        outcome: Result<Box<Report>, String>,
    ) {
        let main = self.models.get(Slot::Main).map(|model| model.id);
        let Some(export) = self.exports.get_mut(&id) else { return };
        let is_of_main = Some(export.model) == main;
        match outcome {
            Ok(report) => {
                let best = report.top.first();
                let prediction = best.map(|best| Prediction { class: best.index, confidence: best.probability });
                export.done += 1;
                if export.folder.is_some() {
                    export.reports.push(*report);
                }
                if is_of_main {
                    self.gallery.set_prediction(source, prediction);
                }
            }
            Err(error) => self.notices.log(Level::Error, &error),
        }
    }

    pub(super) fn export_done(&mut self, BatchId(id): BatchId, end: &BatchEnd) {
        self.end_job(id);
        let Some(export) = self.exports.remove(&id) else { return };
        let done = export.done;
        let (what, place) = match export.folder {
            Some(folder) => {
                let place = format!(": {}", folder.display());
                self.write_table(folder.join(TABLE), export.reports);
                ("exported", place)
            }
            None => ("classified", String::new()),
        };
        match end {
            BatchEnd::Finished { failed: 0, .. } => self.notices.info(format!("{done} images {what}{place}")),
            BatchEnd::Finished { failed, .. } => {
                let text = format!("{done} images {what}, {failed} failed; the log (Ctrl+L) says why{place}");
                self.notices.warning(text);
            }
            BatchEnd::Cancelled => self.notices.info(format!("Stopped after {done} images{place}")),
            BatchEnd::Refused(error) => self.notices.error(error.clone()),
        }
    }

    /// A hundred thousand rows take their time: on another thread.
    fn write_table(&mut self, path: PathBuf, reports: Vec<Report>) {
        if reports.is_empty() {
            return;
        }
        let failed = || Err("The table could not be written; export again to another folder.".to_owned());
        self.saving.push(promised("save table", &self.wake, failed, move || {
            match table(&reports).and_then(|table| write_atomically(&path, &table)) {
                Ok(()) => Ok(path),
                Err(error) => Err(format!("The table cannot be written ({error}): {}", path.display())),
            }
        }));
    }

    /// What the figure says below the picture of a view.
    fn caption(&self, view: ViewId) -> String {
        let mut parts = Vec::new();
        let result = self.view(view).and_then(|view| view.result.as_ref());
        let model = result.and_then(|result| self.models.all().find(|(_, model)| model.id == result.request.model));
        if let (Some(result), Some((_, model))) = (result, model) {
            let name = |class: usize| model.info.classes.short_name(class);
            if let Some(target) = result.target {
                let mut part = format!("{} {:.2}", name(target), result.probabilities[target]);
                if let Some(contrast) = result.contrast {
                    part += &format!(" rather than {}", name(contrast));
                }
                parts.push(part);
            }
            if self.explain.norms == Norms::Mapped {
                return format!("length of the output tokens · {}", model.info.name);
            }
            if result.request.score == Score::Probability && result.contrast.is_none() {
                parts.push("of the probability".to_owned());
            }
            parts.push(result.request.method.title().to_owned());
            if let Some(patch) = result.request.patch {
                parts.push(format!("patch {},{}", patch.row, patch.column));
            }
            if self.explain.first_block > 0 && result.request.method == Method::Gae {
                parts.push(format!("from block {}", self.explain.first_block));
            }
            if result.request.muted != Muted::default() {
                parts.push(format!("without {}", result.request.muted));
            }
            if result.request.occlusion.is_some() {
                parts.push("parts of the photo hidden".to_owned());
            }
            parts.push(model.info.name.clone());
        }
        parts.join(" · ")
    }
}
