//! Processor time of the window's frames in a recorded session while a job runs.
//!
//! `cargo bench --bench frames` prints a line per phase, `-- --json` prints JSON lines. Counted is what the window's
//! thread computes for a frame: logic and layout, tessellation, and handing the frame to the graphics card; what
//! other threads and a software rasteriser do is not. The session opens the demo, then a folder of 100 000 photos,
//! which the model classifies in the background from then on,
//! and ends with a finetuning run of the demo.
#![allow(clippy::print_stdout, reason = "a benchmark's output is its purpose")]

mod clock;
mod driven;
#[path = "../../tests/support/offscreen.rs"]
#[allow(dead_code, clippy::unwrap_used, clippy::panic, reason = "a helper of tests; they use the rest of it")]
mod offscreen;
mod photos;

use std::time::Instant;

use anyhow::{Context, bail};
use driven::{Cost, Driven};
use eframe::egui::{Event, Key, Modifiers, MouseWheelSource, MouseWheelUnit, Pos2, TouchPhase, pos2, vec2};
use vitrine::app::canvas::Zoom;
use vitrine::app::finetune::FinetuneCommand;
use vitrine::app::gallery::{Direction, GalleryCommand, Sort};
use vitrine::app::settings::{Panel, View};
use vitrine::app::{Command, Session, views};
use vitrine::engine::init_process;
use vitrine::finetune::{FinetuneConfig, Preset};
use vitrine::jobs::finetune::RunCommand;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Photos in the folder.
const PHOTOS: usize = 100_000;
/// Frames of each phase.
const FRAMES: usize = 120;
/// No frame may take longer: two of a 60 Hz screen.
const LIMIT_MS: f64 = 33.0;

/// Inside a window of 1280 × 800.
const GALLERY: Pos2 = pos2(120.0, 500.0);
const CANVAS: Pos2 = pos2(610.0, 400.0);

fn main() -> anyhow::Result<()> {
    init_process();
    let mut json = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--bench" => {} // cargo adds it
            "--json" => json = true,
            other => bail!("unknown argument «{other}»; there is --json"),
        }
    }
    let folder = photos::folder(PHOTOS)?;
    let large = photos::large(folder.path())?;
    let start = Instant::now();
    let mut window = Driven::open()?;
    let report = |phase: &str, costs: &[Cost]| print(phase, costs, json);

    let opening = window.until(|session| session.main_view().is_some_and(|view| view.result.is_some()))?;
    let seconds = start.elapsed().as_secs_f64();
    if json {
        println!(r#"{{"first_picture_seconds":{seconds:.3}}}"#);
    } else {
        println!("first picture with heat {seconds:.2} s after opening the window");
    }
    report("start", &opening);
    report("demo, sliders", &sliders(&mut window));

    window.apply(Command::Open(vec![folder.path().join("many")]));
    report("folder is listed", &window.until(|session| session.gallery.items().len() >= PHOTOS)?);
    window.apply(Command::ClassifyAll);
    report("scrolling", &wheel(&mut window, GALLERY, |_| -120.0));
    report("sliders", &sliders(&mut window));
    report("zooming", &wheel(&mut window, CANVAS, |frame| if frame < FRAMES / 2 { 30.0 } else { -30.0 }));
    report("next image", &next_images(&mut window));
    report("search and sort", &search(&mut window));
    window.apply(Command::View(View::Grid));
    report("four methods", &next_images(&mut window));
    window.apply(Command::View(View::Single));
    window.apply(Command::Open(vec![large]));
    report("24 MP photos", &large_photos(&mut window)?);
    let job = window.session().jobs.first().context("the job ended before the session did")?;
    if !json {
        println!("meanwhile {} of {} photos were classified", job.done, job.total);
    }
    let id = job.id;
    window.apply(Command::CancelJob(id));
    report("training", &training(&mut window)?);
    Ok(())
}

/// The demo model learns, its curves are on screen and a pinned image follows, while images and sliders change.
fn training(window: &mut Driven) -> anyhow::Result<Vec<Cost>> {
    window.apply(Command::ShowDemo);
    window.until(|session| session.gallery.items().len() < PHOTOS && !session.is_waiting(views::MAIN))?;
    let config = FinetuneConfig { epochs: 10_000, ..Preset::Demo.config() };
    window.apply(Command::Finetune(FinetuneCommand::Config(Box::new(config))));
    window.apply(Command::Panel(Panel::Finetune));
    window.apply(Command::Finetune(FinetuneCommand::Start));
    let steps = |session: &Session| session.finetune.run.as_ref().map_or(0, |run| run.progress.step());
    let mut costs = window.until(|session| steps(session) >= 3)?;
    costs.extend(next_images(window));
    costs.extend(sliders(window));
    anyhow::ensure!(steps(window.session()) > 3, "the run did not go on meanwhile");
    window.apply(Command::Finetune(FinetuneCommand::Run(RunCommand::Stop)));
    window.until(|session| session.finetune.run.as_ref().is_some_and(|run| run.phase.is_over()))?;
    Ok(costs)
}

/// Gamma, opacity and first block in turns.
fn sliders(window: &mut Driven) -> Vec<Cost> {
    let run = |frame: usize, window: &mut Driven| {
        let share = frame as f32 / FRAMES as f32;
        let mut style = window.session().settings.style.clone();
        match frame % 3 {
            0 => style.gamma = 0.5 + share,
            1 => style.opacity = share,
            _ => window.apply(Command::FirstBlock(frame / 3 % 6)),
        }
        window.apply(Command::Style(Box::new(style)));
        window.frame(vec![Event::PointerMoved(CANVAS + vec2(frame as f32, 0.0))])
    };
    (0..FRAMES).map(|frame| run(frame, window)).collect()
}

/// `delta` in points per frame; negative scrolls down and zooms out.
fn wheel(window: &mut Driven, at: Pos2, delta: impl Fn(usize) -> f32) -> Vec<Cost> {
    let events = |frame| {
        let wheel = Event::MouseWheel {
            unit: MouseWheelUnit::Point,
            delta: vec2(0.0, delta(frame)),
            phase: TouchPhase::Move,
            source: MouseWheelSource::Unknown,
            modifiers: Modifiers::NONE,
        };
        vec![Event::PointerMoved(at), wheel]
    };
    (0..FRAMES).map(|frame| window.frame(events(frame))).collect()
}

/// → every fourth frame.
fn next_images(window: &mut Driven) -> Vec<Cost> {
    let key = |pressed| Event::Key {
        key: Key::ArrowRight,
        physical_key: None,
        pressed,
        repeat: false,
        modifiers: Modifiers::NONE,
    };
    let events = |frame| if frame % 4 == 0 { vec![key(true), key(false)] } else { vec![] };
    (0..FRAMES).map(|frame| window.frame(events(frame))).collect()
}

/// A search typed letter by letter and deleted, and another order every twenty frames.
fn search(window: &mut Driven) -> Vec<Cost> {
    const SEARCH: &str = "photo 12";
    let run = |frame: usize, window: &mut Driven| {
        let orders = [(Sort::Confidence, Direction::Descending), (Sort::Name, Direction::Ascending)];
        match frame % 20 {
            typed @ 1..=8 => window.apply(Command::Gallery(GalleryCommand::Search(SEARCH[..typed].into()))),
            9 => window.apply(Command::Gallery(GalleryCommand::Search(String::new()))),
            0 => {
                let (sort, direction) = orders[frame / 20 % 2];
                window.apply(Command::Gallery(GalleryCommand::Sort(sort, direction)));
            }
            _ => {}
        }
        window.frame(Vec::new())
    };
    (0..FRAMES).map(|frame| run(frame, window)).collect()
}

/// From one to the next, and a look at it from near.
fn large_photos(window: &mut Driven) -> anyhow::Result<Vec<Cost>> {
    let is_large = |index: usize, window: &Driven| {
        window.session().gallery.items()[index].source.path().file_name().is_some_and(|name| name == "large.png")
    };
    let mut costs = window.until(|session| session.gallery.items().len() > PHOTOS)?;
    let large = (0..=PHOTOS).find(|&index| is_large(index, window)).context("the large photo was not listed")?;
    window.apply(Command::Gallery(GalleryCommand::Select(large)));
    costs.push(window.frame(Vec::new()));
    costs.extend(window.until(|session| {
        !session.is_waiting(views::MAIN)
            && session
                .main_view()
                .is_some_and(|view| view.photo.as_ref().is_some_and(|photo| photo.size().width == 6000))
    })?);
    window.apply(Command::Zoom(Zoom::To(1.0)));
    costs.extend((0..FRAMES / 4).map(|_| window.frame(Vec::new())));
    Ok(costs)
}

fn print(phase: &str, costs: &[Cost], json: bool) {
    let mut total: Vec<f64> = costs.iter().map(Cost::total).collect();
    total.sort_by(f64::total_cmp);
    let quantile = |share: f64| total[((total.len() - 1) as f64 * share).round() as usize];
    let (median, p99, max) = (quantile(0.5), quantile(0.99), quantile(1.0));
    let long = total.iter().filter(|ms| **ms > LIMIT_MS).count();
    let most = |part: fn(&Cost) -> f64| costs.iter().map(part).fold(0.0, f64::max);
    let (ui, tessellation, upload) = (most(|cost| cost.ui), most(|cost| cost.tessellation), most(|cost| cost.upload));
    let frames = costs.len();
    if json {
        println!(
            r#"{{"phase":"{phase}","frames":{frames},"median_ms":{median:.2},"p99_ms":{p99:.2},"max_ms":{max:.2},"over_33_ms":{long},"max_ui_ms":{ui:.2},"max_tessellation_ms":{tessellation:.2},"max_upload_ms":{upload:.2}}}"#
        );
    } else {
        println!(
            "{phase:<17} {frames:4} frames  median {median:6.2}  p99 {p99:6.2}  max {max:6.2} ms  over {LIMIT_MS} ms: {long}  \
             (max of layout {ui:.2}, tessellation {tessellation:.2}, upload {upload:.2})"
        );
    }
}
