//! What lives on the GPU between frames, and how a picture is drawn from it.

use eframe::egui_wgpu::ScreenDescriptor;
use eframe::wgpu;

use super::cache::Cache;
use super::mask::{Masks, Surroundings};
use super::photo::{Allowance, PhotoTextures};
use super::pipelines::Pipelines;
use super::textures::{Uploader, extent};
use super::uniform::{LayerUniform, ScreenRect};
use super::variant::Variant;
use crate::render::{Layer, MaskLayer};

const MEBIBYTE: u64 = 1 << 20;
/// Room for the photos of a few steps back and forth: four of 24 megapixels.
const PHOTO_BUDGET: u64 = 512 * MEBIBYTE;
const MAP_BUDGET: u64 = 16 * MEBIBYTE;
const SLOT_BUDGET: u64 = MEBIBYTE;

/// Pipelines, and the copies of photos and maps.
pub struct Painter {
    pipelines: Pipelines,
    sampler: wgpu::Sampler,
    colour_tables: wgpu::TextureView,
    /// Stands in for the map where there is none.
    no_map: wgpu::TextureView,
    /// Longest side of a texture.
    longest_side: u32,
    photos: Cache<PhotoTextures>,
    maps: Cache<wgpu::TextureView>,
    slots: Cache<Slot>,
    masks: Masks,
    /// What this frame may still upload.
    allowance: Allowance,
    /// Asks for another frame.
    wake: Box<dyn Fn() + Send + Sync>,
    frame: u64,
    /// Whether something was prepared since the last frame ended.
    in_frame: bool,
}

/// What one picture keeps from frame to frame.
struct Slot {
    uniforms: wgpu::Buffer,
    bind_group: wgpu::BindGroup,
    /// The map in the bind group.
    map: Option<u64>,
    pipeline: wgpu::RenderPipeline,
    draws: Vec<Draw>,
}

/// One visible tile.
struct Draw {
    tile: wgpu::BindGroup,
    /// Where its uniform lies in the buffer.
    offset: u32,
}

impl Painter {
    /// For targets of one format; `longest_side` bounds the textures, as the device does.
    pub fn new(
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        target: wgpu::TextureFormat,
        longest_side: u32,
        wake: Box<dyn Fn() + Send + Sync>,
    ) -> Self {
        let pipelines = Pipelines::new(device, target);
        let sampler = device.create_sampler(&wgpu::SamplerDescriptor {
            label: Some("photo"),
            mag_filter: wgpu::FilterMode::Linear,
            min_filter: wgpu::FilterMode::Linear,
            mipmap_filter: wgpu::MipmapFilterMode::Linear,
            ..Default::default()
        });
        let uploader = Uploader { device, queue, pipelines: &pipelines, sampler: &sampler };
        let colour_tables = uploader.colour_tables();
        let no_map = uploader.table("no map", extent(1, 1), wgpu::TextureFormat::R32Float, &[0; 4]);
        Self {
            colour_tables,
            no_map,
            pipelines,
            sampler,
            longest_side: longest_side.min(device.limits().max_texture_dimension_2d),
            photos: Cache::new(PHOTO_BUDGET),
            maps: Cache::new(MAP_BUDGET),
            slots: Cache::new(SLOT_BUDGET),
            masks: Masks::new(),
            allowance: Allowance::of_a_frame(),
            wake,
            frame: 0,
            in_frame: false,
        }
    }

    /// Uploads what is missing, as far as a frame allows, and writes the uniforms of the layer's visible tiles.
    pub fn prepare(
        &mut self,
        layer: &Layer,
        rect: ScreenRect,
        screen: &ScreenDescriptor,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        encoder: &mut wgpu::CommandEncoder,
    ) {
        self.begin_frame();
        let frame = self.frame;
        let pipeline = self.pipelines.heatmap(device, Variant::of(layer));
        let uploader = Uploader { device, queue, pipelines: &self.pipelines, sampler: &self.sampler };
        let rgb = layer.photo.rgb();
        let photo = self
            .photos
            .get_or_make(layer.photo.id(), frame, || PhotoTextures::begin(&uploader, rgb, self.longest_side, encoder));
        if !photo.is_complete() {
            photo.advance(&uploader, rgb, &mut self.allowance, encoder);
        }
        if !photo.is_complete() {
            (self.wake)();
        }
        let (map_id, map) = match &layer.heat {
            Some((map, _)) => (Some(map.id()), &*self.maps.get_or_make(map.id(), frame, || uploader.map(map))),
            None => (None, &self.no_map),
        };
        let (draws, uniforms) = visible_tiles(layer, rect, screen.size_in_pixels, photo, uniform_stride(device));

        let bytes = uniforms.len() as u64;
        let make = || {
            let bind = LayerBinding { layout: &self.pipelines.layer_layout, map, colour_tables: &self.colour_tables };
            let (uniforms, bind_group) = bind.with_buffer(device, bytes);
            Slot { uniforms, bind_group, map: map_id, pipeline: pipeline.clone(), draws: Vec::new() }
        };
        let slot = self.slots.get_or_make(layer.slot, frame, || (make(), bytes));
        if slot.map != map_id || slot.uniforms.size() < bytes {
            *slot = make();
        }
        slot.pipeline.clone_from(&pipeline);
        slot.draws = draws;
        queue.write_buffer(&slot.uniforms, 0, &uniforms);
    }

    /// As [`Self::prepare`], for a mask.
    pub fn prepare_mask(
        &mut self,
        layer: &MaskLayer,
        rect: ScreenRect,
        screen: &ScreenDescriptor,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
    ) {
        self.begin_frame();
        let (pipelines, longest_side, frame) = (&self.pipelines, self.longest_side, self.frame);
        let around = Surroundings { device, queue, pipelines, longest_side, frame };
        if self.masks.prepare(layer, rect, screen, &around) {
            (self.wake)();
        }
    }

    /// Draws the mask of a slot, as [`Self::paint`] does a picture.
    pub fn paint_mask(&self, slot: u64, pass: &mut wgpu::RenderPass<'static>) {
        self.masks.paint(slot, pass);
    }

    /// To be called when all pictures of a frame are prepared; more calls do no harm.
    pub fn end_frame(&mut self) {
        self.in_frame = false;
    }

    /// Draws the picture of a slot; the pass's viewport must be the whole target.
    pub fn paint(&self, slot: u64, pass: &mut wgpu::RenderPass<'static>) {
        let Some(slot) = self.slots.get(slot) else { return };
        pass.set_pipeline(&slot.pipeline);
        for draw in &slot.draws {
            pass.set_bind_group(0, &slot.bind_group, &[draw.offset]);
            pass.set_bind_group(1, &draw.tile, &[]);
            pass.draw(0..4, 0..1);
        }
    }

    fn begin_frame(&mut self) {
        if self.in_frame {
            return;
        }
        self.allowance = Allowance::of_a_frame();
        self.photos.tidy(self.frame);
        self.maps.tidy(self.frame);
        self.slots.tidy(self.frame);
        self.masks.tidy(self.frame);
        self.frame += 1;
        self.in_frame = true;
    }
}

/// Distance between two uniforms in a buffer, in bytes.
fn uniform_stride(device: &wgpu::Device) -> usize {
    size_of::<LayerUniform>().next_multiple_of(device.limits().min_uniform_buffer_offset_alignment as usize)
}

/// The tiles in view and the bytes of their uniforms.
fn visible_tiles(
    layer: &Layer,
    rect: ScreenRect,
    screen: [u32; 2],
    photo: &PhotoTextures,
    stride: usize,
) -> (Vec<Draw>, Vec<u8>) {
    // A zoom that is not a number makes everything invisible, like one of 0.
    let drawable = layer.view.zoom > 0.0;
    let common = LayerUniform::new(layer, rect, screen);
    let mut draws = Vec::new();
    let mut bytes = Vec::new();
    for (tile, bind_group) in photo.tiles().filter(|_| drawable) {
        if let Some(uniform) = common.for_tile(tile, layer.view, rect) {
            draws.push(Draw { tile: bind_group.clone(), offset: bytes.len() as u32 });
            bytes.extend_from_slice(bytemuck::bytes_of(&uniform));
            bytes.resize(draws.len() * stride, 0);
        }
    }
    (draws, bytes)
}

/// What group 0 of the shader is bound to, besides its uniforms.
struct LayerBinding<'a> {
    layout: &'a wgpu::BindGroupLayout,
    map: &'a wgpu::TextureView,
    colour_tables: &'a wgpu::TextureView,
}

impl LayerBinding<'_> {
    /// With a new buffer for at least one uniform.
    fn with_buffer(&self, device: &wgpu::Device, bytes: u64) -> (wgpu::Buffer, wgpu::BindGroup) {
        let uniform_size = size_of::<LayerUniform>() as u64;
        let uniforms = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("layers"),
            size: bytes.max(uniform_size),
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let uniform = wgpu::BufferBinding { buffer: &uniforms, offset: 0, size: wgpu::BufferSize::new(uniform_size) };
        let bind_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("layer"),
            layout: self.layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(uniform) },
                wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::TextureView(self.map) },
                wgpu::BindGroupEntry { binding: 2, resource: wgpu::BindingResource::TextureView(self.colour_tables) },
            ],
        });
        (uniforms, bind_group)
    }
}
