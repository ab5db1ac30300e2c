//! The step «Explain»: what is asked of the model and how the answer is drawn.

use eframe::egui::Ui;

use crate::app::{Command, Session, Slot};

use super::classes::ClassSearch;
use super::input::InputPreview;
use super::{heads, heat, method, model, prediction, section, tools};

/// What only this step remembers.
#[derive(Default)]
pub struct ExplainPanel {
    target: ClassSearch,
    contrast: ClassSearch,
    input: InputPreview,
}

impl ExplainPanel {
    pub fn show(&mut self, ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
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
    }
}
