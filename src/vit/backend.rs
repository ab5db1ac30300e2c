//! Which backend computes a model.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::candle::CandleOps;
use crate::engine::wgsl::{AdapterKind, Gpu, GpuPick, WgslOps, adapters};
use crate::engine::{Device, Error};

use super::engine::{Engine, EngineError};
use super::self_test::self_test;
use super::weights::Tensor;
use super::{Vit, VitConfig};

/// A model on a device.
pub struct Opened {
    pub engine: Box<dyn Engine>,
    /// Why a GPU of the machine does not compute, although it was to be used.
    pub note: Option<String>,
}

/// Puts a model on the device asked for. [`Device::Auto`] takes a GPU if it computes the CPU's numbers, and says why if
/// it takes none of those that are there.
///
/// # Errors
/// If there is no such device, it fails its self-test, a tensor is missing or the device has no room.
pub fn open(device: Device, config: VitConfig, tensors: BTreeMap<String, Tensor>) -> Result<Opened, EngineError> {
    match device {
        Device::Auto => open_best(config, tensors),
        Device::Gpu(pick) => {
            let gpu = tested(&pick).map_err(|why| Error::NoSuchDevice { asked: Device::Gpu(pick), why })?;
            Ok(Opened { engine: Box::new(Vit::new(WgslOps::new(gpu), config, tensors)?), note: None })
        }
        other => Ok(Opened { engine: Box::new(Vit::new(CandleOps::new(other)?, config, tensors)?), note: None }),
    }
}

fn open_best(config: VitConfig, tensors: BTreeMap<String, Tensor>) -> Result<Opened, EngineError> {
    let candle = CandleOps::new(Device::Auto)?;
    let (gpu, note) = if candle.is_cpu() { real_gpu() } else { (None, None) };
    let engine: Box<dyn Engine> = match gpu {
        Some(gpu) => Box::new(Vit::new(WgslOps::new(gpu), config, tensors)?),
        None => Box::new(Vit::new(candle, config, tensors)?),
    };
    Ok(Opened { engine, note })
}

/// The best GPU that is hardware and computes the CPU's numbers; if the best does not, why.
fn real_gpu() -> (Option<Arc<Gpu>>, Option<String>) {
    let mut hardware: Vec<_> = adapters().into_iter().filter(|adapter| adapter.kind != AdapterKind::Software).collect();
    hardware.sort_by_key(|adapter| adapter.kind);
    let mut notes = Vec::new();
    for adapter in hardware {
        match tested(&GpuPick::Index(adapter.index)) {
            Ok(gpu) => return (Some(gpu), None),
            Err(why) => notes.push(why),
        }
    }
    let note = notes.into_iter().next().map(|why| format!("the CPU computes, because {why}"));
    (None, note)
}

/// A GPU with its kernels tuned that has computed the CPU's numbers; each device is asked once.
///
/// # Errors
/// In words, if it cannot be opened or computes other numbers.
pub fn tested(pick: &GpuPick) -> Result<Arc<Gpu>, String> {
    let gpu = Gpu::shared(pick)?;
    gpu.pass_once(|gpu| {
        // In this order: what is tested is what will compute.
        WgslOps::new(gpu.clone()).tune().map_err(|err| err.to_string())?;
        self_test(WgslOps::new(gpu.clone())).map_err(|err| err.to_string())
    })
    .map_err(|why| format!("{} fails its self-test: {why}", gpu.adapter().name))?;
    Ok(gpu)
}
