//! The fixture models on a backend.

use vitrine::engine::candle::CandleOps;
use vitrine::engine::{Device, Ops};
use vitrine::size::Size;
use vitrine::vit::weights::{LoadOptions, load};
use vitrine::vit::{Batch, Engine, Vit};

use super::{Tensors, data, fixture, gpu};

/// All fixture models: `fixtures.json` gives heads and, for `wide`, the input size.
pub const MODELS: [&str; 5] = ["plain", "wide", "distilled", "registers", "avgpool"];

pub fn options(name: &str) -> LoadOptions {
    match name {
        "wide" => LoadOptions { heads: Some(4), input: Some(Size::new(32, 64)) },
        _ => LoadOptions { heads: Some(3), input: None },
    }
}

pub fn model_on<O: Ops>(ops: O, name: &str) -> Vit<O> {
    let checkpoint = load(&data(&format!("{name}.model.safetensors")), &options(name)).unwrap();
    Vit::new(ops, checkpoint.config, checkpoint.tensors).unwrap()
}

/// The backends whose numbers must agree with the fixtures.
pub fn engines(name: &str) -> Vec<(&'static str, Box<dyn Engine>)> {
    let fused = CandleOps::new(Device::Cpu).unwrap();
    let mut engines: Vec<(&'static str, Box<dyn Engine>)> = vec![
        ("fused", Box::new(model_on(fused, name))),
        ("composed", Box::new(model_on(CandleOps::composed_on_cpu(), name))),
    ];
    if let Some(wgsl) = gpu::wgsl() {
        engines.push(("wgsl", Box::new(model_on(wgsl, name))));
    }
    engines
}

/// What the independent PyTorch implementation got out of the model, and what it put in.
pub struct Expected {
    pub tensors: Tensors,
    pub batch: Batch,
    pub targets: Vec<usize>,
}

impl Expected {
    pub fn of(name: &str) -> Self {
        let tensors = fixture(&format!("{name}.expected.safetensors"));
        let (shape, pixels) = &tensors["image"];
        let batch = Batch { count: shape[0], size: Size::new(shape[2], shape[3]), pixels: pixels.clone() };
        // The targets are i64; read as f32 pairs, the low word of each is its value.
        let targets = tensors
            .get("target")
            .map(|(_, words)| words.chunks(2).map(|pair| pair[0].to_bits() as usize).collect())
            .unwrap_or_default();
        Self { tensors, batch, targets }
    }

    /// One image's share of a tensor.
    pub fn of_image(&self, name: &str, image: usize) -> &[f32] {
        let (shape, data) = &self.tensors[name];
        &data[image * data.len() / shape[0]..][..data.len() / shape[0]]
    }
}

/// Largest absolute difference over the largest absolute expected value.
pub fn relative_error(got: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(got.len(), expected.len());
    let size = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
    let error = got.iter().zip(expected).fold(0f32, |m, (a, b)| if (a - b).abs() <= m { m } else { (a - b).abs() });
    if size == 0.0 { error } else { error / size }
}
