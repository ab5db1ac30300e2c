//! Pinned images: small, side by side, with the maps of the weights that are shown.

use eframe::egui::{Align2, Color32, FontId, Rect, RichText, Role, Sense, Ui, WidgetInfo, vec2};

use crate::app::canvas::Look;
use crate::app::finetune::{FinetuneCommand, MOST_PINNED};
use crate::app::gallery::GalleryCommand;
use crate::app::{Command, Session, views};
use crate::image::ImageSource;
use crate::render::gpu::paint;
use crate::render::{Layer, RangeMode, Style};
use crate::ui::canvas::frame::ScreenFrame;

/// Uniforms of the canvas are numbered from 0.
const FIRST_SLOT: u64 = 1000;
const GAP: f32 = 6.0;

/// What they take beside the curves, in points.
pub fn width(session: &Session, height: f32) -> f32 {
    let count = session.finetune.pinned.len();
    let rows = if count > 3 { 2.0 } else { 1.0 };
    let columns = (count as f32 / rows).ceil().max(1.0);
    columns * (side(height, count) + GAP)
}

fn side(height: f32, count: usize) -> f32 {
    let rows = if count > 3 { 2.0 } else { 1.0 };
    ((height - 24.0) / rows - GAP).clamp(40.0, 150.0)
}

pub fn show(ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        ui.small("Pinned images");
        let selected = session.image().filter(|image| !session.finetune.pinned.contains(image));
        if let Some(image) = selected {
            let help = format!("Its map follows the weights here; at most {MOST_PINNED} images");
            if ui.small_button("Pin").on_hover_text(help).accessible_name("Pin the selected image").clicked() {
                commands.push(Command::Finetune(FinetuneCommand::Pin(image.clone())));
            }
        }
    });
    let side = side(ui.available_height(), session.finetune.pinned.len());
    ui.spacing_mut().item_spacing = vec2(GAP, GAP);
    ui.horizontal_wrapped(|ui| {
        for (index, image) in session.finetune.pinned.iter().enumerate() {
            pin_ui(ui, session, index, image, side, commands);
        }
    });
    metrics_ui(ui, session);
}

fn pin_ui(ui: &mut Ui, session: &Session, index: usize, image: &ImageSource, side: f32, commands: &mut Vec<Command>) {
    let (area, response) = ui.allocate_exact_size(vec2(side, side), Sense::click());
    let view = session.view(views::pinned(index));
    let answer = answer(session, index);
    let label =
        format!("Pinned: {}{}", image.title(), answer.as_ref().map_or_else(String::new, |text| format!(", {text}")));
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
    ui.painter().rect_filled(area, 2.0, ui.visuals().extreme_bg_color);
    if let Some(photo) = view.and_then(|view| view.photo.as_ref()) {
        let size = photo.size();
        let pixels = area.size() * ui.pixels_per_point();
        let look = Look::fit(size.width as f64, size.height as f64, f64::from(pixels.x), f64::from(pixels.y));
        let frame = ScreenFrame { rect: area, look, pixels_per_point: f64::from(ui.pixels_per_point()) };
        let heat = session.heat(views::pinned(index)).map(|map| {
            // Each on its own scale: they are of different images.
            let style = session.settings.style.clone();
            let range = RangeMode::PerImage.resolve(map.values(), &[], None, style.colours);
            (map.clone(), Style { range, ..style })
        });
        let layer = Layer {
            photo: photo.drawn.clone(),
            heat,
            view: frame.transform(),
            slot: FIRST_SLOT + index as u64,
            smooth: true,
        };
        ui.painter_at(area).add(paint(area, layer));
    }
    if let Some(text) = &answer {
        caption(ui, area, text);
    }
    let menu = response.on_hover_text(format!("{}\nClick: look at it · right click: unpin", image.title()));
    if menu.clicked()
        && let Some(index) = session.gallery.find(image)
    {
        commands.push(Command::Gallery(GalleryCommand::Select(index)));
    }
    if menu.secondary_clicked() {
        commands.push(Command::Finetune(FinetuneCommand::Unpin(image.clone())));
    }
}

/// The class that the model says and how sure it is.
fn answer(session: &Session, index: usize) -> Option<String> {
    let result = session.view(views::pinned(index))?.result.as_ref()?;
    let (class, probability) = result.top(1).first().copied()?;
    Some(format!("{} {:.0} %", session.gallery.names().short_name(class), 100.0 * probability))
}

fn caption(ui: &Ui, area: Rect, text: &str) {
    let painter = ui.painter_at(area);
    let galley = painter.layout_no_wrap(text.to_owned(), FontId::proportional(10.5), Color32::WHITE);
    let rect = Align2::LEFT_BOTTOM.align_size_within_rect(galley.size() + vec2(8.0, 4.0), area);
    painter.rect_filled(rect, 2.0, Color32::from_black_alpha(170));
    painter.galley(rect.min + vec2(4.0, 2.0), galley, Color32::WHITE);
}

/// Over the pinned images, under the weights that are shown.
fn metrics_ui(ui: &mut Ui, session: &Session) {
    let (mut right, mut known, mut confidence, mut count) = (0, 0, 0.0, 0);
    for (index, image) in session.finetune.pinned.iter().enumerate() {
        let result = session.view(views::pinned(index)).and_then(|view| view.result.as_ref());
        let Some((class, probability)) = result.and_then(|result| result.top(1).first().copied()) else { continue };
        (confidence, count) = (confidence + probability, count + 1);
        let item = session.gallery.find(image).map(|at| &session.gallery.items()[at]);
        if let Some(truth) = item.and_then(|item| item.truth) {
            right += usize::from(truth == class);
            known += 1;
        }
    }
    if count > 0 {
        let share = if known > 0 { format!("{right} of {known} right, ") } else { String::new() };
        ui.label(RichText::new(format!("{share}confidence {:.2}", confidence / count as f32)).small().weak());
    }
}
