//! One picture of the grid: thumbnail, name, what the model says, and whether that is right.

use eframe::egui::{
    Align2, Color32, CornerRadius, FontId, Painter, Pos2, Rect, Response, Role, Sense, Stroke, StrokeKind, TextStyle,
    Ui, Vec2, Visuals, WidgetInfo, pos2, text::LayoutJob, text::TextWrapping, vec2,
};

use super::textures::Shown;
use super::toolbar::mask_title;
use crate::app::gallery::{Item, ItemState, Verdict};
use crate::app::notice::capitalised;
use crate::mask::Review;
use crate::vit::classes::ClassNames;

/// Between the picture, the texts and the edge of the cell, in points.
const PADDING: f32 = 4.0;

/// Diameter of the mark for right and wrong, in points.
const MARK: f32 = 8.0;

/// Radius of the mark for the mask with the space around it, in points.
const BADGE: f32 = 9.0;

/// Everything a cell shows.
pub(super) struct Cell<'a> {
    pub item: &'a Item,
    pub names: &'a ClassNames,
    pub shown: Shown,
    pub is_selected: bool,
    /// Side of the picture's square in points.
    pub side: f32,
}

/// Width and height of a cell with a picture of the given side.
pub(super) fn cell_size(ui: &Ui, side: f32) -> Vec2 {
    let line = ui.text_style_height(&TextStyle::Small);
    vec2(side + 2.0 * PADDING, side + 2.0 * line + 3.0 * PADDING)
}

/// Draws the cell into `rect`, as one button that is named after the picture.
pub(super) fn cell_ui(ui: &mut Ui, rect: Rect, cell: &Cell<'_>) -> Response {
    // Places in the list change while it grows; the focus has to stay with the picture.
    let id = ui.make_persistent_id(("gallery cell", cell.item.source.path()));
    let response = ui.interact(rect, id, Sense::click());
    let label = cell.label();
    response.widget_info(|| WidgetInfo::selected(Role::Button, ui.is_enabled(), cell.is_selected, &label));
    if ui.is_rect_visible(rect) {
        cell.paint(ui, rect, &response);
    }
    response.on_hover_ui(|ui| cell.tooltip_ui(ui))
}

impl Cell<'_> {
    /// Why the picture cannot be seen, from its thumbnail or from whoever else tried.
    fn broken_reason(&self) -> Option<&str> {
        match (&self.item.state, &self.shown) {
            (ItemState::Broken(reason), _) => Some(reason),
            (_, Shown::Broken(reason)) => Some(reason),
            _ => None,
        }
    }

    /// Such as «fox 93 %».
    fn prediction(&self) -> Option<String> {
        let prediction = self.item.prediction?;
        let percent = (prediction.confidence * 100.0).round();
        Some(format!("{} {percent:.0} %", self.names.short_name(prediction.class)))
    }

    /// The name for those who do not see the picture, and for tests.
    fn label(&self) -> String {
        let mut parts = vec![self.item.title().into_owned()];
        if self.broken_reason().is_some() {
            parts.push("broken".to_owned());
        } else if matches!(self.shown, Shown::Loading) {
            parts.push("loading".to_owned());
        }
        if let Some(prediction) = self.prediction() {
            parts.push(format!("predicted {prediction}"));
        }
        match self.item.verdict() {
            Some(Verdict::Right) => parts.push("right".to_owned()),
            Some(Verdict::Wrong) => parts.push("wrong".to_owned()),
            None => {}
        }
        if let Some(mask) = self.item.mask {
            parts.push(mask_title(mask.review).to_lowercase());
        }
        parts.join(", ")
    }

    fn tooltip_ui(&self, ui: &mut Ui) {
        ui.label(self.item.relative());
        if let Some(truth) = self.item.truth {
            ui.label(format!("Shows: {}", self.names.name(truth)));
        }
        if let Some(prediction) = self.prediction() {
            ui.label(format!("Predicted: {prediction}"));
        }
        if let Some(mask) = self.item.mask {
            ui.label(mask_title(mask.review));
        }
        if let Some(reason) = self.broken_reason() {
            ui.colored_label(ui.visuals().error_fg_color, capitalised(reason));
        }
    }

    fn paint(&self, ui: &Ui, rect: Rect, response: &Response) {
        let (visuals, painter) = (ui.visuals(), ui.painter());
        let corners = visuals.widgets.inactive.corner_radius;
        if self.is_selected {
            painter.rect_filled(rect, corners, visuals.selection.bg_fill.gamma_multiply(0.35));
        } else if response.hovered() {
            painter.rect_filled(rect, corners, visuals.widgets.hovered.weak_bg_fill);
        }
        let square = Rect::from_min_size(rect.min + Vec2::splat(PADDING), Vec2::splat(self.side));
        self.paint_picture(ui, square);
        self.paint_texts(ui, Rect::from_min_max(pos2(square.left(), square.bottom() + PADDING), rect.max));
        // The outlines come last, on top of the picture.
        if self.is_selected {
            let stroke = Stroke::new(2.0, visuals.selection.stroke.color);
            painter.rect_stroke(rect, corners, stroke, StrokeKind::Inside);
        }
        if response.has_focus() {
            painter.rect_stroke(rect, corners, visuals.widgets.active.fg_stroke, StrokeKind::Outside);
        }
    }

    fn paint_picture(&self, ui: &Ui, square: Rect) {
        let (visuals, painter) = (ui.visuals(), ui.painter());
        if self.broken_reason().is_some() {
            return paint_broken(painter, visuals, square);
        }
        let Shown::Texture(texture) = &self.shown else {
            painter.rect_filled(square, visuals.widgets.inactive.corner_radius, visuals.faint_bg_color);
            return;
        };
        let size = texture.size_vec2();
        let fitted = size * (square.width() / size.max_elem().max(1.0));
        let place = Rect::from_center_size(square.center(), fitted);
        let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        painter.image(texture.id(), place, whole, Color32::WHITE);
        if let Some(mask) = self.item.mask {
            paint_mask_badge(painter, visuals, square, mask.review);
        }
    }

    /// File name, and below it what the model says.
    fn paint_texts(&self, ui: &Ui, area: Rect) {
        let (visuals, painter) = (ui.visuals(), ui.painter());
        let font = TextStyle::Small.resolve(ui.style());
        let line = ui.text_style_height(&TextStyle::Small);
        let width = self.side;
        paint_line(painter, area.min, &self.item.title(), &font, visuals.weak_text_color(), width);
        let (text, colour) = match (self.prediction(), self.broken_reason()) {
            (_, Some(_)) => ("broken".to_owned(), visuals.error_fg_color),
            (Some(prediction), None) => (prediction, visuals.text_color()),
            (None, None) => return,
        };
        let mut corner = area.min + vec2(0.0, line);
        if let Some(verdict) = self.item.verdict() {
            paint_verdict(painter, visuals, corner + vec2(0.0, (line - MARK) / 2.0), verdict);
            corner.x += MARK + PADDING;
        }
        paint_line(painter, corner, &text, &font, colour, area.min.x + width - corner.x);
    }
}

/// One line of text, cut with «…» where the width ends.
fn paint_line(painter: &Painter, corner: Pos2, text: &str, font: &FontId, colour: Color32, width: f32) {
    let mut job = LayoutJob::simple_singleline(text.to_owned(), font.clone(), colour);
    job.wrap = TextWrapping::truncate_at_width(width);
    painter.galley(corner, painter.layout_job(job), colour);
}

/// A torn picture: a frame with a zigzag through it.
fn paint_broken(painter: &Painter, visuals: &Visuals, square: Rect) {
    let stroke = Stroke::new(1.5, visuals.error_fg_color);
    let frame = Rect::from_center_size(square.center(), square.size() * vec2(0.5, 0.4));
    painter.rect_filled(square, visuals.widgets.inactive.corner_radius, visuals.faint_bg_color);
    painter.rect_stroke(frame, CornerRadius::same(2), stroke, StrokeKind::Middle);
    let tear = (0..=4).map(|step| {
        let across = if step % 2 == 0 { -0.12 } else { 0.12 };
        pos2(frame.center().x + across * frame.width(), frame.top() + frame.height() * step as f32 / 4.0)
    });
    painter.line(tear.collect(), stroke);
}

/// In the upper right corner, a disc with a sign: a dot, a question mark, a tick, a cross.
fn paint_mask_badge(painter: &Painter, visuals: &Visuals, square: Rect, review: Review) {
    let centre = pos2(square.right() - BADGE, square.top() + BADGE);
    let ground = match review {
        Review::None => Color32::from_gray(90),
        Review::NeedsReview => Color32::from_rgb(176, 110, 0),
        Review::Accepted => Color32::from_rgb(20, 120, 60),
        Review::Rejected => Color32::from_rgb(170, 40, 34),
    };
    painter.circle(centre, BADGE - 2.0, ground, Stroke::new(1.0, visuals.extreme_bg_color));
    let stroke = Stroke::new(1.6, Color32::WHITE);
    let at = |x: f32, y: f32| centre + vec2(x, y) * (BADGE - 2.0);
    match review {
        Review::None => {
            painter.circle_filled(centre, 2.0, Color32::WHITE);
        }
        Review::NeedsReview => {
            let font = FontId::proportional(2.0 * BADGE - 5.0);
            painter.text(centre, Align2::CENTER_CENTER, "?", font, Color32::WHITE);
        }
        Review::Accepted => {
            painter.line(vec![at(-0.5, 0.0), at(-0.1, 0.4), at(0.5, -0.4)], stroke);
        }
        Review::Rejected => {
            painter.line_segment([at(-0.4, -0.4), at(0.4, 0.4)], stroke);
            painter.line_segment([at(0.4, -0.4), at(-0.4, 0.4)], stroke);
        }
    }
}

/// Never by colour alone: right is a filled circle, wrong a cross.
fn paint_verdict(painter: &Painter, visuals: &Visuals, corner: Pos2, verdict: Verdict) {
    let mark = Rect::from_min_size(corner, Vec2::splat(MARK));
    let colour = verdict_colour(visuals, verdict);
    match verdict {
        Verdict::Right => {
            painter.circle_filled(mark.center(), MARK / 2.0, colour);
        }
        Verdict::Wrong => {
            let stroke = Stroke::new(2.0, colour);
            painter.line_segment([mark.left_top(), mark.right_bottom()], stroke);
            painter.line_segment([mark.right_top(), mark.left_bottom()], stroke);
        }
    }
}

/// Legible on the theme's background.
fn verdict_colour(visuals: &Visuals, verdict: Verdict) -> Color32 {
    match (verdict, visuals.dark_mode) {
        (Verdict::Right, true) => Color32::from_rgb(90, 200, 120),
        (Verdict::Right, false) => Color32::from_rgb(20, 130, 60),
        (Verdict::Wrong, _) => visuals.error_fg_color,
    }
}
