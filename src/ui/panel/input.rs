//! What the model sees: the prepared input, pixel by pixel.

use std::sync::Arc;

use eframe::egui::{ColorImage, RichText, TextureHandle, TextureOptions, Ui, vec2};

use crate::app::{Session, Slot};
use crate::image::Prepared;

/// The preview of the selected image, uploaded once.
#[derive(Default)]
pub struct InputPreview {
    shown: Option<(Arc<Prepared>, TextureHandle)>,
}

impl InputPreview {
    pub fn show(&mut self, ui: &mut Ui, session: &Session) {
        let prepared = session.main_view().and_then(|view| view.prepared.clone());
        let (Some(prepared), Some(model)) = (prepared, session.models.get(Slot::Main)) else {
            ui.weak("Nothing yet.");
            return;
        };
        let texture = self.texture(ui, &prepared);
        let (width, height) = (prepared.size.width as f32, prepared.size.height as f32);
        let scale = (ui.available_width() / width).min(224.0 / height);
        let image = eframe::egui::Image::new(&texture).fit_to_exact_size(vec2(width, height) * scale);
        ui.add(image.alt_text("Prepared input"));
        let preparation = &model.info.profile(session.settings.profile).preparation;
        let text = format!(
            "{} × {} px, mean {}, std {}",
            prepared.size.width,
            prepared.size.height,
            three(preparation.mean),
            three(preparation.std)
        );
        ui.label(RichText::new(text).small().weak());
    }

    fn texture(&mut self, ui: &Ui, prepared: &Arc<Prepared>) -> TextureHandle {
        if let Some((shown, texture)) = &self.shown
            && Arc::ptr_eq(shown, prepared)
        {
            return texture.clone();
        }
        let seen = prepared.preview();
        let size = [seen.width() as usize, seen.height() as usize];
        let image = ColorImage::from_rgb(size, seen.as_raw());
        let texture = ui.ctx().load_texture("prepared input", image, TextureOptions::NEAREST);
        self.shown = Some((prepared.clone(), texture.clone()));
        texture
    }
}

/// One number if all channels agree.
fn three(values: [f32; 3]) -> String {
    let [r, g, b] = values;
    if r == g && g == b { r.to_string() } else { format!("{r} {g} {b}") }
}
