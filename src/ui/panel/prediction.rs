//! What the model says: five bars, each a button that makes its class the target.

use eframe::egui::{Align2, FontId, Rect, RichText, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use crate::app::views::{self, ViewState};
use crate::app::{Command, Session, Slot};
use crate::ui::theme;

use super::{ClassSearch, row};

const BARS: usize = 5;

pub fn show(ui: &mut Ui, session: &Session, search: &mut ClassSearch, commands: &mut Vec<Command>) {
    let Some(model) = session.models.get(Slot::Main) else { return };
    if model.info.config.classes == 0 {
        ui.label("This model has no classification head. Raw attention and rollout still show where it looks.");
        return;
    }
    bars_ui(ui, session, Slot::Main, session.main_view(), commands);
    for (slot, other) in session.models.all().skip(1) {
        ui.add_space(4.0);
        ui.label(RichText::new(&other.info.name).small().weak());
        bars_ui(ui, session, slot, session.view(views::of_slot(slot)), commands);
    }
    ui.add_space(4.0);
    row(ui, "Target", |ui| {
        let predicted = session.explain.target.is_none();
        if ui.selectable_label(predicted, "predicted").on_hover_text("Explain what the model predicts (T)").clicked() {
            commands.push(Command::Target(None));
        }
        let name = session.explain.target.map(|class| model.info.classes.short_name(class).to_owned());
        let title = name.unwrap_or_else(|| "choose…".to_owned());
        if let Some(class) = search.show(ui, "Target class", &title, &model.info.classes) {
            commands.push(Command::Target(Some(class)));
        }
    });
    if let Some(truth) = session.gallery.selected_item().and_then(|item| item.truth) {
        row(ui, "Ground truth", |ui| {
            let chosen = session.explain.target == Some(truth);
            let name = model.info.classes.short_name(truth);
            if ui.selectable_label(chosen, name).on_hover_text("Explain the true class").clicked() {
                commands.push(Command::Target(Some(truth)));
            }
        });
    }
}

fn bars_ui(ui: &mut Ui, session: &Session, slot: Slot, view: Option<&ViewState>, commands: &mut Vec<Command>) {
    let (Some(model), Some(result)) = (session.models.get(slot), view.and_then(|view| view.result.as_ref())) else {
        let failed = view.is_some_and(|view| view.error.is_some());
        ui.label(RichText::new(if failed { "no result" } else { "waiting for the first result" }).weak());
        return;
    };
    // The truth is an index into the main model's classes.
    let truth = session.gallery.selected_item().and_then(|item| item.truth).filter(|_| slot == Slot::Main);
    for (class, probability) in result.top(BARS) {
        let name = model.info.classes.short_name(class);
        let bar = Bar { name, probability, is_target: result.target == Some(class), is_truth: truth == Some(class) };
        if bar.show(ui) && slot == Slot::Main {
            commands.push(Command::Target(Some(class)));
        }
    }
}

/// A class and its probability.
struct Bar<'a> {
    name: &'a str,
    probability: f32,
    is_target: bool,
    is_truth: bool,
}

impl Bar<'_> {
    /// Whether it was clicked.
    fn show(&self, ui: &mut Ui) -> bool {
        let (area, response) = ui.allocate_exact_size(vec2(ui.available_width(), 20.0), Sense::click());
        let text = format!("{} {:.1} %", self.name, self.probability * 100.0);
        response.widget_info(|| WidgetInfo::selected(Role::Button, true, self.is_target, &text));
        let visuals = ui.style().interact_selectable(&response, self.is_target);
        let painter = ui.painter();
        painter.rect_filled(area, 3.0, ui.visuals().extreme_bg_color);
        let filled = Rect::from_min_size(area.min, vec2(area.width() * self.probability, area.height()));
        let fill = theme::accent(ui.visuals()).gamma_multiply(if self.is_target { 0.75 } else { 0.35 });
        painter.rect_filled(filled, 3.0, fill);
        if self.is_target || response.hovered() || response.has_focus() {
            let stroke = if self.is_target { Stroke::new(1.0, theme::accent(ui.visuals())) } else { visuals.bg_stroke };
            painter.rect_stroke(area, 3.0, stroke, StrokeKind::Inside);
        }
        let font = FontId::proportional(12.5);
        let colour = ui.visuals().strong_text_color();
        let name = if self.is_truth { format!("{} (true)", self.name) } else { self.name.to_owned() };
        let left = area.left_center() + vec2(6.0, 0.0);
        painter.with_clip_rect(area.with_max_x(area.right() - 52.0)).text(
            left,
            Align2::LEFT_CENTER,
            name,
            font.clone(),
            colour,
        );
        let number = format!("{:.1} %", self.probability * 100.0);
        painter.text(area.right_center() - vec2(6.0, 0.0), Align2::RIGHT_CENTER, number, font, colour);
        let help = if self.is_truth { "The true class. Click to explain it." } else { "Click to explain this class." };
        response.on_hover_text(format!("{}\n{help}", self.name)).clicked()
    }
}
