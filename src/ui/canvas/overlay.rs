//! Lines over the photo: what the model sees, the chosen patch, titles, the wipe's divider, the brush.

use eframe::egui::{
    Align2, Color32, CursorIcon, FontId, Id, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2,
};

use crate::app::occlusion::Fill;
use crate::image::{PatchIndex, Prepared};
use crate::jobs::engine_thread::Occlusion;
use crate::relevance::{RelevanceMap, far_out};
use crate::size::Size;

use super::frame::ScreenFrame;

/// A light line on a dark one, visible on any photo.
fn outline(ui: &Ui, clip: Rect, rect: Rect, width: f32) {
    let painter = ui.painter_at(clip);
    painter.rect_stroke(rect, 0.0, Stroke::new(width + 2.0, Color32::from_black_alpha(150)), StrokeKind::Middle);
    painter.rect_stroke(rect, 0.0, Stroke::new(width, Color32::from_white_alpha(230)), StrokeKind::Middle);
}

/// The frame around what the model sees.
pub fn crop(ui: &Ui, clip: Rect, frame: &ScreenFrame, prepared: &Prepared) {
    outline(ui, clip, frame.ui_from_area(prepared.framing.crop_in_image()), 1.0);
}

/// The patch whose row is shown.
pub fn patch(ui: &Ui, clip: Rect, frame: &ScreenFrame, prepared: &Prepared, index: PatchIndex, patch: Size) {
    let rect = frame.ui_from_area(prepared.framing.image_from_patch(index, patch));
    outline(ui, clip, rect, 2.0);
    let centre = rect.center();
    let painter = ui.painter_at(clip);
    painter.circle_filled(centre, 3.5, Color32::from_black_alpha(180));
    painter.circle_filled(centre, 2.0, Color32::WHITE);
}

/// Rings around the patches whose tokens are far longer than the others'.
pub fn outliers(ui: &Ui, clip: Rect, frame: &ScreenFrame, prepared: &Prepared, patch: Size, norms: &RelevanceMap) {
    let painter = ui.painter_at(clip);
    for at in far_out(&norms.values) {
        let index = PatchIndex { row: at / norms.grid.width, column: at % norms.grid.width };
        let rect = frame.ui_from_area(prepared.framing.image_from_patch(index, patch));
        let radius = rect.size().min_elem() * 0.42;
        painter.circle_stroke(rect.center(), radius, (4.0, Color32::from_black_alpha(150)));
        painter.circle_stroke(rect.center(), radius, (2.0, Color32::from_rgb(255, 214, 74)));
    }
}

/// What a pane shows, in its upper left corner.
pub fn title(ui: &Ui, clip: Rect, text: &str, right: bool) {
    if text.is_empty() || clip.width() < 60.0 {
        return;
    }
    let painter = ui.painter_at(clip);
    let galley = painter.layout(text.to_owned(), FontId::proportional(12.0), Color32::WHITE, clip.width() - 28.0);
    let size = galley.size() + vec2(12.0, 6.0);
    let align = if right { Align2::RIGHT_TOP } else { Align2::LEFT_TOP };
    let rect = align.align_size_within_rect(size, clip.shrink(6.0));
    painter.rect_filled(rect, 4.0, Color32::from_black_alpha(165));
    painter.galley(rect.min + vec2(6.0, 3.0), galley, Color32::WHITE);
}

/// The wipe's divider; returns its new place as a share of the width.
pub fn divider(ui: &mut Ui, area: Rect, share: f32) -> f32 {
    let x = area.left() + area.width() * share;
    let handle = Rect::from_center_size(pos2(x, area.center().y), vec2(14.0, area.height()));
    let response =
        ui.interact(handle, Id::unique("wipe divider"), Sense::drag()).on_hover_cursor(CursorIcon::ResizeHorizontal);
    response.widget_info(|| WidgetInfo::labeled(Role::Splitter, true, "Wipe divider"));
    let painter = ui.painter_at(area);
    painter.vline(x, area.y_range(), (4.0, Color32::from_black_alpha(120)));
    painter.vline(x, area.y_range(), (2.0, Color32::WHITE));
    painter.circle(pos2(x, area.center().y), 9.0, Color32::WHITE, (1.0, Color32::from_black_alpha(120)));
    for side in [-1.0, 1.0] {
        painter.arrow(pos2(x + side, area.center().y), vec2(side * 5.0, 0.0), (1.5, Color32::from_gray(40)));
    }
    match response.interact_pointer_pos() {
        Some(pos) if response.dragged() => ((pos.x - area.left()) / area.width()).clamp(0.02, 0.98),
        _ => share,
    }
}

/// What is painted over.
pub fn occluded(ui: &Ui, clip: Rect, frame: &ScreenFrame, occlusion: &Occlusion) {
    let painter = ui.painter_at(clip);
    let colour = match occlusion.fill {
        Fill::Grey => Color32::from_gray(128),
        Fill::Blur => Color32::from_rgba_unmultiplied(128, 128, 128, 170),
    };
    for stroke in &occlusion.strokes {
        let radius = (stroke.radius * frame.look.zoom / frame.pixels_per_point) as f32;
        let points: Vec<_> = stroke.points.iter().map(|pos| frame.ui_from_image(*pos)).collect();
        for ends in points.windows(2) {
            painter.line_segment([ends[0], ends[1]], Stroke::new(2.0 * radius, colour));
        }
        points.iter().for_each(|&centre| {
            painter.circle_filled(centre, radius, colour);
        });
    }
}

/// The ring of the occlusion brush; `radius` in photo pixels.
pub fn brush(ui: &Ui, clip: Rect, frame: &ScreenFrame, radius: f64) {
    let Some(pointer) = ui.input(|input| input.pointer.hover_pos()).filter(|pos| clip.contains(*pos)) else { return };
    let radius = (radius * frame.look.zoom / frame.pixels_per_point) as f32;
    let painter = ui.painter_at(clip);
    painter.circle_stroke(pointer, radius, (3.0, Color32::from_black_alpha(120)));
    painter.circle_stroke(pointer, radius, (1.0, Color32::WHITE));
}
