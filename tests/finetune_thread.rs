//! Finetuning on the engine thread as a window uses it: views move while it trains, commands, the weight slider.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use std::path::Path;

use support::pictures::{checkpoint, config, draw, job};
use support::window::{MODEL, VIEW, Window};
use support::{data, model};
use vitrine::finetune::FinetuneConfig;
use vitrine::image::ImageSource;
use vitrine::jobs::engine_thread::{Blend, Event, ExplainRequest, Request, RunId};
use vitrine::jobs::finetune::{News, RunCommand, Start};
use vitrine::jobs::model::ModelSource;

const RUN: RunId = RunId(3);

/// The fixture model, photos in `folder`, and a run on them.
fn window(folder: &Path, config: FinetuneConfig) -> Window {
    draw(folder, 2, 7);
    let mut window = Window::open();
    let model_file = data("plain.model.safetensors").display().to_string();
    window.load(ModelSource::Named(model_file), model::options("plain")).unwrap();
    start(&window, folder, config, "run");
    window
}

fn start(window: &Window, folder: &Path, config: FinetuneConfig, out: &str) {
    let start = Box::new(Start::New(Box::new(job(folder, config, out))));
    window.thread.send(Request::Finetune { id: RUN, model: MODEL, start, pinned: vec![photo(folder)] });
}

fn photo(folder: &Path) -> ImageSource {
    ImageSource::file(folder.join("images/class 0/0.png"))
}

fn news(window: &mut Window, interest: impl Fn(&News) -> bool) -> News {
    window.until(|event| match event {
        Event::Run { id: RUN, news } if interest(news) => Some((**news).clone()),
        Event::Run { news, .. } if matches!(**news, News::Failed { .. }) => panic!("{news:?}"),
        _ => None,
    })
}

fn step(number: usize) -> impl Fn(&News) -> bool {
    move |news| matches!(news, News::Step(step) if step.record.step == number)
}

fn is_done(news: &News) -> bool {
    matches!(news, News::Done { .. })
}

fn is_failure(event: &Event) -> Option<String> {
    match event {
        Event::Run { news, .. } => match &**news {
            News::Failed { error } => Some(error.clone()),
            _ => None,
        },
        Event::BlendFailed { error, .. } => Some(error.clone()),
        _ => None,
    }
}

#[test]
fn views_show_the_weights_of_the_moment_while_the_model_trains() {
    let folder = tempfile::tempdir().unwrap();
    // Long enough that the answers come amid the run.
    let mut window = window(folder.path(), FinetuneConfig { epochs: 300, checkpoint_epochs: 1000, ..config() });
    let request = ExplainRequest::new(VIEW, MODEL, photo(folder.path()));
    news(&mut window, step(2));
    let early = window.answer(&request).unwrap();
    news(&mut window, |news| matches!(news, News::Step(step) if step.record.step > 20));
    let late = window.answer(&request).unwrap();
    assert_ne!(early.maps[0].values, late.maps[0].values);
    assert!(!late.from_cache, "what older weights computed is forgotten");
    window.thread.send(Request::Run { id: RUN, command: RunCommand::Pause });
    let News::Paused { step: paused } = news(&mut window, |news| matches!(news, News::Paused { .. })) else {
        panic!("not paused")
    };
    let resting = window.answer(&request).unwrap();
    let again = window.answer(&request).unwrap();
    assert!(again.from_cache && again.maps == resting.maps, "a paused run moves nothing");
    window.thread.send(Request::Run { id: RUN, command: RunCommand::GoOn });
    news(&mut window, step(paused + 1));
    window.thread.send(Request::Run { id: RUN, command: RunCommand::Stop });
    news(&mut window, |news| matches!(news, News::Stopped { .. }));
}

#[test]
fn a_run_ends_with_strips_and_the_slider_moves_between_its_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window(folder.path(), config());
    let kinds = |window: &mut Window| {
        let mut kinds = Vec::new();
        loop {
            let told = news(window, |_| true);
            let is_last = is_done(&told);
            kinds.push(serde_json::to_value(&told).unwrap()["event"].as_str().unwrap().to_owned());
            if is_last {
                return kinds;
            }
        }
    };
    let told = kinds(&mut window);
    assert_eq!(told[..2], ["began", "preflight"]);
    assert_eq!(told.iter().filter(|kind| *kind == "step").count(), 9);
    let run = folder.path().join("run");
    for step in [0, 3, 6, 9] {
        let strip = image::open(run.join(format!("strips/step-{step:06}.png"))).unwrap();
        assert_eq!((strip.width(), strip.height()), (160, 160));
    }

    let request = ExplainRequest::new(VIEW, MODEL, photo(folder.path()));
    let file = |step| checkpoint(&run, step).join("model.safetensors");
    let mut at = |alpha: f32| {
        window.thread.send(Request::Blend { model: MODEL, blend: Blend { before: file(0), after: file(9), alpha } });
        window.until(|event| matches!(event, Event::Blended { blend, .. } if blend.alpha == alpha).then_some(()));
        window.answer(&request).unwrap()
    };
    let (trained, original, middle) = (at(1.0), at(0.0), at(0.5));
    assert_ne!(trained.logits, original.logits);
    assert!(middle.logits != original.logits && middle.logits != trained.logits);
    assert_eq!(at(1.0).logits, trained.logits, "there and back");
}

#[test]
fn what_cannot_be_done_is_answered_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = window(folder.path(), FinetuneConfig { epochs: 1000, checkpoint_epochs: 1000, ..config() });
    news(&mut window, step(1));
    start(&window, folder.path(), config(), "second");
    assert!(window.until(is_failure).contains("another run trains this model"));
    let somewhere = folder.path().join("run/checkpoints/step-000000/model.safetensors");
    let blend = Blend { before: somewhere.clone(), after: somewhere, alpha: 0.5 };
    window.thread.send(Request::Blend { model: MODEL, blend });
    assert!(window.until(is_failure).contains("a run trains this model"));
    window.thread.send(Request::Run { id: RunId(99), command: RunCommand::Pause });
    assert!(window.until(is_failure).contains("not open"));
    window.thread.send(Request::Run { id: RUN, command: RunCommand::Stop });
    news(&mut window, |news| matches!(news, News::Stopped { .. }));
    // Stopped, it no longer holds the model; photos that are none are told.
    std::fs::remove_dir_all(folder.path().join("masks")).unwrap();
    std::fs::create_dir(folder.path().join("masks")).unwrap();
    start(&window, folder.path(), config(), "third");
    assert!(window.until(is_failure).contains("has a mask"));
}
