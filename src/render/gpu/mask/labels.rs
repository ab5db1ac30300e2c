//! The labels of a mask in one or more textures, which follow its changes rectangle by rectangle.

use std::collections::VecDeque;
use std::ops::Range;

use eframe::wgpu;

use crate::render::MaskPicture;
use crate::render::gpu::pipelines::Pipelines;
use crate::render::gpu::textures::extent;
use crate::render::gpu::tiles::{Tile, with_margin};
use crate::render::mask::Area;
use crate::size::Size;

/// Bytes that one frame may upload: as many as of a photo.
const BYTES_PER_FRAME: usize = 3 << 21;

/// Pixels around each tile for the outline to look at, however small the view.
const MARGIN: u32 = 160;

/// A mask's textures; new ones are all background.
pub struct LabelTextures {
    tiles: Vec<(Tile, wgpu::BindGroup)>,
    textures: Vec<wgpu::Texture>,
    size: Size,
    /// What is still to be uploaded.
    pending: VecDeque<Area>,
    /// Changes of the mask that were heard of.
    seen: u64,
    /// When it last followed, and what that frame may still upload.
    frame: u64,
    allowance: usize,
}

impl LabelTextures {
    /// Begins with a mask of a size, and the textures' size in bytes; [`Self::follow`] uploads it.
    pub fn begin(device: &wgpu::Device, pipelines: &Pipelines, size: Size, longest_side: u32) -> (Self, u64) {
        let texture = |tile: &Tile| {
            device.create_texture(&wgpu::TextureDescriptor {
                label: Some("mask"),
                size: extent(tile.columns.held.len() as u32, tile.rows.held.len() as u32),
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: wgpu::TextureFormat::R8Uint,
                usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
                view_formats: &[],
            })
        };
        let bind = |texture: &wgpu::Texture| {
            let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
            device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("mask tile"),
                layout: &pipelines.mask_tile_layout,
                entries: &[wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::TextureView(&view) }],
            })
        };
        let tiles = with_margin(size, longest_side, MARGIN);
        let textures: Vec<wgpu::Texture> = tiles.iter().map(texture).collect();
        let bytes = tiles.iter().map(|tile| tile.texels() as u64).sum();
        let tiles = tiles.into_iter().zip(textures.iter().map(bind)).collect();
        let pending = VecDeque::from([whole(size)]);
        (Self { tiles, textures, size, pending, seen: 0, frame: 0, allowance: 0 }, bytes)
    }

    /// Uploads what is pending or has changed, as far as the frame allows.
    pub fn follow(&mut self, queue: &wgpu::Queue, mask: &MaskPicture, frame: u64) {
        if self.frame != frame {
            (self.frame, self.allowance) = (frame, BYTES_PER_FRAME);
        }
        let labels = mask.lock();
        let (count, changes) = labels.since(self.seen);
        self.seen = count;
        match changes {
            Some(changes) => self.pending.extend(changes),
            None => self.pending = VecDeque::from([whole(self.size)]),
        }
        while self.allowance > 0 {
            let Some(area) = self.pending.pop_front() else { return };
            let count = (self.allowance / area.columns.len().max(1)).clamp(1, area.rows.len());
            let (now, later) = (area.rows.start..area.rows.start + count, area.rows.start + count..area.rows.end);
            self.allowance = self.allowance.saturating_sub(count * area.columns.len());
            self.upload(queue, &labels.bytes, &Area { rows: now, columns: area.columns.clone() });
            if !later.is_empty() {
                self.pending.push_front(Area { rows: later, ..area });
            }
        }
    }

    /// Whether [`Self::follow`] has nothing left to do.
    pub fn is_complete(&self) -> bool {
        self.pending.is_empty()
    }

    pub fn tiles(&self) -> impl Iterator<Item = &(Tile, wgpu::BindGroup)> {
        self.tiles.iter()
    }

    /// Into every tile that holds some of it.
    fn upload(&self, queue: &wgpu::Queue, labels: &[u8], area: &Area) {
        for ((tile, _), texture) in self.tiles.iter().zip(&self.textures) {
            let (rows, columns) = (common(&area.rows, &tile.rows.held), common(&area.columns, &tile.columns.held));
            if rows.is_empty() || columns.is_empty() {
                continue;
            }
            let origin = wgpu::Origin3d {
                x: columns.start as u32 - tile.columns.held.start,
                y: rows.start as u32 - tile.rows.held.start,
                z: 0,
            };
            let layout = wgpu::TexelCopyBufferLayout {
                offset: (rows.start * self.size.width + columns.start) as u64,
                bytes_per_row: Some(self.size.width as u32),
                rows_per_image: None,
            };
            let destination = wgpu::TexelCopyTextureInfo { origin, ..texture.as_image_copy() };
            queue.write_texture(destination, labels, layout, extent(columns.len() as u32, rows.len() as u32));
        }
    }
}

fn whole(size: Size) -> Area {
    Area { rows: 0..size.height, columns: 0..size.width }
}

fn common(a: &Range<usize>, b: &Range<u32>) -> Range<usize> {
    a.start.max(b.start as usize)..a.end.min(b.end as usize)
}
