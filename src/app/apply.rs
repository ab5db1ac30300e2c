//! What each command does.

use std::path::PathBuf;

use crate::engine::Device;
use crate::jobs::download::Download;
use crate::jobs::engine_thread::{ModelId, Request};
use crate::jobs::model::ModelSource;
use crate::vit::hub::{self, Hub};
use crate::vit::weights::LoadOptions;

use super::canvas::Tool;
use super::command::{Command, Slot};
use super::gallery::GalleryCommand;
use super::masks::{MaskCommand, MaskTool};
use super::occlusion::Occluded;
use super::open::named;
use super::picker::Ask;
use super::project::Belongings;
use super::session::Session;
use super::settings::Panel;

impl Session {
    /// Does what was wished. What takes time begins here and is heard of in [`Session::receive`].
    pub fn apply(&mut self, command: Command) {
        // What is on screen is told at every resize, and is no part of a project.
        self.project_may_have_changed |= !matches!(command, Command::Seen(_));
        match command {
            Command::OpenImages => self.ask(Ask::Images, ""),
            Command::OpenFolder => self.ask(Ask::Folder, ""),
            Command::OpenModel(slot) => self.ask(Ask::Model(slot), ""),
            Command::OpenLabels => self.ask(Ask::Labels, ""),
            Command::OpenProject => self.ask(Ask::OpenProject, ""),
            Command::SaveProjectAs => self.ask_for_project(),
            Command::Open(paths) => self.open(paths),
            Command::ShowDemo => {
                self.close_project();
                self.belongings = Belongings::default();
                self.stop_listings();
                self.gallery.clear();
                self.add_demo_photos();
                self.load(Slot::Main, ModelSource::Embedded);
            }
            // The window answers with `AddPicture` or `Open`: only it reaches the clipboard.
            Command::PasteImage => {}
            Command::AddPicture(width, height, rgba) => self.add_picture(width, height, rgba),
            Command::LoadModel(slot, source) => {
                self.load(slot, source);
            }
            Command::GetModel(slot, name) => self.get_model(slot, name),
            Command::CloseModel(slot) => self.close_model(slot),
            Command::Device(device) => self.compute_on(device),
            Command::SwapModels => self.swap_models(),
            Command::Gallery(command) => self.apply_to_gallery(&command),
            Command::Finetune(command) => self.apply_to_finetune(command),
            Command::Evaluate(command) => self.apply_to_evaluate(&command),
            Command::Mask(command) => self.apply_to_mask(command),
            Command::ExportFigure => self.ask_to_save(Ask::SaveFigure, "png"),
            Command::ExportMap => self.ask_to_save(Ask::SaveMap, "npy"),
            Command::ExportFolder => self.ask(Ask::ExportFolder, ""),
            Command::ClassifyAll => self.classify_all(),
            Command::CopyCommandLine => {
                self.to_clipboard = self.command_line();
                match &self.to_clipboard {
                    Some(line) => self.notices.info(format!("Copied: {line}")),
                    None => self.notices.warning("No command line can name this; open a model and an image file."),
                }
            }
            Command::CancelJob(id) => {
                self.jobs.iter().filter(|job| job.id == id).for_each(|job| job.cancel.cancel());
                (self.wake)();
            }
            Command::DismissNotice(id) => self.notices.dismiss(id),
            Command::Paint(_) | Command::UndoOcclusion | Command::ClearOcclusion | Command::OcclusionFill(_) => {
                self.occlude(&command);
            }
            command => self.adjust(command),
        }
    }

    /// The commands that change what is asked or how it is shown.
    fn adjust(&mut self, command: Command) {
        let (settings, explain) = (&mut self.settings, &mut self.explain);
        match command {
            Command::Target(target) => explain.target = target,
            Command::Contrast(contrast) => explain.contrast = contrast,
            Command::Score(score) => explain.score = score,
            Command::Method(method) => explain.method = method,
            Command::FirstBlock(block) => explain.first_block = block,
            Command::Patch(patch) => explain.patch = patch,
            Command::Options(options) => explain.options = *options,
            Command::Norms(norms) => explain.norms = norms,
            Command::NextNorms => explain.norms = explain.norms.next(),
            Command::ToggleHead { block, head } => toggle(&mut explain.muted.heads, (block, head)),
            Command::ToggleBlock(block) => toggle(&mut explain.muted.blocks, block),
            Command::UnmuteAll => explain.muted = Default::default(),
            Command::Profile(profile) => {
                settings.profile = profile;
                self.gallery.clear_predictions();
            }
            Command::View(view) => settings.view = view,
            Command::Style(style) => settings.style = *style,
            Command::Range(range) => settings.range = range,
            Command::LockRange => self.lock_range(),
            Command::ToggleHeat => settings.show_heat = !settings.show_heat,
            Command::ToggleCrop => settings.show_crop = !settings.show_crop,
            Command::ToggleSmooth => settings.smooth_pixels = !settings.smooth_pixels,
            Command::GridMethod(method, shown) => {
                settings.grid_methods.retain(|kept| *kept != method);
                // A grid of nothing would show nothing: the last method stays.
                if shown || settings.grid_methods.is_empty() {
                    settings.grid_methods.push(method);
                }
            }
            Command::Zoom(zoom) => self.canvas.zoom(zoom),
            Command::Seen(look) => self.canvas.seen = Some(look),
            Command::Tool(tool) => self.take_tool(tool),
            Command::Brush(diameter) => self.canvas.brush = Some(diameter),
            Command::Theme(theme) => settings.theme = theme,
            Command::Scale(scale) => settings.scale = scale,
            Command::ToggleImages => settings.show_images = !settings.show_images,
            Command::TogglePanel => settings.show_panel = !settings.show_panel,
            Command::Panel(panel) => self.open_panel(panel),
            Command::ToggleTimeline => settings.show_timeline = !settings.show_timeline,
            Command::ToggleLog => settings.show_log = !settings.show_log,
            Command::TogglePalette => self.palette_open = !self.palette_open,
            Command::ToggleShortcuts => self.shortcuts_open = !self.shortcuts_open,
            Command::Quit => self.quit = true,
            // All others belong to `apply`.
            _ => {}
        }
    }

    /// Each step has its tools, and a tool brings its step along.
    fn take_tool(&mut self, tool: Tool) {
        self.canvas.tool = tool;
        match tool {
            Tool::Mask(_) => self.settings.panel = Panel::Mask,
            Tool::Occlude => self.settings.panel = Panel::Explain,
            Tool::Look => {}
        }
    }

    fn open_panel(&mut self, panel: Panel) {
        (self.settings.panel, self.settings.show_panel) = (panel, true);
        self.canvas.tool = match (panel, self.canvas.tool) {
            (Panel::Mask, Tool::Look | Tool::Occlude) => Tool::Mask(MaskTool::Brush),
            (Panel::Explain, Tool::Mask(_)) => Tool::Look,
            (_, tool) => tool,
        };
    }

    pub(super) fn load(&mut self, slot: Slot, source: ModelSource) -> ModelId {
        let id = self.models.begin(slot, source.clone());
        let options = LoadOptions::default();
        let device = self.settings.device.clone();
        self.engine.send(Request::Load { id, source, device, options });
        id
    }

    fn compute_on(&mut self, device: Device) {
        self.settings.device = device;
        let loaded: Vec<_> = self.models.all().map(|(slot, model)| (slot, model.source.clone())).collect();
        for (slot, source) in loaded {
            self.load(slot, source);
        }
    }

    fn get_model(&mut self, slot: Slot, name: &str) {
        let begun = hub::curated(name).and_then(|model| Ok((*model, Hub::from_env(None)?)));
        let (model, hub) = match begun {
            Ok(begun) => begun,
            Err(error) => return self.notices.error(error.to_string()),
        };
        let wake = self.wake.clone();
        match Download::spawn(hub, model, move |_| wake()) {
            Ok(download) => {
                let (id, _) = self.begin_job(format!("Getting {name}"));
                self.downloads.push((id, slot, download));
            }
            Err(error) => self.notices.error(format!("The download cannot start: {error}")),
        }
    }

    fn close_model(&mut self, slot: Slot) {
        if let Some(model) = self.models.take(slot)
            && !self.is_of_run(model.id)
        {
            self.engine.send(Request::Unload(model.id));
        }
    }

    fn swap_models(&mut self) {
        if !self.compares() {
            return;
        }
        self.models.swap(Slot::Main, Slot::Second);
        self.follow_main_model();
    }

    fn apply_to_gallery(&mut self, command: &GalleryCommand) {
        match command {
            GalleryCommand::OpenImages => self.ask(Ask::Images, ""),
            GalleryCommand::OpenFolder => self.ask(Ask::Folder, ""),
            GalleryCommand::StopListing => self.listings.iter().for_each(|(_, listing)| listing.cancel()),
            command => {
                self.gallery.apply(command);
                self.has_chosen |= matches!(command, GalleryCommand::Select(_) | GalleryCommand::Move(_));
                if let GalleryCommand::CellSide(side) = command {
                    self.settings.thumbnail_size = *side;
                }
            }
        }
    }

    fn occlude(&mut self, command: &Command) {
        let Some(image) = self.image().cloned() else { return };
        self.next_version += 1;
        let version = self.next_version;
        if let Command::OcclusionFill(fill) = command {
            self.canvas.fill = *fill;
        }
        if matches!(command, Command::Paint(_)) && self.occluded().is_none() {
            self.occluded = Some(Occluded::new(image, self.canvas.fill));
        }
        let Some(occluded) = &mut self.occluded else { return };
        match command {
            Command::Paint(paint) => occluded.paint(*paint, version),
            Command::UndoOcclusion => occluded.undo(version),
            Command::OcclusionFill(fill) => occluded.set_fill(*fill, version),
            _ => self.occluded = None,
        }
        // With the last stroke goes everything that could be undone or cleared.
        self.occluded.take_if(|occluded| occluded.is_empty());
    }

    /// Opens a dialog; [`Session::receive`] hears of the answer.
    pub(super) fn ask(&mut self, ask: Ask, name: &str) {
        let promise = self.picker.ask(ask, self.settings.last_folder.as_deref(), name);
        self.asked.push((ask, promise));
    }

    /// Answers of closed dialogs.
    pub(super) fn receive_answers(&mut self) {
        for (ask, promise) in std::mem::take(&mut self.asked) {
            match promise.try_take() {
                Ok(paths) if paths.is_empty() => {}
                Ok(paths) => self.answered(ask, paths),
                Err(promise) => self.asked.push((ask, promise)),
            }
        }
    }

    fn answered(&mut self, ask: Ask, mut paths: Vec<PathBuf>) {
        self.project_may_have_changed = true;
        match ask {
            Ask::Images | Ask::Folder => self.open(paths),
            Ask::Model(slot) => {
                self.load(slot, named(&paths.swap_remove(0)));
            }
            Ask::Labels => self.read_labels(&paths.swap_remove(0)),
            Ask::OpenProject => self.open_project(&paths.swap_remove(0)),
            Ask::SaveProject => self.save_project_as(paths.swap_remove(0)),
            Ask::MaskFolder => self.apply(Command::Mask(MaskCommand::Folder(Some(paths.swap_remove(0))))),
            Ask::RunFolder => self.run_folder_chosen(paths.swap_remove(0)),
            Ask::ResumeRun => self.resume_run(paths.swap_remove(0)),
            Ask::SaveReport => self.save_page(paths.swap_remove(0)),
            Ask::SaveFigure => self.save_figure(paths.swap_remove(0)),
            Ask::SaveMap => self.save_map(&paths.swap_remove(0)),
            Ask::ExportFolder => self.export_folder(paths.swap_remove(0)),
        }
    }
}

fn toggle<T: PartialEq>(list: &mut Vec<T>, item: T) {
    match list.iter().position(|kept| *kept == item) {
        Some(index) => {
            list.remove(index);
        }
        None => list.push(item),
    }
}
