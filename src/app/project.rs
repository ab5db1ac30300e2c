//! The project that is open: from the session to the file, by itself, and back.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use poll_promise::Promise;
use serde::{Deserialize, Serialize};

use crate::image::ImageSource;
use crate::jobs::model::{ModelSource, Profile};
use crate::project::{Autosave, Due, EXTENSION, Project, Weights};
use crate::relevance::Method;
use crate::render::{RangeMode, Style, ValueRange};

use super::command::{Command, Slot};
use super::masks::MaskCommand;
use super::picker::Ask;
use super::promise::promised;
use super::session::{Explain, Session};
use super::settings::View;

/// A project and its file.
pub struct OpenProject {
    autosave: Autosave,
    /// The write that runs: what it writes, and how it ended.
    saving: Option<(Project, Promise<Result<(), String>>)>,
}

/// What the session knows of files that a project names.
#[derive(Default)]
pub struct Belongings {
    /// Files and folders as they were opened; none: the demo.
    pub images: Vec<PathBuf>,
    pub labels: Option<PathBuf>,
    /// Selected once the listing has found it.
    pub select: Option<ImageSource>,
    /// What was asked about the images, once the main model is there.
    pub explain: Option<Explain>,
}

/// What a project says about the window.
#[derive(Serialize, Deserialize)]
#[serde(default)]
struct Shown {
    explain: Explain,
    view: View,
    style: Style,
    range: RangeMode,
    locked_range: Option<ValueRange>,
    profile: Profile,
    show_heat: bool,
    grid_methods: Vec<Method>,
    /// The picture in memory that was looked at: one of the demo.
    demo_photo: Option<PathBuf>,
}

impl Default for Shown {
    fn default() -> Self {
        let settings = super::settings::Settings::default();
        Self {
            explain: Explain::default(),
            view: settings.view,
            style: settings.style,
            range: settings.range,
            locked_range: settings.locked_range,
            profile: settings.profile,
            show_heat: settings.show_heat,
            grid_methods: settings.grid_methods,
            demo_photo: None,
        }
    }
}

impl Session {
    /// The file of the open project.
    pub fn project_path(&self) -> Option<&Path> {
        self.project.as_ref().map(|project| project.autosave.path())
    }

    /// Puts a project in the place of everything that is open.
    pub(super) fn open_project(&mut self, path: &Path) {
        let project = match Project::read(path) {
            Ok(project) => project,
            Err(error) => return self.notices.error(error.to_string()),
        };
        self.close_project();
        self.stop_listings();
        self.gallery.clear();
        self.pasted = 0;
        (self.has_chosen, self.selects_first) = (false, false);
        self.show(&project);
        self.apply(Command::Mask(MaskCommand::Folder(project.masks.clone())));
        self.load_all(&project.models);
        self.belongings = Belongings {
            images: project.images.clone(),
            labels: None,
            select: self.belongings.select.take(),
            explain: self.belongings.explain.take(),
        };
        if project.images.is_empty() {
            self.add_demo_photos();
            self.select_wanted();
        } else {
            self.list(project.images.clone());
        }
        match &project.labels {
            Some(labels) => self.read_labels(labels),
            None => {
                self.gallery.set_labels(None);
            }
        }
        self.begin_project(path.to_owned(), project);
    }

    /// Writes everything that is open to a new file, and keeps it up to date from now on.
    pub(super) fn save_project_as(&mut self, path: PathBuf) {
        let path = if path.extension().is_none() { path.with_extension(EXTENSION) } else { path };
        let project = self.as_project();
        match project.write(&path) {
            Ok(()) => {
                self.finish();
                self.notices.info(format!("Saved, and kept up to date from now on: {}", path.display()));
                self.begin_project(path, project);
            }
            Err(error) => self.notices.error(error.to_string()),
        }
    }

    fn begin_project(&mut self, path: PathBuf, project: Project) {
        let path = std::path::absolute(&path).unwrap_or(path);
        self.settings.remember_project(path.clone());
        self.settings.last_folder = path.parent().map(Path::to_owned);
        self.project = Some(OpenProject { autosave: Autosave::new(path, project), saving: None });
    }

    /// Ends the project; its file keeps what was last shown.
    pub(super) fn close_project(&mut self) {
        self.finish();
        self.project = None;
    }

    /// Asks where the project shall lie.
    pub(super) fn ask_for_project(&mut self) {
        let name = self.project_path().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        self.ask(Ask::SaveProject, &name.unwrap_or_else(|| format!("project.{EXTENSION}")));
    }

    /// Writes what has changed and rested; returns when to ask again. Called once a frame.
    pub fn follow_project(&mut self, now: Instant) -> Option<Duration> {
        // Until everything of the project has arrived, the session says less than the file.
        let is_arriving = !self.listings.is_empty() || self.belongings.explain.is_some();
        let changed = std::mem::take(&mut self.project_may_have_changed);
        if is_arriving {
            self.project_may_have_changed |= changed;
            return None;
        }
        let state = (changed && self.project.is_some()).then(|| self.as_project());
        let open = self.project.as_mut()?;
        if let Some((project, promise)) = open.saving.take() {
            match promise.try_take() {
                Ok(Ok(())) => open.autosave.written(project),
                Ok(Err(error)) => {
                    // Said once: the same state is not tried again.
                    open.autosave.written(project);
                    self.notices.error(error);
                }
                Err(promise) => open.saving = Some((project, promise)),
            }
        }
        let due = match state {
            Some(state) => open.autosave.follow(state, now),
            None => open.autosave.due(now),
        };
        match due {
            Due::Nothing => None,
            Due::In(rest) => Some(rest),
            // The end of the running write wakes the window.
            Due::Now(_) if open.saving.is_some() => None,
            Due::Now(project) => {
                let (path, state) = (open.autosave.path().to_owned(), (*project).clone());
                let failed = || Err("The project could not be written; save it elsewhere.".to_owned());
                let write = move || project.write(&path).map_err(|error| error.to_string());
                open.saving = Some((state, promised("save project", &self.wake, failed, write)));
                None
            }
        }
    }

    /// Writes what is not written yet, however short ago it changed: the window closes, or opens something else.
    pub fn finish(&mut self) {
        if self.project.is_some() && self.listings.is_empty() && self.belongings.explain.is_none() {
            let state = self.as_project();
            if let Some(open) = &mut self.project {
                open.autosave.follow(state, Instant::now());
            }
        }
        let Some(open) = &mut self.project else { return };
        if let Some((project, promise)) = open.saving.take()
            && promise.block_and_take().is_ok()
        {
            open.autosave.written(project);
        }
        if let Some(Err(error)) = open.autosave.unwritten().map(|state| state.write(open.autosave.path())) {
            self.notices.error(error.to_string());
        }
    }

    /// Everything that is open, as a project.
    fn as_project(&self) -> Project {
        let settings = &self.settings;
        let shown = Shown {
            explain: self.explain.clone(),
            view: settings.view,
            style: settings.style.clone(),
            range: settings.range,
            locked_range: settings.locked_range,
            profile: settings.profile,
            show_heat: settings.show_heat,
            grid_methods: settings.grid_methods.clone(),
            demo_photo: self.image().filter(|image| !image.is_file()).map(|image| image.path().to_owned()),
        };
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let weights = |source: &ModelSource| match source {
            ModelSource::Embedded => Weights::Embedded,
            ModelSource::Named(name) if Path::new(name).exists() => Weights::File(absolute(Path::new(name))),
            ModelSource::Named(name) => Weights::Named(name.clone()),
        };
        Project {
            images: self.belongings.images.iter().map(|path| absolute(path)).collect(),
            masks: settings.mask_folder.as_deref().map(absolute),
            labels: self.belongings.labels.as_deref().map(absolute),
            models: self.models.all().map(|(_, model)| weights(&model.source)).collect(),
            selected: self.image().filter(|image| image.is_file()).map(|image| absolute(image.path())),
            // What is shown always has a form in JSON; else the window begins with its defaults.
            window: serde_json::to_value(shown).unwrap_or_default(),
        }
    }

    fn show(&mut self, project: &Project) {
        let shown: Shown = match serde_json::from_value(project.window.clone()) {
            Ok(shown) => shown,
            Err(_) if project.window.is_null() => Shown::default(),
            Err(error) => {
                self.notices.warning(format!("What the project showed is damaged and begins anew ({error})."));
                Shown::default()
            }
        };
        let Shown { explain, view, style, range, locked_range, profile, show_heat, grid_methods, demo_photo } = shown;
        let settings = &mut self.settings;
        (settings.view, settings.style, settings.range, settings.locked_range) = (view, style, range, locked_range);
        (settings.profile, settings.show_heat, settings.grid_methods) = (profile, show_heat, grid_methods);
        self.belongings.explain = Some(explain);
        self.belongings.select = project.selected.clone().map(ImageSource::file).or_else(|| {
            // Sources are told apart by their names, so the bytes do not matter here.
            Some(ImageSource::memory(demo_photo?, b"".as_slice()))
        });
    }

    /// The models of a project in the place of those that are there.
    fn load_all(&mut self, models: &[Weights]) {
        for slot in Slot::ALL.into_iter().skip(models.len().max(1)).rev() {
            self.apply(Command::CloseModel(slot));
        }
        let models = if models.is_empty() { &[Weights::Embedded] } else { models };
        for (slot, weights) in Slot::ALL.into_iter().zip(models) {
            let source = match weights {
                Weights::Embedded => ModelSource::Embedded,
                Weights::Named(name) => ModelSource::Named(name.clone()),
                Weights::File(path) => super::open::named(path),
            };
            self.apply(Command::LoadModel(slot, source));
        }
    }

    /// Selects the image that a project looked at, once it is there.
    pub(super) fn select_wanted(&mut self) {
        let Some(source) = self.belongings.select.take() else { return };
        if let Some(index) = self.gallery.find(&source) {
            self.gallery.select(index);
            self.has_chosen = true;
        }
    }

    /// Once photos and model are there: what the project asked, as far as the model can answer it.
    pub(super) fn ask_as_the_project_did(&mut self) {
        let is_there = self.listings.is_empty() && self.models.pending(Slot::Main).is_none();
        let Some(main) = self.models.get(Slot::Main).filter(|_| is_there) else { return };
        let Some(explain) = self.belongings.explain.take() else { return };
        self.explain = explain;
        let config = &main.info.config;
        let grid = config.grid();
        let explain = &mut self.explain;
        explain.target.take_if(|class| *class >= config.classes);
        explain.contrast.take_if(|class| *class >= config.classes);
        explain.patch.take_if(|patch| patch.row >= grid.height || patch.column >= grid.width);
        explain.first_block = explain.first_block.min(config.depth.saturating_sub(1));
        explain.muted.blocks.retain(|block| *block < config.depth);
        explain.muted.heads.retain(|(block, head)| *block < config.depth && *head < config.heads);
        if config.classes == 0 && explain.method.needs_head() {
            explain.method = Method::RawAttention;
        }
        // The image is the project's too: its patch is not one of another image, to be forgotten.
        self.last_image = self.image().cloned();
    }
}
