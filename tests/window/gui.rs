//! The whole window without a display: eframe's app in a test harness, dialogs answered by the test.
//!
//! Most tests never draw and run anywhere; those that compare pictures need an adapter and skip without one.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui::accesskit::Role;
use eframe::egui::{self, Modifiers, Rect};
use eframe::egui_wgpu::RenderState;
use egui_kittest::kittest::{NodeT, Queryable};
use egui_kittest::wgpu::WgpuTestRenderer;
use egui_kittest::{Harness, HarnessBuilder, Node, SnapshotOptions};
use image::RgbaImage;
use poll_promise::Promise;
use tempfile::TempDir;
use vitrine::app::{Ask, Command, FilePicker, Session, Settings, views};
use vitrine::engine::Device;
use vitrine::jobs::engine_thread::{ViewId, ViewResult};
use vitrine::jobs::thumbnails::ThumbnailOptions;
use vitrine::ui::{Window, waker};

use crate::offscreen::OffScreen;

/// Answers every dialog with the next of these.
#[derive(Clone, Default)]
pub struct Answers(Rc<RefCell<Vec<Vec<PathBuf>>>>);

impl Answers {
    pub fn push(&self, path: impl Into<PathBuf>) {
        self.0.borrow_mut().insert(0, vec![path.into()]);
    }
}

impl FilePicker for Answers {
    fn ask(&self, _: Ask, _: Option<&Path>, _: &str) -> Promise<Vec<PathBuf>> {
        Promise::from_ready(self.0.borrow_mut().pop().unwrap_or_default())
    }
}

/// A window and the answers to its dialogs.
pub struct Gui {
    pub harness: Harness<'static, Window>,
    pub answers: Answers,
    /// Where masks of the demo's photos are saved. Dropped after the harness, which saves to it to the last.
    pub data: TempDir,
}

/// Which window to open.
pub struct Opening {
    pub size: [f32; 2],
    pub theme: egui::Theme,
    pub settings: Settings,
    pub paths: Vec<PathBuf>,
    /// Without the embedded demo and without a model.
    pub empty: bool,
    /// Where an earlier window saved the masks of the demo's photos.
    pub data: Option<TempDir>,
}

impl Default for Opening {
    /// Tall enough for the whole side panel, so that nothing has to be scrolled to.
    fn default() -> Self {
        Self {
            size: [1280.0, 1900.0],
            theme: egui::Theme::Dark,
            settings: Settings::default(),
            paths: Vec::new(),
            empty: false,
            data: None,
        }
    }
}

/// Long for a computation on a machine that does other things too, short for a test that hangs.
const PATIENCE: Duration = Duration::from_secs(180);
/// For a run and what follows it: dozens of computations, one after the other.
const PATIENCE_WITH_A_RUN: Duration = Duration::from_secs(300);

impl Gui {
    /// The embedded demo, its first image explained.
    pub fn demo() -> Self {
        let mut gui = Self::open(Opening::default());
        gui.explained();
        gui
    }

    /// A window that is laid out and operated, but not drawn.
    pub fn open(opening: Opening) -> Self {
        Self::build(opening, Harness::builder())
    }

    /// A window that can be looked at; `None` (and a line that says so) on a machine that cannot draw.
    pub fn drawn(opening: Opening) -> Option<Self> {
        let window: RenderState = OffScreen::open()?.window;
        Some(Self::build(opening, Harness::builder().renderer(WgpuTestRenderer::from_render_state(window))))
    }

    fn build(opening: Opening, builder: HarnessBuilder<Window>) -> Self {
        let answers = Answers::default();
        let picker = answers.clone();
        let Opening { size, theme, mut settings, paths, empty, data } = opening;
        // Whatever graphics card a machine has, the numbers are the CPU's.
        settings.device = Device::Cpu;
        let data = data.unwrap_or_else(|| tempfile::tempdir().unwrap());
        let masks = data.path().to_owned();
        settings.theme = match theme {
            egui::Theme::Dark => vitrine::app::Theme::Dark,
            egui::Theme::Light => vitrine::app::Theme::Light,
        };
        // As on a screen: clicks and double clicks are told apart by time.
        let builder = builder.with_size(size).with_theme(theme).with_max_steps(64).with_step_dt(1.0 / 60.0);
        let harness = builder.build_eframe(move |cc| {
            let thumbnails = ThumbnailOptions { folder: None, ..ThumbnailOptions::default() };
            let session = Session::new(settings, Box::new(picker), thumbnails, waker(&cc.egui_ctx)).unwrap();
            let mut window = Window::new(cc, session);
            window.session_mut().masks.set_data_folder(masks);
            if !empty {
                window.session_mut().start(paths);
            }
            window
        });
        Self { harness, answers, data }
    }

    pub fn session(&self) -> &Session {
        self.harness.state().session()
    }

    /// For what a test needs but does not test.
    pub fn apply(&mut self, command: Command) {
        self.harness.state_mut().session_mut().apply(command);
        self.settle();
    }

    /// Draws until what was done has had its effect.
    pub fn settle(&mut self) {
        self.harness.run_steps(4);
    }

    /// Steps until something is true of the session.
    pub fn until(&mut self, what: &str, is: impl Fn(&Session) -> bool) {
        let start = Instant::now();
        while !is(self.session()) {
            assert!(start.elapsed() < self.patience(), "never {what}");
            std::thread::sleep(Duration::from_millis(5));
            self.harness.step();
        }
        // What is now true has still to be drawn.
        self.settle();
    }

    fn patience(&self) -> Duration {
        if self.session().finetune.run.is_some() { PATIENCE_WITH_A_RUN } else { PATIENCE }
    }

    /// Waits for the result of what is asked now.
    pub fn explained(&mut self) {
        self.view_explained(views::MAIN);
    }

    /// Waits for the result of what a view asks now.
    pub fn view_explained(&mut self, id: ViewId) {
        self.settle();
        self.until("explained", |session| {
            session.view(id).is_some_and(|view| view.result.is_some()) && !session.is_waiting(id)
        });
    }

    /// What the main view shows now, computed.
    pub fn result(&mut self) -> Arc<ViewResult> {
        self.explained();
        self.session().main_view().unwrap().result.clone().unwrap()
    }

    pub fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.settle();
    }

    /// Where several things have the same name.
    pub fn click_role(&mut self, role: Role, label: &str) {
        self.harness.get_by_role_and_label(role, label).click();
        self.settle();
    }

    /// An entry of a menu.
    pub fn menu(&mut self, menu: &str, entry: &str) {
        self.click(menu);
        self.entry(entry).click();
        self.settle();
    }

    /// Opens the menu of devices, behind what says on which one the window computes.
    pub fn open_devices(&mut self) {
        let mut told = self.harness.query_all_by_label_contains(" · ");
        told.find(|node| node.rect().top() < 30.0).unwrap().click();
        drop(told);
        self.settle();
    }

    /// An entry of the menu that is open.
    pub fn entry(&self, title: &str) -> Node<'_> {
        let with_shortcut = format!("{title} ");
        let is_entry = |node: &Node<'_>| {
            let node = node.accesskit_node();
            let label = node.label().unwrap_or_default();
            node.role() == Role::Button && (label == title || label.starts_with(&with_shortcut))
        };
        self.harness.root().children_recursive().find(is_entry).unwrap_or_else(|| panic!("no entry {title}"))
    }

    /// Opens a combo box by its name and picks an entry.
    pub fn choose(&mut self, name: &str, entry: &str) {
        self.click_role(Role::ComboBox, name);
        self.click_role(Role::Button, entry);
    }

    /// Sets a slider or a number, as a screen reader does.
    pub fn set(&mut self, name: &str, value: f64) {
        let slider = self.harness.query_by_role_and_label(Role::Slider, name);
        slider.unwrap_or_else(|| self.harness.get_by_role_and_label(Role::SpinButton, name)).set_value_accesskit(value);
        self.settle();
    }

    pub fn press(&mut self, modifiers: Modifiers, key: egui::Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.settle();
    }

    pub fn type_text(&mut self, text: &str) {
        self.harness.event(egui::Event::Text(text.into()));
        self.settle();
    }

    pub fn has(&self, label: &str) -> bool {
        self.harness.query_all_by_label_contains(label).next().is_some()
    }

    /// Whether a notice with this text is on screen.
    pub fn has_notice(&self, text: &str) -> bool {
        self.has(text) && self.session().notices.shown().iter().any(|notice| notice.text.contains(text))
    }

    /// The canvas on the screen, bar not included.
    pub fn canvas(&self) -> Rect {
        self.harness.get_by_label_contains("Canvas").rect()
    }

    /// What is on screen.
    pub fn picture(&mut self) -> RgbaImage {
        self.harness.remove_cursor();
        self.settle();
        self.harness.render().unwrap()
    }

    /// Keeps what is on screen as `target/artefacts/NAME.png`, to be looked at.
    pub fn artefact(&mut self, name: &str) -> RgbaImage {
        self.quiet();
        let picture = self.picture();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/artefacts");
        std::fs::create_dir_all(&folder).unwrap();
        picture.save(folder.join(format!("{name}.png"))).unwrap();
        picture
    }

    /// Compares with `tests/snapshots/NAME.png`, without what differs from machine to machine.
    pub fn snapshot(&mut self, name: &str) {
        self.dismiss_notices();
        self.snapshot_with_notices(name);
    }

    pub fn dismiss_notices(&mut self) {
        let shown: Vec<u64> = self.session().notices.shown().iter().map(|notice| notice.id).collect();
        shown.into_iter().for_each(|id| self.apply(Command::DismissNotice(id)));
    }

    /// As [`Self::snapshot`], where a notice is what is to be seen.
    pub fn snapshot_with_notices(&mut self, name: &str) {
        self.quiet();
        let mut masks = Vec::new();
        // What computes and draws: as wide as a long name of a device, aligned to the right.
        let device = self.harness.query_all_by_label_contains(" · ").map(|node| node.rect()).find(|r| r.top() < 30.0);
        let views = self.harness.query_all_by_label("Grid").map(|node| node.rect()).find(|r| r.top() < 30.0).unwrap();
        masks.extend(device.map(|rect| rect.with_min_x((rect.right() - 220.0).max(views.right() + 4.0))));
        masks.extend(
            self.harness
                .query_all_by_label_contains(" ms")
                .map(|node| node.rect().with_max_x(node.rect().left() + 200.0)),
        );
        masks.extend(self.harness.query_all_by_role(Role::ProgressIndicator).map(|node| node.rect()));
        masks.into_iter().for_each(|rect| self.harness.mask(rect));
        // Drivers and processors round differently: a few pixels on the edges of letters and heat may differ.
        let options = SnapshotOptions::new().threshold(1.5).max_failed_pixels(400);
        self.harness.snapshot_options(name, &options);
    }

    /// Nothing comes in any more: visible thumbnails are there, the pointer is gone.
    fn quiet(&mut self) {
        let start = Instant::now();
        while self.has(", loading") {
            assert!(start.elapsed() < PATIENCE, "never all thumbnails");
            std::thread::sleep(Duration::from_millis(5));
            self.harness.step();
        }
        self.harness.remove_cursor();
        self.settle();
    }
}
