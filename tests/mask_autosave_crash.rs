//! A window that is killed in the middle of painting loses nothing but the stroke under way.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use poll_promise::Promise;
use vitrine::app::canvas::Tool;
use vitrine::app::masks::MaskTool;
use vitrine::app::{Ask, Command, FilePicker, MaskCommand, Session, Settings};
use vitrine::image::Position;
use vitrine::jobs::thumbnails::ThumbnailOptions;
use vitrine::mask::{Label, MaskStore};
use vitrine::size::Size;

/// Set for the child only: the folder of photos it paints on until it is killed.
const FOLDER: &str = "VITRINE_TEST_PAINTS_ON";
const TEST: &str = "a_killed_window_leaves_the_strokes_that_were_finished";
const SIZE: Size = Size::new(300, 400);
const PATIENCE: Duration = Duration::from_secs(60);

struct NoDialogs;

impl FilePicker for NoDialogs {
    fn ask(&self, _: Ask, _: Option<&Path>, _: &str) -> Promise<Vec<PathBuf>> {
        Promise::from_ready(Vec::new())
    }
}

/// As the window does before each frame, without a window.
fn frame(session: &mut Session) {
    session.receive();
    session.send_requests();
    session.prepare_maps();
    session.follow_mask();
    std::thread::sleep(Duration::from_millis(2));
}

/// Each stroke paints one more pixel; `strokes` in the folder counts those that are in the file.
fn paint_until_killed(folder: &Path) {
    let thumbnails = ThumbnailOptions { folder: None, ..ThumbnailOptions::default() };
    let mut session = Session::new(Settings::default(), Box::new(NoDialogs), thumbnails, Arc::new(|| ())).unwrap();
    session.start(vec![folder.join("photos")]);
    while session.masks.current().is_none() {
        frame(&mut session);
    }
    session.apply(Command::Tool(Tool::Mask(MaskTool::Brush)));
    session.apply(Command::Brush(1.0));
    // The window before this one has painted the first of them.
    let before = session.masks.current().unwrap().mask().count(Label::Foreground);
    for stroke in before..SIZE.area() {
        let at = Position::new((stroke % SIZE.width) as f64 + 0.5, (stroke / SIZE.width) as f64 + 0.5);
        session.apply(Command::Mask(MaskCommand::Begin { at, straight: false }));
        frame(&mut session);
        session.apply(Command::Mask(MaskCommand::End));
        while session.masks.current().is_none_or(|current| current.is_unsaved()) {
            frame(&mut session);
        }
        std::fs::write(folder.join("strokes"), (stroke + 1).to_string()).unwrap();
    }
}

#[test]
fn a_killed_window_leaves_the_strokes_that_were_finished() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return paint_until_killed(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    std::fs::create_dir(&photos).unwrap();
    image::RgbImage::new(SIZE.width as u32, SIZE.height as u32).save(photos.join("a.png")).unwrap();
    let counted = || std::fs::read_to_string(folder.path().join("strokes")).ok().and_then(|text| text.parse().ok());
    for kill in 0..3 {
        std::fs::remove_file(folder.path().join("strokes")).ok();
        let mut child = Process::new(std::env::current_exe().unwrap())
            .args([TEST, "--exact"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        let goal = 5 * (kill as usize + 1);
        while counted().is_none_or(|strokes: usize| strokes < goal) {
            assert!(began.elapsed() < PATIENCE, "the child paints nothing");
            std::thread::sleep(Duration::from_millis(2));
        }
        // Odd delays, to hit different moments of a stroke and of its saving.
        std::thread::sleep(Duration::from_millis(17 + 31 * kill));
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();

        // The file of numbers itself may have been cut off; then the one before is lost with it.
        let finished = counted().unwrap_or(goal);
        let store = MaskStore::open(photos.join("vitrine-masks"), || {});
        assert_eq!(store.problems(), Vec::<String>::new());
        let mask = store.load(&photos.join("a.png"), SIZE).unwrap().unwrap().mask;
        let painted = mask.labels().iter().take_while(|label| **label == Label::Foreground).count();
        assert!(painted >= finished, "{painted} strokes of {finished}");
        assert_eq!(painted, mask.count(Label::Foreground), "and nothing else");
    }
}
