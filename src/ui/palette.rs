//! The command palette: every named command, found by a few letters.

use eframe::egui::{self, Align2, Button, Context, Id, Key, Modal, ScrollArea, TextEdit, vec2};

use crate::app::{Command, Session};

use super::actions::{self, Action};

/// What is typed and chosen.
#[derive(Default)]
pub struct Palette {
    text: String,
    chosen: usize,
}

impl Palette {
    pub fn show(&mut self, ctx: &Context, session: &Session, commands: &mut Vec<Command>) {
        if !session.palette_open {
            self.text.clear();
            self.chosen = 0;
            return;
        }
        // Its upper edge stays where it is while the list below shrinks and grows.
        let id = Id::unique("palette");
        let area = Modal::default_area(id).anchor(Align2::CENTER_TOP, vec2(0.0, 90.0));
        let modal = Modal::new(id).area(area).show(ctx, |ui| {
            ui.set_width(440.0);
            let search =
                TextEdit::singleline(&mut self.text).hint_text("What do you want to do?").desired_width(f32::INFINITY);
            let response = ui.add(search).accessible_name("Command");
            if !response.has_focus() {
                response.request_focus();
            }
            if response.changed() {
                self.chosen = 0;
            }
            let found: Vec<Action> = matching(&self.text);
            self.move_choice(ui, found.len());
            let enter = ui.input(|input| input.key_pressed(Key::Enter));
            ScrollArea::vertical().max_height(320.0).min_scrolled_height(320.0).show(ui, |ui| {
                for (index, action) in found.into_iter().enumerate() {
                    let possible = actions::is_possible(&action, session);
                    let mut button = Button::selectable(index == self.chosen, action.title)
                        .min_size(vec2(ui.available_width(), 22.0));
                    if let Some(shortcut) = &action.shortcut {
                        button = button.shortcut_text(actions::key_text(ctx, shortcut));
                    }
                    let response = ui.add_enabled(possible, button);
                    if index == self.chosen {
                        response.scroll_to_me(None);
                    }
                    if possible && (response.clicked() || enter && index == self.chosen) {
                        commands.push(Command::TogglePalette);
                        commands.push(action.command);
                    }
                }
            });
        });
        if modal.should_close() && commands.is_empty() {
            commands.push(Command::TogglePalette);
        }
    }

    fn move_choice(&mut self, ui: &egui::Ui, count: usize) {
        let (down, up) = ui.input(|input| (input.key_pressed(Key::ArrowDown), input.key_pressed(Key::ArrowUp)));
        if down {
            self.chosen += 1;
        }
        if up {
            self.chosen = self.chosen.saturating_sub(1);
        }
        self.chosen = self.chosen.min(count.saturating_sub(1));
    }
}

/// The actions that contain all typed words; those that begin with the text come first.
fn matching(text: &str) -> Vec<Action> {
    let text = text.to_lowercase();
    let mut found: Vec<Action> = actions::all()
        .into_iter()
        .filter(|action| {
            let title = format!("{} {}", action.group, action.title).to_lowercase();
            text.split_whitespace().all(|word| title.contains(word))
        })
        .filter(|action| !matches!(action.command, Command::TogglePalette))
        .collect();
    found.sort_by_key(|action| !action.title.to_lowercase().starts_with(&text));
    found
}

#[cfg(test)]
mod tests {
    use super::matching;

    #[test]
    fn words_narrow_down_and_beginnings_come_first() {
        let titles = |text: &str| matching(text).into_iter().map(|action| action.title).collect::<Vec<_>>();
        assert_eq!(titles("zoom in"), ["Zoom in"]);
        assert_eq!(titles("open")[0], "Open images…");
        assert_eq!(titles("theme dark"), ["Theme: dark"]);
        assert!(titles("nothing of the kind").is_empty());
        assert!(titles("").len() > 40);
    }
}
