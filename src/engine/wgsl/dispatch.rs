//! How the simple kernels are spread over work groups.

use std::sync::atomic::Ordering;

use super::WgslOps;
use super::error::GpuError;
use super::gpu::Gpu;
use super::memory::Buffer;
use super::recorder::Call;
use super::sources::Kernel;

/// Elements per work group; `ELEMENTS` of shaders/compute/snippets/index.wgsl.
pub(super) const ELEMENTS: usize = 256;

/// What an element of a cheap kernel costs, in floating-point operations: it waits for memory, not for arithmetic.
const WORK_PER_ELEMENT: u64 = 32;

/// A submission's share of a second: several fit between two frames of a window.
const PORTION_SECONDS: f32 = 0.004;

/// A portion is never smaller, so that a slow device does not drown in submissions.
const PORTION_AT_LEAST: u64 = 20_000_000;

impl Gpu {
    /// Floating-point operations after which commands are submitted.
    pub(super) fn portion(&self) -> u64 {
        let gflops = f32::from_bits(self.pace.load(Ordering::Relaxed));
        ((gflops * 1e9 * PORTION_SECONDS) as u64).max(PORTION_AT_LEAST)
    }

    /// Work groups in one dimension.
    pub(super) fn most_groups(&self) -> usize {
        self.limits.max_compute_workgroups_per_dimension as usize
    }

    /// So many work groups, folded into two dimensions where one does not suffice.
    pub(super) fn folded(&self, groups: usize) -> [u32; 3] {
        let rows = groups.div_ceil(self.most_groups()).max(1);
        [groups.div_ceil(rows) as u32, rows as u32, 1]
    }
}

impl WgslOps {
    /// A kernel that treats every element of `out` alone; its sizes are their number, then `sizes`.
    pub(super) fn elements(
        &self,
        kernel: &'static Kernel,
        count: usize,
        sizes: &[u32],
        inputs: &[&Buffer],
        outputs: &[&Buffer],
    ) -> Result<(), GpuError> {
        let all: Vec<u32> = std::iter::once(count as u32).chain(sizes.iter().copied()).collect();
        self.call(kernel, &all, inputs, outputs, self.gpu.folded(count.div_ceil(ELEMENTS)), count)
    }

    /// A kernel with one work group per row of `width`; its sizes are rows and width, then `sizes`.
    pub(super) fn rows(
        &self,
        kernel: &'static Kernel,
        count: usize,
        width: usize,
        sizes: &[u32],
        inputs: &[&Buffer],
        outputs: &[&Buffer],
    ) -> Result<(), GpuError> {
        let rows = count / width.max(1);
        let all: Vec<u32> = [rows as u32, width as u32].iter().chain(sizes).copied().collect();
        self.call(kernel, &all, inputs, outputs, self.gpu.folded(rows), count)
    }

    /// `count`: elements it treats, for a guess at the work.
    pub(super) fn call(
        &self,
        kernel: &'static Kernel,
        sizes: &[u32],
        inputs: &[&Buffer],
        outputs: &[&Buffer],
        groups: [u32; 3],
        count: usize,
    ) -> Result<(), GpuError> {
        if groups.contains(&0) {
            return Ok(());
        }
        if groups.iter().any(|&n| n as usize > self.gpu.most_groups()) {
            let shape = outputs.first().map(|out| out.shape.clone()).unwrap_or_default();
            return Err(GpuError::Shape { operation: kernel.name, shape });
        }
        let work = WORK_PER_ELEMENT * count as u64;
        self.gpu
            .recorder()
            .record(&self.gpu, &Call { kernel, switches: [false; 2], sizes, inputs, outputs, groups, work });
        Ok(())
    }
}

/// Refuses buffers of other lengths than a kernel will touch: the shaders themselves do not look.
pub(super) fn expect(operation: &'static str, lengths: &[(&Buffer, usize)]) -> Result<(), GpuError> {
    match lengths.iter().find(|(buffer, length)| buffer.len() != *length) {
        Some((buffer, _)) => Err(GpuError::Shape { operation, shape: buffer.shape.clone() }),
        None => Ok(()),
    }
}

/// The three lengths of `[images, tokens, width]`.
pub(super) fn tokens_of(operation: &'static str, x: &Buffer) -> Result<[usize; 3], GpuError> {
    x.shape.as_slice().try_into().map_err(|_| GpuError::Shape { operation, shape: x.shape.clone() })
}
