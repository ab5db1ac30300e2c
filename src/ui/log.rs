//! All messages since the start.

use std::time::SystemTime;

use eframe::egui::{Label, RichText, ScrollArea, Ui};

use crate::app::notice::Level;
use crate::app::{Command, Session};

use super::theme;

pub fn show(ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        ui.strong("Log");
        ui.weak("times in UTC");
        if ui.small_button("Hide").clicked() {
            commands.push(Command::ToggleLog);
        }
    });
    let lines = session.notices.lines();
    if lines.len() == 0 {
        ui.weak("Nothing has happened yet.");
    }
    let height = ui.text_style_height(&eframe::egui::TextStyle::Monospace);
    let count = lines.len();
    ScrollArea::both().auto_shrink([false, false]).stick_to_bottom(true).show_rows(ui, height, count, |ui, rows| {
        for line in session.notices.lines().skip(rows.start).take(rows.len()) {
            let colour = match line.level {
                Level::Info => ui.visuals().text_color(),
                level => theme::level(ui.visuals(), level),
            };
            let text = format!("{}  {}", clock(line.at), line.text.replace('\n', " "));
            ui.add(Label::new(RichText::new(text).monospace().color(colour)).extend());
        }
    });
}

/// Hours, minutes and seconds in universal time.
fn clock(at: SystemTime) -> String {
    let seconds = at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    format!("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
}
