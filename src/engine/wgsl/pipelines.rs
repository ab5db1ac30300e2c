//! Compiled kernels, each made when it is first needed.

#![allow(unsafe_code)] // Shaders of our own, without the checks that wgpu adds for strangers; argued where it is done.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::sources::Kernel;

/// Bytes between the sizes of two dispatches in the shared uniform buffer: the largest alignment any device asks for.
pub(super) const SIZES_BYTES: u64 = 256;

#[derive(Debug)]
pub(super) struct Pipeline {
    pub pipeline: wgpu::ComputePipeline,
    pub bindings: wgpu::BindGroupLayout,
}

/// A kernel's name and the values of its switches.
type Key = (&'static str, [bool; 2]);

#[derive(Debug, Default)]
pub(super) struct Pipelines(Mutex<HashMap<Key, Arc<Pipeline>>>);

impl Pipelines {
    pub(super) fn get(&self, device: &wgpu::Device, kernel: &'static Kernel, switches: [bool; 2]) -> Arc<Pipeline> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry((kernel.name, switches)).or_insert_with(|| Arc::new(compile(device, kernel, switches))).clone()
    }
}

fn compile(device: &wgpu::Device, kernel: &'static Kernel, switches: [bool; 2]) -> Pipeline {
    let bindings = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some(kernel.name),
        entries: &entries(kernel),
    });
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(kernel.name),
        bind_group_layouts: &[Some(&bindings)],
        immediate_size: 0,
    });
    let description = wgpu::ShaderModuleDescriptor {
        label: Some(kernel.name),
        source: wgpu::ShaderSource::Wgsl(kernel.source.into()),
    };
    let checks = wgpu::ShaderRuntimeChecks { bounds_checks: false, force_loop_bounding: false, ..Default::default() };
    // SAFETY: every access of our kernels is guarded by the sizes it was dispatched with, which `WgslOps` checks against
    // the buffers, and every loop counts up to such a size. Tests run them on sizes that fill no tile.
    let module = unsafe { device.create_shader_module_trusted(description, checks) };
    let constants: Vec<(&str, f64)> =
        kernel.switches.iter().zip(switches).map(|(name, on)| (*name, f64::from(u8::from(on)))).collect();
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(kernel.name),
        layout: Some(&layout),
        module: &module,
        entry_point: Some("main"),
        // Every number in work group memory is written before it is read.
        compilation_options: wgpu::PipelineCompilationOptions {
            constants: &constants,
            zero_initialize_workgroup_memory: false,
        },
        cache: None,
    });
    Pipeline { pipeline, bindings }
}

/// The sizes, the inputs, the outputs.
fn entries(kernel: &Kernel) -> Vec<wgpu::BindGroupLayoutEntry> {
    let entry = |binding, ty, has_dynamic_offset| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset, min_binding_size: None },
        count: None,
    };
    let storage = |binding| {
        let read_only = binding <= kernel.inputs;
        entry(binding, wgpu::BufferBindingType::Storage { read_only }, false)
    };
    let sizes = entry(0, wgpu::BufferBindingType::Uniform, true);
    std::iter::once(sizes).chain((1..=kernel.inputs + kernel.outputs).map(storage)).collect()
}
