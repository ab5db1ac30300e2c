//! Masks on the GPU: labels in textures of one byte per pixel, of which only what changed is uploaded.

mod labels;
mod uniform;

use eframe::egui_wgpu::ScreenDescriptor;
use eframe::wgpu;

use self::labels::LabelTextures;
pub use self::uniform::MaskUniform;
use super::cache::Cache;
use super::pipelines::Pipelines;
use super::uniform::ScreenRect;
use crate::render::MaskLayer;

const MEBIBYTE: u64 = 1 << 20;
/// Four masks of 24 megapixels.
const LABEL_BUDGET: u64 = 96 * MEBIBYTE;
const SLOT_BUDGET: u64 = MEBIBYTE;

/// The copies of masks, and what their pictures keep from frame to frame.
pub struct Masks {
    labels: Cache<LabelTextures>,
    slots: Cache<Slot>,
}

struct Slot {
    pipeline: wgpu::RenderPipeline,
    uniforms: wgpu::Buffer,
    bind_group: wgpu::BindGroup,
    draws: Vec<(wgpu::BindGroup, u32)>,
}

/// What preparing a mask needs of its surroundings.
pub struct Surroundings<'a> {
    pub device: &'a wgpu::Device,
    pub queue: &'a wgpu::Queue,
    pub pipelines: &'a Pipelines,
    /// Longest side of a texture.
    pub longest_side: u32,
    pub frame: u64,
}

impl Masks {
    pub fn new() -> Self {
        Self { labels: Cache::new(LABEL_BUDGET), slots: Cache::new(SLOT_BUDGET) }
    }

    /// Uploads what changed, as far as a frame allows, and writes the uniforms; whether more is to be uploaded.
    pub fn prepare(
        &mut self,
        layer: &MaskLayer,
        rect: ScreenRect,
        screen: &ScreenDescriptor,
        around: &Surroundings<'_>,
    ) -> bool {
        let Surroundings { device, queue, pipelines, longest_side, frame } = *around;
        let make = || LabelTextures::begin(device, pipelines, layer.mask.size(), longest_side);
        let labels = self.labels.get_or_make(layer.mask.id(), frame, make);
        labels.follow(queue, &layer.mask, frame);

        let common = MaskUniform::new(layer, rect, screen.size_in_pixels);
        let alignment = device.limits().min_uniform_buffer_offset_alignment as usize;
        let stride = size_of::<MaskUniform>().next_multiple_of(alignment);
        let (mut draws, mut bytes) = (Vec::new(), Vec::new());
        // A zoom that is not a number makes everything invisible, like one of 0.
        for (tile, bind_group) in labels.tiles().filter(|_| layer.view.zoom > 0.0) {
            if let Some(uniform) = common.for_tile(tile, layer.view, rect) {
                draws.push((bind_group.clone(), bytes.len() as u32));
                bytes.extend_from_slice(bytemuck::bytes_of(&uniform));
                bytes.resize(draws.len() * stride, 0);
            }
        }
        let pipeline = pipelines.mask(layer.style.outline);
        let make = || Slot::with_buffer(device, pipeline, &pipelines.mask_layer_layout, bytes.len() as u64);
        let slot = self.slots.get_or_make(layer.slot, frame, || (make(), bytes.len() as u64));
        if slot.uniforms.size() < bytes.len() as u64 {
            *slot = make();
        }
        slot.pipeline.clone_from(pipeline);
        slot.draws = draws;
        queue.write_buffer(&slot.uniforms, 0, &bytes);
        !labels.is_complete()
    }

    /// Draws the mask of a slot; the pass's viewport must be the whole target.
    pub fn paint(&self, slot: u64, pass: &mut wgpu::RenderPass<'static>) {
        let Some(slot) = self.slots.get(slot) else { return };
        pass.set_pipeline(&slot.pipeline);
        for (tile, offset) in &slot.draws {
            pass.set_bind_group(0, &slot.bind_group, &[*offset]);
            pass.set_bind_group(1, tile, &[]);
            pass.draw(0..4, 0..1);
        }
    }

    /// To be called when a frame begins.
    pub fn tidy(&mut self, last_frame: u64) {
        self.labels.tidy(last_frame);
        self.slots.tidy(last_frame);
    }
}

impl Slot {
    /// With a new buffer for at least one uniform.
    fn with_buffer(
        device: &wgpu::Device,
        pipeline: &wgpu::RenderPipeline,
        layout: &wgpu::BindGroupLayout,
        bytes: u64,
    ) -> Self {
        let uniform_size = size_of::<MaskUniform>() as u64;
        let uniforms = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("mask layer"),
            size: bytes.max(uniform_size),
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let binding = wgpu::BufferBinding { buffer: &uniforms, offset: 0, size: uniform_size.try_into().ok() };
        let bind_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("mask layer"),
            layout,
            entries: &[wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(binding) }],
        });
        Self { pipeline: pipeline.clone(), uniforms, bind_group, draws: Vec::new() }
    }
}
