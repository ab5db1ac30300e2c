//! A window's renderer without a window: layers in, pixels out.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use ::image::RgbaImage;
use eframe::egui::epaint::{ClippedPrimitive, Primitive};
use eframe::egui::{Pos2, Rect, Vec2};
use eframe::egui_wgpu::{RenderState, Renderer, RendererOptions, ScreenDescriptor, WgpuConfiguration, WgpuSetup};
use eframe::{egui, wgpu};
use vitrine::render::{Layer, gpu};

/// The renderer, with the shaders not yet installed.
pub struct OffScreen {
    pub window: RenderState,
    pub pixels_per_point: f32,
}

impl OffScreen {
    /// `None` (and a line that says so) on a machine that cannot draw at all, except under CI.
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    pub fn open() -> Option<Self> {
        let setup = egui_kittest::wgpu::default_wgpu_setup();
        match render_state(setup) {
            Ok(window) => Some(Self { window, pixels_per_point: 1.0 }),
            Err(error) if std::env::var("CI").is_ok_and(|ci| ci == "true") => panic!("no graphics adapter: {error}"),
            Err(error) => {
                eprintln!("skipped: no graphics adapter found ({error})");
                None
            }
        }
    }

    /// As a window opens it.
    pub fn with_shaders() -> Option<Self> {
        let screen = Self::open()?;
        gpu::install(&screen.window, || ());
        Some(screen)
    }

    /// For a target that encodes what is written to it as sRGB.
    pub fn encoding_srgb() -> Option<Self> {
        let mut screen = Self::open()?;
        screen.window.target_format = wgpu::TextureFormat::Rgba8UnormSrgb;
        let renderer = Renderer::new(&screen.window.device, screen.window.target_format, RendererOptions::PREDICTABLE);
        screen.window.renderer = egui::mutex::RwLock::new(renderer).into();
        gpu::install(&screen.window, || ());
        Some(screen)
    }

    /// One frame of this size in physical pixels; a layer fills its rectangle, which is in points.
    pub fn draw(&self, size: [u32; 2], layers: Vec<(Rect, Layer)>) -> RgbaImage {
        self.draw_all(size, layers.into_iter().map(|(rect, layer)| gpu::paint(rect, layer)))
    }

    /// What these callbacks draw, one over the other.
    pub fn draw_all(
        &self,
        [width, height]: [u32; 2],
        callbacks: impl IntoIterator<Item = egui::PaintCallback>,
    ) -> RgbaImage {
        let primitives: Vec<ClippedPrimitive> = callbacks
            .into_iter()
            .map(|callback| ClippedPrimitive { clip_rect: Rect::EVERYTHING, primitive: Primitive::Callback(callback) })
            .collect();
        let screen = ScreenDescriptor { size_in_pixels: [width, height], pixels_per_point: self.pixels_per_point };
        let RenderState { device, queue, .. } = &self.window;
        let target = self.target(width, height);
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut renderer = self.window.renderer.write();
        let others = renderer.update_buffers(device, queue, &mut encoder, &primitives, &screen);
        let pass = wgpu::RenderPassDescriptor {
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &target.create_view(&wgpu::TextureViewDescriptor::default()),
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT),
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..Default::default()
        };
        renderer.render(&mut encoder.begin_render_pass(&pass).forget_lifetime(), &primitives, &screen);
        queue.submit(others.into_iter().chain([encoder.finish()]));
        self.read(&target)
    }

    /// One layer that fills the frame.
    pub fn draw_one(&self, [width, height]: [u32; 2], layer: Layer) -> RgbaImage {
        let rect = Rect::from_min_size(Pos2::ZERO, Vec2::new(width as f32, height as f32) / self.pixels_per_point);
        self.draw([width, height], vec![(rect, layer)])
    }

    fn target(&self, width: u32, height: u32) -> wgpu::Texture {
        self.window.device.create_texture(&wgpu::TextureDescriptor {
            label: None,
            size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: self.window.target_format,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        })
    }

    fn read(&self, target: &wgpu::Texture) -> RgbaImage {
        let RenderState { device, queue, .. } = &self.window;
        let (width, height) = (target.width(), target.height());
        let bytes_per_row = (4 * width).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: u64::from(bytes_per_row * height),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let layout =
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(bytes_per_row), rows_per_image: None };
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let destination = wgpu::TexelCopyBufferInfo { buffer: &buffer, layout };
        encoder.copy_texture_to_buffer(target.as_image_copy(), destination, target.size());
        queue.submit([encoder.finish()]);
        buffer.slice(..).map_async(wgpu::MapMode::Read, |result| result.unwrap());
        device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
        let mapped = buffer.slice(..).get_mapped_range().unwrap();
        let bytes: Vec<u8> = mapped
            .chunks_exact(bytes_per_row as usize)
            .flat_map(|row| row[..4 * width as usize].iter().copied())
            .collect();
        RgbaImage::from_raw(width, height, bytes).unwrap()
    }
}

fn render_state(setup: WgpuSetup) -> Result<RenderState, String> {
    let instance = block_on(setup.new_instance());
    let configuration = WgpuConfiguration { wgpu_setup: setup, ..Default::default() };
    let created = RenderState::create(&configuration, &instance, None, RendererOptions::PREDICTABLE);
    block_on(created).map_err(|error| error.to_string())
}

/// On native machines wgpu's futures never wait for anything.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
        std::thread::yield_now();
    }
}
