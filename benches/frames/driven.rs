//! The window without a window system: frames are asked for, their cost is measured.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use eframe::egui::{self, Event, Rect, TexturesDelta, ViewportId, vec2};
use eframe::egui_wgpu::ScreenDescriptor;
use eframe::{App, CreationContext, Frame, wgpu};
use vitrine::app::{Ask, Command, FilePicker, Session, Settings};
use vitrine::jobs::thumbnails::ThumbnailOptions;
use vitrine::ui::{Window, waker};

use crate::clock::milliseconds;
use crate::offscreen::OffScreen;

const WIDTH: u32 = 1280;
const HEIGHT: u32 = 800;
/// From one frame to the next.
const PACE: Duration = Duration::from_nanos(16_666_667);
/// For anything that is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// Processor time of one frame on the window's thread, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Taking in what other threads report, doing what is wished, layout.
    pub ui: f64,
    pub tessellation: f64,
    /// Handing photos, maps, letters and triangles to the driver.
    pub upload: f64,
}

impl Cost {
    pub fn total(&self) -> f64 {
        self.ui + self.tessellation + self.upload
    }
}

pub struct Driven {
    ctx: egui::Context,
    frame: Frame,
    window: Window,
    /// `None` without any graphics driver; uploads are not measured then.
    graphics: Option<OffScreen>,
    /// Wished by the script, carried out in the next frame.
    commands: Vec<Command>,
    start: Instant,
    next: Instant,
    /// For masks and runs; the user's own are none of a benchmark's business.
    _data: tempfile::TempDir,
}

/// No dialogs here.
struct NoDialogs;

impl FilePicker for NoDialogs {
    fn ask(&self, _: Ask, _: Option<&std::path::Path>, _: &str) -> poll_promise::Promise<Vec<std::path::PathBuf>> {
        poll_promise::Promise::from_ready(Vec::new())
    }
}

impl Driven {
    /// The embedded demo.
    pub fn open() -> anyhow::Result<Self> {
        let ctx = egui::Context::default();
        let graphics = OffScreen::open();
        let mut creation = CreationContext::_new_kittest(ctx.clone());
        creation.wgpu_render_state = graphics.as_ref().map(|graphics| graphics.window.clone());
        let thumbnails = ThumbnailOptions { folder: None, ..ThumbnailOptions::default() };
        let data = tempfile::tempdir()?;
        let settings = Settings { runs_folder: Some(data.path().join("runs")), ..Settings::default() };
        let session = Session::new(settings, Box::new(NoDialogs), thumbnails, waker(&ctx))
            .context("the session does not start")?;
        let mut window = Window::new(&creation, session);
        window.session_mut().masks.set_data_folder(data.path());
        window.session_mut().start(Vec::new());
        let (frame, now) = (Frame::_new_kittest(), Instant::now());
        Ok(Self { ctx, frame, window, graphics, commands: Vec::new(), start: now, next: now, _data: data })
    }

    pub fn session(&self) -> &Session {
        self.window.session()
    }

    #[allow(dead_code, reason = "another benchmark needs it")]
    pub fn session_mut(&mut self) -> &mut Session {
        self.window.session_mut()
    }

    pub fn apply(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// Frames until something is true of the session.
    pub fn until(&mut self, is: impl Fn(&Session) -> bool) -> anyhow::Result<Vec<Cost>> {
        let start = Instant::now();
        let mut costs = vec![self.frame(Vec::new())];
        while !is(self.session()) {
            if start.elapsed() > PATIENCE {
                bail!("waited in vain for {} s", PATIENCE.as_secs());
            }
            costs.push(self.frame(Vec::new()));
        }
        // What is now true is drawn by the next one.
        costs.push(self.frame(Vec::new()));
        Ok(costs)
    }

    /// Waits for the next frame of a 60 Hz screen and draws it.
    pub fn frame(&mut self, events: Vec<Event>) -> Cost {
        std::thread::sleep(self.next.saturating_duration_since(Instant::now()));
        self.next = Instant::now() + PACE;
        let mut input = egui::RawInput {
            screen_rect: Some(Rect::from_min_size(egui::Pos2::ZERO, vec2(WIDTH as f32, HEIGHT as f32))),
            time: Some(self.start.elapsed().as_secs_f64()),
            events,
            focused: true,
            ..Default::default()
        };
        input.viewports.entry(ViewportId::ROOT).or_default().native_pixels_per_point = Some(1.0);
        let Self { ctx, frame, window, commands, .. } = self;
        let (mut output, ui) = milliseconds(|| {
            commands.drain(..).for_each(|command| window.session_mut().apply(command));
            ctx.run_ui(input, |ui| {
                window.logic(ui.ctx(), frame);
                window.ui(ui, frame);
            })
        });
        let shapes = std::mem::take(&mut output.shapes);
        let (primitives, tessellation) = milliseconds(|| ctx.tessellate(shapes, output.pixels_per_point));
        let ((), upload) = milliseconds(|| self.upload(&primitives, &output.textures_delta));
        // egui insists that somebody says so.
        output.textures_delta.clear();
        Cost { ui, tessellation, upload }
    }

    /// As eframe's painter does before it draws.
    fn upload(&self, primitives: &[egui::ClippedPrimitive], textures: &TexturesDelta) {
        let Some(graphics) = &self.graphics else { return };
        let (device, queue) = (&graphics.window.device, &graphics.window.queue);
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let screen = ScreenDescriptor { size_in_pixels: [WIDTH, HEIGHT], pixels_per_point: 1.0 };
        let mut renderer = graphics.window.renderer.write();
        for (id, changes) in &textures.set {
            changes.iter().for_each(|change| renderer.update_texture(device, queue, *id, change));
        }
        let others = renderer.update_buffers(device, queue, &mut encoder, primitives, &screen);
        queue.submit(others.into_iter().chain([encoder.finish()]));
        for id in &textures.free {
            renderer.free_texture(id);
        }
    }
}
