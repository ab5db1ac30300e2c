//! Automatic masks on the engine thread: live under sliders, and many in the background.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use support::window::{MODEL, VIEW, Window, demo_image, request};
use vitrine::demo;
use vitrine::engine::Device;
use vitrine::image::{ImageSource, Position};
use vitrine::jobs::Cancel;
use vitrine::jobs::engine_thread::{
    BatchId, Event, MaskAnswer, MaskBatchEnd, MaskBatchRequest, MaskCounts, MaskQuestion, MaskRequest, ModelId, Request,
};
use vitrine::jobs::mask::{
    AutoMask, ClickOptions, MaskJob, MaskMethod, MaskOutcome, RelevanceOptions, TokenCutOptions, Workbench,
    relevance_mask,
};
use vitrine::jobs::model::{LoadedModel, ModelSource};
use vitrine::mask::{Label, MaskProfile, MaskStore, Origin};
use vitrine::segment::Prompt;
use vitrine::vit::weights::LoadOptions;

const BATCH: BatchId = BatchId(4);

fn tokencut(options: TokenCutOptions) -> MaskQuestion {
    MaskQuestion::Method(MaskMethod::TokenCut(options))
}

fn click(weights: &str) -> MaskQuestion {
    let prompt = Prompt { points: vec![(Position::new(9.0, 9.0), true)], area: None };
    MaskQuestion::Click(ClickOptions { weights: Some(weights.into()), prompt })
}

fn ask(options: TokenCutOptions) -> MaskRequest {
    MaskRequest { view: VIEW, model: MODEL, image: demo_image(0), question: tokencut(options) }
}

fn answer(window: &mut Window) -> MaskAnswer {
    window.until(|event| match event {
        Event::Mask(answer) => Some(answer.clone()),
        _ => None,
    })
}

fn mask(window: &mut Window, request: &MaskRequest) -> Arc<AutoMask> {
    window.thread.send(Request::Mask(Box::new(request.clone())));
    match answer(window) {
        MaskAnswer::Found { request: of, mask, .. } => {
            assert_eq!(*of, *request);
            mask
        }
        other => panic!("{other:?}"),
    }
}

fn demo_model() -> LoadedModel {
    LoadedModel::open(&ModelSource::Embedded, Device::Cpu, &LoadOptions::default()).unwrap()
}

#[test]
fn sliders_give_what_the_library_gives_from_scratch() {
    let (mut window, _) = Window::with_demo();
    let model = demo_model();
    let picture = demo_image(0).decode().unwrap();
    let base = TokenCutOptions::default();
    let clicked = TokenCutOptions { click: Some(Position::new(4.0, 4.0)), ..base };
    let settings = [
        base,
        TokenCutOptions { tau: Some(0.6), ..base },
        TokenCutOptions { refine: None, ..base },
        TokenCutOptions { block: Some(1), ..base },
        TokenCutOptions { eigenvector: 2, ..base },
        clicked,
        TokenCutOptions { profile: MaskProfile::Paper, ..base },
        base,
    ];
    let mut masks = Vec::new();
    for options in settings {
        let found = mask(&mut window, &ask(options));
        let fresh = Workbench::new(&model, &picture, &options).unwrap().mask(demo_image(0).path(), &options).unwrap();
        assert_eq!(found.file, fresh.file, "{options:?}");
        assert_eq!(found.file.mask.size(), picture.size());
        masks.push(found);
    }
    assert_eq!(masks[0].file, masks[7].file);
    assert_ne!(masks[0].file.mask, masks[2].file.mask, "refined and coarse differ");
    // Whoever clicks a patch gets a part that holds it.
    let part = masks[5].found.as_ref().unwrap();
    assert!(part.cut.holds(part.cut.seed));
    let seed = part.framing.patch_from_image(Position::new(4.0, 4.0), part.patch).unwrap();
    assert_eq!(part.cut.seed, seed);
    let found = masks[0].found.as_ref().unwrap();
    assert_eq!((found.eigenvectors.len(), found.eigenvalues.len()), (6, 6));
    assert!(found.eigenvalues.is_sorted());
}

#[test]
fn relevance_masks_are_those_of_the_library() {
    let (mut window, _) = Window::with_demo();
    let question = MaskQuestion::Method(MaskMethod::Relevance(RelevanceOptions::default()));
    let found = mask(&mut window, &MaskRequest { question, ..ask(TokenCutOptions::default()) });
    let image = demo_image(0);
    let go_on = &mut |_| ControlFlow::Continue(());
    let options = RelevanceOptions::default();
    let fresh = relevance_mask(&demo_model(), &image.decode().unwrap(), image.path(), &options, go_on).unwrap();
    assert_eq!(found.file, fresh.file);
    assert!(found.found.is_none() && found.file.mask.count(Label::Foreground) > 0);
}

#[test]
fn what_cannot_be_done_is_said_with_the_image() {
    let (mut window, _) = Window::with_demo();
    let fine = ask(TokenCutOptions::default());
    for (request, says) in [
        (MaskRequest { model: ModelId(99), ..fine.clone() }, "not loaded"),
        (ask(TokenCutOptions { block: Some(77), ..TokenCutOptions::default() }), "blocks 0 to 5"),
        (ask(TokenCutOptions { tau: Some(7.0), ..TokenCutOptions::default() }), "cosine"),
        (MaskRequest { image: ImageSource::file("nowhere.jpg"), ..fine.clone() }, "no such file"),
        (MaskRequest { question: click("nowhere.safetensors"), ..fine }, "the weights cannot be read"),
    ] {
        window.thread.send(Request::Mask(Box::new(request.clone())));
        let MaskAnswer::Failed { request: of, error } = answer(&mut window) else { panic!("no failure: {says}") };
        assert_eq!(*of, request);
        assert!(error.contains(says) && error.contains(&*request.image.path().to_string_lossy()), "{error}");
    }
}

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

fn batch(sources: &[ImageSource], store: &MaskStore, cancel: &Cancel) -> Request {
    Request::MaskBatch(Box::new(MaskBatchRequest {
        id: BATCH,
        model: MODEL,
        job: MaskJob::default(),
        sources: sources.to_vec(),
        store: store.clone(),
        cancel: cancel.clone(),
    }))
}

fn run(window: &mut Window, request: Request) -> (Vec<Result<MaskOutcome, String>>, MaskBatchEnd) {
    window.thread.send(request);
    let mut outcomes = Vec::new();
    loop {
        match answer(window) {
            MaskAnswer::BatchAdvanced { id: BATCH, done, outcome, .. } => {
                outcomes.push(outcome);
                assert_eq!(done, outcomes.len());
            }
            MaskAnswer::BatchDone { id: BATCH, end } => return (outcomes, end),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_batch_saves_what_it_finds_and_goes_on_where_it_was_stopped() {
    let (mut window, _) = Window::with_demo();
    let folder = tempfile::tempdir().unwrap();
    let sources = files(folder.path(), 4);
    std::fs::write(sources[2].path(), "not a picture").unwrap();
    let store = MaskStore::open(folder.path().join("masks"), || {});

    let (outcomes, end) = run(&mut window, batch(&sources[..2], &store, &Cancel::default()));
    assert_eq!(end, MaskBatchEnd::Finished(MaskCounts { made: 2, kept: 0, failed: 0 }));
    for (source, outcome) in sources.iter().zip(&outcomes) {
        let Ok(MaskOutcome::Made(report)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(store.find(source.path()).as_ref(), Some(&report.mask));
        let state = store.states([source.path()])[0].unwrap();
        assert_eq!(state.origin, Origin::Auto);
    }
    let (outcomes, end) = run(&mut window, batch(&sources, &store, &Cancel::default()));
    assert_eq!(end, MaskBatchEnd::Finished(MaskCounts { made: 1, kept: 2, failed: 1 }));
    assert!(outcomes[2].as_ref().unwrap_err().ends_with(&*sources[2].path().to_string_lossy()));
}

#[test]
fn a_batch_is_stopped_between_photos_and_views_are_served_before_it() {
    let (mut window, _) = Window::with_demo();
    let folder = tempfile::tempdir().unwrap();
    let sources = files(folder.path(), 3);
    let store = MaskStore::open(folder.path().join("masks"), || {});
    let cancel = Cancel::default();
    cancel.cancel();
    let (outcomes, end) = run(&mut window, batch(&sources, &store, &cancel));
    assert_eq!((outcomes.len(), end), (0, MaskBatchEnd::Cancelled(MaskCounts::default())));
    assert!(store.find(sources[0].path()).is_none());

    window.thread.send(batch(&sources, &store, &Cancel::default()));
    window.explain(&request(0));
    let mut advanced = 0;
    window.until(|event| match event {
        Event::Mask(MaskAnswer::BatchAdvanced { .. }) => {
            advanced += 1;
            None
        }
        Event::Explained { .. } => Some(()),
        _ => None,
    });
    assert!(advanced < 3, "the view waited for the whole batch");
}
