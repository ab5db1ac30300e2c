//! Commands gather here and go to the device in portions small enough to leave the screen its turn.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc;

use super::error::GpuError;
use super::gpu::Gpu;
use super::memory::Buffer;
use super::pipelines::{Pipeline, SIZES_BYTES};
use super::profile::Profile;
use super::sources::Kernel;

/// Dispatches in one submission.
const DISPATCHES: usize = 128;

/// After a read so many portions are smaller, each half of the next: the device begins while the rest is still noted.
const RAMP: u32 = 3;

/// Portions the device may be behind. The recorder waits only beyond that, so that the device never does.
const IN_FLIGHT: usize = 16;

/// What is read at once goes through one buffer of at most this size, if the tensors are not larger.
const READ_BYTES: u64 = 64 << 20;

/// One kernel on its buffers.
pub(super) struct Call<'a> {
    pub kernel: &'static Kernel,
    pub switches: [bool; 2],
    /// The kernel's `Sizes`, floats by their bits.
    pub sizes: &'a [u32],
    pub inputs: &'a [&'a Buffer],
    pub outputs: &'a [&'a Buffer],
    pub groups: [u32; 3],
    /// Floating-point operations, roughly.
    pub work: u64,
}

#[derive(Debug)]
struct Command {
    pipeline: Arc<Pipeline>,
    bindings: wgpu::BindGroup,
    groups: [u32; 3],
    kernel: &'static str,
}

#[derive(Debug)]
pub(super) struct Recorder {
    commands: Vec<Command>,
    /// The sizes of each command, [`SIZES_BYTES`] apart; written to `uniform` right before the commands are submitted.
    sizes: Vec<u8>,
    uniform: wgpu::Buffer,
    work: u64,
    /// Portions until they have their full size.
    ramp: u32,
    in_flight: VecDeque<wgpu::SubmissionIndex>,
    /// Bytes written since the driver last got commands.
    pub staged: u64,
    /// Where what is read waits to be fetched.
    landing: Option<wgpu::Buffer>,
    /// Times every kernel while it is there.
    pub profile: Option<Profile>,
}

impl Recorder {
    pub(super) fn new(device: &wgpu::Device) -> Self {
        let uniform = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("sizes"),
            size: SIZES_BYTES * DISPATCHES as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Self {
            commands: Vec::new(),
            sizes: Vec::new(),
            uniform,
            work: 0,
            ramp: RAMP,
            in_flight: VecDeque::new(),
            staged: 0,
            landing: None,
            profile: None,
        }
    }

    /// Notes a kernel, and submits when a portion is full.
    pub(super) fn record(&mut self, gpu: &Gpu, call: &Call<'_>) {
        let pipeline = gpu.pipelines.get(&gpu.device, call.kernel, call.switches);
        let size = std::num::NonZeroU64::new(SIZES_BYTES);
        let sizes = wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer: &self.uniform, offset: 0, size });
        let buffers = call.inputs.iter().chain(call.outputs).map(|buffer| buffer.binding());
        let entries: Vec<wgpu::BindGroupEntry<'_>> = std::iter::once(sizes)
            .chain(buffers)
            .zip(0..)
            .map(|(resource, binding)| wgpu::BindGroupEntry { binding, resource })
            .collect();
        let bindings = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.bindings,
            entries: &entries,
        });
        self.commands.push(Command { pipeline, bindings, groups: call.groups, kernel: call.kernel.name });
        self.sizes.extend_from_slice(bytemuck::cast_slice(call.sizes));
        self.sizes.resize(self.commands.len() * SIZES_BYTES as usize, 0);
        self.work += call.work;
        if self.commands.len() >= DISPATCHES >> self.ramp || self.work >= gpu.portion() >> self.ramp {
            self.submit(gpu, |_| ());
        }
    }

    /// Hands over what was noted, followed by what `finish` adds.
    pub(super) fn submit(&mut self, gpu: &Gpu, finish: impl FnOnce(&mut wgpu::CommandEncoder)) {
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        if !self.commands.is_empty() {
            gpu.queue.write_buffer(&self.uniform, 0, &self.sizes);
            match &mut self.profile {
                Some(profile) => {
                    profile.begin_portion();
                    for (command, offset) in self.commands.iter().zip((0..).step_by(SIZES_BYTES as usize)) {
                        let description = profile.pass(command.kernel);
                        dispatch(&mut encoder.begin_compute_pass(&description), command, offset);
                    }
                    profile.end_portion(&mut encoder);
                }
                None => {
                    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
                    for (command, offset) in self.commands.iter().zip((0..).step_by(SIZES_BYTES as usize)) {
                        dispatch(&mut pass, command, offset);
                    }
                }
            }
        }
        finish(&mut encoder);
        self.in_flight.push_back(gpu.queue.submit([encoder.finish()]));
        gpu.submitted();
        self.commands.clear();
        self.sizes.clear();
        self.work = 0;
        self.ramp = self.ramp.saturating_sub(1);
        self.staged = 0;
        if let Some(profile) = &mut self.profile {
            profile.collect(gpu);
        }
        if self.in_flight.len() > IN_FLIGHT {
            let oldest = self.in_flight.pop_front();
            if let Err(err) = gpu.device.poll(wgpu::PollType::Wait { submission_index: oldest, timeout: None }) {
                gpu.report(GpuError::Driver { gpu: gpu.info.name.clone(), why: err.to_string() });
            }
        }
    }

    pub(super) fn read(&mut self, gpu: &Gpu, buffers: &[&Buffer]) -> Result<Vec<Vec<f32>>, GpuError> {
        let mut numbers = Vec::with_capacity(buffers.len());
        let mut rest = buffers;
        while !rest.is_empty() {
            let mut bytes = 0;
            let within = |buffer: &&&Buffer| {
                bytes += buffer.bytes();
                bytes <= READ_BYTES
            };
            let (portion, later) = rest.split_at(rest.iter().take_while(within).count().max(1));
            self.read_portion(gpu, portion, &mut numbers)?;
            rest = later;
        }
        Ok(numbers)
    }

    fn read_portion(&mut self, gpu: &Gpu, buffers: &[&Buffer], numbers: &mut Vec<Vec<f32>>) -> Result<(), GpuError> {
        let total: u64 = buffers.iter().map(|buffer| buffer.bytes()).sum();
        let landing = self.landing(gpu, total)?;
        self.submit(gpu, |encoder| {
            let mut offset = 0;
            for buffer in buffers {
                encoder.copy_buffer_to_buffer(&buffer.memory.buffer, 0, &landing, offset, buffer.bytes());
                offset += buffer.bytes();
            }
        });
        let failed = |why: String| GpuError::Driver { gpu: gpu.info.name.clone(), why };
        let (send, receive) = mpsc::channel();
        landing.map_async(wgpu::MapMode::Read, ..total.max(4), move |result| {
            // Nobody listens if the wait failed, which is told below.
            drop(send.send(result));
        });
        gpu.wait()?;
        self.in_flight.clear();
        self.ramp = RAMP;
        receive.recv().map_err(|_| failed("it did not answer".to_owned()))?.map_err(|err| failed(err.to_string()))?;
        {
            let mapped = landing.get_mapped_range(..total.max(4)).map_err(|err| failed(err.to_string()))?;
            let mut offset = 0;
            for buffer in buffers {
                let bytes = buffer.bytes() as usize;
                numbers.push(bytemuck::pod_collect_to_vec(&mapped[offset..offset + bytes]));
                offset += bytes;
            }
        }
        landing.unmap();
        Ok(())
    }

    /// A buffer the host can read, kept while it is large enough and not too large.
    fn landing(&mut self, gpu: &Gpu, bytes: u64) -> Result<wgpu::Buffer, GpuError> {
        if let Some(landing) = &self.landing
            && landing.size() >= bytes
        {
            return Ok(landing.clone());
        }
        let landing = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("read"),
            size: bytes.max(4).next_power_of_two().max(1 << 16).min(bytes.next_multiple_of(4).max(READ_BYTES)),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        gpu.failure()?;
        self.landing = (landing.size() <= READ_BYTES).then(|| landing.clone());
        Ok(landing)
    }
}

fn dispatch(pass: &mut wgpu::ComputePass<'_>, command: &Command, offset: u32) {
    pass.set_pipeline(&command.pipeline.pipeline);
    pass.set_bind_group(0, &command.bindings, &[offset]);
    let [x, y, z] = command.groups;
    pass.dispatch_workgroups(x, y, z);
}
