//! What the GPU backend does besides arithmetic: memory, order, limits, failure, and which device is chosen.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use std::process::Command;

use support::gpu;
use support::model::{Expected, model_on};
use vitrine::engine::wgsl::{AdapterKind, GpuError, WgslOps, adapters};
use vitrine::engine::{Device, Epilogue, Error, Ops};
use vitrine::jobs::model::{LoadedModel, ModelSource};
use vitrine::vit::weights::LoadOptions;
use vitrine::vit::{Engine, Objective, TraceOptions, self_test};

#[test]
fn the_self_test_passes() {
    let Some(gpu) = gpu::wgsl() else { return };
    self_test(gpu).unwrap();
}

#[test]
fn an_upload_leaves_what_was_recorded_before_alone() {
    let Some(gpu) = gpu::wgsl() else { return };
    let numbers = |value| gpu.upload(vec![value; 1000], &[1000]).unwrap();
    let ones = numbers(1.0);
    let twos = gpu.add(&ones, &ones).unwrap();
    // Nobody holds the ones any more, but the sum has not been computed yet: their memory is not free.
    drop(ones);
    let fives = numbers(5.0);
    assert_eq!(gpu.read(&twos).unwrap(), [2.0; 1000]);
    assert_eq!(gpu.read_all(&[&fives, &twos]).unwrap(), [[5.0; 1000], [2.0; 1000]]);
}

#[test]
fn more_operations_than_one_submission_holds_keep_their_order() {
    let Some(gpu) = gpu::wgsl() else { return };
    let one = gpu.upload(vec![1.0; 7], &[7]).unwrap();
    let mut sum = one.clone();
    for _ in 0..1000 {
        sum = gpu.add(&sum, &one).unwrap();
    }
    assert_eq!(gpu.read(&sum).unwrap(), [1001.0; 7]);
}

#[test]
fn a_product_cut_into_portions_is_whole() {
    let Some(gpu) = gpu::wgsl() else { return };
    // 2·2000·300·300 = 0.36 GFLOP: more than a portion of the default pace, 0.24 GFLOP. In every row of the left
    // operand one number stands, in a place of its own, so that each row of the result is a column of the right one.
    let (rows, width) = (2000, 300);
    let mut x = vec![0.0; rows * width];
    (0..rows).for_each(|row| x[row * width + row % width] = 1.0);
    let w: Vec<f32> = (0..width * width).map(|i| (i % 1009) as f32).collect();
    let product = gpu
        .linear(
            &gpu.upload(x, &[rows, width]).unwrap(),
            &gpu.upload(w.clone(), &[width, width]).unwrap(),
            Epilogue { bias: None, scale: None, residual: None },
        )
        .unwrap();
    let product = gpu.read(&product).unwrap();
    for row in 0..rows {
        for column in 0..width {
            assert_eq!(product[row * width + column], w[column * width + row % width], "{row}, {column}");
        }
    }
}

#[test]
fn tensors_that_do_not_fit_an_operation_are_refused_before_it_runs() {
    let Some(gpu) = gpu::wgsl() else { return };
    let tensor = |shape: &[usize]| gpu.upload(vec![0.0; shape.iter().product()], shape).unwrap();
    let refused = |result: Result<_, Error>| matches!(result, Err(Error::Gpu(GpuError::Shape { .. })));
    let (x, w) = (tensor(&[2, 3, 8]), tensor(&[4, 8]));
    let (short, long) = (tensor(&[3]), tensor(&[5]));
    assert!(refused(gpu.linear(&x, &tensor(&[4, 7]), Epilogue { bias: None, scale: None, residual: None })));
    assert!(refused(gpu.linear(&x, &w, Epilogue::bias(&short))));
    assert!(refused(gpu.linear(&x, &w, Epilogue { bias: None, scale: None, residual: Some(&long) })));
    assert!(refused(gpu.linear_backward(&x, &w)));
    assert!(refused(gpu.layer_norm(&x, &short, &short, 1e-6)));
    assert!(refused(gpu.add(&x, &w)));
    assert!(refused(gpu.attention(&x, 3, 2)));
    assert!(refused(gpu.attention(&tensor(&[1, 4, 12]), 2, 5)));
    assert!(refused(gpu.tokens(&x, 2, 2)));
    assert!(refused(gpu.pad_tokens(&x, 2, 4)));
    let maps = tensor(&[2, 2, 3, 3]);
    assert!(refused(gpu.relevance_step(&tensor(&[2, 4]), &maps, &maps, &[0.5, 0.5])));
    assert!(refused(gpu.relevance_step(&tensor(&[2, 3]), &maps, &maps, &[0.5])));
    assert!(refused(gpu.upload(vec![0.0; 3], &[4])));
}

#[test]
fn a_tensor_beyond_the_limits_is_told_with_what_fits() {
    let Some(gpu) = gpu::wgsl() else { return };
    let limit = gpu.gpu().adapter().largest_tensor;
    // Rows of 1 MiB each per picture: so many pictures that all but three of them fit.
    let fits = (limit >> 20) as usize;
    let row = gpu.upload(vec![0.0; fits + 3], &[fits + 3, 1, 1]).unwrap();
    let error = gpu.pad_tokens(&row, 0, 1 << 18).unwrap_err().to_string();
    assert!(error.ends_with(&format!("a batch of {fits} fits")), "{error}");
    let one = gpu.upload(vec![0.0], &[1, 1, 1]).unwrap();
    let error = gpu.pad_tokens(&one, 0, usize::MAX / 8).unwrap_err().to_string();
    assert!(error.contains("use a smaller input size"), "{error}");
    assert_eq!(gpu.read(&one).unwrap(), [0.0], "the device is as well as before");
}

#[test]
fn a_lost_device_is_an_error_and_nothing_worse() {
    let Some(device) = gpu::unshared() else { return };
    let expected = Expected::of("plain");
    let engine = model_on(WgslOps::new(device.clone()), "plain");
    let explain = || engine.trace(&expected.batch, &|_, _| Objective::Logit(0), &TraceOptions::relevance());
    explain().unwrap();
    assert!(!engine.is_lost());
    device.destroy();
    assert!(engine.is_lost());
    for _ in 0..2 {
        let error = explain().unwrap_err();
        assert!(error.is_device_lost(), "{error}");
    }
    // Other devices of the process go on.
    self_test(gpu::wgsl().unwrap()).unwrap();
}

#[test]
fn kernels_are_timed_where_the_gpu_has_a_clock() {
    let Some(gpu) = gpu::wgsl() else { return };
    let expected = Expected::of("plain");
    let engine = model_on(gpu.clone(), "plain");
    let explain =
        || engine.trace(&expected.batch, &|i, _| Objective::Logit(expected.targets[i]), &TraceOptions::relevance());
    let plain = explain().unwrap();
    let mut profiled = Vec::new();
    let times = engine.profile(&mut || profiled = explain().unwrap());
    assert_eq!(times.is_some(), gpu.gpu().adapter().has_timestamps);
    for (kernel, time) in times.iter().flatten() {
        assert!(time.runs > 0 && time.milliseconds >= 0.0, "{kernel}");
    }
    if let Some(times) = &times {
        // Two norms in each of four blocks and the last one.
        assert_eq!(times["layer_norm"].runs, 9);
    }
    assert_eq!(plain[0].relevance, profiled[0].relevance, "to be watched changes nothing");
}

#[test]
fn software_is_never_chosen_by_itself() {
    let model = LoadedModel::open(&ModelSource::Embedded, Device::Auto, &LoadOptions::default()).unwrap();
    let has_hardware = adapters().iter().any(|adapter| adapter.kind != AdapterKind::Software);
    let device = model.engine.device().device;
    assert!(has_hardware || device == "cpu", "{device}");
    assert!(has_hardware || model.device_note.is_none());
}

#[test]
fn a_gpu_that_is_not_there_is_told_with_those_that_are() {
    let device = "gpu:no such card".parse::<Device>().unwrap();
    let Err(error) = LoadedModel::open(&ModelSource::Embedded, device, &LoadOptions::default()) else {
        unreachable!("there is no such card")
    };
    let error = error.to_string();
    assert!(error.contains("gpu:no such card"), "{error}");
    match adapters().first() {
        Some(adapter) => assert!(error.contains(&adapter.name), "{error}"),
        None => assert!(error.contains("--device cpu"), "{error}"),
    }
}

fn vitrine(arguments: &[&str]) -> Vec<serde_json::Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_vitrine")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::Deserializer::from_slice(&output.stdout).into_iter().map(Result::unwrap).collect()
}

#[test]
fn devices_are_listed_and_tested() {
    let devices = vitrine(&["devices", "--seconds", "0", "--json"]);
    assert_eq!(devices.len(), 1 + adapters().len());
    assert_eq!(devices[0]["device"], "cpu");
    assert_eq!(devices.iter().filter(|device| device["is_default"] == true).count(), 1);
    for (device, adapter) in devices[1..].iter().zip(adapters()) {
        assert_eq!(device["name"], adapter.name);
        assert_eq!(device["failure"], serde_json::Value::Null, "{device}");
        assert!(device["gflops"].as_f64().unwrap() > 0.0);
    }
    assert!(devices.iter().all(|device| device["explain_milliseconds"].as_f64().unwrap() > 0.0));
}

#[test]
fn an_explanation_is_timed() {
    let told = vitrine(&["bench", "--device", "cpu", "--runs", "2", "--batch", "2", "--json"]);
    assert_eq!((&told[0]["runs"], &told[0]["batch"], &told[0]["device"]), (&2.into(), &2.into(), &"cpu".into()));
    let time = |name: &str| told[0][name].as_f64().unwrap();
    assert!(0.0 < time("min_ms") && time("min_ms") <= time("median_ms"));
    assert_eq!(told[0]["kernels"], serde_json::Value::Null, "the CPU has no clock per kernel");
}
