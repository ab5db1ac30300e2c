//! Saving what is shown: figure, raw map, a whole folder with a table.

use std::path::{Path, PathBuf};

use poll_promise::Promise;

use crate::files::write_atomically;
use crate::image::ImageSource;
use crate::jobs::engine_thread::{BatchEnd, BatchId, ModelId, Request};
use crate::jobs::explain::{ExplainJob, Report, Target};
use crate::jobs::inputs::named_by_file;
use crate::jobs::table::table;
use crate::npy::write_npy;
use crate::relevance::Method;
use crate::render::{Figure, GridMap, figure, write_png};

use super::command::Slot;
use super::gallery::{ItemState, Prediction};
use super::notice::Level;
use super::session::Session;
use super::views;

/// All shown images on their way through the model.
pub struct Export {
    model: ModelId,
    /// Where maps and table go; `None` when only predictions are wanted.
    folder: Option<PathBuf>,
    reports: Vec<Report>,
}

/// The table beside the maps.
const TABLE: &str = "relevance.csv";

impl Session {
    /// `STEM.relevance.png` and the like, after the selected image.
    pub(super) fn proposed_name(&self, ending: &str) -> String {
        let stem = self.image().and_then(|image| image.path().file_stem());
        format!("{}.relevance.{ending}", stem.unwrap_or_default().to_string_lossy())
    }

    /// Draws the picture at its own resolution, which takes its time: on another thread.
    pub(super) fn save_figure(&mut self, path: PathBuf) {
        let shown = self.shown();
        let caption = self.caption();
        let mut style = self.settings.style.clone();
        let (range, locked) = (self.settings.range, self.settings.locked_range);
        let view = self.view_mut(views::MAIN);
        let (Some(photo), Some(map)) = (view.photo.clone(), view.heat(shown)) else { return };
        style.range = range.resolve(map.values(), &[map.values()], locked, style.colours);
        let wake = self.wake.clone();
        self.saving.push(Promise::spawn_thread("save figure", move || {
            let draw = || -> Result<(), crate::render::RenderError> {
                let map_in_photo = GridMap::new(map.values(), map.grid())?;
                let parts =
                    Figure { photo: &photo.picture().rgb, map: map_in_photo, crop: map.crop(), caption: &caption };
                write_png(&path, &figure(&parts, &style)?)
            };
            let outcome = draw().map(|()| path).map_err(|error| error.to_string());
            wake();
            outcome
        }));
    }

    /// Says how figures ended.
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
        let shown = self.shown();
        let Some(map) = self.view_mut(views::MAIN).heat(shown) else { return };
        match write_npy(path, &[map.grid().height, map.grid().width], map.values()) {
            Ok(()) => self.notices.info(format!("Saved: {}", path.display())),
            Err(error) => self.notices.error(error.to_string()),
        }
    }

    /// Explains all images that the gallery shows, in its order, in the background.
    pub(super) fn export_folder(&mut self, folder: PathBuf) {
        let Some(model) = self.models.get(Slot::Main) else { return };
        let name = |class: usize| model.info.classes.name(class).to_owned();
        let explain = &self.explain;
        let mut options = explain.options.clone();
        options.muted = explain.muted.clone();
        options.first_block = if explain.method == Method::Gae { explain.first_block } else { 0 };
        let job = ExplainJob {
            target: explain.target.map_or(Target::Predicted, |class| Target::Class(name(class))),
            contrast: explain.contrast.map(name),
            method: explain.method,
            options,
            patch: explain.patch.map(|patch| (patch.row, patch.column)),
            profile: self.settings.profile,
            style: self.settings.style.clone(),
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
        let items = self.gallery.items();
        let inputs = named_by_file(self.gallery.order().iter().map(|&at| items[at as usize].source.clone()));
        let (id, cancel) = self.begin_job(format!("{what} {} images", inputs.len()));
        self.exports.insert(id, Export { model, folder, reports: Vec::new() });
        self.engine.send(Request::Batch { id: BatchId(id), model, job: Box::new(job), inputs, cancel });
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
                export.reports.push(*report);
                if is_of_main {
                    self.gallery.set_prediction(source, prediction);
                }
            }
            Err(error) => {
                self.notices.log(Level::Error, &error);
                self.gallery.set_state(source, ItemState::Broken(error));
            }
        }
    }

    pub(super) fn export_done(&mut self, BatchId(id): BatchId, end: &BatchEnd) {
        self.end_job(id);
        let Some(export) = self.exports.remove(&id) else { return };
        let done = export.reports.len();
        let (what, place) = match &export.folder {
            Some(folder) => {
                self.write_table(folder, &export.reports);
                ("exported", format!(": {}", folder.display()))
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

    fn write_table(&mut self, folder: &Path, reports: &[Report]) {
        let path = folder.join(TABLE);
        if !reports.is_empty()
            && let Err(error) = write_atomically(&path, table(reports).as_bytes())
        {
            self.notices.error(format!("The table cannot be written ({error}): {}", path.display()));
        }
    }

    /// What the figure says below the picture.
    fn caption(&self) -> String {
        let mut parts = Vec::new();
        let result = self.main_view().and_then(|view| view.result.as_ref());
        if let (Some(result), Some(model)) = (result, self.models.get(Slot::Main)) {
            let name = |class: usize| model.info.classes.short_name(class);
            if let Some(target) = result.target {
                let mut part = format!("{} {:.2}", name(target), result.probabilities[target]);
                if let Some(contrast) = result.contrast {
                    part += &format!(" rather than {}", name(contrast));
                }
                parts.push(part);
            }
            parts.push(result.request.method.title().to_owned());
            if let Some(patch) = result.request.patch {
                parts.push(format!("patch {},{}", patch.row, patch.column));
            }
            if self.explain.first_block > 0 {
                parts.push(format!("from block {}", self.explain.first_block));
            }
            parts.push(model.info.name.clone());
        }
        parts.join(" · ")
    }
}
