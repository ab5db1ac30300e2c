//! Which devices can compute, whether they compute the right numbers, and how fast.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::engine::wgsl::{AdapterInfo, AdapterKind, GpuPick, WgslOps, adapters};
use crate::engine::{Device, compute_threads};
use crate::vit::backend::tested;
use crate::vit::weights::LoadOptions;
use crate::vit::{Batch, KernelTimes, Objective, TraceOptions, argmax};

use super::model::{LoadedModel, ModelError, ModelSource};

/// One device, and how it did.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceReport {
    /// What to give as `--device`.
    pub device: String,
    pub name: String,
    /// Whether `--device auto` takes it.
    pub is_default: bool,
    /// Of a GPU.
    pub adapter: Option<AdapterInfo>,
    /// Why it must not be used; `None` if it computes the CPU's numbers.
    pub failure: Option<String>,
    /// Of a large matrix product, 10⁹ floating-point operations per second.
    pub gflops: Option<f32>,
    /// One explanation by the embedded demo model, the fastest of several.
    pub explain_milliseconds: Option<f64>,
}

/// One entry of a menu of devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub device: Device,
    pub title: String,
    pub help: String,
}

/// The devices of this machine, untested. The first call of a process looks for drivers, which takes tens of
/// milliseconds; later ones remember.
pub fn choices() -> Vec<Choice> {
    let choice = |device, title: &str, help: String| Choice { device, title: title.to_owned(), help };
    let own = [
        choice(Device::Auto, "Best device", "A graphics card that computes the CPU's numbers, else the CPU".to_owned()),
        choice(Device::Cpu, "CPU", format!("{} threads", compute_threads())),
    ];
    let gpus = adapters().into_iter().map(|adapter| Choice {
        device: Device::Gpu(GpuPick::Index(adapter.index)),
        help: match adapter.kind {
            AdapterKind::Software => "Draws and computes in software: slower than the CPU itself".to_owned(),
            kind => format!("{kind}, {}, {}", adapter.backend, adapter.driver),
        },
        title: adapter.name,
    });
    own.into_iter().chain(gpus).collect()
}

/// Tests every device; each explains for about `seconds`.
pub fn survey(seconds: f64, on_report: &mut dyn FnMut(DeviceReport)) {
    let default = open_demo(Device::Auto).map(|model| model.engine.device().device).unwrap_or_default();
    let threads = compute_threads();
    let cpu = DeviceReport {
        device: "cpu".to_owned(),
        name: format!("CPU, {threads} thread{}", if threads == 1 { "" } else { "s" }),
        is_default: default == "cpu",
        adapter: None,
        failure: None,
        gflops: None,
        explain_milliseconds: None,
    };
    on_report(timed(Device::Cpu, cpu, seconds));
    for adapter in adapters() {
        let pick = GpuPick::Index(adapter.index);
        let device = format!("gpu:{}", adapter.index);
        let mut report = DeviceReport {
            is_default: default.starts_with(&format!("{device} ")),
            device,
            name: adapter.name.clone(),
            adapter: Some(adapter),
            failure: None,
            gflops: None,
            explain_milliseconds: None,
        };
        match tested(&pick).map(|gpu| WgslOps::new(gpu).pace()) {
            Ok(Ok(gflops)) => report.gflops = Some(gflops),
            Ok(Err(error)) => report.failure = Some(error.to_string()),
            Err(why) => report.failure = Some(why),
        }
        on_report(match report.failure {
            None => timed(Device::Gpu(pick), report, seconds),
            Some(_) => report,
        });
    }
}

fn timed(device: Device, report: DeviceReport, seconds: f64) -> DeviceReport {
    let plan = Plan { runs: usize::MAX, warm_ups: 1, batch: 1, at_most: Duration::from_secs_f64(seconds) };
    match open_demo(device).map_err(|err| err.to_string()).and_then(|model| measure(&model, plan)) {
        Ok(times) => DeviceReport { explain_milliseconds: Some(times.minimum()), ..report },
        Err(why) => DeviceReport { failure: Some(why), ..report },
    }
}

fn open_demo(device: Device) -> Result<LoadedModel, ModelError> {
    LoadedModel::open(&ModelSource::Embedded, device, &LoadOptions::default())
}

/// How often to explain.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub runs: usize,
    pub warm_ups: usize,
    /// Pictures at once.
    pub batch: usize,
    /// No new run begins after this time; the first always does.
    pub at_most: Duration,
}

/// Milliseconds of every run, ascending.
#[derive(Clone, Debug)]
pub struct Times(pub Vec<f64>);

impl Times {
    pub fn minimum(&self) -> f64 {
        self.0.first().copied().unwrap_or(f64::NAN)
    }

    pub fn median(&self) -> f64 {
        let middle = self.0.len() / 2;
        match self.0.len() {
            0 => f64::NAN,
            n if n % 2 == 1 => self.0[middle],
            _ => f64::midpoint(self.0[middle - 1], self.0[middle]),
        }
    }
}

/// Times the relevance of grey pictures: neither their content nor the weights change the work.
///
/// # Errors
/// In words, if the model does not explain.
pub fn measure(model: &LoadedModel, plan: Plan) -> Result<Times, String> {
    let start = Instant::now();
    for _ in 0..plan.warm_ups {
        explain_grey(model, plan.batch)?;
    }
    let mut milliseconds = Vec::new();
    while milliseconds.is_empty() || milliseconds.len() < plan.runs && start.elapsed() < plan.at_most {
        let start = Instant::now();
        explain_grey(model, plan.batch)?;
        milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
    }
    milliseconds.sort_by(f64::total_cmp);
    Ok(Times(milliseconds))
}

/// The time each kernel takes in one explanation, by the GPU's clock; `None` where there is none.
///
/// # Errors
/// In words, if the model does not explain.
pub fn kernel_times(model: &LoadedModel, batch: usize) -> Result<Option<KernelTimes>, String> {
    let mut outcome = Ok(());
    let times = model.engine.profile(&mut || outcome = explain_grey(model, batch));
    outcome.map(|()| times)
}

fn explain_grey(model: &LoadedModel, count: usize) -> Result<(), String> {
    let config = model.engine.config();
    let pixels = vec![0.0; count * config.channels * config.input.area()];
    let batch = Batch { pixels, count, size: config.input };
    let objective = |_: usize, logits: &[f32]| Objective::Logit(argmax(logits));
    let traces = model.engine.trace(&batch, &objective, &TraceOptions::relevance()).map_err(|err| err.to_string())?;
    std::hint::black_box(traces);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_in_the_middle() {
        assert_eq!(Times(vec![1.0, 2.0, 9.0]).median(), 2.0);
        assert_eq!(Times(vec![1.0, 2.0, 4.0, 9.0]).median(), 3.0);
        assert!(Times(Vec::new()).median().is_nan());
    }

    #[test]
    fn a_plan_bounds_runs_and_time() {
        let model = open_demo(Device::Cpu).unwrap();
        let plan = Plan { runs: 2, warm_ups: 0, batch: 1, at_most: Duration::from_secs(600) };
        assert_eq!(measure(&model, plan).unwrap().0.len(), 2);
        let at_once = Plan { at_most: Duration::ZERO, ..plan };
        assert_eq!(measure(&model, at_once).unwrap().0.len(), 1);
    }
}
