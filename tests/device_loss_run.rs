//! A finetuning run outlives its device. Alone in its process: the device is shared by all models of one.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use std::path::Path;

use support::pictures::{config, draw, job};
use support::window::{MODEL, Window};
use support::{data, gpu, model};
use vitrine::engine::Device;
use vitrine::engine::wgsl::{Gpu, GpuPick};
use vitrine::finetune::FinetuneConfig;
use vitrine::finetune::run::{Record, RunView};
use vitrine::jobs::engine_thread::{Event, Request, RunId};
use vitrine::jobs::finetune::{News, Start};
use vitrine::jobs::model::ModelSource;

const RUN: RunId = RunId(3);
/// Three an epoch, each with a checkpoint at its end.
const STEPS: usize = 30;

#[test]
fn a_run_goes_on_on_the_cpu_from_its_last_checkpoint_when_its_device_goes() {
    if gpu::wgsl().is_none() {
        return;
    }
    // Between two steps no step fails; amid one the step does.
    for between_steps in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let mut window = training_on_the_gpu(folder.path());
        let checkpoint = until_step(&mut window, 4);
        assert_eq!(checkpoint, 3, "before any step of the second epoch");
        if between_steps {
            window.hold_at_next_event();
            window.next();
        }
        Gpu::shared(&GpuPick::Best).unwrap().destroy();
        window.release();
        let from = until_it_began_again(&mut window, checkpoint);
        until_done(&mut window, from);
        assert_whole(&folder.path().join("run"));
    }
}

/// A run on drawn photos, by a model on the GPU.
fn training_on_the_gpu(folder: &Path) -> Window {
    draw(folder, 2, 7);
    let mut window = Window::open();
    let source = ModelSource::Named(data("plain.model.safetensors").display().to_string());
    let (device, options) = (Device::Gpu(GpuPick::Best), model::options("plain"));
    window.thread.send(Request::Load { id: MODEL, source, device, options });
    let device = window.until(|event| match event {
        Event::ModelLoaded { info, .. } => Some(info.device.device.clone()),
        Event::ModelFailed { error, .. } => panic!("{error}"),
        _ => None,
    });
    assert!(device.starts_with("gpu:"), "{device}");
    let start = Box::new(Start::New(Box::new(job(folder, FinetuneConfig { epochs: STEPS / 3, ..config() }, "run"))));
    window.thread.send(Request::Finetune { id: RUN, model: MODEL, start, pinned: Vec::new() });
    window
}

/// What the run tells; a failure is none of what it may tell here.
fn news(event: &Event) -> Option<&News> {
    match event {
        Event::ModelFailed { error, .. } => panic!("{error}"),
        Event::Run { id: RUN, news } => match &**news {
            News::Failed { error } => panic!("{error}"),
            News::Step(step) if !step.record.losses.total.is_finite() => panic!("{step:?}"),
            news => Some(news),
        },
        _ => None,
    }
}

/// The last checkpoint before a step.
fn until_step(window: &mut Window, number: usize) -> usize {
    let mut checkpoint = 0;
    window.until(|event| {
        match news(event)? {
            News::Checkpoint { step, .. } => checkpoint = *step,
            News::Step(step) if step.record.step == number => return Some(()),
            _ => {}
        }
        None
    });
    checkpoint
}

/// The step it begins from: that of the last checkpoint, and only once its model computes on the CPU.
fn until_it_began_again(window: &mut Window, mut checkpoint: usize) -> usize {
    let mut has_moved = false;
    let from = window.until(|event| match event {
        Event::ModelMoved { id: MODEL, info, .. } => {
            assert_eq!(&*info.device.device, "cpu");
            has_moved = true;
            None
        }
        event => match news(event)? {
            News::Checkpoint { step, .. } => {
                checkpoint = *step;
                None
            }
            News::Began { step, total_steps, .. } => {
                assert_eq!(*total_steps, STEPS);
                Some(*step)
            }
            News::Done { .. } => panic!("the device went too late"),
            _ => None,
        },
    });
    assert!(has_moved);
    assert_eq!(from, checkpoint);
    from
}

/// Every step that is left comes, once and in order.
fn until_done(window: &mut Window, from: usize) {
    let mut steps = Vec::new();
    window.until(|event| match news(event)? {
        News::Step(step) => {
            steps.push(step.record.step);
            None
        }
        News::Done { step, .. } => {
            assert_eq!(*step, STEPS);
            Some(())
        }
        _ => None,
    });
    assert_eq!(steps, (from + 1..=STEPS).collect::<Vec<_>>());
}

/// The folder tells of one run, as if nothing had happened.
fn assert_whole(run: &Path) {
    let view = RunView::read(run).unwrap();
    let step = |record: &Record| match record {
        Record::Step(step) => {
            assert!(step.losses.total.is_finite(), "{step:?}");
            Some(step.step)
        }
        Record::Validation(_) => None,
    };
    assert_eq!(view.records.iter().filter_map(step).collect::<Vec<_>>(), (1..=STEPS).collect::<Vec<_>>());
    let checkpoints: Vec<usize> = view.checkpoints.iter().map(|(checkpoint, _)| checkpoint.step).collect();
    assert_eq!(checkpoints, (0..=STEPS).step_by(3).collect::<Vec<_>>());
}
