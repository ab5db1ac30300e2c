//! The bar below the canvas: zoom, what lies under the pointer, the colour bar.

use eframe::egui::{Align, Layout, Rect, RichText, Ui, UiBuilder};

use crate::app::canvas::{LEAST_ZOOM, MOST_ZOOM, Tool, Zoom};
use crate::app::masks::{MaskTool, MaskView};
use crate::app::{Command, Session};
use crate::render::Style;

use super::super::colour_bar::colour_bar_ui;
use super::inspector::Inspected;

pub const HEIGHT: f32 = 44.0;
const COLOUR_BAR: f32 = 240.0;
/// For what lies under the pointer, in points; the colour bar gives way down to half of its width.
const TEXT: f32 = 330.0;

/// `style` is that of the first map on screen, with its range; `value` the one to mark on the colour bar.
pub fn show(
    ui: &mut Ui,
    area: Rect,
    session: &Session,
    style: Option<&Style>,
    inspected: Option<&Inspected>,
    value: Option<f32>,
    commands: &mut Vec<Command>,
) {
    ui.painter().rect_filled(area, 0.0, ui.visuals().panel_fill);
    let inner = area.shrink2(eframe::egui::vec2(10.0, 5.0));
    ui.scope_builder(UiBuilder::new().max_rect(inner).layout(Layout::left_to_right(Align::Center)), |ui| {
        zoom_ui(ui, session, commands);
        ui.separator();
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if let Some(style) = style {
                let width = (ui.available_width() - TEXT).clamp(COLOUR_BAR / 2.0, COLOUR_BAR).min(ui.available_width());
                ui.allocate_ui_with_layout(
                    eframe::egui::vec2(width, inner.height()),
                    Layout::top_down(Align::Min),
                    |ui| colour_bar_ui(ui, style, style.range, value),
                );
            }
            // Half a sentence helps nobody.
            if ui.available_width() < TEXT / 2.0 {
                return;
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.set_clip_rect(ui.clip_rect().intersect(ui.max_rect()));
                let text = inspected.map_or_else(|| hint(session).to_owned(), Inspected::text);
                let text = RichText::new(text).monospace().size(11.0);
                ui.add(eframe::egui::Label::new(text).extend());
            });
        });
    });
}

fn zoom_ui(ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
    if ui.button("Fit").on_hover_text("The whole image (0)").clicked() {
        commands.push(Command::Zoom(Zoom::Fit));
    }
    if ui.button("1:1").on_hover_text("One screen pixel per image pixel (9)").clicked() {
        commands.push(Command::Zoom(Zoom::To(1.0)));
    }
    let Some(seen) = session.canvas.seen else { return };
    let mut percent = seen.zoom * 100.0;
    let speed = percent * 0.01;
    let zoom = eframe::egui::DragValue::new(&mut percent)
        .range(LEAST_ZOOM * 100.0..=MOST_ZOOM * 100.0)
        .speed(speed)
        .max_decimals(0)
        .suffix(" %");
    let response = ui.add(zoom).accessible_name("Zoom").on_hover_text("Wheel: zoom around the pointer (+ and −)");
    if response.changed() {
        commands.push(Command::Zoom(Zoom::To(percent / 100.0)));
    }
}

fn hint(session: &Session) -> &'static str {
    if session.main_view().is_none_or(|view| view.photo.is_none()) {
        return "";
    }
    match session.canvas.tool {
        Tool::Look => "Drag to pan, wheel to zoom,\nclick a patch for its row",
        Tool::Mask(tool) => mask_hint(session, tool),
        Tool::Occlude => "Paint to hide, hold space to pan,\nCtrl+Z takes a stroke back",
    }
}

fn mask_hint(session: &Session, tool: MaskTool) -> &'static str {
    match (session.masks.view(), tool) {
        (MaskView::None | MaskView::Loading, _) => "Reading the mask…",
        (MaskView::Refused(_), _) => "This mask cannot be used,\nthe panel says why",
        (MaskView::Ready(_), MaskTool::Brush | MaskTool::Eraser) => {
            "Paint; Shift: straight, Esc: give up\n[ ] or Ctrl+wheel: size, space: pan"
        }
        (MaskView::Ready(_), MaskTool::Lasso) => "Draw around it; Alt erases,\nEsc gives up",
        (MaskView::Ready(_), MaskTool::Polygon) => "Click its corners; Enter closes,\nBackspace takes one back",
        (MaskView::Ready(_), MaskTool::Rectangle | MaskTool::Ellipse) => {
            "Drag from corner to corner;\nShift: same sides, Alt erases"
        }
        (MaskView::Ready(_), MaskTool::Bucket) => "Click what looks alike;\nAlt erases",
        (MaskView::Ready(_), MaskTool::Point) => "Click on the object; Alt: what it is not,\ndrag: a box around it",
        (MaskView::Ready(_), MaskTool::FillContour) => "Click into a closed contour;\nAlt erases",
    }
}
