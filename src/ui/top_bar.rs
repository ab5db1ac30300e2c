//! The bar at the top: files, the model's name, the views, and what the machine is doing.

use eframe::egui::{Align, Button, Layout, MenuBar, ProgressBar, RichText, Ui};

use crate::app::settings::{Theme, View};
use crate::app::{Command, Session};

use super::actions::{self, shortcut_text};
use super::status::Status;

pub fn show(ui: &mut Ui, session: &Session, status: &Status, commands: &mut Vec<Command>) {
    MenuBar::new().ui(ui, |ui| {
        menus_ui(ui, session, commands);
        ui.separator();
        views_ui(ui, session, commands);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            // A narrow window shows what runs rather than what it runs on.
            if session.jobs.is_empty() || ui.available_width() > 500.0 {
                status.show(ui, session, commands);
            }
            jobs_ui(ui, session, commands);
        });
    });
}

fn menus_ui(ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
    for group in actions::GROUPS {
        ui.menu_button(group, |ui| {
            ui.set_min_width(240.0);
            for action in actions::all().into_iter().filter(|action| action.group == group) {
                let mut button = Button::new(action.title);
                if let Some(shortcut) = &action.shortcut {
                    button = button.shortcut_text(actions::key_text(ui.ctx(), shortcut));
                }
                if ui.add_enabled(actions::is_possible(&action, session), button).clicked() {
                    commands.push(action.command);
                    ui.close();
                }
            }
            if group == actions::FILE && !session.settings.recent_projects.is_empty() {
                ui.separator();
                ui.menu_button("Recent projects", |ui| recent_ui(ui, session, commands));
            }
            if group == actions::WINDOW {
                ui.separator();
                appearance_ui(ui, session, commands);
            }
        });
    }
}

fn recent_ui(ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
    for path in &session.settings.recent_projects {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        if ui.button(name).on_hover_text(path.display().to_string()).clicked() {
            commands.push(Command::Open(vec![path.clone()]));
            ui.close();
        }
    }
}

fn appearance_ui(ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        ui.label("Theme");
        for theme in Theme::ALL {
            if ui.selectable_label(session.settings.theme == theme, theme.title()).clicked() {
                commands.push(Command::Theme(theme));
            }
        }
    });
    ui.horizontal(|ui| {
        ui.label("Size");
        for (scale, title) in [(0.85, "85 %"), (1.0, "100 %"), (1.25, "125 %"), (1.5, "150 %"), (2.0, "200 %")] {
            if ui.selectable_label(session.settings.scale == scale, title).clicked() {
                commands.push(Command::Scale(scale));
            }
        }
    });
}

fn views_ui(ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
    ui.spacing_mut().item_spacing.x = 2.0;
    ui.spacing_mut().button_padding.x = 8.0;
    for view in View::ALL {
        let shortcut = shortcut_text(ui.ctx(), |command| matches!(command, Command::View(of) if *of == view));
        let help = format!("{} ({})", view.help(), shortcut.unwrap_or_default());
        let chosen = session.settings.view == view;
        if ui.selectable_label(chosen, view.title()).on_hover_text(help).clicked() {
            commands.push(Command::View(view));
        }
    }
}

fn jobs_ui(ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
    for job in &session.jobs {
        if ui.small_button("×").accessible_name(format!("Cancel: {}", job.title)).on_hover_text("Cancel").clicked() {
            commands.push(Command::CancelJob(job.id));
        }
        let share = if job.total == 0 { 0.0 } else { job.done as f32 / job.total as f32 };
        let text = RichText::new(&job.title).small();
        let bar = ProgressBar::new(share).desired_width(150.0).desired_height(16.0).text(text);
        let counts = if job.total > 0 { format!("{} of {}", job.done, job.total) } else { job.done.to_string() };
        ui.add(bar).on_hover_text(format!("{}: {counts}", job.title));
    }
}
