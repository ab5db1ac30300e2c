//! Compute: the [`Ops`] seam and the backends behind it.
//!
//! The passes in [`crate::vit`] are written once over [`Ops`]. The candle backend runs them on the CPU with fused
//! row kernels of our own ([`cpu`]), and on CUDA or Metal with candle's kernels when built with those features.

pub mod candle;
pub mod cpu;
mod device;
mod ops;

pub use device::{Device, DeviceInfo, compute_threads, init_threads};
pub use ops::{AdamW, AdamWFactors, Epilogue, Moments, Ops};

/// Why a computation did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the compute device reports: {0}")]
    Device(#[from] candle_core::Error),
    #[error("device «{asked}» is not available: {why}")]
    NoSuchDevice { asked: Device, why: String },
}
