//! Which model computes: picker, load report, warnings.

use std::path::Path;

use eframe::egui::{RichText, Ui};

use crate::app::{Command, Session, Slot};
use crate::jobs::model::{ModelSource, Profile};
use crate::vit::hub;

use super::row;

pub fn show(ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
    slot_ui(ui, session, Slot::Main, commands);
    if session.models.get(Slot::Main).is_none() {
        return;
    }
    // One free place after the last model.
    let shown = session.models.all().count() + 1;
    for &slot in Slot::ALL.iter().take(shown).skip(1) {
        slot_ui(ui, session, slot, commands);
    }
    row(ui, "Preparation", |ui| {
        for (profile, title, help) in [
            (Profile::Model, "model", "As the weights were trained"),
            (Profile::Paper, "paper", "As the paper's code does for every family: 0.5/0.5, 256 pixels, centre crop"),
        ] {
            let chosen = session.settings.profile == profile;
            if ui.selectable_label(chosen, title).on_hover_text(help).clicked() && !chosen {
                commands.push(Command::Profile(profile));
            }
        }
    });
    let several = session.models.all().count() > 1;
    for (_, model) in session.models.all() {
        let of = |text: &str| if several { format!("{}: {text}", model.info.name) } else { text.to_owned() };
        for warning in &model.info.profile(session.settings.profile).warnings {
            ui.label(RichText::new(of(warning)).small().color(ui.visuals().warn_fg_color));
        }
    }
    for (slot, model) in session.models.all() {
        let title = if several { format!("Load report: {}", model.info.name) } else { "Load report".to_owned() };
        ui.push_id(slot, |ui| {
            ui.collapsing(title, |ui| ui.monospace(RichText::new(model.info.report.to_string()).size(10.5)));
        });
    }
}

fn slot_ui(ui: &mut Ui, session: &Session, slot: Slot, commands: &mut Vec<Command>) {
    let (label, nothing) = match slot {
        Slot::Main => ("Model", "Choose…"),
        Slot::Second => ("Compare with", "nothing"),
        Slot::Third | Slot::Fourth => ("and with", "nothing"),
    };
    let title = match (session.models.pending(slot), session.models.get(slot)) {
        (Some(pending), _) => format!("{} …", title_of(&pending.source)),
        (None, Some(model)) => model.info.name.clone(),
        (None, None) => nothing.to_owned(),
    };
    row(ui, label, |ui| {
        let name = format!("{label}: {title}");
        let menu = ui.menu_button(title, |ui| menu_ui(ui, session, slot, commands));
        menu.response.accessible_name(name);
        if session.models.pending(slot).is_some() {
            ui.spinner();
        }
    });
    if let Some(model) = session.models.get(slot) {
        let config = &model.info.config;
        let text = format!(
            "{} blocks × {} heads, {} wide, {} px, patch {}, {} classes",
            config.depth, config.heads, config.dim, config.input.height, config.patch.height, config.classes
        );
        ui.label(RichText::new(text).small().weak());
    }
}

fn menu_ui(ui: &mut Ui, session: &Session, slot: Slot, commands: &mut Vec<Command>) {
    ui.set_min_width(230.0);
    let mut choose = |source| commands.push(Command::LoadModel(slot, source));
    if ui.button("Embedded demo").clicked() {
        choose(ModelSource::Embedded);
    }
    for path in &session.settings.recent_models {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if ui.button(name).on_hover_text(path.display().to_string()).clicked() {
            choose(ModelSource::Named(path.to_string_lossy().into_owned()));
        }
    }
    ui.separator();
    if ui.button("From a file…").clicked() {
        commands.push(Command::OpenModel(slot));
    }
    ui.menu_button("From the hub", |ui| {
        for model in &hub::CURATED {
            if ui.button(model.name).on_hover_text(model.description).clicked() {
                commands.push(Command::GetModel(slot, model.name));
            }
        }
    });
    if slot == Slot::Main || session.models.get(slot).is_none() {
        return;
    }
    ui.separator();
    if slot == Slot::Second && ui.button("Swap the two models").clicked() {
        commands.push(Command::SwapModels);
    }
    if ui.button("Stop comparing").clicked() {
        commands.push(Command::CloseModel(slot));
    }
}

fn title_of(source: &ModelSource) -> String {
    match source {
        ModelSource::Embedded => "embedded demo".to_owned(),
        ModelSource::Named(name) => Path::new(name).file_stem().unwrap_or_default().to_string_lossy().into_owned(),
    }
}
