//! Batches on the engine thread: complete, polite to the views, and stoppable.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use std::path::Path;

use support::window::{MODEL, Window, request};
use vitrine::demo;
use vitrine::image::ImageSource;
use vitrine::jobs::Cancel;
use vitrine::jobs::engine_thread::{BatchEnd, BatchId, Event, ModelId, Request};
use vitrine::jobs::explain::{ExplainJob, Target};
use vitrine::relevance::{Method, MethodOptions};

const BATCH: BatchId = BatchId(3);

/// Some of the demo's photos as files.
fn files(folder: &Path, count: usize) -> Vec<ImageSource> {
    let photos = demo::photos().unwrap().into_iter().take(count);
    let write = |photo: demo::DemoPhoto| {
        let path = folder.join(format!("{}.jpg", photo.name));
        std::fs::write(&path, photo.jpeg).unwrap();
        ImageSource::file(path)
    };
    photos.map(write).collect()
}

fn batch(job: ExplainJob, sources: Vec<ImageSource>, cancel: &Cancel) -> Request {
    Request::Batch { id: BATCH, model: MODEL, job: Box::new(job), sources, cancel: cancel.clone() }
}

/// Takes hours unless it is stopped.
fn endless() -> ExplainJob {
    let options = MethodOptions { samples: 10_000_000, ..MethodOptions::default() };
    ExplainJob { method: Method::SmoothGrad, options, ..ExplainJob::default() }
}

fn end(window: &mut Window) -> BatchEnd {
    window.until(|event| match event {
        Event::BatchDone { id: BATCH, end } => Some(end.clone()),
        _ => None,
    })
}

#[test]
fn every_picture_has_its_turn_and_a_broken_one_stops_nobody() {
    let (mut window, _) = Window::with_demo();
    let folder = tempfile::tempdir().unwrap();
    let mut sources = files(folder.path(), 3);
    std::fs::write(sources[1].path(), "not a picture").unwrap();
    sources.push(ImageSource::file(folder.path().join("missing.png")));
    let job = ExplainJob { out: Some(folder.path().join("out")), ..ExplainJob::default() };
    window.thread.send(batch(job, sources.clone(), &Cancel::default()));
    for (index, expected) in sources.iter().enumerate() {
        let Event::BatchAdvanced { id: BATCH, done, total: 4, source, outcome } = window.next() else {
            panic!("no news")
        };
        assert_eq!((done, &source), (index + 1, expected));
        match outcome {
            Ok(report) => assert_eq!(report.files.iter().filter(|file| file.exists()).count(), 3),
            Err(error) => assert!(error.ends_with(&*source.path().to_string_lossy()), "{error}"),
        }
    }
    assert_eq!(end(&mut window), BatchEnd::Finished { explained: 2, failed: 2 });
}

#[test]
fn views_are_served_between_two_pictures() {
    let (mut window, _) = Window::with_demo();
    let folder = tempfile::tempdir().unwrap();
    window.hold_at_next_event();
    window.thread.send(batch(ExplainJob::default(), files(folder.path(), 3), &Cancel::default()));
    // The thread is held up as it tells of the first picture.
    assert!(matches!(window.next(), Event::BatchAdvanced { done: 1, .. }));
    window.explain(&request(5));
    window.release();
    assert!(matches!(window.next(), Event::Photo { .. }));
    assert!(matches!(window.next(), Event::Explained { .. }));
    assert!(matches!(window.next(), Event::BatchAdvanced { done: 2, .. }));
    assert_eq!(end(&mut window), BatchEnd::Finished { explained: 3, failed: 0 });
}

#[test]
fn views_are_served_in_the_midst_of_a_long_picture_and_it_can_be_cancelled() {
    let (mut window, _) = Window::with_demo();
    let folder = tempfile::tempdir().unwrap();
    let cancel = Cancel::default();
    window.thread.send(batch(endless(), files(folder.path(), 1), &cancel));
    for index in 0..3 {
        window.answer(&request(index)).unwrap();
    }
    cancel.cancel();
    assert_eq!(end(&mut window), BatchEnd::Cancelled);
}

#[test]
fn what_the_model_lacks_is_refused_before_it_starts() {
    let (mut window, _) = Window::with_demo();
    let job = ExplainJob { target: Target::Class("no such animal".to_owned()), ..ExplainJob::default() };
    window.thread.send(batch(job, Vec::new(), &Cancel::default()));
    assert!(matches!(end(&mut window), BatchEnd::Refused(error) if error.contains("no class is named")));
    let (job, sources, cancel) = (Box::default(), Vec::new(), Cancel::default());
    window.thread.send(Request::Batch { id: BATCH, model: ModelId(99), job, sources, cancel });
    assert!(matches!(end(&mut window), BatchEnd::Refused(error) if error.contains("not loaded")));
    window.thread.send(batch(ExplainJob::default(), Vec::new(), &Cancel::default()));
    assert_eq!(end(&mut window), BatchEnd::Finished { explained: 0, failed: 0 });
}

#[test]
fn dropping_the_thread_ends_a_long_batch() {
    let (mut window, _) = Window::with_demo();
    let folder = tempfile::tempdir().unwrap();
    window.thread.send(batch(endless(), files(folder.path(), 1), &Cancel::default()));
    // An answer in its midst shows that it runs.
    window.answer(&request(0)).unwrap();
    // Joins the thread, and would take hours if it did not stop.
    drop(window);
}
