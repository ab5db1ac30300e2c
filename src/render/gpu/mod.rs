//! Photo and heat in the window: plain arrays in, textures kept inside, drawn in one pass with the rest of the window.
//!
//! [`install`] once when the window opens, then [`paint`] in every frame. A photo or map is uploaded when it is first
//! drawn, a large photo over several frames; moving, zooming and every slider only rewrite 128 bytes per tile, and a
//! choice from a menu picks another variant of the compiled shader.

mod cache;
mod mask;
mod painter;
mod photo;
mod pipelines;
pub mod sources;
mod textures;
mod tiles;
mod uniform;
mod variant;

use eframe::egui_wgpu::{self, CallbackResources, CallbackTrait, ScreenDescriptor};
use eframe::{egui, wgpu};

use self::painter::Painter;
use self::uniform::ScreenRect;
use super::{Layer, MaskLayer};

/// Compiles the shaders for this window; needed once before [`paint`] draws anything.
///
/// `wake` is called when another frame is needed, because a photo is not complete yet. The window must draw without
/// multisampling and depth buffer, which is eframe's default.
pub fn install(window: &egui_wgpu::RenderState, wake: impl Fn() + Send + Sync + 'static) {
    install_with(window, u32::MAX, wake);
}

/// Like [`install`], with textures of at most `longest_side` even if the device allows larger ones; larger photos are
/// cut into tiles. At least 3.
pub fn install_with(window: &egui_wgpu::RenderState, longest_side: u32, wake: impl Fn() + Send + Sync + 'static) {
    let painter =
        Painter::new(&window.device, &window.queue, window.target_format, longest_side.max(3), Box::new(wake));
    window.renderer.write().callback_resources.insert(painter);
}

/// The layer in a rectangle of the window, given in points; its corner is rounded to whole pixels.
///
/// Draws nothing outside of the photo, and nothing at all without [`install`].
pub fn paint(rect: egui::Rect, layer: Layer) -> egui::PaintCallback {
    egui_wgpu::Callback::new_paint_callback(rect, PaintLayer { rect, layer })
}

/// The mask over a picture that [`paint`] draws in the same rectangle.
pub fn paint_mask(rect: egui::Rect, layer: MaskLayer) -> egui::PaintCallback {
    egui_wgpu::Callback::new_paint_callback(rect, PaintMask { rect, layer })
}

struct PaintLayer {
    /// In points.
    rect: egui::Rect,
    layer: Layer,
}

struct PaintMask {
    /// In points.
    rect: egui::Rect,
    layer: MaskLayer,
}

/// In physical pixels, rounded as egui does.
fn on_screen(rect: egui::Rect, pixels_per_point: f32) -> ScreenRect {
    let pixels = |point: egui::Pos2| [point.x, point.y].map(|side| f64::from((pixels_per_point * side).round()));
    let (origin, end) = (pixels(rect.min), pixels(rect.max));
    ScreenRect { origin, size: [0, 1].map(|axis| (end[axis] - origin[axis]).max(0.0)) }
}

/// The shaders work in pixels of the whole target. The quads end at the rectangle's edges, and egui has set the
/// scissors to what else hides part of it.
fn whole_target(info: &egui::PaintCallbackInfo, pass: &mut wgpu::RenderPass<'static>) {
    let [width, height] = info.screen_size_px;
    pass.set_viewport(0.0, 0.0, width as f32, height as f32, 0.0, 1.0);
}

impl CallbackTrait for PaintLayer {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &ScreenDescriptor,
        encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(painter) = resources.get_mut::<Painter>() {
            let rect = on_screen(self.rect, screen.pixels_per_point);
            painter.prepare(&self.layer, rect, screen, device, queue, encoder);
        }
        Vec::new()
    }

    fn finish_prepare(
        &self,
        _device: &wgpu::Device,
        _queue: &wgpu::Queue,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(painter) = resources.get_mut::<Painter>() {
            painter.end_frame();
        }
        Vec::new()
    }

    fn paint(
        &self,
        info: egui::PaintCallbackInfo,
        pass: &mut wgpu::RenderPass<'static>,
        resources: &CallbackResources,
    ) {
        let Some(painter) = resources.get::<Painter>() else { return };
        whole_target(&info, pass);
        painter.paint(self.layer.slot, pass);
    }
}

impl CallbackTrait for PaintMask {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(painter) = resources.get_mut::<Painter>() {
            let rect = on_screen(self.rect, screen.pixels_per_point);
            painter.prepare_mask(&self.layer, rect, screen, device, queue);
        }
        Vec::new()
    }

    fn finish_prepare(
        &self,
        _device: &wgpu::Device,
        _queue: &wgpu::Queue,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(painter) = resources.get_mut::<Painter>() {
            painter.end_frame();
        }
        Vec::new()
    }

    fn paint(
        &self,
        info: egui::PaintCallbackInfo,
        pass: &mut wgpu::RenderPass<'static>,
        resources: &CallbackResources,
    ) {
        let Some(painter) = resources.get::<Painter>() else { return };
        whole_target(&info, pass);
        painter.paint_mask(self.layer.slot, pass);
    }
}
