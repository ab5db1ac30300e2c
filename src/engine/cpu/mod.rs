//! Kernels on plain `f32` slices: fused, vectorised, in parallel over rows or heads.
//!
//! They know shapes only as numbers; the candle backend wraps them for tensors on the CPU.

pub mod attention;
pub mod columns;
pub mod gemm;
pub mod math;
pub mod optimiser;
pub mod relevance;
pub mod rows;
