//! The two compiled shaders with the layouts of what they are given.

use std::num::NonZeroU64;

use eframe::wgpu;

use super::sources::{self, Shader};
use super::uniform::LayerUniform;

pub const PHOTO_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

pub struct Pipelines {
    pub heatmap: wgpu::RenderPipeline,
    /// Group 0: uniform with an offset, values of the map, tables of colours.
    pub layer_layout: wgpu::BindGroupLayout,
    /// Group 1: photo and sampler.
    pub tile_layout: wgpu::BindGroupLayout,
    /// Draws a level of detail from the one above.
    pub mip: wgpu::RenderPipeline,
    pub mip_layout: wgpu::BindGroupLayout,
}

impl Pipelines {
    pub fn new(device: &wgpu::Device, target: wgpu::TextureFormat) -> Self {
        let uniform = wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Uniform,
            has_dynamic_offset: true,
            min_binding_size: NonZeroU64::new(size_of::<LayerUniform>() as u64),
        };
        let sampler = wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering);
        let layer_layout = layout(device, "layer", &[uniform, texture(false), texture(false)]);
        let tile_layout = layout(device, "photo tile", &[texture(true), sampler]);
        let mip_layout = layout(device, "finer level", &[texture(false)]);

        let entry = if target.is_srgb() { "fs_linear" } else { "fs_gamma" };
        let strip = wgpu::PrimitiveTopology::TriangleStrip;
        let heatmap = pipeline(device, sources::HEATMAP, entry, target, strip, &[&layer_layout, &tile_layout]);
        let triangle = wgpu::PrimitiveTopology::TriangleList;
        let mip = pipeline(device, sources::MIP, "fs_main", PHOTO_FORMAT, triangle, &[&mip_layout]);
        Self { heatmap, layer_layout, tile_layout, mip, mip_layout }
    }
}

fn texture(filterable: bool) -> wgpu::BindingType {
    wgpu::BindingType::Texture {
        sample_type: wgpu::TextureSampleType::Float { filterable },
        view_dimension: wgpu::TextureViewDimension::D2,
        multisampled: false,
    }
}

fn layout(device: &wgpu::Device, label: &str, bindings: &[wgpu::BindingType]) -> wgpu::BindGroupLayout {
    let entry = |(binding, ty): (u32, &wgpu::BindingType)| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
        ty: *ty,
        count: None,
    };
    let entries: Vec<_> = (0..).zip(bindings).map(entry).collect();
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(label), entries: &entries })
}

fn pipeline(
    device: &wgpu::Device,
    shader: Shader,
    fragment_entry: &str,
    target: wgpu::TextureFormat,
    topology: wgpu::PrimitiveTopology,
    groups: &[&wgpu::BindGroupLayout],
) -> wgpu::RenderPipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(shader.name),
        source: wgpu::ShaderSource::Wgsl(shader.source.into()),
    });
    let groups: Vec<_> = groups.iter().map(|layout| Some(*layout)).collect();
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(shader.name),
        bind_group_layouts: &groups,
        immediate_size: 0,
    });
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(shader.name),
        layout: Some(&layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some("vs_main"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            buffers: &[],
        },
        primitive: wgpu::PrimitiveState { topology, ..Default::default() },
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some(fragment_entry),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            // What is drawn is opaque.
            targets: &[Some(target.into())],
        }),
        multiview_mask: None,
        cache: None,
    })
}
