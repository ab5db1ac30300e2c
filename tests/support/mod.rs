//! Fixtures and file makers that several tests share.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod explained;
pub mod gpu;
pub mod hub_server;
pub mod model;
pub mod pictures;
pub mod reference;
pub mod torch;
pub mod window;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};

/// Name → shape and numbers, as a fixture stores them.
pub type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

pub fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

pub fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(data(name)).unwrap()
}

/// A real model, photo or fixture beside the checkout, which is too large or not ours to copy.
/// Where it is absent the test says so and passes, except under CI.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "not found: {}", path.display());
    eprintln!("skipped: {} not found", path.display());
    None
}

/// Reads a fixture with the `safetensors` crate, independently of the loader under test.
pub fn fixture(name: &str) -> Tensors {
    let bytes = bytes(name);
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let numbers =
        |view: &TensorView<'_>| view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect::<Vec<f32>>();
    file.iter().map(|(name, view)| (name.to_owned(), (view.shape().to_vec(), numbers(&view)))).collect()
}

/// A safetensors file of f32 tensors.
pub fn safetensors(tensors: &Tensors) -> Vec<u8> {
    safetensors_as(tensors, Dtype::F32, |value| value.to_le_bytes().to_vec())
}

/// A safetensors file of another element type.
pub fn safetensors_as(tensors: &Tensors, dtype: Dtype, encode: impl Fn(f32) -> Vec<u8>) -> Vec<u8> {
    let encoded: Vec<(&String, &Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(name, (shape, data))| (name, shape, data.iter().flat_map(|value| encode(*value)).collect()))
        .collect();
    let views =
        encoded.iter().map(|(name, shape, data)| (*name, TensorView::new(dtype, (*shape).clone(), data).unwrap()));
    safetensors::serialize(views, None).unwrap()
}
