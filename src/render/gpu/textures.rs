//! Uploads: photos with their levels of detail, maps, tables of colours.

use ::image::RgbImage;
use eframe::wgpu;
use eframe::wgpu::util::{DeviceExt, TextureDataOrder};
use rayon::prelude::*;

use super::pipelines::{PHOTO_FORMAT, Pipelines};
use super::tiles::{Tile, Tiling};
use crate::render::{ColourMap, HeatMap};
use crate::size::Size;

/// What uploading needs.
pub struct Uploader<'a> {
    pub device: &'a wgpu::Device,
    pub queue: &'a wgpu::Queue,
    pub pipelines: &'a Pipelines,
    pub sampler: &'a wgpu::Sampler,
}

/// A photo on the GPU, in one or more textures.
pub struct PhotoTextures {
    pub tiles: Vec<(Tile, wgpu::BindGroup)>,
}

impl Uploader<'_> {
    /// Uploads a photo, and its size in bytes; its levels of detail are drawn when `encoder` is submitted.
    pub fn photo(&self, rgb: &RgbImage, longest_side: u32, encoder: &mut wgpu::CommandEncoder) -> (PhotoTextures, u64) {
        let Tiling { levels, tiles } =
            Tiling::new(Size::new(rgb.height() as usize, rgb.width() as usize), longest_side);
        let mut bytes = 0;
        let upload = |tile: Tile| {
            let texels = texels(rgb, &tile);
            // All coarser levels together are a third of the finest.
            bytes += texels.len() as u64 * 4 / 3;
            let bind_group = self.tile(&tile, &texels, levels, encoder);
            (tile, bind_group)
        };
        let tiles = tiles.into_iter().map(upload).collect();
        (PhotoTextures { tiles }, bytes)
    }

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

    fn tile(&self, tile: &Tile, texels: &[u8], levels: u32, encoder: &mut wgpu::CommandEncoder) -> wgpu::BindGroup {
        let size = extent(tile.columns.held.len() as u32, tile.rows.held.len() as u32);
        let usage = wgpu::TextureUsages::TEXTURE_BINDING
            | wgpu::TextureUsages::COPY_DST
            | wgpu::TextureUsages::RENDER_ATTACHMENT;
        let texture = self.device.create_texture(&descriptor("photo", size, levels, PHOTO_FORMAT, usage));
        let layout =
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(4 * size.width), rows_per_image: None };
        self.queue.write_texture(texture.as_image_copy(), texels, layout, size);
        for level in 1..levels {
            self.draw_level(&texture, level, encoder);
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

/// What a tile holds of the photo, as opaque RGBA; beyond the photo's end its last pixels are repeated.
fn texels(rgb: &RgbImage, tile: &Tile) -> Vec<u8> {
    let (columns, rows) = (&tile.columns.held, &tile.rows.held);
    let (last_column, last_row) = (rgb.width() as usize - 1, rgb.height() as usize - 1);
    let stride = 3 * rgb.width() as usize;
    // Zeros come from the system untouched; any other number would be written here, on the window's thread.
    let mut texels = vec![0; 4 * columns.len() * rows.len()];
    texels.par_chunks_exact_mut(4 * columns.len()).enumerate().for_each(|(row, line)| {
        let y = (rows.start as usize + row).min(last_row);
        let source = &rgb.as_raw()[stride * y..stride * (y + 1)];
        for (column, texel) in line.chunks_exact_mut(4).enumerate() {
            let x = 3 * (columns.start as usize + column).min(last_column);
            texel.copy_from_slice(&[source[x], source[x + 1], source[x + 2], 255]);
        }
    });
    texels
}
