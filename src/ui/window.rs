//! The eframe application: `logic` receives and applies, `ui` draws and collects commands.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use eframe::egui::{self, CentralPanel, Frame, Panel, ViewportCommand};

use crate::app::{Command, Session, Settings, SystemPicker, Wake};
use crate::jobs::thumbnails::ThumbnailOptions;
use crate::render;

use super::canvas::CanvasUi;
use super::clipboard;
use super::gallery::{ThumbnailTextures, gallery_ui};
use super::palette::Palette;
use super::panel::PanelUi;
use super::status::Status;
use super::{drop, log, notices, shortcuts, theme, timeline, top_bar};

const TITLE: &str = "Vitrine";

/// Under which eframe keeps the settings.
const SETTINGS: &str = "settings";

/// The whole window.
pub struct Window {
    session: Session,
    thumbnails: ThumbnailTextures,
    canvas: CanvasUi,
    panel: PanelUi,
    palette: Palette,
    status: Status,
    title: String,
    /// Commands of the frame that was drawn last, applied before the next.
    commands: Vec<Command>,
}

/// Opens the window and returns when it is closed. `paths` are images, folders and weights to begin with.
///
/// # Errors
/// If there is no display, or nothing can draw on it.
pub fn run(paths: Vec<PathBuf>) -> eframe::Result {
    let viewport = egui::ViewportBuilder::default()
        .with_title(TITLE)
        .with_app_id("vitrine")
        .with_inner_size([1280.0, 800.0])
        .with_min_inner_size([720.0, 480.0])
        .with_drag_and_drop(true);
    let options = eframe::NativeOptions { viewport, ..Default::default() };
    let create = move |cc: &eframe::CreationContext<'_>| {
        let wake = waker(&cc.egui_ctx);
        let settings = cc.storage.and_then(|storage| eframe::get_value(storage, SETTINGS)).unwrap_or_default();
        let session =
            Session::new(settings, Box::new(SystemPicker { wake: wake.clone() }), ThumbnailOptions::default(), wake)?;
        let mut window = Window::new(cc, session);
        window.session.start(paths);
        Ok(Box::new(window) as Box<dyn eframe::App>)
    };
    eframe::run_native(TITLE, options, Box::new(create))
}

/// A closure that repaints the window from any thread.
pub fn waker(ctx: &egui::Context) -> Wake {
    let ctx = ctx.clone();
    Arc::new(move || ctx.request_repaint())
}

impl Window {
    /// A window around a session; tests bring their own.
    pub fn new(cc: &eframe::CreationContext<'_>, session: Session) -> Self {
        theme::install(&cc.egui_ctx);
        cc.egui_ctx.options_mut(|options| options.zoom_with_keyboard = false);
        if let Some(render_state) = &cc.wgpu_render_state {
            let wake = waker(&cc.egui_ctx);
            render::gpu::install(render_state, move || wake());
        }
        let status = Status::new(cc.wgpu_render_state.as_ref());
        let mut window = Self {
            session,
            thumbnails: ThumbnailTextures::default(),
            canvas: CanvasUi::default(),
            panel: PanelUi::default(),
            palette: Palette::default(),
            status,
            title: TITLE.to_owned(),
            commands: Vec::new(),
        };
        if let Some(warning) = window.status.warning() {
            window.session.notices.warning(warning);
        }
        window
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    pub fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    /// The window is called after its project.
    fn follow_title(&mut self, ctx: &egui::Context) {
        let name = self.session.project_path().and_then(Path::file_stem);
        let title = name.map_or_else(|| TITLE.to_owned(), |name| format!("{} – {TITLE}", name.to_string_lossy()));
        if title != self.title {
            ctx.send_viewport_cmd(ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }

    /// Settings of the session that egui itself must follow.
    fn follow_settings(&self, ctx: &egui::Context) {
        let Settings { theme: wanted, scale, .. } = self.session.settings;
        theme::choose(ctx, wanted);
        ctx.set_zoom_factor(scale);
    }
}

impl eframe::App for Window {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.session.receive();
        for finished in self.session.finished_thumbnails() {
            self.thumbnails.receive(finished.source, finished.thumbnail);
        }
        if ctx.input(|input| input.events.contains(&egui::Event::WindowFocused(true))) {
            self.session.check_files(self.thumbnails.visible());
        }
        for command in std::mem::take(&mut self.commands) {
            match command {
                // The answer comes as an event of a later frame.
                Command::PasteImage => ctx.send_viewport_cmd(ViewportCommand::RequestPaste),
                command => self.session.apply(command),
            }
        }
        self.session.send_requests();
        self.session.prepare_maps();
        self.session.follow_mask();
        self.follow_settings(ctx);
        if let Some(text) = self.session.to_clipboard.take() {
            ctx.copy_text(text);
        }
        let now = Instant::now();
        for next in [self.session.notices.fade(now), self.session.follow_project(now)].into_iter().flatten() {
            ctx.request_repaint_after(next);
        }
        self.follow_title(ctx);
        if self.session.quit {
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        let mut commands = Vec::new();
        let ctx = ui.ctx().clone();
        commands.extend(drop::dropped(&ctx));
        commands.extend(clipboard::pasted(&ctx));
        let bar = Frame::side_top_panel(ui.style()).inner_margin(egui::Margin::symmetric(10, 6));
        Panel::top("top bar").frame(bar).show(ui, |ui| top_bar::show(ui, &self.session, &self.status, &mut commands));
        if self.session.settings.show_log {
            Panel::bottom("log")
                .default_size(160.0)
                .resizable(true)
                .show(ui, |ui| log::show(ui, &self.session, &mut commands));
        }
        if self.session.settings.show_timeline {
            Panel::bottom("timeline")
                .default_size(timeline::HEIGHT)
                .size_range(150.0..=520.0)
                .resizable(true)
                .show(ui, |ui| timeline::show(ui, &self.session, &mut commands));
        }
        let narrow = ui.available_width() < 900.0;
        if self.session.settings.show_images {
            let width = if narrow { 160.0 } else { 250.0 };
            Panel::left("images").default_size(width).size_range(140.0..=520.0).resizable(true).show(ui, |ui| {
                ui.add_space(4.0);
                let asked = gallery_ui(ui, &self.session.gallery, &mut self.thumbnails);
                commands.extend(asked.into_iter().map(Command::Gallery));
            });
        }
        if !self.session.settings.show_images {
            // The grid begins it otherwise.
            self.thumbnails.begin_frame();
        }
        if self.session.settings.show_panel {
            let width = if narrow { 262.0 } else { 310.0 };
            Panel::right("panel").default_size(width).size_range(230.0..=520.0).resizable(true).show(ui, |ui| {
                self.panel.show(ui, &self.session, &mut self.thumbnails, &mut commands);
            });
        }
        self.session.want_thumbnails(&self.thumbnails.take_wanted());
        CentralPanel::no_frame().show(ui, |ui| self.canvas.show(ui, &self.session, &mut commands));
        drop::hint(&ctx);
        notices::show(&ctx, &self.session, &mut commands);
        self.palette.show(&ctx, &self.session, &mut commands);
        shortcuts::overlay(&ctx, &self.session, &mut commands);
        // Last: what a focused text field consumed is no shortcut.
        shortcuts::pressed(&ctx, &self.session, &mut commands);
        if !commands.is_empty() {
            ctx.request_repaint();
        }
        self.commands = commands;
    }

    fn on_exit(&mut self) {
        self.session.finish();
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        eframe::set_value(storage, SETTINGS, &self.session.settings);
    }
}
