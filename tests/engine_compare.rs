//! Comparisons on the engine thread: complete, polite to the views, and stoppable.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use support::window::{MODEL, Window, demo_image, request};
use vitrine::demo;
use vitrine::image::decode;
use vitrine::jobs::Cancel;
use vitrine::jobs::engine_thread::{BatchId, CompareEnd, CompareRequest, Event, ModelId, ModelInfo, Request};
use vitrine::jobs::evaluate::{Dataset, EvaluateJob, Labelled, Masks, Measure};
use vitrine::mask::Mask;

const COMPARISON: BatchId = BatchId(5);

/// Every ninth photo of the demo: two of each of four classes, with masks.
fn dataset(info: &ModelInfo) -> Arc<Dataset> {
    let (mut pictures, mut masks) = (Vec::new(), HashMap::new());
    for (index, photo) in demo::photos().unwrap().into_iter().enumerate().filter(|(index, _)| index % 9 == 0) {
        let source = demo_image(index);
        let mask = decode(photo.mask_png, Path::new("mask")).unwrap();
        let is_object = |row: usize, column: usize| mask.rgb.get_pixel(column as u32, row as u32)[0] > 127;
        masks.insert(PathBuf::from(source.path()), Arc::new(Mask::from_fn(mask.size(), is_object)));
        let truth = vec![info.classes.find(&photo.class).unwrap()];
        pictures.push(Labelled { name: photo.stem(), source, truth, frame: 0 });
    }
    Arc::new(Dataset::new(pictures, Masks::Memory(Arc::new(masks))))
}

fn compare(dataset: &Arc<Dataset>, page: Option<PathBuf>, cancel: &Cancel) -> Request {
    let job = EvaluateJob::default();
    let names = ["one", "the other"].map(str::to_owned);
    let compare = CompareRequest { before: MODEL, after: MODEL, names, dataset: dataset.clone(), job, page };
    Request::Compare { id: COMPARISON, compare: Box::new(compare), cancel: cancel.clone() }
}

fn end(window: &mut Window) -> CompareEnd {
    window.until(|event| match event {
        Event::Compared { id: COMPARISON, end } => Some(end.clone()),
        _ => None,
    })
}

#[test]
fn every_picture_has_its_turn_and_views_are_served_in_between() {
    let (mut window, info) = Window::with_demo();
    let dataset = dataset(&info);
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("deep/compare.html");
    window.hold_at_next_event();
    window.thread.send(compare(&dataset, Some(page.clone()), &Cancel::default()));
    // The thread is held up as it tells of the first picture.
    assert!(matches!(window.next(), Event::CompareAdvanced { id: COMPARISON, done: 1, total: 8 }));
    window.explain(&request(5));
    window.release();
    assert!(matches!(window.next(), Event::Photo { .. }));
    assert!(matches!(window.next(), Event::Explained { .. }));
    assert!(matches!(window.next(), Event::CompareAdvanced { done: 2, .. }));
    let CompareEnd::Finished { report, was_cancelled: false } = end(&mut window) else { panic!("not finished") };
    assert_eq!((report.flips.len(), &*report.before, &*report.after), (8, "one", "the other"));
    for measure in [Measure::Top1, Measure::Mass, Measure::Reliance] {
        // A model beside itself.
        let row = report.row(measure).unwrap();
        assert!(row.figure.n > 0 && row.difference.value == 0.0, "{row:?}");
    }
    assert!(std::fs::read_to_string(page).unwrap().contains("data:image/jpeg;base64,"));
}

#[test]
fn a_cancelled_comparison_reports_what_it_has() {
    let (mut window, info) = Window::with_demo();
    let cancel = Cancel::default();
    window.hold_at_next_event();
    window.thread.send(compare(&dataset(&info), None, &cancel));
    assert!(matches!(window.next(), Event::CompareAdvanced { done: 1, .. }));
    cancel.cancel();
    window.release();
    let CompareEnd::Finished { report, was_cancelled: true } = end(&mut window) else { panic!("not cancelled") };
    assert_eq!(report.flips.len(), 1);
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let (mut window, info) = Window::with_demo();
    let dataset = dataset(&info);
    let job = EvaluateJob::default();
    let names = ["one", "none"].map(str::to_owned);
    let compare = CompareRequest { before: MODEL, after: ModelId(99), names, dataset, job, page: None };
    let request = Request::Compare { id: COMPARISON, compare: Box::new(compare), cancel: Cancel::default() };
    window.thread.send(request);
    assert!(matches!(end(&mut window), CompareEnd::Refused(why) if why.contains("not loaded")));
}
