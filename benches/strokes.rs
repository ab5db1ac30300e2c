//! Processor time of painting a mask on a photo of 24 megapixels.
//!
//! `cargo bench --bench strokes` prints a line per brush, `-- --json` prints JSON lines. A move is what the brush adds
//! to a frame on the window's thread: writing labels, recording what was there, the copy for the graphics card, what
//! the model sees of it, and the loss. The whole frame that shows it, layout and upload included, stands beside it.
#![allow(clippy::print_stdout, reason = "a benchmark's output is its purpose")]

#[path = "frames/clock.rs"]
mod clock;
#[path = "frames/driven.rs"]
#[allow(dead_code, reason = "the frames benchmark uses the rest of it")]
mod driven;
#[path = "../tests/support/offscreen.rs"]
#[allow(dead_code, clippy::unwrap_used, clippy::panic, reason = "a helper of tests; they use the rest of it")]
mod offscreen;
#[path = "frames/photos.rs"]
#[allow(dead_code, reason = "the frames benchmark uses the rest of it")]
mod photos;

use anyhow::bail;
use clock::milliseconds;
use driven::Driven;
use vitrine::app::canvas::Tool;
use vitrine::app::masks::{BrushEdge, MaskTool};
use vitrine::app::{Command, MaskCommand};
use vitrine::engine::init_process;
use vitrine::image::Position;
use vitrine::mask::Operation;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Moves of a stroke.
const MOVES: usize = 120;
/// Photo pixels from one move to the next: a hand that crosses the photo in a second and a half.
const STEP: f64 = 60.0;
/// In photo pixels; the middle one is what a new window has, a tenth of the shorter side.
const DIAMETERS: [f64; 3] = [60.0, 400.0, 1200.0];

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
    let folder = tempfile::tempdir()?;
    let large = photos::large(folder.path())?;
    let mut window = Driven::open()?;
    window.until(|session| session.main_view().is_some_and(|view| view.result.is_some()))?;
    window.apply(Command::Open(vec![large]));
    window.until(|session| {
        let is_large = session.masks.current().is_some_and(|current| current.mask().size().width == 6000);
        is_large && session.masks.current().is_some_and(|current| current.feedback().numbers().is_some())
    })?;
    window.apply(Command::Tool(Tool::Mask(MaskTool::Brush)));
    for diameter in DIAMETERS {
        report(&mut window, &format!("brush of {diameter} px"), diameter, json);
    }
    let mut options = window.session().settings.paint;
    options.edge = BrushEdge::Aware;
    window.apply(Command::Mask(MaskCommand::Options(options)));
    report(&mut window, "edge-aware, 400 px", 400.0, json);
    Ok(())
}

fn report(window: &mut Driven, what: &str, diameter: f64, json: bool) {
    window.apply(Command::Brush(diameter));
    window.apply(Command::Mask(MaskCommand::Apply(Operation::CLEAR)));
    // Until the copy that the saver makes has been let go of.
    (0..60).for_each(|_| _ = window.frame(Vec::new()));
    let (mut moves, mut frames) = (Vec::new(), Vec::new());
    for step in 0..MOVES {
        let along = step as f64 * STEP;
        let at = Position::new(300.0 + along % 5400.0, 2000.0 + 1500.0 * (along / 900.0).sin());
        let command = if step == 0 { MaskCommand::Begin { at, straight: false } } else { MaskCommand::To(at) };
        let session = window.session_mut();
        let ((), cost) = milliseconds(|| {
            session.apply(Command::Mask(command));
            session.follow_mask();
        });
        moves.push(cost);
        frames.push(window.frame(Vec::new()).total());
    }
    let session = window.session_mut();
    let ((), end) = milliseconds(|| {
        session.apply(Command::Mask(MaskCommand::End));
        session.follow_mask();
    });
    let [median, p99, max] = quantiles(&mut moves);
    let [frame, _, slowest] = quantiles(&mut frames);
    if json {
        println!(
            r#"{{"brush":"{what}","moves":{MOVES},"median_ms":{median:.3},"p99_ms":{p99:.3},"max_ms":{max:.3},"end_ms":{end:.3},"frame_median_ms":{frame:.2},"frame_max_ms":{slowest:.2}}}"#
        );
    } else {
        println!(
            "{what:<20} {MOVES} moves  median {median:6.3}  p99 {p99:6.3}  max {max:6.3} ms  end {end:6.3} ms  \
             whole frame: median {frame:5.2}, max {slowest:5.2} ms"
        );
    }
}

/// Median, 99 % and maximum.
fn quantiles(costs: &mut [f64]) -> [f64; 3] {
    costs.sort_by(f64::total_cmp);
    [0.5, 0.99, 1.0].map(|share| costs[((costs.len() - 1) as f64 * share).round() as usize])
}
