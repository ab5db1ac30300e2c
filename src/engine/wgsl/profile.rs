//! How long each kernel takes, by the GPU's own clock.

use std::sync::mpsc;

use super::gpu::Gpu;
use crate::engine::KernelTimes;

/// Kernels per portion, two timestamps each; at least as many as the recorder submits at once.
const PASSES: u32 = 128;

/// Times of the kernels since the profile began. Portions are waited for one by one, so the work as a whole takes
/// longer than without; the kernels do not.
#[derive(Debug)]
pub(super) struct Profile {
    times: KernelTimes,
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    landing: wgpu::Buffer,
    /// Kernels of the portion being submitted.
    kernels: Vec<&'static str>,
    nanoseconds_per_tick: f64,
}

impl Profile {
    /// `None` where the GPU has no clock to read.
    pub(super) fn new(gpu: &Gpu) -> Option<Self> {
        if !gpu.device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            return None;
        }
        let buffer = |usage| {
            let size = u64::from(PASSES) * 16;
            gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("timestamps"),
                size,
                usage,
                mapped_at_creation: false,
            })
        };
        Some(Self {
            times: KernelTimes::new(),
            queries: gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("timestamps"),
                ty: wgpu::QueryType::Timestamp,
                count: 2 * PASSES,
            }),
            resolved: buffer(wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC),
            landing: buffer(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST),
            kernels: Vec::new(),
            nanoseconds_per_tick: f64::from(gpu.queue.get_timestamp_period()),
        })
    }

    pub(super) fn begin_portion(&mut self) {
        self.kernels.clear();
    }

    /// A pass for one kernel, timed at both ends.
    pub(super) fn pass(&mut self, kernel: &'static str) -> wgpu::ComputePassDescriptor<'_> {
        let first = 2 * self.kernels.len() as u32;
        self.kernels.push(kernel);
        wgpu::ComputePassDescriptor {
            label: Some(kernel),
            timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                query_set: &self.queries,
                beginning_of_pass_write_index: Some(first),
                end_of_pass_write_index: Some(first + 1),
            }),
        }
    }

    pub(super) fn end_portion(&self, encoder: &mut wgpu::CommandEncoder) {
        let stamps = 2 * self.kernels.len() as u32;
        encoder.resolve_query_set(&self.queries, 0..stamps, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.landing, 0, 8 * u64::from(stamps));
    }

    /// Waits for the portion and adds up its times. A device that fails here fails for the next who asks it, too.
    pub(super) fn collect(&mut self, gpu: &Gpu) {
        if self.kernels.is_empty() {
            return;
        }
        let (send, receive) = mpsc::channel();
        self.landing.map_async(wgpu::MapMode::Read, .., move |result| drop(send.send(result)));
        if gpu.device.poll(wgpu::PollType::wait_indefinitely()).is_err() || !matches!(receive.recv(), Ok(Ok(()))) {
            return;
        }
        if let Ok(mapped) = self.landing.get_mapped_range(..) {
            let stamps: Vec<u64> = bytemuck::pod_collect_to_vec(&mapped);
            for (kernel, stamps) in self.kernels.iter().zip(stamps.chunks_exact(2)) {
                let time = self.times.entry(kernel).or_default();
                time.runs += 1;
                time.milliseconds += stamps[1].saturating_sub(stamps[0]) as f64 * self.nanoseconds_per_tick * 1e-6;
            }
        }
        self.landing.unmap();
        self.kernels.clear();
    }

    pub(super) fn times(self) -> KernelTimes {
        self.times
    }
}
