//! The WGSL backend: the same operations on any GPU with a Vulkan, Metal or Direct3D 12 driver, from the plain build.
//!
//! Everything stays in GPU memory between upload and read. Operations are recorded, go to the device in short
//! portions, and only a read waits for it. Shaders are in `shaders/compute`, one file per kernel.

mod adapters;
mod attention;
mod dispatch;
mod error;
mod gpu;
mod matmul;
mod memory;
mod ops;
mod pipelines;
mod plan;
mod profile;
mod recorder;
mod relevance;
pub mod sources;
mod training;
mod tuning;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

pub use adapters::{AdapterInfo, AdapterKind, GpuPick, adapters};
pub use error::GpuError;
pub use gpu::Gpu;
pub use memory::Buffer;
use profile::Profile;
pub use tuning::Tuning;

use super::KernelTimes;

/// Uploads kept because they come again and again, such as the weights of the heads.
const CONSTANTS: usize = 64;

/// [`super::Ops`] on a GPU.
#[derive(Clone, Debug)]
pub struct WgslOps {
    gpu: Arc<Gpu>,
    /// By the bits of the numbers.
    constants: Arc<Mutex<HashMap<Vec<u32>, Buffer>>>,
}

impl WgslOps {
    pub fn new(gpu: Arc<Gpu>) -> Self {
        Self { gpu, constants: Arc::default() }
    }

    pub fn gpu(&self) -> &Arc<Gpu> {
        &self.gpu
    }

    fn profiled(&self, work: &mut dyn FnMut()) -> Option<KernelTimes> {
        let exchange = |profile: Option<Profile>| {
            let mut recorder = self.gpu.recorder();
            recorder.submit(&self.gpu, |_| ());
            std::mem::replace(&mut recorder.profile, profile)
        };
        exchange(Profile::new(&self.gpu));
        work();
        exchange(None).map(Profile::times)
    }

    /// A few numbers on the device, uploaded once.
    fn constant(&self, numbers: &[f32]) -> Result<Buffer, GpuError> {
        let bits: Vec<u32> = numbers.iter().map(|number| number.to_bits()).collect();
        let mut known = self.constants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(buffer) = known.get(&bits) {
            return Ok(buffer.clone());
        }
        let buffer = self.gpu.upload(numbers, &[numbers.len()])?;
        if known.len() >= CONSTANTS {
            known.clear();
        }
        known.insert(bits, buffer.clone());
        Ok(buffer)
    }
}
