//! Finetuning on the GPU: twenty steps beside the CPU's.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use support::model::{Expected, model_on};
use support::{fixture, gpu};
use vitrine::engine::Device;
use vitrine::engine::candle::CandleOps;
use vitrine::finetune::{StepConfig, TrainBatch, train_step};
use vitrine::vit::{Engine, Learning, Update};

#[test]
fn twenty_steps_keep_to_the_losses_of_the_cpu() {
    let Some(gpu) = gpu::wgsl() else { return };
    let Expected { batch, targets, .. } = Expected::of("plain");
    let masks = fixture("finetune.expected.safetensors")["mask"].1[..batch.count * batch.size.area()].to_vec();
    let batch = TrainBatch { pictures: batch, labels: targets, masks, counted: Vec::new() };
    // A thousand times the paper's rate for ViT-B: on so small a model it halves the loss within these steps.
    let config = StepConfig::paper(Update::Learn(Learning { lr: 3e-3, ..Learning::default() }));
    let train = |engine: &mut dyn Engine| -> Vec<[f64; 4]> {
        let step = |_| {
            let stats = train_step(engine, &batch, &config).unwrap();
            [stats.total, stats.background, stats.foreground, stats.classification]
        };
        (0..20).map(step).collect()
    };
    let cpu = train(&mut model_on(CandleOps::new(Device::Cpu).unwrap(), "plain"));
    let gpu = train(&mut model_on(gpu, "plain"));
    for (step, (gpu, cpu)) in gpu.iter().zip(&cpu).enumerate() {
        for (gpu, cpu) in gpu.iter().zip(cpu) {
            // Rounding differs, and every step builds on the ones before.
            assert!((gpu - cpu).abs() <= 1e-3 * cpu.abs().max(1.0), "step {step}: {gpu} and {cpu}");
        }
    }
    assert!(cpu[19][0] < 0.9 * cpu[0][0], "the run does learn: {} to {}", cpu[0][0], cpu[19][0]);
}
