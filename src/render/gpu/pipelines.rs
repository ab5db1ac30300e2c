//! The compiled shaders with the layouts of what they are given.

use std::collections::HashMap;
use std::num::NonZeroU64;

use eframe::wgpu;

use super::mask::MaskUniform;
use super::sources::{self, Shader};
use super::uniform::LayerUniform;
use super::variant::Variant;

pub const PHOTO_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

pub struct Pipelines {
    target: wgpu::TextureFormat,
    /// Those that were needed so far.
    heatmap: HashMap<Variant, wgpu::RenderPipeline>,
    /// Group 0: uniform with an offset, values of the map, tables of colours.
    pub layer_layout: wgpu::BindGroupLayout,
    /// Group 1: photo and sampler.
    pub tile_layout: wgpu::BindGroupLayout,
    /// Draws a level of detail from the one above.
    pub mip: wgpu::RenderPipeline,
    pub mip_layout: wgpu::BindGroupLayout,
    /// A mask over what is drawn already, without and with an outline.
    mask: [wgpu::RenderPipeline; 2],
    /// Group 0: uniform with an offset.
    pub mask_layer_layout: wgpu::BindGroupLayout,
    /// Group 1: labels.
    pub mask_tile_layout: wgpu::BindGroupLayout,
}

impl Pipelines {
    pub fn new(device: &wgpu::Device, target: wgpu::TextureFormat) -> Self {
        let sampler = wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering);
        let layer_layout =
            layout(device, "layer", &[uniform(size_of::<LayerUniform>()), texture(false), texture(false)]);
        let tile_layout = layout(device, "photo tile", &[texture(true), sampler]);
        let mip_layout = layout(device, "finer level", &[texture(false)]);

        let mip = Recipe {
            shader: sources::MIP,
            fragment_entry: "fs_main",
            constants: &[],
            target: PHOTO_FORMAT,
            topology: wgpu::PrimitiveTopology::TriangleList,
            groups: &[Some(&mip_layout)],
            blend: None,
        };
        let mip = mip.pipeline(device);

        let mask_layer_layout = layout(device, "mask layer", &[uniform(size_of::<MaskUniform>())]);
        let labels = wgpu::BindingType::Texture {
            sample_type: wgpu::TextureSampleType::Uint,
            view_dimension: wgpu::TextureViewDimension::D2,
            multisampled: false,
        };
        let mask_tile_layout = layout(device, "mask tile", &[labels]);
        let mask = [0.0, 1.0].map(|with_outline| {
            let mask = Recipe {
                shader: sources::MASK,
                fragment_entry: fragment_entry(target),
                constants: &[("WITH_OUTLINE", with_outline)],
                target,
                topology: wgpu::PrimitiveTopology::TriangleStrip,
                groups: &[Some(&mask_layer_layout), Some(&mask_tile_layout)],
                blend: Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
            };
            mask.pipeline(device)
        });
        let heatmap = HashMap::new();
        Self { target, heatmap, layer_layout, tile_layout, mip, mip_layout, mask, mask_layer_layout, mask_tile_layout }
    }

    pub fn mask(&self, with_outline: bool) -> &wgpu::RenderPipeline {
        &self.mask[usize::from(with_outline)]
    }

    /// The pipeline of a variant, compiled when it is first needed.
    pub fn heatmap(&mut self, device: &wgpu::Device, variant: Variant) -> wgpu::RenderPipeline {
        let recipe = Recipe {
            shader: sources::HEATMAP,
            fragment_entry: fragment_entry(self.target),
            constants: &variant.constants(),
            target: self.target,
            topology: wgpu::PrimitiveTopology::TriangleStrip,
            groups: &[Some(&self.layer_layout), Some(&self.tile_layout)],
            blend: None,
        };
        self.heatmap.entry(variant).or_insert_with(|| recipe.pipeline(device)).clone()
    }
}

fn fragment_entry(target: wgpu::TextureFormat) -> &'static str {
    if target.is_srgb() { "fs_linear" } else { "fs_gamma" }
}

fn uniform(bytes: usize) -> wgpu::BindingType {
    wgpu::BindingType::Buffer {
        ty: wgpu::BufferBindingType::Uniform,
        has_dynamic_offset: true,
        min_binding_size: NonZeroU64::new(bytes as u64),
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

/// What a pipeline is made of.
struct Recipe<'a> {
    shader: Shader,
    fragment_entry: &'a str,
    /// Values of the shader's `override`s.
    constants: &'a [(&'a str, f64)],
    target: wgpu::TextureFormat,
    topology: wgpu::PrimitiveTopology,
    groups: &'a [Option<&'a wgpu::BindGroupLayout>],
    /// `None`: what is drawn is opaque.
    blend: Option<wgpu::BlendState>,
}

impl Recipe<'_> {
    fn pipeline(&self, device: &wgpu::Device) -> wgpu::RenderPipeline {
        let label = Some(self.shader.name);
        let source = wgpu::ShaderSource::Wgsl(self.shader.source.into());
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label, source });
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label,
            bind_group_layouts: self.groups,
            immediate_size: 0,
        });
        let options = || wgpu::PipelineCompilationOptions {
            constants: self.constants,
            ..wgpu::PipelineCompilationOptions::default()
        };
        device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label,
            layout: Some(&layout),
            vertex: wgpu::VertexState {
                module: &module,
                entry_point: Some("vs_main"),
                compilation_options: options(),
                buffers: &[],
            },
            primitive: wgpu::PrimitiveState { topology: self.topology, ..Default::default() },
            depth_stencil: None,
            multisample: wgpu::MultisampleState::default(),
            fragment: Some(wgpu::FragmentState {
                module: &module,
                entry_point: Some(self.fragment_entry),
                compilation_options: options(),
                targets: &[Some(wgpu::ColorTargetState { blend: self.blend, ..self.target.into() })],
            }),
            multiview_mask: None,
            cache: None,
        })
    }
}
