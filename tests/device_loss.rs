//! A device that goes in the midst of work takes nothing with it but time. Alone in its process: the device is shared by
//! all models of one.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use support::gpu;
use support::window::{MODEL, Window, request};
use vitrine::engine::Device;
use vitrine::engine::wgsl::{Gpu, GpuPick};
use vitrine::jobs::engine_thread::{Event, Request};
use vitrine::jobs::model::ModelSource;
use vitrine::vit::weights::LoadOptions;

#[test]
fn a_view_is_answered_on_the_cpu_when_its_device_goes() {
    if gpu::wgsl().is_none() {
        return;
    }
    let mut window = Window::open();
    let (device, options) = (Device::Gpu(GpuPick::Best), LoadOptions::default());
    window.thread.send(Request::Load { id: MODEL, source: ModelSource::Embedded, device, options });
    let before = window.until(|event| match event {
        Event::ModelLoaded { info, .. } => Some(info.device.device.clone()),
        _ => None,
    });
    assert!(before.starts_with("gpu:"), "{before}");
    let answered = window.answer(&request(0)).unwrap();

    Gpu::shared(&GpuPick::Best).unwrap().destroy();
    window.explain(&request(1));
    window.until(|event| match event {
        Event::ModelMoved { id: MODEL, info, from } => {
            assert_eq!((&*info.device.device, from), ("cpu", &before));
            Some(())
        }
        _ => None,
    });
    let answer = window.until(|event| match event {
        Event::Explained { result, .. } => Some(result.request.clone()),
        Event::Failed { error, .. } => unreachable!("{error}"),
        _ => None,
    });
    assert_eq!(answer, request(1));
    // What was answered before is computed again, and is the same but for rounding.
    let again = window.answer(&request(0)).unwrap();
    for (a, b) in again.logits.iter().zip(&answered.logits) {
        assert!((a - b).abs() < 1e-3, "{a} and {b}");
    }
}
