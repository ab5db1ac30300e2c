//! Compute: the [`Ops`] seam and the backends behind it.
//!
//! The passes in [`crate::vit`] are written once over [`Ops`]. The candle backend runs them on the CPU with fused
//! row kernels of our own ([`cpu`]), and on CUDA or Metal with candle's kernels when built with those features. The WGSL
//! backend ([`wgsl`]) runs them on any other GPU.

pub mod candle;
pub mod cpu;
mod device;
mod ops;
mod process;
pub mod wgsl;

pub use device::{Device, DeviceInfo, compute_threads};
pub use ops::{AdamW, AdamWFactors, Epilogue, KernelTime, KernelTimes, Moments, Ops, RelevanceTerm};
pub use process::init_process;

/// Why a computation did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the compute device reports: {0}")]
    Device(#[from] candle_core::Error),
    #[error(transparent)]
    Gpu(#[from] wgsl::GpuError),
    #[error("device «{asked}» is not available: {why}")]
    NoSuchDevice { asked: Device, why: String },
}

impl Error {
    /// Whether the device is gone, with everything on it: the same work may succeed on another one.
    pub fn is_device_lost(&self) -> bool {
        matches!(self, Self::Gpu(error) if error.is_lost())
    }
}
