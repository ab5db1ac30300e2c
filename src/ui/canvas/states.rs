//! The canvas when there is nothing to look at yet: empty, loading, broken.

use eframe::egui::{
    Align, Align2, Button, Color32, FontId, Label, Layout, Rect, RichText, Spinner, Ui, UiBuilder, vec2,
};

use crate::app::notice::capitalised;
use crate::app::{Command, Slot};
use crate::jobs::model::ModelSource;

/// No image is selected.
pub fn empty_ui(ui: &mut Ui, area: Rect, commands: &mut Vec<Command>) {
    centred(ui, area, vec2(420.0, 190.0), |ui| {
        ui.heading("Where does your model look?");
        ui.add_space(4.0);
        ui.label("Drop images, a folder or model weights here, or");
        ui.add_space(10.0);
        let buttons = [
            ("Open images…", Command::OpenImages),
            ("Open folder…", Command::OpenFolder),
            ("Show the demo", Command::ShowDemo),
        ];
        buttons_ui(ui, buttons, commands);
    });
}

/// Buttons of one width side by side in the middle.
fn buttons_ui<const N: usize>(ui: &mut Ui, buttons: [(&str, Command); N], commands: &mut Vec<Command>) {
    let width = 124.0;
    ui.horizontal(|ui| {
        let spare = ui.available_width() - N as f32 * width - (N - 1) as f32 * ui.spacing().item_spacing.x;
        ui.add_space((spare / 2.0).max(0.0));
        for (title, command) in buttons {
            if ui.add_sized([width, 28.0], Button::new(title)).clicked() {
                commands.push(command);
            }
        }
    });
}

/// The photo is on its way.
pub fn loading_ui(ui: &mut Ui, area: Rect, text: &str) {
    centred(ui, area, vec2(320.0, 70.0), |ui| {
        ui.add(Spinner::new().size(22.0));
        ui.add_space(4.0);
        ui.label(text);
    });
}

/// The image could not be read.
pub fn error_ui(ui: &mut Ui, area: Rect, title: &str, error: &str) {
    centred(ui, area, vec2(460.0, 200.0), |ui| {
        let colour = ui.visuals().error_fg_color;
        ui.label(RichText::new(title).heading().color(colour));
        ui.add_space(6.0);
        ui.label(capitalised(error));
    });
}

/// There are images, but nothing that could look at them.
pub fn no_model_ui(ui: &mut Ui, area: Rect, commands: &mut Vec<Command>) {
    centred(ui, area, vec2(420.0, 190.0), |ui| {
        ui.heading("Which model shall look at it?");
        ui.add_space(4.0);
        ui.label("Drop model weights here, or");
        ui.add_space(10.0);
        let embedded = Command::LoadModel(Slot::Main, ModelSource::Embedded);
        buttons_ui(ui, [("Open model…", Command::OpenModel(Slot::Main)), ("Use the demo's", embedded)], commands);
    });
}

/// The chosen view compares two models, and there is only one.
pub fn lacks_second_ui(ui: &mut Ui, area: Rect, commands: &mut Vec<Command>) {
    let size = vec2(410.0, 36.0).min(area.size());
    let rect = Align2::CENTER_BOTTOM.align_size_within_rect(size, area.shrink(8.0));
    ui.painter().rect_filled(rect, 4.0, ui.visuals().window_fill);
    let inner = UiBuilder::new().max_rect(rect.shrink2(vec2(12.0, 4.0)));
    ui.scope_builder(inner.layout(Layout::right_to_left(Align::Center)), |ui| {
        if ui.button("Compare with model…").clicked() {
            commands.push(Command::OpenModel(Slot::Second));
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.add(Label::new("The difference needs a second model.").truncate());
        });
    });
}

/// A short text over the lower edge of a pane, such as an error beside a photo that is there.
pub fn strip(ui: &Ui, area: Rect, text: &str, colour: Color32) {
    let painter = ui.painter_at(area);
    let width = area.width() - 24.0;
    let galley = painter.layout(capitalised(text), FontId::proportional(13.0), colour, width);
    let size = galley.size() + vec2(16.0, 8.0);
    let rect = Align2::CENTER_BOTTOM.align_size_within_rect(size, area.shrink(8.0));
    painter.rect_filled(rect, 4.0, ui.visuals().window_fill.gamma_multiply(0.92));
    painter.galley(rect.min + vec2(8.0, 4.0), galley, colour);
}

fn centred(ui: &mut Ui, area: Rect, size: eframe::egui::Vec2, contents: impl FnOnce(&mut Ui)) {
    let size = size.min(area.size());
    let rect = Align2::CENTER_CENTER.align_size_within_rect(size, area);
    ui.scope_builder(UiBuilder::new().max_rect(rect), |ui| ui.vertical_centered(contents));
}
