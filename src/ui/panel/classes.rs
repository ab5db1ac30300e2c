//! A button that opens a search over class names.

use eframe::egui::{Popup, PopupCloseBehavior, ScrollArea, TextEdit, Ui};

use crate::vit::classes::ClassNames;

/// The search of one control.
#[derive(Default)]
pub struct ClassSearch {
    text: String,
}

/// Rows offered; more text narrows them down.
const SHOWN: usize = 60;

impl ClassSearch {
    /// `title` stands on the button. Returns the chosen class.
    pub fn show(&mut self, ui: &mut Ui, label: &str, title: &str, classes: &ClassNames) -> Option<usize> {
        let button = ui.button(title).accessible_name(label);
        let mut chosen = None;
        Popup::menu(&button).close_behavior(PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
            ui.set_width(260.0);
            let search = TextEdit::singleline(&mut self.text).hint_text("Name, WordNet id or number");
            let response = ui.add(search).accessible_name(format!("Search: {label}"));
            if !response.has_focus() {
                response.request_focus();
            }
            let found: Vec<usize> = classes.search(&self.text).take(SHOWN).collect();
            ScrollArea::vertical().max_height(280.0).show(ui, |ui| {
                for &class in &found {
                    if ui.selectable_label(false, classes.name(class)).clicked() {
                        chosen = Some(class);
                    }
                }
                if found.is_empty() {
                    ui.weak(format!("No class matches “{}”.", self.text));
                }
            });
            let enter = ui.input(|input| input.key_pressed(eframe::egui::Key::Enter));
            chosen = chosen.or(found.first().copied().filter(|_| enter));
            if chosen.is_some() {
                self.text.clear();
                ui.close();
            }
        });
        chosen
    }
}
