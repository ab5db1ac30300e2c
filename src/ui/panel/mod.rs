//! The panel on the right: what is asked of the model and how the answer is drawn.

mod classes;
mod heads;
mod heat;
mod input;
mod method;
mod model;
mod prediction;
mod tools;

use eframe::egui::{CollapsingHeader, RichText, ScrollArea, Ui};

use crate::app::{Command, Session, Slot};

use classes::ClassSearch;
use input::InputPreview;

/// What only the panel itself remembers.
#[derive(Default)]
pub struct PanelUi {
    target: ClassSearch,
    contrast: ClassSearch,
    input: InputPreview,
}

impl PanelUi {
    pub fn show(&mut self, ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
        ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
            // Room for the scroll bar, which otherwise lies over the ends of the controls.
            ui.set_max_width(ui.available_width() - 10.0);
            // Sliders take what label and number leave.
            ui.spacing_mut().slider_width = (ui.available_width() - LABEL - 72.0).clamp(60.0, 180.0);
            section(ui, "Model", true, |ui| model::show(ui, session, commands));
            if session.models.get(Slot::Main).is_none() {
                return;
            }
            section(ui, "Prediction", true, |ui| prediction::show(ui, session, &mut self.target, commands));
            section(ui, "Explanation", true, |ui| method::show(ui, session, &mut self.contrast, commands));
            section(ui, "Heat", true, |ui| heat::show(ui, session, commands));
            section(ui, "What the model sees", false, |ui| self.input.show(ui, session));
            section(ui, "Heads and blocks", false, |ui| heads::show(ui, session, commands));
            section(ui, "Occlusion brush", false, |ui| tools::show(ui, session, commands));
        });
    }
}

/// A titled part that folds away.
fn section(ui: &mut Ui, title: &str, open: bool, contents: impl FnOnce(&mut Ui)) {
    CollapsingHeader::new(RichText::new(title).strong()).default_open(open).show_unindented(ui, |ui| {
        contents(ui);
        ui.add_space(6.0);
    });
}

/// Width of the labels before controls, in points.
const LABEL: f32 = 86.0;

/// A label of fixed width before a control, so that the controls stand below each other.
fn row<R>(ui: &mut Ui, label: &str, control: impl FnOnce(&mut Ui) -> R) -> R {
    ui.horizontal(|ui| {
        let height = ui.spacing().interact_size.y;
        ui.allocate_ui_with_layout(
            eframe::egui::vec2(LABEL, height),
            eframe::egui::Layout::left_to_right(eframe::egui::Align::Center),
            |ui| {
                ui.set_min_width(LABEL);
                ui.label(label);
            },
        );
        control(ui)
    })
    .inner
}
