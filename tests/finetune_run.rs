//! Whole runs on drawn photos with the small fixture model: folder, resume, roll-back, branch, guards, export.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use std::path::Path;

use support::data;
use support::pictures::{advance, begin, checkpoint, config, draw, finish, fixture_model, job, resume};
use vitrine::engine::Device;
use vitrine::finetune::run::{Alarm, Record, RunError, RunView, Status, read_tensors, write_notes};
use vitrine::finetune::{FinetuneConfig, LossMethod, Split, export, run};
use vitrine::jobs::finetune::{News, Photos, RunCommand, Start, Training, gather, preflight};
use vitrine::jobs::model::{LoadedModel, ModelSource};
use vitrine::vit::weights::{LoadOptions, load};

fn photos() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    // Two classes of seven: two validate, one watches, four are learnt from.
    draw(folder.path(), 2, 7);
    folder
}

/// The losses, rates and gradients of all steps: everything but the time they took.
fn numbers(run: &Path) -> Vec<String> {
    let records = RunView::read(run).unwrap().records;
    let timeless = records.into_iter().map(|record| match record {
        Record::Step(mut step) => {
            step.seconds = 0.0;
            Record::Step(step)
        }
        validation => validation,
    });
    timeless.map(|record| serde_json::to_string(&record).unwrap()).collect()
}

fn error_of(outcome: Result<(Training, News), RunError>) -> RunError {
    match outcome {
        Ok(_) => panic!("it started"),
        Err(error) => error,
    }
}

#[test]
fn a_run_fills_its_folder() {
    let folder = photos();
    let mut model = fixture_model();
    let mut training = begin(folder.path(), config(), "run", &mut model);
    let told = finish(&mut training, &mut model);
    let run = folder.path().join("run");
    let view = RunView::read(&run).unwrap();

    assert_eq!((view.manifest.train.len(), view.manifest.validation.len(), view.manifest.hold_out.len()), (8, 4, 2));
    assert_eq!(view.manifest.train[0].class_name, "class 0");
    assert_eq!(view.manifest.model.sha256.len(), 64);
    assert_eq!(view.manifest.config, config());
    // Eight photos in steps of three: three steps an epoch, three epochs.
    assert_eq!((view.state.total_steps, view.state.step), (9, 9));
    assert_eq!(view.state.status, Status::Finished);
    let steps: Vec<usize> = view.checkpoints.iter().map(|(checkpoint, _)| checkpoint.step).collect();
    assert_eq!(steps, [0, 3, 6, 9], "one for every epoch, and the model before the run");
    let pictures: Vec<usize> = view
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Step(step) => Some(step.pictures),
            Record::Validation(_) => None,
        })
        .collect();
    assert_eq!(pictures, [3, 3, 2, 3, 3, 2, 3, 3, 2]);

    // The best is the lowest, and the paper's loss falls on these photos.
    let validations: Vec<f32> = view.checkpoints.iter().map(|(at, _)| at.validation.losses.total).collect();
    let lowest = validations.iter().copied().fold(f32::INFINITY, f32::min);
    assert_eq!(view.state.best_loss, lowest);
    assert!(lowest < validations[0], "{validations:?}");
    assert!(matches!(told.last(), Some(News::Done { step: 9, best_step, .. }) if *best_step == view.state.best_step));

    let table = std::fs::read_to_string(run.join("steps.csv")).unwrap();
    assert_eq!(table.lines().count(), 10);
    assert!(table.starts_with("step,epoch,lr,total,"));
    assert_eq!(std::fs::read_to_string(run.join("validations.csv")).unwrap().lines().count(), 5);
    assert_eq!(std::fs::read_to_string(run.join("metrics.jsonl")).unwrap().lines().count(), 13);

    write_notes(&run, "looks good").unwrap();
    assert_eq!(RunView::read(&run).unwrap().notes, "looks good");
}

#[test]
fn a_checkpoint_is_a_model_that_loads_by_itself() {
    let folder = photos();
    let mut model = fixture_model();
    finish(&mut begin(folder.path(), config(), "run", &mut model), &mut model);
    let path = checkpoint(&folder.path().join("run"), 9).join("model.safetensors");
    let stored = load(&path, &LoadOptions::default()).unwrap();
    assert_eq!(stored.config, *model.engine.config(), "heads and input come from the config.json beside it");
    assert_eq!(stored.tensors, model.engine.weights().unwrap());
    let again = LoadedModel::open(&ModelSource::from(Some(&path)), Device::Cpu, &LoadOptions::default()).unwrap();
    assert_eq!(again.classes.name(3), "class 3");
}

#[test]
fn a_run_that_was_cut_off_goes_on_with_the_same_numbers_to_the_bit() {
    let folder = photos();
    let mut model = fixture_model();
    finish(&mut begin(folder.path(), config(), "whole", &mut model), &mut model);

    let mut model = fixture_model();
    let mut training = begin(folder.path(), config(), "cut", &mut model);
    // In the middle of the second epoch; its first two steps are lost and come again.
    advance(&mut training, &mut model, |news| matches!(news, News::Step(step) if step.record.step == 5));
    drop((training, model));
    let (whole, cut) = (folder.path().join("whole"), folder.path().join("cut"));
    assert_eq!(RunView::read(&cut).unwrap().records.len(), 7);
    // What a crash in the midst of a line leaves.
    let log = cut.join("metrics.jsonl");
    let text = std::fs::read_to_string(&log).unwrap();
    std::fs::write(&log, text + "{\"kind\":\"st").unwrap();

    // From another model file: the weights come from the checkpoint.
    let first = ModelSource::from(Some(&checkpoint(&cut, 0).join("model.safetensors")));
    let mut model = LoadedModel::open(&first, Device::Cpu, &LoadOptions::default()).unwrap();
    let mut training = resume(&cut, &mut model);
    assert_eq!(training.run().step(), 3);
    finish(&mut training, &mut model);
    assert_eq!(numbers(&whole), numbers(&cut));
    for file in ["model.safetensors", "optimizer.safetensors"] {
        let of = |run: &Path| std::fs::read(checkpoint(run, 9).join(file)).unwrap();
        assert_eq!(of(&whole), of(&cut), "{file}");
    }
}

#[test]
fn accumulated_clipped_frozen_and_swapping_runs_resume_too() {
    let folder = photos();
    let careful =
        FinetuneConfig { accumulation: 2, batch_size: 2, clip: 0.5, last_blocks: 1, swap_backgrounds: 0.5, ..config() };
    let mut model = fixture_model();
    let before = model.engine.weights().unwrap();
    finish(&mut begin(folder.path(), careful.clone(), "whole", &mut model), &mut model);
    let after = model.engine.weights().unwrap();
    assert_eq!(before["blocks.2.mlp.fc1.weight"], after["blocks.2.mlp.fc1.weight"]);
    assert_ne!(before["blocks.3.mlp.fc1.weight"], after["blocks.3.mlp.fc1.weight"]);

    let mut model = fixture_model();
    let mut training = begin(folder.path(), careful, "cut", &mut model);
    advance(&mut training, &mut model, |news| matches!(news, News::Step(step) if step.record.step == 3));
    drop(training);
    finish(&mut resume(&folder.path().join("cut"), &mut model), &mut model);
    assert_eq!(model.engine.weights().unwrap(), after);
}

#[test]
fn going_back_undoes_steps_and_repeats_them_alike() {
    let folder = photos();
    let mut model = fixture_model();
    let mut training = begin(folder.path(), config(), "run", &mut model);
    finish(&mut training, &mut model);
    let run = folder.path().join("run");
    let (last, before) = (model.engine.weights().unwrap(), numbers(&run));

    let undone = training.command(RunCommand::Undo, &mut model).unwrap();
    assert_eq!(undone, News::RolledBack { step: 6 });
    assert_eq!(RunView::read(&run).unwrap().state.status, Status::Paused);
    training.command(RunCommand::RollBack(3), &mut model).unwrap();
    let stored = read_tensors(&checkpoint(&run, 3).join("model.safetensors")).unwrap();
    assert_eq!(model.engine.weights().unwrap(), stored);
    assert!(!checkpoint(&run, 6).exists() && run.join("undone/step-000006-1/model.safetensors").is_file());
    assert_eq!(numbers(&run), before[..numbers(&run).len()]);
    let error = training.command(RunCommand::RollBack(4), &mut model).unwrap_err().to_string();
    assert!(error.contains("there are 0, 3"), "{error}");

    training.command(RunCommand::GoOn, &mut model).unwrap();
    finish(&mut training, &mut model);
    assert_eq!((model.engine.weights().unwrap(), numbers(&run)), (last, before));
}

#[test]
fn a_branch_starts_from_a_checkpoint_with_its_own_settings() {
    let folder = photos();
    let mut model = fixture_model();
    finish(&mut begin(folder.path(), config(), "run", &mut model), &mut model);
    let (parent, out) = (folder.path().join("run"), folder.path().join("branch"));
    let slower = FinetuneConfig { lr: 1e-4, epochs: 1, ..config() };
    let start =
        |step| Start::Branch { parent: parent.clone(), step, out: out.clone(), config: Box::new(slower.clone()) };
    let missing = error_of(Training::start(&start(4), Split::default(), Vec::new(), &mut model));
    assert!(matches!(missing, RunError::NoCheckpoint { step: 4, .. }));
    let (mut branch, _) = Training::start(&start(3), Split::default(), Vec::new(), &mut model).unwrap();
    finish(&mut branch, &mut model);
    let (view, of_parent) = (RunView::read(&out).unwrap(), RunView::read(&parent).unwrap());
    assert_eq!(view.manifest.parent.as_ref().unwrap().step, 3);
    assert_eq!(view.manifest.train, of_parent.manifest.train);
    assert_eq!(view.state.original, of_parent.state.original, "compared with the model before the first run");
    let weights = |run: &Path, step| read_tensors(&checkpoint(run, step).join("model.safetensors")).unwrap();
    assert_eq!(weights(&out, 0), weights(&parent, 3));
    assert_ne!(weights(&out, 3), weights(&parent, 6));
}

#[test]
fn a_loss_that_spoils_the_weights_pauses_the_run_and_going_back_heals_them() {
    let folder = photos();
    let mut model = fixture_model();
    // The square of such a gradient is beyond f32: AdamW divides infinity by infinity.
    let reckless = FinetuneConfig { lambda_bg: 3e38, ..config() };
    let mut training = begin(folder.path(), reckless, "run", &mut model);
    let original = model.engine.weights().unwrap();
    let told = finish(&mut training, &mut model);
    let Some(News::Guard(report)) = told.last() else { panic!("{told:?}") };
    assert_eq!((report.alarm, report.step, report.roll_back_to), (Alarm::NotANumber, 1, 0));
    let run = folder.path().join("run");
    assert!(matches!(RunView::read(&run).unwrap().state.status, Status::Alarmed(_)));
    // No going on from here.
    training.command(RunCommand::GoOn, &mut model).unwrap();
    assert!(!training.is_running());
    training.command(RunCommand::RollBack(0), &mut model).unwrap();
    assert_eq!(model.engine.weights().unwrap(), original);
    assert_eq!(RunView::read(&run).unwrap().state.status, Status::Paused);
}

#[test]
fn every_method_runs_and_the_control_needs_no_masks() {
    let folder = photos();
    for (name, method) in
        [("gradmask", LossMethod::Gradmask), ("rrr", LossMethod::Rrr), ("control", LossMethod::CrossEntropy)]
    {
        let config = FinetuneConfig { method, epochs: 1, lr: 1e-4, temperature: 1.0, ..config() };
        let mut model = fixture_model();
        let mut job = job(folder.path(), config, name);
        if method == LossMethod::CrossEntropy {
            job.photos = Photos::Folders { images: folder.path().join("images"), masks: None };
        }
        let split = gather(&job, &model.classes).unwrap();
        let start = Start::New(Box::new(job));
        let (mut training, _) = Training::start(&start, split, Vec::new(), &mut model).unwrap();
        finish(&mut training, &mut model);
        let (first, last) = match (training.run().records().first(), training.run().records().last()) {
            (Some(Record::Validation(first)), Some(Record::Validation(last))) => (*first, *last),
            other => panic!("{other:?}"),
        };
        assert!(last.losses.total < first.losses.total, "{name}: {first:?}, {last:?}");
    }
}

#[test]
fn objects_on_other_backgrounds_teach_something_else_and_need_masks() {
    let folder = photos();
    let weights_after = |swap_backgrounds, name| {
        let config = FinetuneConfig { method: LossMethod::CrossEntropy, epochs: 1, swap_backgrounds, ..config() };
        let mut model = fixture_model();
        finish(&mut begin(folder.path(), config, name, &mut model), &mut model);
        model.engine.weights().unwrap()
    };
    assert_ne!(weights_after(1.0, "swapped"), weights_after(0.0, "as they are"));

    let config = FinetuneConfig { method: LossMethod::CrossEntropy, swap_backgrounds: 1.0, ..config() };
    let mut job = job(folder.path(), config, "bare");
    job.photos = Photos::Folders { images: folder.path().join("images"), masks: None };
    let error = gather(&job, &fixture_model().classes).unwrap_err().to_string();
    assert!(error.contains("none of the 14 photos has a mask"), "{error}");
}

#[test]
fn the_archive_for_pytorch_reads_back_with_the_same_numbers() {
    let folder = photos();
    let mut model = fixture_model();
    finish(&mut begin(folder.path(), config(), "run", &mut model), &mut model);
    let run = folder.path().join("run");
    let best = RunView::read(&run).unwrap().state.best_step;
    let expected = read_tensors(&checkpoint(&run, best).join("model.safetensors")).unwrap();
    let options = support::model::options("plain");
    for name in ["best.pth.tar", "best.safetensors"] {
        let file = folder.path().join("out").join(name);
        export::export(&run, None, &file).unwrap();
        let loaded = load(&file, &options).unwrap();
        assert_eq!(loaded.tensors, expected, "{name}");
    }
    let archive = load(&folder.path().join("out/best.pth.tar"), &options).unwrap();
    assert_eq!(archive.report.wrapper.as_deref(), Some("state_dict"));
    assert_eq!(archive.report.ignored, ["best_loss", "epoch", "optimizer"]);
}

#[test]
fn what_changed_or_is_in_use_is_refused() {
    let folder = photos();
    let mut model = fixture_model();
    let mut training = begin(folder.path(), config(), "run", &mut model);
    advance(&mut training, &mut model, |news| matches!(news, News::Checkpoint { .. }));
    let run = folder.path().join("run");
    let mut other = fixture_model();
    let mut again = || error_of(Training::start(&Start::Resume(run.clone()), Split::default(), Vec::new(), &mut other));
    assert!(matches!(again(), RunError::Locked { .. }));
    drop(training);
    let photo = folder.path().join("images/class 1/0.png");
    image::RgbImage::new(56, 56).save(&photo).unwrap();
    let error = again();
    assert!(matches!(&error, RunError::Changed { path } if *path == photo), "{error}");
    let mut job = job(folder.path(), config(), "run");
    job.config.epochs = 1;
    let split = gather(&job, &model.classes).unwrap();
    let error = error_of(Training::start(&Start::New(Box::new(job)), split, Vec::new(), &mut model));
    assert!(matches!(error, RunError::Exists { .. }));
    let nowhere = Start::Resume(folder.path().join("nowhere"));
    assert!(matches!(
        error_of(Training::start(&nowhere, Split::default(), Vec::new(), &mut model)),
        RunError::NoRun { .. }
    ));
}

#[test]
fn a_mask_without_object_or_of_another_size_is_refused_before_anything_is_written() {
    let folder = photos();
    let mut model = fixture_model();
    let job = job(folder.path(), config(), "run");
    for (width, says) in [(56, "no object"), (55, "export it at the photo's size")] {
        image::GrayImage::new(width, 56).save(folder.path().join("masks/class 0/1.png")).unwrap();
        let split = gather(&job, &model.classes).unwrap();
        let start = Start::New(Box::new(job.clone()));
        let error = error_of(Training::start(&start, split, Vec::new(), &mut model)).to_string();
        assert!(error.contains(says), "{error}");
        assert!(!job.out.join("manifest.json").exists());
    }
}

#[test]
fn the_pre_flight_measures_each_term_and_learns_nothing() {
    let folder = photos();
    let mut model = fixture_model();
    let before = model.engine.weights().unwrap();
    let job = job(folder.path(), config(), "run");
    let split = gather(&job, &model.classes).unwrap();
    let report = preflight(&job, &split, &mut model).unwrap();
    assert_eq!((report.train, report.validation, report.hold_out, report.total_steps), (8, 4, 2, 9));
    assert_eq!(report.terms.len(), 3);
    assert!(report.terms.iter().all(|term| term.loss > 0.0 && term.gradient_norm > 0.0), "{report:?}");
    // λ_seg·(λ_bg·L_bg + λ_fg·L_fg) + λ_cls·L_cls with the paper's weights.
    let [background, foreground, classes] = [0, 1, 2].map(|index| report.terms[index].loss);
    let total = 0.8 * (2.0 * background + 0.3 * foreground) + 0.2 * classes;
    assert!((report.total - total).abs() < 1e-6, "{} and {total}", report.total);
    assert_eq!(model.engine.weights().unwrap(), before);
    assert!(!job.out.exists());
    assert!(data("plain.model.safetensors").exists() && run::read_checkpoints(&job.out).unwrap().is_empty());
}
