//! The step «Finetune»: what a run learns from and how, and how the one that is open goes.

mod config;
mod status;

use eframe::egui::{Button, ComboBox, RichText, Ui, vec2};

use crate::app::finetune::{FinetuneCommand, Phase};
use crate::app::{Command, Session, Slot};
use crate::finetune::Preset;

use super::{row, section};

pub fn show(ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
    if session.models.get(Slot::Main).is_none() {
        ui.weak("Choose a model in the step «Explain» first.");
        return;
    }
    let mut asked = Vec::new();
    photos_ui(ui, session, &mut asked);
    preset_ui(ui, session, &mut asked);
    start_ui(ui, session, &mut asked);
    if let Some(run) = &session.finetune.run {
        section(ui, "This run", true, |ui| status::show(ui, run, commands));
    }
    let mut config = session.finetune.config.clone();
    config::show(ui, &mut config);
    if config != session.finetune.config {
        asked.push(FinetuneCommand::Config(Box::new(config)));
    }
    commands.extend(asked.into_iter().map(Command::Finetune));
}

/// What there is to learn from.
fn photos_ui(ui: &mut Ui, session: &Session, asked: &mut Vec<FinetuneCommand>) {
    let offer = session.offer();
    let text =
        format!("{} images, {} of a known class, {} of them with a mask", offer.images, offer.labelled, offer.masked);
    ui.label(text);
    let help = match (offer.is_demo, offer.labelled, offer.masked) {
        (true, ..) => {
            "The demo learns from its photos on usual backgrounds, with exact masks; the others are only watched."
        }
        (_, 0, _) => {
            "Nothing tells the class of these images: put them into folders named after classes, or open a table of labels."
        }
        (_, _, 0) => "None of them has a mask yet: paint some in the step «Mask», or find them automatically.",
        _ => "",
    };
    if !help.is_empty() {
        ui.label(RichText::new(help).small().weak());
    }
    let mut all = session.finetune.all_images;
    if ui
        .checkbox(&mut all, "All images")
        .on_hover_text("Else those that the gallery shows, as searched and filtered")
        .changed()
    {
        asked.push(FinetuneCommand::AllImages(all));
    }
}

fn preset_ui(ui: &mut Ui, session: &Session, asked: &mut Vec<FinetuneCommand>) {
    let chosen = session.finetune.preset;
    row(ui, "Preset", |ui| {
        let picker = ComboBox::from_id_salt("preset").selected_text(chosen.title()).width(130.0);
        let response = picker.show_ui(ui, |ui| {
            for preset in Preset::ALL {
                if ui.selectable_label(preset == chosen, preset.title()).clicked() {
                    asked.push(FinetuneCommand::Preset(preset));
                }
            }
        });
        response.response.accessible_name("Preset").on_hover_text("The paper's values for a model");
    });
}

fn start_ui(ui: &mut Ui, session: &Session, asked: &mut Vec<FinetuneCommand>) {
    row(ui, "Run folder", |ui| {
        let title = session.run_folder().and_then(|folder| folder.file_name());
        let title = title.map_or_else(|| "a new one".to_owned(), |name| name.to_string_lossy().into_owned());
        if ui.button(title).on_hover_text("Choose where the run writes").accessible_name("Run folder").clicked() {
            asked.push(FinetuneCommand::ChooseFolder);
        }
    });
    let mut pause = session.finetune.pause_after_check;
    let help = "Look at the losses of the first photos before the first step";
    if ui.checkbox(&mut pause, "Pause after the check").on_hover_text(help).changed() {
        asked.push(FinetuneCommand::PauseAfterCheck(pause));
    }
    config::problem_ui(ui, &session.finetune.config);
    let run = session.finetune.run.as_ref();
    let is_free = run.is_none_or(|run| run.phase.is_over());
    let waits = run.is_some_and(|run| run.phase.waits() && !matches!(run.phase, Phase::Alarmed(_)));
    ui.horizontal(|ui| {
        let can_start = waits || is_free && session.finetune.config.validate().is_ok() && session.offer().labelled > 0;
        let title = RichText::new(if waits { "Go on" } else { "Start" }).strong();
        let start = Button::new(title).min_size(vec2(110.0, 28.0));
        let response = ui.add_enabled(can_start, start).on_hover_text("Ctrl+Enter");
        if response.on_disabled_hover_text("A run is at work, or there is nothing to learn from").clicked() {
            asked.push(FinetuneCommand::Start);
        }
        if ui.add_enabled(is_free, Button::new("Open run…")).on_hover_text("Go on with a run of another day").clicked()
        {
            asked.push(FinetuneCommand::Resume);
        }
    });
}
