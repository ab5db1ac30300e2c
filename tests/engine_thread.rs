//! The engine thread as the window uses it: what it answers, in which order, and what it needs no model for.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use std::ops::ControlFlow;
use std::sync::Arc;

use support::explained::{TOLERANCE, assert_close};
use support::window::{MODEL, VIEW, Window, demo_image, request};
use support::{data, fixture, safetensors};
use vitrine::demo;
use vitrine::engine::Device;
use vitrine::image::{ImageSource, PatchIndex, Position, prepare};
use vitrine::jobs::engine_thread::{
    Event, ExplainRequest, Fill, ModelId, Occlusion, Request, Stroke, ViewId, ViewResult,
};
use vitrine::jobs::model::{LoadedModel, ModelSource, Profile};
use vitrine::relevance::{Explanation, Method, MethodOptions, explain};
use vitrine::vit::weights::LoadOptions;
use vitrine::vit::{Batch, Muted, Objective, Start, argmax};

/// Few passes for each method.
fn small() -> MethodOptions {
    MethodOptions { steps: 3, samples: 3, masks: 20, window: 4, stride: 4, ..MethodOptions::default() }
}

/// Takes hours unless it is stopped.
fn endless() -> ExplainRequest {
    let options = MethodOptions { samples: 10_000_000, ..MethodOptions::default() };
    ExplainRequest { method: Method::SmoothGrad, options, ..request(0) }
}

/// The same request without the thread and its caches.
fn by_library(model: &LoadedModel, request: &ExplainRequest, options: &MethodOptions) -> Explanation {
    let prepared = prepare(&request.image.decode().unwrap(), &model.preparation(request.profile)).unwrap();
    let batch = Batch { pixels: prepared.input.clone(), count: 1, size: prepared.size };
    let objective = |_: usize, logits: &[f32]| {
        let target = request.target.unwrap_or_else(|| argmax(logits));
        request.contrast.map_or(Objective::Logit(target), |other| Objective::Contrast(target, other))
    };
    let mut go_on = |_| ControlFlow::Continue(());
    explain(&*model.engine, &batch, &objective, request.method, options, &mut go_on).unwrap().swap_remove(0)
}

#[test]
fn a_photo_is_shown_first_and_then_explained_as_the_library_does() {
    let (mut window, info) = Window::with_demo();
    assert_eq!((info.name.as_str(), info.classes.len()), ("embedded demo", 12));
    assert_eq!(info.parameters, demo::figures().unwrap().parameters);
    assert!(info.report.unexpected.is_empty() && !info.report.mapped.is_empty());
    assert_eq!(info.profile(Profile::Model).profile, Profile::Model);

    window.explain(&request(0));
    let Event::Photo { view: VIEW, photo, prepared: Some(prepared) } = window.next() else { panic!("no photo") };
    assert_eq!((&photo.source, prepared.framing.original()), (&demo_image(0), photo.picture.size()));
    let Event::Explained { view: VIEW, result } = window.next() else { panic!("no explanation") };
    assert!(Arc::ptr_eq(&result.prepared, &prepared));
    assert!((result.probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    assert_eq!(result.target, Some(argmax(&result.logits)));
    assert!(!result.from_cache && result.token_norms.is_none());
}

#[test]
fn every_method_finds_what_the_library_finds() {
    let (mut window, info) = Window::with_demo();
    let model = LoadedModel::open(&ModelSource::Embedded, Device::Cpu, &LoadOptions::default()).unwrap();
    for method in Method::ALL {
        for (target, contrast, profile) in [(None, None, Profile::Model), (Some(3), Some(5), Profile::Paper)] {
            let request = ExplainRequest { method, options: small(), target, contrast, profile, ..request(1) };
            let result = window.answer(&request).unwrap();
            assert_eq!(result.maps.len(), if method == Method::Gae { info.config.depth } else { 1 });
            for (first_block, map) in result.maps.iter().enumerate() {
                let expected = by_library(&model, &request, &MethodOptions { first_block, ..small() });
                assert_close(method.name(), &map.values, &expected.map.values, TOLERANCE);
                assert_close(method.name(), &result.logits, &expected.logits, TOLERANCE);
                assert_eq!(result.signed.is_some(), expected.signed.is_some(), "{method}");
            }
            assert_eq!((result.target.unwrap(), result.contrast), (target.unwrap_or(argmax(&result.logits)), contrast));
        }
    }
}

#[test]
fn of_many_requests_only_the_one_at_work_and_the_latest_are_computed() {
    let (mut window, _) = Window::with_demo();
    window.hold_at_next_event();
    window.explain(&request(0));
    // The thread is held up as it tells of the first photo.
    assert!(matches!(window.next(), Event::Photo { .. }));
    (1..=20).for_each(|index| window.explain(&request(index)));
    window.release();
    let mut computed = Vec::new();
    while computed.last() != Some(&demo_image(20)) {
        if let Event::Explained { result, .. } = window.next() {
            computed.push(result.request.image.clone());
        }
    }
    assert_eq!(computed, [demo_image(0), demo_image(20)]);
    assert!(window.thread.drain().is_empty());
}

#[test]
fn views_do_not_displace_each_other() {
    let (mut window, _) = Window::with_demo();
    for view in 1..=3 {
        window.explain(&ExplainRequest { view: ViewId(view), ..request(0) });
    }
    let mut answered = Vec::new();
    while answered.len() < 3 {
        answered.extend(window.until(|event| match event {
            Event::Explained { view, result } => Some(Some((view.0, result.from_cache))),
            _ => None,
        }));
    }
    // One picture in three views goes through the model once.
    assert_eq!(answered, [(1, false), (2, true), (3, true)]);
}

#[test]
fn a_newer_request_stops_a_long_method() {
    let (mut window, _) = Window::with_demo();
    let options = MethodOptions { masks: 20_000, ..MethodOptions::default() };
    window.explain(&ExplainRequest { method: Method::Rise, options, ..request(0) });
    window
        .until(|event| matches!(event, Event::Progress { view: VIEW, done, total: 20_001 } if *done > 0).then_some(()));
    window.explain(&request(0));
    let first = window.until(|event| match event {
        Event::Explained { result, .. } => Some(result.request.method),
        Event::Failed { error, .. } => panic!("{error}"),
        _ => None,
    });
    assert_eq!(first, Method::Gae);
}

#[test]
fn closing_a_view_or_unloading_its_model_stops_its_work_without_an_answer() {
    for request in [Request::Forget(VIEW), Request::Unload(ModelId(8))] {
        let (mut window, _) = Window::with_demo();
        let (source, device, options) = (ModelSource::Embedded, Device::Cpu, LoadOptions::default());
        window.thread.send(Request::Load { id: ModelId(8), source, device, options });
        window.explain(&ExplainRequest { model: ModelId(8), ..endless() });
        window.until(|event| matches!(event, Event::Progress { .. }).then_some(()));
        window.thread.send(request);
        let other = ExplainRequest { view: ViewId(2), ..support::window::request(0) };
        window.explain(&other);
        window.until(|event| match event {
            Event::Explained { result, .. } => {
                assert_eq!(result.request, other);
                Some(())
            }
            Event::Failed { error, .. } => panic!("{error}"),
            _ => None,
        });
    }
}

#[test]
fn what_is_arithmetic_on_attention_needs_no_model() {
    let (mut window, info) = Window::with_demo();
    let model = LoadedModel::open(&ModelSource::Embedded, Device::Cpu, &LoadOptions::default()).unwrap();
    assert!(!window.answer(&request(0)).unwrap().from_cache);

    let patch = PatchIndex { row: 2, column: 3 };
    let start = Start::Token(info.config.prefix_tokens() + 2 * info.config.grid().width + 3);
    let muted = Muted { blocks: vec![1], heads: vec![(0, 2)] };
    for method in [Method::Gae, Method::Rollout, Method::RawAttention, Method::AttentionGradcam] {
        let changed =
            ExplainRequest { method, patch: Some(patch), muted: muted.clone(), want_norms: true, ..request(0) };
        let result = window.answer(&changed).unwrap();
        assert!(result.from_cache, "{method}");
        let options = MethodOptions { start, muted: muted.clone(), ..MethodOptions::default() };
        let expected = by_library(&model, &changed, &options);
        assert_close(method.name(), &result.maps[0].values, &expected.map.values, TOLERANCE);
        assert_eq!(result.token_norms.as_ref().unwrap().grid, info.config.grid());
    }

    let predicted = argmax(&by_library(&model, &request(0), &MethodOptions::default()).logits);
    let by_name = ExplainRequest { target: Some(predicted), ..request(0) };
    assert!(window.answer(&by_name).unwrap().from_cache, "the predicted class by its number is the same objective");
    let other = ExplainRequest { target: Some((predicted + 1) % 12), ..request(0) };
    let rollout = ExplainRequest { method: Method::Rollout, ..other.clone() };
    assert!(window.answer(&rollout).unwrap().from_cache, "attention does not depend on the class");
    assert!(!window.answer(&other).unwrap().from_cache, "its gradient does");
    assert!(!window.answer(&request(1)).unwrap().from_cache);
    assert!(window.answer(&request(0)).unwrap().from_cache, "a picture seen before");
}

#[test]
fn long_methods_are_remembered_with_their_settings() {
    let (mut window, _) = Window::with_demo();
    let rise = ExplainRequest { method: Method::Rise, options: small(), ..request(0) };
    let first = window.answer(&rise).unwrap();
    let muted = Muted { blocks: vec![0], heads: Vec::new() };
    let again = window.answer(&ExplainRequest { muted, ..rise.clone() }).unwrap();
    assert!(!first.from_cache && again.from_cache, "RISE does not read the muting");
    assert_eq!((&first.maps, &first.signed), (&again.maps, &again.signed));
    let other_seed = ExplainRequest { options: MethodOptions { seed: 1, ..small() }, ..rise };
    assert!(!window.answer(&other_seed).unwrap().from_cache);
}

#[test]
fn a_file_that_changes_is_read_anew() {
    let (mut window, _) = Window::with_demo();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo.jpg");
    let photos = demo::photos().unwrap();
    let answer = |window: &mut Window, index: usize, second: u64| {
        std::fs::write(&path, photos[index].jpeg).unwrap();
        let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(second);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        window.answer(&ExplainRequest { image: ImageSource::file(&path), ..request(0) }).unwrap()
    };
    let (before, after) = (answer(&mut window, 0, 1), answer(&mut window, 1, 2));
    assert!(!after.from_cache && before.logits != after.logits);
}

#[test]
fn what_fails_is_told_with_the_path_last_and_the_thread_lives_on() {
    let (mut window, _) = Window::with_demo();
    let broken = ImageSource::memory("folder/broken.jpg", &demo::photos().unwrap()[0].jpeg[..5000]);
    let patch = |row| Some(PatchIndex { row, column: 0 });
    let cases = [
        (ExplainRequest { image: broken, ..request(0) }, "breaks off before its end", "folder/broken.jpg"),
        (ExplainRequest { image: ImageSource::file("no/such.png"), ..request(0) }, "no such file", "no/such.png"),
        (ExplainRequest { target: Some(12), ..request(0) }, "classes 0 to 11", ".jpg"),
        (ExplainRequest { contrast: Some(99), method: Method::Rollout, ..request(0) }, "class 99", ".jpg"),
        (ExplainRequest { patch: patch(99), ..request(0) }, "patch 99,0 is outside", ".jpg"),
        (ExplainRequest { patch: patch(0), method: Method::Rise, ..request(0) }, "rise has no token", ".jpg"),
        (ExplainRequest { muted: Muted { blocks: vec![99], heads: vec![] }, ..request(0) }, "block 99", ".jpg"),
    ];
    for (request, reason, end) in cases {
        let error = window.answer(&request).unwrap_err();
        assert!(error.contains(reason) && error.ends_with(end), "{error}");
    }
    window.explain(&ExplainRequest { model: ModelId(99), ..request(0) });
    assert!(matches!(window.next(), Event::Photo { prepared: None, .. }), "the photo can be shown all the same");
    assert!(matches!(window.next(), Event::Failed { error, .. } if error.contains("model of this view is not loaded")));
    assert!(window.answer(&request(0)).is_ok());
}

#[test]
fn a_wrong_model_file_is_refused_with_a_cure() {
    let mut window = Window::open();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.pth");
    std::fs::write(&path, "no weights at all").unwrap();
    let source = ModelSource::from(Some(&path));
    let error = window.load(source, LoadOptions::default()).unwrap_err();
    assert!(error.contains("not a weight file of a known kind") && error.ends_with("notes.pth"), "{error}");
    let error = window.load(ModelSource::Named("no-such-model".to_owned()), LoadOptions::default()).unwrap_err();
    assert!(error.contains("`vitrine models list`"), "{error}");
    let device = Device::Cuda(99);
    window.thread.send(Request::Load {
        id: MODEL,
        source: ModelSource::Embedded,
        device,
        options: LoadOptions::default(),
    });
    let error = window.until(|event| match event {
        Event::ModelFailed { error, .. } => Some(error.clone()),
        _ => None,
    });
    assert!(error.contains("cuda:99"), "{error}");
}

#[test]
fn a_model_without_a_head_shows_attention_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("headless.safetensors");
    let mut tensors = fixture("plain.model.safetensors");
    tensors.retain(|name, _| !name.starts_with("head."));
    std::fs::write(&path, safetensors(&tensors)).unwrap();
    let mut window = Window::open();
    let info = window.load(ModelSource::from(Some(&path)), LoadOptions { heads: Some(3), input: None }).unwrap();
    assert_eq!(info.config.classes, 0);
    let rollout = ExplainRequest { method: Method::Rollout, want_norms: true, ..request(0) };
    let result = window.answer(&rollout).unwrap();
    assert!(result.logits.is_empty() && result.probabilities.is_empty() && result.target.is_none());
    assert!(window.answer(&ExplainRequest { method: Method::RawAttention, ..request(0) }).unwrap().from_cache);
    let error = window.answer(&request(0)).unwrap_err();
    assert!(error.contains("no classification head"), "{error}");
}

/// A disc over the middle of the photo.
fn occlusion(version: u64, fill: Fill) -> Arc<Occlusion> {
    let size = demo_image(0).decode().unwrap().size();
    let centre = Position::new(size.width as f64 / 2.0, size.height as f64 / 2.0);
    Arc::new(Occlusion {
        version,
        strokes: vec![Stroke { points: vec![centre], radius: size.width as f64 / 4.0 }],
        fill,
    })
}

#[test]
fn painting_changes_what_the_model_sees_and_painting_nothing_does_not() {
    let (mut window, _) = Window::with_demo();
    let mut painted = |occlusion| window.answer(&ExplainRequest { occlusion, ..request(0) }).unwrap();
    let plain = painted(None);
    let nothing = painted(Some(Arc::new(Occlusion { version: 1, strokes: Vec::new(), fill: Fill::Grey })));
    assert!(nothing.from_cache && nothing.logits == plain.logits);
    let grey = painted(Some(occlusion(2, Fill::Grey)));
    let blur = painted(Some(occlusion(2, Fill::Blur)));
    for (result, other) in [(&grey, &plain), (&blur, &plain), (&blur, &grey)] {
        assert!(!result.from_cache && result.logits != other.logits);
    }
    // The middle of the input is the profile's mean, up to the rounding of a byte: half a step of 1/255, over a
    // standard deviation of at least 0.2.
    let size = grey.prepared.size;
    let middle = size.height / 2 * size.width + size.width / 2;
    assert!(grey.prepared.input.chunks(size.area()).all(|channel| channel[middle].abs() < 0.5 / 255.0 / 0.2));
    assert!(painted(None).from_cache, "wiping it away brings back what was known");
}

#[test]
fn dropping_a_busy_thread_ends_it() {
    let (mut window, _) = Window::with_demo();
    window.explain(&endless());
    window.until(|event| matches!(event, Event::Progress { .. }).then_some(()));
    // Joins the thread, and would take hours if it did not stop.
    drop(window);
}

#[test]
fn norms_are_told_beside_any_method() {
    let (mut window, _) = Window::with_demo();
    let wanted = ExplainRequest { method: Method::InputGradient, want_norms: true, ..request(0) };
    let first: Arc<ViewResult> = window.answer(&wanted).unwrap();
    assert!(!first.from_cache);
    let norms = first.token_norms.clone().unwrap();
    assert!(norms.values.iter().all(|norm| *norm > 0.0));
    let again = window.answer(&wanted).unwrap();
    assert!(again.from_cache);
    assert_eq!(again.token_norms, Some(norms));
}

#[test]
fn weights_of_any_spelling_load() {
    let mut window = Window::open();
    let path = data("plain.huggingface.safetensors");
    let info = window.load(ModelSource::from(Some(&path)), LoadOptions { heads: Some(3), input: None }).unwrap();
    assert!(info.report.mapped.iter().any(|mapped| mapped.from != mapped.to), "names were translated");
    assert_eq!(info.source, ModelSource::from(Some(&path)));
    assert_eq!(window.answer(&request(0)).unwrap().maps.len(), 4);
}
