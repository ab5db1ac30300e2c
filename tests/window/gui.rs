//! The whole window without a display: eframe's app in a test harness, dialogs answered by the test.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use eframe::egui::accesskit::Role;
use eframe::egui::{self, Modifiers};
use egui_kittest::kittest::Queryable;
use egui_kittest::{Harness, SnapshotOptions};
use poll_promise::Promise;
use vitrine::app::{Ask, FilePicker, Session, Settings};
use vitrine::jobs::thumbnails::ThumbnailOptions;
use vitrine::ui::{Window, waker};

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
}

/// Which window to open.
pub struct Opening {
    pub size: [f32; 2],
    pub theme: egui::Theme,
    pub settings: Settings,
    pub paths: Vec<PathBuf>,
    /// Without the embedded demo and without a model.
    pub empty: bool,
}

impl Default for Opening {
    fn default() -> Self {
        Self {
            size: [1280.0, 800.0],
            theme: egui::Theme::Dark,
            settings: Settings::default(),
            paths: Vec::new(),
            empty: false,
        }
    }
}

/// Long for a computation, short for a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

impl Gui {
    /// The embedded demo, its first image explained.
    pub fn demo() -> Self {
        let mut gui = Self::open(Opening::default());
        gui.explained();
        gui
    }

    pub fn open(opening: Opening) -> Self {
        let answers = Answers::default();
        let picker = answers.clone();
        let Opening { size, theme, mut settings, paths, empty } = opening;
        settings.theme = match theme {
            egui::Theme::Dark => vitrine::app::Theme::Dark,
            egui::Theme::Light => vitrine::app::Theme::Light,
        };
        let builder = Harness::builder().with_size(size).with_theme(theme).with_max_steps(64);
        let harness = builder.wgpu().build_eframe(move |cc| {
            let thumbnails = ThumbnailOptions { folder: None, ..ThumbnailOptions::default() };
            let session = Session::new(settings, Box::new(picker), thumbnails, waker(&cc.egui_ctx)).unwrap();
            let mut window = Window::new(cc, session);
            if !empty {
                window.session_mut().start(paths);
            }
            window
        });
        Self { harness, answers }
    }

    pub fn session(&self) -> &Session {
        self.harness.state().session()
    }

    /// Steps until something is true of the session.
    pub fn until(&mut self, what: &str, is: impl Fn(&Session) -> bool) {
        let start = Instant::now();
        while !is(self.session()) {
            assert!(start.elapsed() < PATIENCE, "never {what}");
            std::thread::sleep(Duration::from_millis(5));
            self.harness.step();
        }
        // What is now true has still to be drawn.
        self.harness.run_steps(3);
    }

    /// Waits for the result of what is asked now.
    pub fn explained(&mut self) {
        self.harness.run_steps(2);
        self.until("explained", |session| {
            let view = session.main_view();
            view.is_some_and(|view| view.result.is_some()) && !session.is_waiting(vitrine::app::views::MAIN)
        });
    }

    pub fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.harness.run_steps(4);
    }

    /// Opens a combo box by its name and picks an entry.
    pub fn choose(&mut self, name: &str, entry: &str) {
        self.harness.get_by_role_and_label(Role::ComboBox, name).click();
        self.harness.run_steps(4);
        self.harness.get_by_role_and_label(Role::Button, entry).click();
        self.harness.run_steps(4);
    }

    pub fn press(&mut self, modifiers: Modifiers, key: egui::Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.harness.run_steps(4);
    }

    pub fn has(&self, label: &str) -> bool {
        self.harness.query_all_by_label_contains(label).next().is_some()
    }

    /// Compares with `tests/snapshots/NAME.png`.
    pub fn snapshot(&mut self, name: &str) {
        self.harness.remove_cursor();
        self.harness.run_steps(3);
        // Drivers and processors round differently: a few pixels on the edges of letters and heat may differ.
        let options = SnapshotOptions::new().threshold(1.5).max_failed_pixels(400);
        self.harness.snapshot_options(name, &options);
    }
}
