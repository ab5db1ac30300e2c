//! Uploads: textures of photos with their levels of detail, maps, tables of colours.

use eframe::wgpu;
use eframe::wgpu::util::{DeviceExt, TextureDataOrder};

use super::pipelines::{PHOTO_FORMAT, Pipelines};
use crate::render::{ColourMap, HeatMap};

/// What uploading needs.
pub struct Uploader<'a> {
    pub device: &'a wgpu::Device,
    pub queue: &'a wgpu::Queue,
    pub pipelines: &'a Pipelines,
    pub sampler: &'a wgpu::Sampler,
}

impl Uploader<'_> {
    /// Uploads the values of a map, one texel per patch, and its size in bytes.
    pub fn map(&self, map: &HeatMap) -> (wgpu::TextureView, u64) {
        let grid = map.grid();
        let size = extent(grid.width as u32, grid.height as u32);
        let values: &[u8] = bytemuck::cast_slice(map.values());
        (self.table("heat values", size, wgpu::TextureFormat::R32Float, values), values.len() as u64)
    }

    /// One row of 256 colours per colour map, in the order of [`ColourMap::ALL`].
    pub fn colour_tables(&self) -> wgpu::TextureView {
        let opaque = |[r, g, b]: [u8; 3]| [r, g, b, 255];
        let texels: Vec<u8> = ColourMap::ALL.iter().flat_map(|map| map.table()).flat_map(opaque).collect();
        self.table("colour maps", extent(256, ColourMap::ALL.len() as u32), PHOTO_FORMAT, &texels)
    }

    /// A texture whose texels the shader reads one by one.
    pub fn table(
        &self,
        label: &str,
        size: wgpu::Extent3d,
        format: wgpu::TextureFormat,
        texels: &[u8],
    ) -> wgpu::TextureView {
        let usage = wgpu::TextureUsages::TEXTURE_BINDING;
        let descriptor = descriptor(label, size, 1, format, usage);
        let texture =
            self.device.create_texture_with_data(self.queue, &descriptor, TextureDataOrder::default(), texels);
        texture.create_view(&wgpu::TextureViewDescriptor::default())
    }

    /// An empty texture for a photo or a part of it.
    pub fn photo_texture(&self, size: wgpu::Extent3d, levels: u32) -> wgpu::Texture {
        let usage = wgpu::TextureUsages::TEXTURE_BINDING
            | wgpu::TextureUsages::COPY_DST
            | wgpu::TextureUsages::RENDER_ATTACHMENT;
        self.device.create_texture(&descriptor("photo", size, levels, PHOTO_FORMAT, usage))
    }

    /// Fills whole rows of a photo's texture, from `first_row` on, with RGBA texels.
    pub fn write_rows(&self, texture: &wgpu::Texture, first_row: u32, texels: &[u8]) {
        let bytes_per_row = 4 * texture.width();
        let destination = wgpu::TexelCopyTextureInfo {
            origin: wgpu::Origin3d { x: 0, y: first_row, z: 0 },
            ..texture.as_image_copy()
        };
        let layout =
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(bytes_per_row), rows_per_image: None };
        let rows = texels.len() as u32 / bytes_per_row;
        self.queue.write_texture(destination, texels, layout, extent(texture.width(), rows));
    }

    /// Lets the shader read a photo's texture, whose coarser levels are drawn when `encoder` is submitted.
    pub fn finish_photo(&self, texture: &wgpu::Texture, encoder: &mut wgpu::CommandEncoder) -> wgpu::BindGroup {
        for level in 1..texture.mip_level_count() {
            self.draw_level(texture, level, encoder);
        }
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("photo tile"),
            layout: &self.pipelines.tile_layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::TextureView(&view) },
                wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::Sampler(self.sampler) },
            ],
        })
    }

    /// Draws one level of detail from the next finer one.
    fn draw_level(&self, texture: &wgpu::Texture, level: u32, encoder: &mut wgpu::CommandEncoder) {
        let view = |level| {
            texture.create_view(&wgpu::TextureViewDescriptor {
                base_mip_level: level,
                mip_level_count: Some(1),
                ..Default::default()
            })
        };
        let (finer, coarser) = (view(level - 1), view(level));
        let bind_group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("finer level"),
            layout: &self.pipelines.mip_layout,
            entries: &[wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::TextureView(&finer) }],
        });
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("level of detail"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &coarser,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT),
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..Default::default()
        });
        pass.set_pipeline(&self.pipelines.mip);
        pass.set_bind_group(0, &bind_group, &[]);
        pass.draw(0..3, 0..1);
    }
}

pub const fn extent(width: u32, height: u32) -> wgpu::Extent3d {
    wgpu::Extent3d { width, height, depth_or_array_layers: 1 }
}

fn descriptor(
    label: &str,
    size: wgpu::Extent3d,
    levels: u32,
    format: wgpu::TextureFormat,
    usage: wgpu::TextureUsages,
) -> wgpu::TextureDescriptor<'_> {
    wgpu::TextureDescriptor {
        label: Some(label),
        size,
        mip_level_count: levels,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage,
        view_formats: &[],
    }
}
